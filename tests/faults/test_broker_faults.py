"""The broker restarted, forgetful, or behind a bad network: nothing is lost, nobody storms it, old packet ids are dead."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from paho.mqtt import publish

from devices.topics import device_topic
from ingest.acknowledge import acknowledge
from ingest.receive import MqttSession
from ingest.settings import IngestSettings
from simulators.load import METRICS, Load
from sql.queries import query
from tests.faults.fleet import register_load
from tests.faults.harness import SEED, report, running_trial, sized, tampered, wait_until
from tests.faults.servers import frozen, migrated
from tests.servers.proxy import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.message import Group
    from tests.faults.harness import Trial
    from tests.servers.databases import MakePostgres
    from tests.servers.mosquitto import MakeMosquitto, Mosquitto

_BACK_WITHIN_S = 5.0
_NEVER_WITHIN_S = 0.2
_NEW = 20


def test_broker_restarted_again_and_again_is_clean_and_ingest_is_back_soon(
    plain_database: str, make_mosquitto: MakeMosquitto, tmp_path: Path
) -> None:
    """A9: the broker ends in order and starts again: clean, and ingest is connected within 5 s of the start."""
    broker = make_mosquitto(persistence=True)
    restarts = sized(3, 10)
    longest_s = 0.0
    with running_trial("A9", plain_database, broker.url, tmp_path) as trial:
        with trial.flood(500):
            for number in range(restarts):
                time.sleep(trial.random.uniform(0.5, 1.0))
                broker.stop()
                time.sleep(trial.random.uniform(0, 3))
                broker.start()
                back_s = wait_until(lambda number=number: _connections(trial) > 1 + number, "ingest is back")  # type: ignore[misc]
                longest_s = max(longest_s, back_s)
        figures = trial.settle(restarts=restarts, longest_until_back_s=round(longest_s, 2))

    trial.assert_clean(figures)
    assert longest_s <= _BACK_WITHIN_S


def test_workers_that_lose_the_broker_together_come_back_apart(make_mosquitto: MakeMosquitto) -> None:
    """A9: many sessions lose their broker at once; all are back within 5 s of its start, and never all within 200 ms."""
    broker = make_mosquitto()
    back: dict[MqttSession, float] = {}
    sessions = [_new_session(broker, f"worker-{number}") for number in range(sized(40, 100))]
    with ThreadPoolExecutor(len(sessions)) as together:
        for session in sessions:
            session.open()
        try:
            wait_until(lambda: all(session.connected for session in sessions), "all workers connect")
            broker.stop()
            time.sleep(2)
            broker.start()
            began = time.monotonic()
            wait_until(lambda: _note_who_is_back(sessions, back), "all workers are back", 30)
        finally:
            list(together.map(MqttSession.close, sessions))
    times = sorted(back.values())
    most = max(sum(1 for other in times if at <= other < at + _NEVER_WITHIN_S) for at in times)
    report(test="A9 storm", seed=SEED, workers=len(sessions), spread_s=round(times[-1] - times[0], 2), most_within_200_ms=most)

    assert times[-1] - times[0] > _NEVER_WITHIN_S
    assert times[-1] - began <= _BACK_WITHIN_S


def test_connection_to_the_broker_cut_and_reset_is_clean(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A9: connections of ingest that end by RST, or in the middle of a packet, cost nothing but a new connection."""
    cuts = sized(4, 100)
    with fault_proxy(mosquitto.port) as proxy:
        way = f"mqtt://{proxy.host}:{proxy.port}"
        most = sized(100, 30_000)  # more than this is under way in the short form too
        where = (plain_database, mosquitto.url, tmp_path)
        with running_trial("A9 network", *where, ingest_mqtt_url=way, receive_maximum=most) as trial:
            with trial.flood(sized(3_000, 1_000)):
                trial.ingest.stop()
                time.sleep(2)  # until there is a backlog
                trial.ingest.start()
                wait_until(lambda: proxy.connections > 1, "ingest connects again")
                for number in range(1, cuts):
                    time.sleep(trial.random.uniform(0, 0.3))
                    (proxy.reset, proxy.cut_in_the_middle)[number % 2]()
                    wait_until(lambda number=number: proxy.connections > 1 + number, "ingest connects again")  # type: ignore[misc]
            connections = proxy.connections
            figures = trial.settle(cuts=cuts, connections=connections)

    trial.assert_clean(figures)
    assert connections > cuts


def test_stale_acknowledgements_never_delete_new_messages(make_mosquitto: MakeMosquitto) -> None:
    """A11: a batch is acknowledged by ids that are others' by now, for the session was lost meanwhile: nothing is sent."""
    broker = make_mosquitto()
    rounds = sized(5, 100)
    deleted = sum(_stale_round(broker, f"round {number}") for number in range(rounds))
    report(test="A11", seed=SEED, rounds=rounds, new_messages=rounds * _NEW, deleted=deleted)

    assert deleted == 0


def _stale_round(broker: Mosquitto, name: str) -> int:
    """Lose a session between message and acknowledgement; give how many of the messages after it were deleted."""
    with _session(broker, name) as session:
        _publish(broker, ["old"])
        (old,) = _take(session, 1)
        broker.kill()
        broker.start()
        wait_until(lambda: session.connected and session.connections > 1, "the session is back")
        time.sleep(0.1)
        _publish(broker, [str(number) for number in range(_NEW)])
        new_ids = {packet_id for group in _take(session, _NEW) for packet_id in group.packet_ids.tolist()}
        assert set(old.packet_ids.tolist()) <= new_ids
        acknowledge(old, session)
    with _session(broker, name) as session:
        again = _take(session, _NEW)
        for group in again:
            acknowledge(group, session)
    return _NEW - sum(map(len, again))


def test_session_lost_while_a_batch_is_in_the_writer_loses_nothing(
    make_postgres: MakePostgres, make_mosquitto: MakeMosquitto, tmp_path: Path
) -> None:
    """A11: the whole program: what was written after the session was lost is not acknowledged, and what is new comes again."""
    server, broker = migrated(make_postgres, "plain"), make_mosquitto()
    register_load(server.url(), 1)
    with psycopg.connect(server.url()) as connection:
        connection.execute(query("make_load_series"), {"metrics": list(METRICS)})
    with running_trial("A11 program", server.url(), broker.url, tmp_path, "die:acknowledged:1") as trial:
        start_s = int(time.time()) - 1_000
        with frozen(server):
            with trial.load(Load(broker.host, broker.port, 1, 1, start_s)):
                pass
            time.sleep(1)  # until it waits in the writer
            broker.kill()
            broker.start()
            wait_until(lambda: _connections(trial) == 2, "ingest has a new session")
            with trial.load(Load(broker.host, broker.port, _NEW, 1, start_s + 100)):
                pass
        assert trial.ingest.wait(30) == -signal.SIGKILL
        trial.ingest.command = tampered()
        trial.ingest.start()
        figures = trial.settle(20)

    trial.assert_clean(figures)
    assert figures.acknowledged == 1 + _NEW


def _connections(trial: Trial) -> int:
    return trial.ingest.log.read_text(encoding="utf-8").count("connected to the broker, session")


def _note_who_is_back(sessions: Sequence[MqttSession], back: dict[MqttSession, float]) -> bool:
    for session in sessions:
        if session.connections > 1:
            back.setdefault(session, time.monotonic())
    return len(back) == len(sessions)


@contextmanager
def _session(broker: Mosquitto, name: str) -> Iterator[MqttSession]:
    """Give a session that is connected when the block begins."""
    session = _new_session(broker, name)
    session.open()
    try:
        wait_until(lambda: session.connected, f"{name} connects")
        time.sleep(0.1)  # until the subscription stands
        yield session
    finally:
        session.close()


def _new_session(broker: Mosquitto, name: str) -> MqttSession:
    return MqttSession(IngestSettings(database_url="postgresql://unused", mqtt_url=broker.url, mqtt_client_id=name))


def _publish(broker: Mosquitto, payloads: Sequence[str]) -> None:
    messages = [{"topic": device_topic("d1"), "payload": payload, "qos": 1} for payload in payloads]
    publish.multiple(messages, hostname=broker.host, port=broker.port)  # type: ignore[arg-type]


def _take(session: MqttSession, count: int) -> list[Group]:
    """Take `count` messages, or those that come within a second of the one before."""
    groups: list[Group] = []
    while sum(map(len, groups)) < count and (group := session.arrivals.take(1)) is not None:
        groups.append(group)
    return groups
