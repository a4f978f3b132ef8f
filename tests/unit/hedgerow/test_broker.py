"""The door of the embedded broker: which version a connection speaks."""

from __future__ import annotations

import mqtt5
import pytest

from hedgerow.broker import broker_config, protocol_level

_V311 = bytes.fromhex("10100004 4d515454 04 02 003c 0004 61626364".replace(" ", ""))


def test_protocol_level_is_read_as_soon_as_it_is_there() -> None:
    """Both versions are told apart from the first bytes; fewer bytes say nothing yet."""
    v5 = mqtt5.ConnectPacket("x" * 300).write()

    assert protocol_level(_V311) == 4
    assert protocol_level(v5) == 5
    for packet, needed in ((_V311, 9), (v5, 10)):
        assert [protocol_level(packet[:i]) is None for i in range(len(packet))].index(False) == needed


@pytest.mark.parametrize(
    "packet", [b"GET / HTTP/1.1\r\n", b"\x30\x05hello", b"\x10\xff\xff\xff\xff\xff", b"\x10\x0e\x00\x06MQIsdp\x03"]
)
def test_protocol_level_of_something_else_raises(packet: bytes) -> None:
    """What does not begin with CONNECT of a known version is refused."""
    with pytest.raises(ValueError, match=r"CONNECT|length|MQTT"):
        protocol_level(packet)


def test_broker_config_quotes_what_a_password_holds() -> None:
    """Quotes and backslashes in a password stay one TOML string."""
    import tomllib

    config = tomllib.loads(broker_config(1, 2, {'a"b': 'c\\"d'}))

    assert config["v4"]["1"]["connections"]["auth"] == {'a"b': 'c\\"d'}
    assert config["v5"]["1"]["listen"] == "127.0.0.1:2"
