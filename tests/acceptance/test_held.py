"""A sensor switched on before it is registered loses nothing."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from paho.mqtt import publish

from devices.topics import device_topic

if TYPE_CHECKING:
    from tests.servers.path import WholePath

_UID = "a81758fffe0312ab"
_MESSAGES = 200


def _wait_for(path: WholePath, name: str, count: int) -> None:
    give_up = time.monotonic() + 30
    while path.totals()[name] != count:
        assert time.monotonic() < give_up, path.totals()
        time.sleep(0.05)


def test_messages_before_registration_appear_under_the_site_once_it_is_registered(whole_path: WholePath) -> None:
    """Messages of an unknown device are held; registering it by uid, name and position alone brings all of them, once each."""
    start_s = int(time.time()) - _MESSAGES
    messages = [
        {
            "topic": device_topic(_UID),
            "payload": json.dumps([{"bt": start_s + i, "n": "pm2_5", "v": i}, {"n": "humidity", "v": 50, "t": 0}]),
            "qos": 1,
        }
        for i in range(_MESSAGES)
    ]
    publish.multiple(messages, hostname=whole_path.broker.host, port=whole_path.broker.port)  # type: ignore[arg-type]
    _wait_for(whole_path, "held", _MESSAGES)
    assert whole_path.count("reading") == 0

    with whole_path.client as client:
        registration = {"uid": "A8-17-58-FF-FE-03-12-AB", "name": "Mill Lane", "latitude": 50.71, "longitude": -2.44}
        answer = client.post("/devices", json=registration)
        assert answer.status_code == 201, answer.text
        _wait_for(whole_path, "stored", 2 * _MESSAGES)
        readings = client.get("/readings", params={"site": answer.json()["site"], "metric": "pm2_5", "limit": 1000}).json()

    assert sorted(row["value"] for row in readings) == list(range(_MESSAGES))
    assert whole_path.totals()["held"] == 0
    assert whole_path.totals()["duplicate"] == 0
