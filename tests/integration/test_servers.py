"""The servers of the tests keep the promises that the other tests lean on."""

from __future__ import annotations

import time
from queue import Queue
from secrets import token_hex
from typing import TYPE_CHECKING

import psycopg
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

if TYPE_CHECKING:
    from sql.migrate import Flavour
    from tests.servers.databases import MakePostgres
    from tests.servers.mosquitto import MakeMosquitto, Mosquitto


def connect(broker: Mosquitto, client_id: str, *, user: str = "", password: str = "") -> Client:
    """Connect with a session that outlives the connection, and wait until the broker has answered."""
    answers: Queue[object] = Queue()
    client = Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=MQTTProtocolVersion.MQTTv311)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(reason)
    if user:
        client.username_pw_set(user, password)
    client.connect(broker.host, broker.port)
    client.loop_start()
    reason = answers.get(timeout=10)
    if str(reason) != "Success":
        disconnect(client)
        raise PermissionError(str(reason))
    return client


def disconnect(client: Client) -> None:
    """Leave in order, without a thread left behind."""
    assert client.disconnect() in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN)
    client.loop_stop()


def leave_session(broker: Mosquitto) -> None:
    """Subscribe and go away: from now on the broker queues for this session."""
    subscribed: Queue[int] = Queue()
    client = connect(broker, "reader")
    client.on_subscribe = lambda _client, _data, mid, _reasons, _properties: subscribed.put(mid)
    client.subscribe("t", qos=1)
    subscribed.get(timeout=10)
    disconnect(client)


def publish(broker: Mosquitto, count: int) -> None:
    """Publish numbers and wait for the broker's acknowledgement of each."""
    client = connect(broker, "writer")
    for sent in [client.publish("t", str(number), qos=1) for number in range(count)]:
        sent.wait_for_publish(timeout=10)
        assert sent.is_published()
    disconnect(client)


def fetch(broker: Mosquitto, count: int) -> list[int]:
    """Come back to the session and take what was queued."""
    messages: Queue[MQTTMessage] = Queue()
    client = Client(CallbackAPIVersion.VERSION2, "reader", clean_session=False, protocol=MQTTProtocolVersion.MQTTv311)
    client.on_message = lambda _client, _data, message: messages.put(message)
    client.connect(broker.host, broker.port)
    client.loop_start()
    numbers = [int(messages.get(timeout=10).payload) for _ in range(count)]
    disconnect(client)
    return numbers


def test_mosquitto_reader_away_queues_everything(mosquitto: Mosquitto) -> None:
    """Nothing acknowledged is dropped; with the broker's own limit, 2,000 of these 3,000 would be."""
    leave_session(mosquitto)
    publish(mosquitto, 3000)

    assert fetch(mosquitto, 3000) == list(range(3000))


def test_mosquitto_persistence_killed_keeps_the_queue(make_mosquitto: MakeMosquitto) -> None:
    """With persistence, what was queued is there after a kill and a new start on the same port."""
    broker = make_mosquitto(persistence=True)
    leave_session(broker)
    publish(broker, 205)  # the broker writes once more than one change has gathered: the last few need not be there

    give_up = time.monotonic() + 20
    while not 0.5 < time.time() - broker.saved_at < 1e6:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    broker.kill()
    broker.start()

    assert fetch(broker, 200) == list(range(200))


def test_mosquitto_users_wrong_password_is_refused(make_mosquitto: MakeMosquitto) -> None:
    """With a password file only the named users come in."""
    right, wrong = token_hex(), token_hex()
    broker = make_mosquitto(users={"sensor": right})

    disconnect(connect(broker, "a", user="sensor", password=right))
    with pytest.raises(PermissionError, match="Not authorized"):
        connect(broker, "b", user="sensor", password=wrong)
    with pytest.raises(PermissionError, match="Not authorized"):
        connect(broker, "c")


@pytest.mark.parametrize("flavour", ["plain", pytest.param("timescaledb", marks=pytest.mark.timescaledb)])
def test_postgres_killed_keeps_what_was_committed(make_postgres: MakePostgres, flavour: Flavour) -> None:
    """A killed server starts again at the same address, with what was committed and without what was not."""
    server = make_postgres(flavour)
    with psycopg.connect(server.url()) as settings:
        assert settings.execute("SHOW fsync").fetchone() == ("on",)
        assert settings.execute("SHOW synchronous_commit").fetchone() == ("on",)
    connection = psycopg.connect(server.url())
    connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    connection.commit()
    connection.execute("INSERT INTO kept VALUES (0)")

    server.kill()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    server.start()

    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT count(*), min(n) FROM kept").fetchone() == (1000, 1)
