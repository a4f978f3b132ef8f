"""The database killed, away, hanging, slow, or silent after COMMIT: nothing is lost, memory is bounded, work goes on."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from api.people import ensure_admin
from hedgerow.addresses import free_port
from ingest.settings import IngestSettings
from tests.faults.harness import running_trial, sized, wait_until, watched_broker
from tests.faults.servers import frozen, migrated
from tests.servers.path import Program
from tests.servers.proxy import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sql.migrate import Flavour
    from tests.servers.databases import MakePostgres
    from tests.servers.mosquitto import MakeMosquitto, Mosquitto
    from tests.servers.postgres import PostgresServer

_BOTH = pytest.mark.parametrize("flavour", ["plain", pytest.param("timescaledb", marks=pytest.mark.timescaledb)])
_RESUMES_WITHIN_S = 2.0
_SEEN_DOWN_WITHIN_S = 15.0
_STOPS_WITHIN_S = 10.0
_VISIBLE_WITHIN_S = 30.0
_MOST_GROWTH_MIB = 64.0
_TIMES_LIVE = 5.0
_RATE = 1_000
_AWAY = "store is not available"


@pytest.fixture
def server(make_postgres: MakePostgres) -> PostgresServer:
    """Give a durable server of one's own with a migrated database."""
    return migrated(make_postgres, "plain")


@_BOTH
def test_postgres_killed_again_and_again_is_clean_and_writes_resume(
    flavour: Flavour, make_postgres: MakePostgres, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A5: kill -9 of PostgreSQL under load: clean, and stored again within 2 s of the server taking connections."""
    server = migrated(make_postgres, flavour)
    kills = sized(3 if flavour == "plain" else 1, 20)
    longest_s = 0.0
    with running_trial("A5", server.url(), mosquitto.url, tmp_path) as trial:
        with trial.flood(_RATE):
            for _ in range(kills):
                time.sleep(trial.random.uniform(0.2, 1.0))
                server.kill()
                time.sleep(trial.random.uniform(0, 2.5))
                server.start()
                before, began = trial.messages_stored(), time.monotonic()
                wait_until(lambda before=before: trial.messages_stored() > before, "ingest stores")  # type: ignore[misc]
                longest_s = max(longest_s, time.monotonic() - began)
        figures = trial.settle(kills=kills, longest_until_stored_s=round(longest_s, 2))

    trial.assert_clean(figures)
    assert longest_s <= _RESUMES_WITHIN_S


def test_postgres_away_memory_stays_bounded_and_ingest_catches_up(
    server: PostgresServer, make_mosquitto: MakeMosquitto, tmp_path: Path
) -> None:
    """A6: the window fills, the rest waits at the broker; back again it catches up at five times the live rate and more."""
    broker = make_mosquitto(settings="sys_interval 1")
    window = sized(2_000, IngestSettings.model_fields["receive_maximum"].default)
    trial_of = running_trial("A6", server.url(), broker.url, tmp_path, receive_maximum=window)
    with watched_broker(broker) as broker_figures, trial_of as trial:
        with trial.flood(_RATE) as flood:
            time.sleep(1.5)
            before_mib = trial.memory_mib()
            server.stop()
            time.sleep(sized(5, 600))
            queued, dropped = broker_figures()
            server.start()
            returned_us, returned = time.time_ns() // 1000, time.monotonic()
            stored = trial.messages_stored()
            wait_until(
                lambda: bool(trial.count(f"count(*) FROM reading WHERE time >= to_timestamp({returned_us} / 1e6)")), "live data"
            )
            visible_s = time.monotonic() - returned
            wait_until(lambda: trial.messages_stored() >= flood.acknowledged - _RATE, "ingest has caught up", 600)
            per_s = (trial.messages_stored() - stored) / (time.monotonic() - returned)
            growth_mib = trial.peak_memory_mib - before_mib
        figures = trial.settle(
            queued_at_broker=queued,
            dropped=dropped,
            growth_mib=round(growth_mib, 1),
            visible_s=round(visible_s, 2),
            catch_up_per_s=round(per_s),
        )

    trial.assert_clean(figures)
    assert queued > window
    assert dropped == 0
    assert growth_mib < _MOST_GROWTH_MIB
    assert visible_s <= _VISIBLE_WITHIN_S
    assert per_s >= sized(1, _TIMES_LIVE) * _RATE  # after a short outage most of the time is the store's start


def test_postgres_hanging_is_seen_as_down_and_shown(server: PostgresServer, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A7: a server that stands still is away within 15 s for ingest and API; ingest can be stopped meanwhile; then clean."""
    with (
        running_trial("A7", server.url(), mosquitto.url, tmp_path, "keep-alive:2") as trial,
        _running_api(server, tmp_path) as http,
    ):
        with trial.flood(sized(300, _RATE)):
            wait_until(lambda: _status(f"{http}/readyz") == 200, "the API is ready")
            began = time.monotonic()
            with frozen(server):
                red_s = wait_until(lambda: _status(f"{http}/readyz") == 503, "the API says that it is not ready")
                wait_until(lambda: _AWAY in trial.ingest.log.read_text(encoding="utf-8"), "ingest gives up")
                seen_s = time.monotonic() - began
                time.sleep(max(0.0, began + sized(0, 60) - time.monotonic()))
                asked = time.monotonic()
                assert trial.ingest.stop() == 0
                stop_s = time.monotonic() - asked
                trial.ingest.start()
            wait_until(lambda: _status(f"{http}/readyz") == 200, "the API is ready again")
        connections = trial.ingest.log.read_text(encoding="utf-8").count("connected to the broker, session")
        figures = trial.settle(seen_s=round(seen_s, 1), api_red_s=round(red_s, 1), stop_s=round(stop_s, 1))

    trial.assert_clean(figures)
    assert max(seen_s, red_s) <= _SEEN_DOWN_WITHIN_S
    assert stop_s <= _STOPS_WITHIN_S
    assert connections == 2, "ingest lost the broker while the store hung"


def test_commit_without_an_answer_is_clean(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A8: the connection ends when COMMIT was sent and not answered; half of them were carried out, half were not."""
    cuts = sized(20, 200)
    with fault_proxy(_port(plain_database)) as proxy:
        way = _through(proxy.port, plain_database)
        with running_trial("A8", plain_database, mosquitto.url, tmp_path, ingest_database=way) as trial:
            with trial.flood(_RATE):
                wait_until(lambda: trial.messages_stored() > _RATE, "every series is made")
                proxy.commits_to_cut = cuts
                wait_until(lambda: proxy.commits_to_cut == 0, "all cuts are made", 300)
            figures = trial.settle(cuts=cuts)

    trial.assert_clean(figures)


def test_slow_store_at_twice_its_capacity_stays_bounded(
    plain_database: str, make_mosquitto: MakeMosquitto, tmp_path: Path
) -> None:
    """A12: what the store cannot take waits at the broker: flat memory, no lost connection, nothing dropped, then clean."""
    broker = make_mosquitto(settings="sys_interval 1")
    with watched_broker(broker) as broker_figures, fault_proxy(_port(plain_database)) as proxy:
        way = _through(proxy.port, plain_database)
        with running_trial(
            "A12",
            plain_database,
            broker.url,
            tmp_path,
            "keep-alive:2",
            ingest_database=way,
            group_messages=100,
            receive_maximum=1_000,
        ) as trial:
            with trial.flood(_RATE):
                wait_until(lambda: trial.messages_stored() > _RATE, "every series is made")
                proxy.latency_s = 0.03
                time.sleep(sized(2, 60))
                early, early_mib = broker_figures(), trial.memory_mib()
                before, began = trial.messages_stored(), time.monotonic()
                time.sleep(sized(3, 240))
                late, late_mib = broker_figures(), trial.memory_mib()
                per_s = (trial.messages_stored() - before) / (time.monotonic() - began)
                proxy.latency_s = 0
            connections = trial.ingest.log.read_text(encoding="utf-8").count("connected to the broker, session")
            figures = trial.settle(
                stored_per_s=round(per_s),
                queued_at_broker=[early.waiting, late.waiting],
                dropped=late.dropped,
                memory_mib=[round(early_mib, 1), round(late_mib, 1)],
            )

    trial.assert_clean(figures)
    assert per_s <= _RATE / 2
    assert late.waiting > early.waiting > 0
    assert late.dropped == 0
    assert abs(late_mib - early_mib) <= 0.1 * early_mib
    assert connections == 1


@contextmanager
def _running_api(server: PostgresServer, folder: Path) -> Iterator[str]:
    with psycopg.connect(server.url()) as connection:
        ensure_admin(connection)
    http = f"127.0.0.1:{free_port()}"
    api = Program("api", {"HEDGEROW_DATABASE_URL": server.url(), "HEDGEROW_HTTP": http}, folder / "api.log")
    api.start()
    try:
        yield f"http://{http}"
    finally:
        api.stop()


def _status(url: str) -> int:
    """Ask for a page; 0 while nobody answers within 20 s."""
    try:
        return httpx.get(url, timeout=20).status_code
    except httpx.TransportError:
        return 0


def _port(database: str) -> int:
    port = urlsplit(database).port
    assert port is not None
    return port


def _through(port: int, database: str) -> str:
    """Give the way to a database through another port."""
    parts = urlsplit(database)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@{parts.hostname}:{port}").geturl()
