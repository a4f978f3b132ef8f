"""What Mosquitto says of the messages it has dropped, heard and remembered minute by minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion

from devices.topics import device_topic
from ingest.broker import BrokerDrops
from ingest.receive import MqttSession
from ingest.registrar import Registrar
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.mosquitto import MakeMosquitto, Mosquitto


def _leave_a_session(broker: Mosquitto) -> None:
    """Subscribe, and go away: what comes then waits in the broker."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="away", clean_session=False)
    client.connect(broker.host, broker.port)
    client.subscribe("hedgerow/v1/#", 1)
    client.on_subscribe = lambda *_: _end(client)
    client.loop_forever()


def _end(client: mqtt.Client) -> None:
    client.disconnect()


def _wait_until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_drops_of_the_broker_are_heard_and_told(make_mosquitto: MakeMosquitto, plain_database: str) -> None:
    """A broker that may keep two messages for whom is away drops the others; status and minutes count them, none twice."""
    broker = make_mosquitto(settings="sys_interval 1\nmax_queued_messages 2\nmax_inflight_messages 1")
    _leave_a_session(broker)
    settings = IngestSettings(database_url=plain_database, mqtt_url=broker.url, mqtt_client_id="w")
    drops = BrokerDrops(settings)
    registrar = Registrar(plain_database, "w", MqttSession(settings), drops)
    drops.start()
    try:
        _wait_until(lambda: drops.dropped == 0)
        registrar.load(lambda: False)
        registrar.start()
        messages = [{"topic": device_topic("d1"), "payload": str(number), "qos": 1} for number in range(10)]
        publish.multiple(messages, hostname=broker.host, port=broker.port)  # type: ignore[arg-type]
        with psycopg.connect(plain_database, autocommit=True) as connection:
            asked = "SELECT (SELECT broker_dropped FROM ingest_status), (SELECT sum(broker_dropped) FROM ingest_minute)"
            _wait_until(lambda: connection.execute(asked).fetchone() == (8, 8))
    finally:
        drops.stop()
        registrar.stop()


def test_drops_while_ingest_was_away_are_told(make_mosquitto: MakeMosquitto, plain_database: str) -> None:
    """Until the broker speaks to a worker that was started again, what it last said holds: what it dropped meanwhile counts."""
    broker = make_mosquitto(settings="sys_interval 1\nmax_queued_messages 2\nmax_inflight_messages 1")
    settings = IngestSettings(database_url=plain_database, mqtt_url=broker.url, mqtt_client_id="w")
    with psycopg.connect(plain_database, autocommit=True) as connection:
        connection.execute("INSERT INTO ingest_status (worker, broker_dropped) VALUES ('w', 0)")
        _leave_a_session(broker)
        messages = [{"topic": device_topic("d1"), "payload": str(number), "qos": 1} for number in range(10)]
        publish.multiple(messages, hostname=broker.host, port=broker.port)  # type: ignore[arg-type]
        other = BrokerDrops(settings)
        other.start()
        _wait_until(lambda: other.dropped == 8)  # the broker says it from here on
        other.stop()
        drops = BrokerDrops(settings)
        registrar = Registrar(plain_database, "w", MqttSession(settings), drops)
        registrar.load(lambda: False)
        registrar.start()
        try:
            reported = "SELECT updated_at > started_at FROM ingest_status"
            _wait_until(lambda: connection.execute(reported).fetchone() == (True,))
            drops.start()
            _wait_until(lambda: connection.execute("SELECT sum(broker_dropped) FROM ingest_minute").fetchone() == (8,))
        finally:
            drops.stop()
            registrar.stop()
