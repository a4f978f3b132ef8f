"""Network servers through the whole path: MQTT and webhooks to readings, radio, events, quarantine and the API."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import psycopg
from paho.mqtt import publish

from devices.topics import chirpstack_topic, things_stack_topic
from tests.servers.path import running_path
from tests.unit.devices.chirpstack_events import GOLDEN, INTEGRATION, as_protobuf
from tests.unit.devices.network_examples import APPLICATION, EUI, chirpstack_up, things_stack_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath

_OTHER = "70b3d57ed0001234"


def send(path: WholePath, messages: Sequence[tuple[str, bytes]]) -> None:
    """Publish messages as a network server does; the answer to the last one is waited for."""
    wanted = [{"topic": topic, "payload": payload, "qos": 1} for topic, payload in messages]
    publish.multiple(wanted, hostname=path.broker.host, port=path.broker.port)  # type: ignore[arg-type]


def ask(path: WholePath, statement: str) -> list[tuple[Any, ...]]:
    """Look into the database."""
    with psycopg.connect(path.database) as connection:
        return connection.execute(statement.encode()).fetchall()


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something to come true."""
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def register(path: WholePath, uid: str = EUI) -> None:
    """Put a device at a site of its own, since ever."""
    with path.client as client:
        wanted = {"uid": uid, "name": f"Gully {uid}", "latitude": 50.7, "longitude": -2.4}
        assert client.post("/devices", json=wanted).status_code == 201


def uplink(f_cnt: int, second: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Write an uplink of ChirpStack of its own second."""
    return chirpstack_up(fCnt=f_cnt, time=f"2026-11-21T08:00:{second:02}.5+00:00", deduplicationId=f"u-{second}", **more)


def all_seen(path: WholePath, count: int) -> bool:
    """Tell whether so many messages have come through the broker, and none waits for ingest to know of the registration."""
    return path.totals()["messages"] == count and path.count("held") == 0


def test_chirpstack_over_mqtt_becomes_readings_radio_and_events(whole_path: WholePath) -> None:
    """Every event, in both encodings; the same uplink under two topics, in two encodings and again is stored once."""
    register(whole_path)
    kinds = [(chirpstack_topic(APPLICATION, EUI, event), json.dumps(written).encode()) for event, written in GOLDEN.items()]
    kinds += [(chirpstack_topic(APPLICATION, EUI, "integration"), json.dumps(INTEGRATION).encode())]
    copies = [
        (chirpstack_topic("7", EUI, "up"), json.dumps(GOLDEN["up"]).encode()),
        (chirpstack_topic(APPLICATION, EUI, "up"), as_protobuf("up", GOLDEN["up"])),
        kinds[0],
    ]
    send(whole_path, kinds + copies)
    wait_until(lambda: all_seen(whole_path, len(kinds + copies)))

    stored = dict(
        ask(
            whole_path,
            "SELECT m.key, r.value FROM reading r JOIN series USING (series_id) JOIN metric m USING (metric_id) ORDER BY 1",
        )
    )
    assert stored == {
        "air_temperature": 27.2,
        "altitude": 61.5,
        "battery_level": 92.4,
        "device_margin": -4.0,
        "external_power": 0.0,
        "frame_counter": 1042.0,
        "gateway_count": 2.0,
        "gnss_accuracy": 40.0,
        "latitude": 50.7156,
        "longitude": -2.4366,
        "rssi": -97.0,
        "snr": 6.25,
        "spreading_factor": 7.0,
    }
    assert whole_path.count("reading") == len(stored)
    assert ask(whole_path, "SELECT sum(readings_conflicting) FROM ingest_status") == [(0,)]
    assert ask(
        whole_path, "SELECT DISTINCT session, f_cnt, f_port, gateway, gateways, rssi, snr, frequency FROM uplink_radio"
    ) == [("01ab23cd", 1042, 85, "b827ebfffe3d4e5f", 2, -97.0, 6.25, 868_300_000)]
    assert ask(whole_path, "SELECT count(*) FROM uplink_radio r JOIN uplink u USING (device_id, received_at, digest)") == [(4,)]
    assert ask(whole_path, "SELECT kind, level, code FROM device_event ORDER BY kind") == [
        ("ack", "INFO", ""),
        ("integration", "INFO", ""),
        ("join", "INFO", ""),
        ("log", "ERROR", "UPLINK_CODEC"),
        ("txack", "INFO", ""),
    ]
    assert ask(whole_path, "SELECT reason FROM quarantine") == [("network_codec_failed",)]
    with whole_path.client as client:
        errors = client.get("/events", params={"level": "ERROR", "device": EUI}).json()["items"]
    assert [(event["device"], event["kind"], event["code"]) for event in errors] == [(EUI, "log", "UPLINK_CODEC")]


def test_messages_before_registration_are_held_whole_and_stored_with_radio_and_events(whole_path: WholePath) -> None:
    """An uplink nobody can decode yet, a join and a message of The Things Stack wait for their device."""
    thing = {**things_stack_up(), "end_device_ids": {"device_id": "gully-7", "dev_eui": _OTHER.upper()}}
    sent = [
        (chirpstack_topic(APPLICATION, EUI, "up"), json.dumps(uplink(1, 1, object=None)).encode()),
        (chirpstack_topic(APPLICATION, EUI, "join"), json.dumps(GOLDEN["join"]).encode()),
        (things_stack_topic("gullies@county", "gully-7", "up"), json.dumps(thing).encode()),
    ]
    send(whole_path, sent)
    wait_until(lambda: whole_path.count("held") == len(sent))
    assert whole_path.count("uplink_radio") == whole_path.count("device_event") == 0
    assert {row[0] for row in ask(whole_path, "SELECT device_uid FROM held")} == {EUI, _OTHER}

    register(whole_path)
    register(whole_path, _OTHER)
    wait_until(lambda: whole_path.count("held") == 0)

    assert ask(whole_path, "SELECT d.uid, r.session FROM uplink_radio r JOIN device d USING (device_id) ORDER BY uid") == [
        (EUI, "01ab23cd"),
        (_OTHER, "AYuT3kW5l2Y9Qy=="),
    ]
    assert ask(whole_path, "SELECT kind FROM device_event") == [("join",)]
    assert ask(whole_path, "SELECT reason FROM quarantine") == [("codec_missing",)]


def test_radio_of_a_device_tells_loss_gaps_and_the_last_uplink(whole_path: WholePath) -> None:
    """Two of seven uplinks never came, one came twice, and the device joined anew in between."""
    register(whole_path)
    plan = [(10, 1, "aa"), (11, 2, "aa"), (11, 2, "aa"), (13, 4, "aa"), (0, 5, "bb"), (2, 7, "bb")]
    topic = chirpstack_topic(APPLICATION, EUI, "up")
    send(whole_path, [(topic, json.dumps(uplink(f_cnt, second, devAddr=address)).encode()) for f_cnt, second, address in plan])
    wait_until(lambda: all_seen(whole_path, len(plan)))
    with whole_path.client as client:
        told = client.get(f"/devices/{EUI}/radio").json()
        second_half = client.get(f"/devices/{EUI}/radio", params={"from": "2026-11-21T08:00:05Z"}).json()
        nothing = client.get(f"/devices/{EUI}/radio", params={"to": "2026-11-01"}).json()
        few = client.get(f"/devices/{EUI}/radio", params={"gaps": 1}).json()
        assert client.get(f"/devices/{_OTHER}/radio").status_code == 404

    assert told.pop("last") == {
        "time": "2026-11-21T08:00:07.500000Z",
        "session": "bb",
        "f_cnt": 2,
        "f_port": 85,
        "gateway": "b827ebfffe3d4e5f",
        "gateways": 2,
        "rssi": -97.0,
        "snr": 6.25,
        "spreading_factor": 7,
        "frequency": 868_300_000,
        "airtime": told_airtime(second_half),
    }
    gaps = [
        {
            "first": 12,
            "last": 12,
            "missing": 1,
            "after": "2026-11-21T08:00:02.500000Z",
            "before": "2026-11-21T08:00:04.500000Z",
        },
        {"first": 1, "last": 1, "missing": 1, "after": "2026-11-21T08:00:05.500000Z", "before": "2026-11-21T08:00:07.500000Z"},
    ]
    counts = {"received": 5, "repeated": 1, "lost": 2, "runs": 2, "packet_loss": 200 / 7}
    assert told == {"device": EUI, **counts, "gaps": gaps, "gaps_left_out": 0}
    assert (second_half["received"], second_half["lost"], second_half["packet_loss"]) == (2, 1, 100 / 3)
    assert (nothing["received"], nothing["packet_loss"], nothing["last"]) == (0, None, None)
    assert (few["gaps"], few["gaps_left_out"]) == (gaps[1:], 1)


def told_airtime(answer: dict[str, Any]) -> float:
    """Check the time in the air, which the database keeps with six digits."""
    airtime: float = answer["last"]["airtime"]
    assert round(airtime, 6) == 0.051456
    return airtime


def test_webhook_of_a_registered_device_is_stored_at_once(whole_path: WholePath) -> None:
    """Released when the API says so, not at the next look round; 20 one behind the other, each within a second."""
    register(whole_path)
    send(whole_path, [(chirpstack_topic(APPLICATION, EUI, "up"), json.dumps(uplink(0, 0)).encode())])
    wait_until(lambda: whole_path.count("uplink_radio") == 1)  # the registry in memory knows the device
    answers_s, stored_s = [], []
    with whole_path.client as client:
        for f_cnt in range(1, 21):
            began = time.monotonic()
            body = json.dumps(uplink(f_cnt, f_cnt)).encode()
            answer = client.post("/webhooks/chirpstack", params={"event": "up"}, content=body)
            answers_s.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
            wait_until(lambda wanted=f_cnt + 1: whole_path.count("uplink_radio") == wanted)  # type: ignore[misc]  # a lambda
            stored_s.append(time.monotonic() - began)

    print({"answer_ms": round(sorted(answers_s)[10] * 1e3, 1), "stored_ms": [round(value * 1e3) for value in sorted(stored_s)]})
    assert max(answers_s) < 1.0
    assert sorted(stored_s)[10] < 0.7, "released only when the registrar looked round"
    assert whole_path.count("held") == 0
    assert whole_path.count("quarantine") == 0


def test_webhook_repeated_and_by_mqtt_too_gives_no_second_reading(whole_path: WholePath) -> None:
    """A retried request changes nothing; the same uplink over MQTT finds its readings stored."""
    register(whole_path)
    body = json.dumps(uplink(5, 5)).encode()
    with whole_path.client as client:
        for _ in range(3):
            assert client.post("/webhooks/chirpstack", params={"event": "up"}, content=body).status_code == 200
            wait_until(lambda: whole_path.count("held") == 0)
    readings, radio = whole_path.count("reading"), whole_path.count("uplink_radio")
    send(whole_path, [(chirpstack_topic("by-mqtt", EUI, "up"), body)])
    wait_until(lambda: all_seen(whole_path, 1))

    assert radio == 1
    assert whole_path.count("reading") == readings == 6
    assert ask(whole_path, "SELECT sum(readings_conflicting) FROM ingest_status") == [(0,)]


def test_encoding_that_is_set_holds_for_the_source_and_not_for_webhooks(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Protobuf from a broker that is said to send JSON is refused; from a webhook it is taken as it came."""
    body = as_protobuf("up", uplink(1, 1))
    with running_path(plain_database, mosquitto, tmp_path, chirpstack_encoding="json") as path:
        register(path)
        with path.client as client:
            answer = client.post("/webhooks/chirpstack", params={"event": "up"}, content=body)
            assert answer.status_code == 200, answer.text
        send(path, [(chirpstack_topic(APPLICATION, EUI, "up"), body)])
        wait_until(lambda: all_seen(path, 1))

        assert ask(path, "SELECT f_cnt FROM uplink_radio") == [(1,)]
        assert ask(path, "SELECT reason FROM quarantine") == [("not_json",)]
