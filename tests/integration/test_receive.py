"""Both sessions against a real broker: nothing acknowledged unasked, repeats recognised, old epochs never acknowledged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from paho.mqtt import publish

from devices.topics import SUBSCRIPTIONS, device_topic
from ingest.receive import MqttSession
from ingest.receive_paho import PahoSession
from ingest.session import Subscription
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.message import Group
    from ingest.session import Session
    from tests.servers.mosquitto import Mosquitto

_VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


def _settings(broker: Mosquitto, version: str, **more: object) -> IngestSettings:
    identity = {"mqtt_url": broker.url, "mqtt_version": version, "mqtt_client_id": "test-ingest"}
    return IngestSettings(database_url="postgresql://unused", **identity, **more)  # type: ignore[arg-type]


def _wait_until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _open(broker: Mosquitto, version: str) -> Session:
    settings = _settings(broker, version)
    session: Session = MqttSession(settings) if version == "5" else PahoSession(settings)
    session.open()
    _wait_until(lambda: session.connected)
    time.sleep(0.2)  # until the subscription stands
    return session


def _publish(broker: Mosquitto, *payloads: bytes) -> None:
    messages = [{"topic": device_topic("d1"), "payload": payload, "qos": 1} for payload in payloads]
    publish.multiple(messages, hostname=broker.host, port=broker.port)  # type: ignore[arg-type]


def _groups(session: Session, count: int) -> Iterator[Group]:
    """Take groups until they hold `count` messages."""
    while count > 0:
        group = session.arrivals.take(10)
        assert group is not None, f"{count} messages are missing"
        count -= len(group)
        yield group


def _payloads(groups: list[Group]) -> list[bytes]:
    return [payload for group in groups for payload in group.payloads]


@_VERSIONS
def test_session_unacknowledged_messages_come_again_and_acknowledged_ones_do_not(mosquitto: Mosquitto, version: str) -> None:
    """After a reconnect exactly what was not acknowledged is delivered again, marked as a possible repeat, in order."""
    session = _open(mosquitto, version)
    _publish(mosquitto, b"1", b"2", b"3", b"4")
    groups = list(_groups(session, 4))
    ids = np.concatenate([group.packet_ids for group in groups])
    assert session.send_acknowledgements(int(groups[0].epochs[0]), ids[:2])
    time.sleep(0.2)
    session.close()
    _publish(mosquitto, b"5")

    session = _open(mosquitto, version)
    again = list(_groups(session, 3))
    session.close()

    assert _payloads(again) == [b"3", b"4", b"5"]
    assert np.concatenate([group.may_be_repeated for group in again]).all()
    assert np.concatenate([group.packet_ids for group in again])[:2].tolist() == ids[2:].tolist()


@_VERSIONS
def test_session_acknowledgement_of_an_old_connection_is_not_sent(mosquitto: Mosquitto, version: str) -> None:
    """When the session was lost packet ids begin again: acknowledging by an old one would delete a new message."""
    session = _open(mosquitto, version)
    _publish(mosquitto, b"old")
    (old,) = _groups(session, 1)
    mosquitto.kill()
    mosquitto.start()
    give_up = time.monotonic() + 30
    while session.connections < 2 or not session.connected:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    time.sleep(0.2)
    _publish(mosquitto, b"new")
    (new,) = _groups(session, 1)
    assert new.packet_ids.tolist() == old.packet_ids.tolist()

    assert not session.send_acknowledgements(int(old.epochs[0]), old.packet_ids)
    session.close()
    session = _open(mosquitto, version)
    (again,) = _groups(session, 1)
    session.close()

    assert _payloads([again]) == [b"new"]


def test_session_that_has_left_its_filters_is_empty_only_when_all_is_acknowledged(mosquitto: Mosquitto) -> None:
    """What waits is given once more and nothing new; while one message is not acknowledged, the session cannot be ended."""
    session = _open(mosquitto, "5")
    session.close()
    _publish(mosquitto, *(str(number).encode() for number in range(50)))

    leaving = MqttSession(_settings(mosquitto, "5", receive_maximum=7), Subscription((), SUBSCRIPTIONS))
    leaving.open()
    groups: list[Group] = []
    try:
        while sum(map(len, groups)) < 50:
            groups += _groups(leaving, 1)
            if sum(map(len, groups)) < 50:
                assert leaving.send_acknowledgements(int(groups[-1].epochs[0]), groups[-1].packet_ids)
        _publish(mosquitto, b"new")
        time.sleep(1.0)  # several pings
        assert leaving.has_left
        assert not leaving.is_empty
        assert leaving.send_acknowledgements(int(groups[-1].epochs[0]), groups[-1].packet_ids)
        _wait_until(lambda: leaving.is_empty)
    finally:
        leaving.close(ends_session=True)
    again = MqttSession(_settings(mosquitto, "5"))
    again.open()
    _wait_until(lambda: again.connected)
    again.close()

    assert sorted(map(int, _payloads(groups))) == list(range(50))
    assert leaving.is_ended
    assert again.has_left  # there was nothing to resume


@_VERSIONS
def test_session_lost_by_the_broker_is_counted(mosquitto: Mosquitto, version: str) -> None:
    """A broker that forgets us is an alarm, not a silence."""
    session = _open(mosquitto, version)
    mosquitto.kill()
    mosquitto.start()
    give_up = time.monotonic() + 30
    while session.connections < 2:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    time.sleep(0.1)
    session.close()

    assert session.sessions_lost == 1
