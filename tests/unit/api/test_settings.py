"""Settings of the API program."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.settings import ApiSettings, split_address


@pytest.mark.parametrize(
    ("address", "parts"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("localhost:0", ("localhost", 0)), ("[::1]:80", ("::1", 80))],
)
def test_address_is_split_into_host_and_port(address: str, parts: tuple[str, int]) -> None:
    """Names, IPv4 and IPv6 addresses have a port behind them."""
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["", "127.0.0.1", ":8080", "127.0.0.1:http", "127.0.0.1:99999", "http://a:1", "a:1/b"])
def test_address_without_host_or_port_is_refused(address: str) -> None:
    """What is no HOST:PORT is refused when the program starts, not when it listens."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text may be Python's own
        split_address(address)
    with pytest.raises(ValidationError):
        ApiSettings(database_url="postgresql://", http=address)


def test_settings_listen_on_this_machine_only_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word the API is not open to the network; the environment's word counts."""
    monkeypatch.delenv("HEDGEROW_HTTP", raising=False)
    monkeypatch.setenv("HEDGEROW_DATABASE_URL", "postgresql://somewhere")

    assert ApiSettings().http.startswith("127.0.0.1:")
    assert ApiSettings().database_url == "postgresql://somewhere"
