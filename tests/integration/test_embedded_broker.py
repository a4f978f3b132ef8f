"""The embedded broker asks for a name and a password at its door and at the listeners behind it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from hedgerow.addresses import free_port
from hedgerow.broker import broker_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PASSWORD = "right" * 8
_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Give the ports of a running embedded broker: of its door, and of its listener for either version."""
    found = {name: free_port() for name in ("door", "4", "5")}
    config: Path = tmp_path_factory.mktemp("embedded") / "broker.toml"
    config.write_text(broker_config(found["4"], found["5"], {"sensors": _PASSWORD}), encoding="utf-8")
    arguments = [str(config), "127.0.0.1", *map(str, (found["door"], found["4"], found["5"]))]
    process = subprocess.Popen([sys.executable, "-m", "hedgerow.broker", *arguments], stderr=subprocess.DEVNULL)
    for port in found.values():
        _wait_for(port)
    yield found
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + _WITHIN_S
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _is_let_in(port: int, version: int, user: str | None, password: str | None) -> bool:
    """Connect; to be hung up on is to be refused."""
    heard: list[bool] = []
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version), client_id="one", reconnect_on_failure=False
    )
    if user is not None:
        client.username_pw_set(user, password)
    client.on_connect = lambda _c, _u, _f, reason, _p: heard.append(not reason.is_failure)
    client.on_disconnect = lambda *_: heard.append(False)
    client.connect("127.0.0.1", port)
    client.loop_start()
    give_up = time.monotonic() + _WITHIN_S
    while not heard:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    client.disconnect()
    client.loop_stop()
    return heard[0]


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("way", ["door", "listener"])
def test_embedded_broker_lets_in_by_password_only(ports: dict[str, int], way: str, version: int) -> None:
    """Nobody without a name, with a wrong one or with a wrong password comes in, at the door or behind it."""
    port = ports["door"] if way == "door" else ports[str(version)]

    assert _is_let_in(port, version, "sensors", _PASSWORD)
    for user, password in ((None, None), ("sensors", "wrong"), ("nobody", _PASSWORD)):
        assert not _is_let_in(port, version, user, password), (user, password)
