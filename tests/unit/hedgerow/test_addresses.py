"""Addresses to listen on."""

from __future__ import annotations

import socket

import pytest

from hedgerow.addresses import AddressError, choose_address, free_port, split_address


def test_split_address_host_and_port() -> None:
    """IPv4, names and bracketed IPv6 are split; port 0 is allowed."""
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:0") == ("::1", 0)


@pytest.mark.parametrize("text", ["", "8080", "localhost", "a:b", "a:99999", "a:1/path"])
def test_split_address_of_something_else_says_what_is_wanted(text: str) -> None:
    """What is no HOST:PORT is refused with an example."""
    with pytest.raises(AddressError, match="HOST:PORT"):
        split_address(text)


def test_choose_address_evades_a_taken_usual_port_and_refuses_a_taken_named_one() -> None:
    """Only an address the user named must be the one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        host, port = choose_address(None, address)
        assert (host, port) != ("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(AddressError, match="taken"):
            choose_address(address, "127.0.0.1:1")


def test_free_port_wanted_and_free_is_given() -> None:
    """A free wanted port is the one."""
    wanted = free_port()

    assert free_port(wanted=wanted) == wanted
