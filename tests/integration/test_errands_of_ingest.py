"""The whole way of an errand: asked for over HTTP, done by the running ingest, and told by the API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.servers.path import WholePath, running_path

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.servers.mosquitto import Mosquitto

_LAYOUT = '[[field]]\nmetric = "air_temperature"\nat = 0\ntype = "u8"\nunit = "Cel"\n'


def _until(client: httpx.Client, address: str, **wanted: object) -> dict[str, Any]:
    """Ask until the answer is as wanted."""
    give_up = time.monotonic() + 60
    while True:
        answer: dict[str, Any] = client.get(address).json()
        if wanted.items() <= answer.items():
            return answer
        assert time.monotonic() < give_up, answer
        time.sleep(0.1)


def _publish_binary(path: WholePath) -> None:
    with path.client as client:
        made = client.post("/webhooks/chirpstack", params={"event": "up"}, json=_EVENT)
        assert made.status_code == 200, made.text


_EVENT = {"deviceInfo": {"devEui": "0011223344556677"}, "fPort": 1, "data": "FA==", "time": "2026-11-20T10:00:00Z"}


def test_replay_and_redecode_are_done_by_the_running_ingest(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A metric nobody knows is stored by a replay once its name is mended; a mended codec is applied by a redecode."""
    with running_path(plain_database, mosquitto, tmp_path) as path, path.client as client:
        profile = {"key": "p", "name": "P", "codec": "layout", "definition": _LAYOUT.replace("air_temperature", "warmth")}
        assert client.post("/profiles", json=profile).status_code == 201
        device = {"uid": "0011223344556677", "name": "D", "latitude": 50.7, "longitude": -2.4, "profile": "p"}
        assert client.post("/devices", json=device).status_code == 201
        _publish_binary(path)
        _until(client, "/status", quarantine=1)

        assert client.patch("/profiles/p", json={"definition": _LAYOUT}).json()["version"] == 2
        asked = client.post("/quarantine/replays", json={"reason": "metric_unknown"})
        done = _until(client, asked.headers["Location"].removeprefix("/api/v1"), state="done")
        assert (done["counts"]["stored"], done["counts"]["new"]) == (1, 1)

        assert client.patch("/profiles/p", json={"definition": f"{_LAYOUT}scale = 0.5\n"}).json()["version"] == 3
        span = {"from": "2026-11-01T00:00:00Z", "to": "2990-01-01T00:00:00Z"}
        asked = client.post("/redecodes", json={"profile": "p", **span})
        done = _until(client, asked.headers["Location"].removeprefix("/api/v1"), state="done")
        assert done["counts"]["corrected"] == 1
        assert [one["value"] for one in client.get("/latest", params={"metric": "air_temperature"}).json()] == [10.0]
