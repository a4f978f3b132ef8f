"""`hedgerow up`: from an empty folder to serving, through the death of its parts, to a clean end and a second start."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from paho.mqtt import publish

from devices.topics import device_topic
from sql.queries import query
from tests.servers.up import Up, processes_under, running_up, start_up

if TYPE_CHECKING:
    from pathlib import Path


def _stored(up: Up) -> int:
    with psycopg.connect(str(up.runtime["database_url"])) as connection:
        row = connection.execute(query("read_stored_readings")).fetchone()
        assert row is not None
        return int(row[0])


def _wait_for_more(up: Up, than: int) -> int:
    give_up = time.monotonic() + 60
    while (stored := _stored(up)) <= than:
        assert time.monotonic() < give_up, up.output.read_text(encoding="utf-8")
        time.sleep(0.2)
    return stored


def test_up_demo_stores_readings_survives_dead_parts_and_stops_clean(tmp_path: Path) -> None:
    """With --demo readings flow; every part that is killed comes back; SIGTERM leaves no process; the data outlives it."""
    data_dir = tmp_path / "data"
    with running_up(data_dir, "--demo") as up:
        admin = json.loads((data_dir / "admin.json").read_text(encoding="utf-8"))
        assert admin.keys() >= {"user", "password", "api_key", "mqtt_user", "mqtt_password"}
        for name in ("admin.json", "runtime.json", "secrets.json", "broker.toml"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600
        assert up.pids.keys() == {"up", "postgres", "broker", "ingest", "api", "simulate"}
        key = {"Authorization": f"Bearer {admin['api_key']}"}
        stored = _wait_for_more(up, 1_000)
        latest = httpx.get(f"{up.http_url}/api/v1/latest", headers=key).json()
        assert {"air_quality", "traffic", "asset"} <= _domains(up, key)
        assert latest

        for part in ("ingest", "api", "postgres", "broker"):
            up.kill(part)
        up.wait_until_serving()
        _wait_for_more(up, stored)
        assert "restart 1" in up.output.read_text(encoding="utf-8")

        assert up.stop() == 0
        assert processes_under(data_dir) == []

    again = start_up(data_dir)
    try:
        assert _stored(again) >= stored
    finally:
        assert again.stop(signal.SIGINT) == 0
    assert processes_under(data_dir) == []


def _domains(up: Up, key: dict[str, str]) -> set[str]:
    sites = httpx.get(f"{up.http_url}/api/v1/sites", headers=key, params={"limit": 200}).json()
    return {site["domain"] for site in sites["items"]}


def test_up_stopped_while_ingest_is_dead_stores_what_the_broker_has(tmp_path: Path) -> None:
    """The embedded broker keeps its queues in memory: a clean stop empties them first, whoever was dead at that moment."""
    data_dir = tmp_path / "data"
    with running_up(data_dir) as up:
        login = json.loads((data_dir / "admin.json").read_text(encoding="utf-8"))
        sensor = {"uid": "door-1", "name": "Church door", "latitude": 50.7, "longitude": -2.4}
        key = {"Authorization": f"Bearer {login['api_key']}"}
        assert httpx.post(f"{up.http_url}/api/v1/devices", headers=key, json=sensor).status_code == 201
        address = urlsplit(str(up.runtime["mqtt_url"]))
        os.kill(up.pids["ingest"], signal.SIGKILL)
        messages = [{"topic": device_topic("door-1"), "payload": b'{"door_open":1}', "qos": 1}] * 500
        publish.multiple(
            messages,  # type: ignore[arg-type]
            hostname=str(address.hostname),
            port=int(address.port or 0),
            auth={"username": login["mqtt_user"], "password": login["mqtt_password"]},
        )
        assert up.stop() == 0

    with running_up(data_dir) as again:
        assert _stored(again) == len(messages)


def test_up_killed_itself_leaves_no_process(tmp_path: Path) -> None:
    """When `up` is killed its parts end too."""
    up = start_up(tmp_path / "data")
    up.process.kill()
    up.process.wait()

    give_up = time.monotonic() + 20
    while processes_under(tmp_path / "data"):
        assert time.monotonic() < give_up, processes_under(tmp_path / "data")
        time.sleep(0.1)


def test_up_usual_ports_taken_takes_others_and_named_port_taken_is_refused(tmp_path: Path) -> None:
    """A taken usual port is evaded; a taken port the user named is an error that says what to do."""
    with running_up(tmp_path / "first") as first, running_up(tmp_path / "second") as second:
        addresses = [str(up.runtime[name]) for up in (first, second) for name in ("http_url", "mqtt_url", "database_url")]
        assert len(set(addresses)) == len(addresses)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AssertionError, match="is taken by another program"):
            start_up(tmp_path / "third", "--http", address)


def test_up_second_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """A data directory has one owner; the second `up` is told where the first one serves."""
    with running_up(tmp_path / "data") as first:
        with pytest.raises(AssertionError, match=f"another 'hedgerow up' uses .*it serves {first.http_url}"):
            start_up(tmp_path / "data")
        first.wait_until_serving()
