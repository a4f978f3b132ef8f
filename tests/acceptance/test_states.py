"""States by name and packs in CBOR go the whole way: broker, held, registration, series, quarantine."""

from __future__ import annotations

import json
import time
from random import Random
from typing import TYPE_CHECKING

import psycopg
from paho.mqtt import publish

from devices.topics import device_topic, gateway_topic
from tests.unit.devices.slow_cbor import Tagged, write_cbor

if TYPE_CHECKING:
    from tests.servers.path import WholePath

_UID = "a81758fffe0312ac"
_VALUES = """
    SELECT key, value FROM reading JOIN series USING (series_id) JOIN metric USING (metric_id) ORDER BY key
"""


def _wait_for(path: WholePath, **counts: int) -> None:
    give_up = time.monotonic() + 60
    while any(path.totals()[name] != count for name, count in counts.items()):
        assert time.monotonic() < give_up, path.totals()
        time.sleep(0.05)


def test_cbor_packs_with_named_states_are_held_and_stored_as_codes(whole_path: WholePath) -> None:
    """A device's own pack and its part of a gateway's wait for it; the one unknown state goes to quarantine with its text."""
    now_s = int(time.time())
    own = [{-3: now_s, 0: "pm2_5", 2: Tagged(4, [-2, 825])}, {0: "road_state", 3: "Wet"}, {0: "motion", 3: "flying"}]
    packed = [{-2: f"urn:dev:mac:{_UID}:", -3: now_s, 0: "door", 3: "OPEN"}, {0: "tamper", 4: False}]
    messages = [
        {"topic": device_topic(_UID), "payload": write_cbor(own, Random(0)), "qos": 1},
        {"topic": gateway_topic("gate-1"), "payload": write_cbor(packed, Random(0)), "qos": 1},
    ]
    publish.multiple(messages, hostname=whole_path.broker.host, port=whole_path.broker.port)  # type: ignore[arg-type]
    _wait_for(whole_path, held=2)

    with whole_path.client as client:
        registration = {"uid": _UID, "name": "Mill Lane", "latitude": 50.71, "longitude": -2.44}
        assert client.post("/devices", json=registration).status_code == 201
    _wait_for(whole_path, stored=4, quarantined=1, held=0)

    with psycopg.connect(whole_path.database) as connection:
        values = connection.execute(_VALUES).fetchall()
        (refused,) = connection.execute("SELECT reason, detail, payload FROM quarantine").fetchall()
    assert values == [("door_open", 1.0), ("pm2_5", 8.25), ("road_surface_state", 2.0), ("tamper", 0.0)]
    assert refused[:2] == ("state_unknown", "'motion': 'flying'; it may be unknown, start, moving, stop")
    assert [one["motion"] for one in json.loads(refused[2])] == ["flying"]
