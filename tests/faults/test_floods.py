"""More at once than can be written at once: a district whose power returns, and a broker that sends everything again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from simulators.load import METRICS, Load
from tests.faults.fleet import register_load
from tests.faults.harness import flavour_of, running_trial, sized, wait_until, watched_broker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.harness import Trial
    from tests.servers.mosquitto import MakeMosquitto, Mosquitto

_VISIBLE_WITHIN_S = 60.0
_DEVICES = 10_000


def test_burst_of_all_devices_at_once_is_stored_soon(
    plain_database: str, make_mosquitto: MakeMosquitto, tmp_path: Path
) -> None:
    """A13: 10,000 devices send what they have kept: nothing is dropped, and 99 % are stored within 60 s of the first."""
    broker = make_mosquitto(settings="sys_interval 1")
    messages = _DEVICES * sized(2, 20)
    trial_of = running_trial("A13", plain_database, broker.url, tmp_path)
    with watched_broker(broker) as broker_figures, trial_of as trial:
        register_load(plain_database, _DEVICES)
        with trial.load(Load(broker.host, broker.port, messages, _DEVICES, int(time.time()) - 1_000)) as load:
            wait_until(lambda: trial.messages_stored() >= 0.99 * messages or load.error is not None, "99 % are stored", 300)
            p99_s = time.monotonic() - load.began
        figures = trial.settle(p99_s=round(p99_s, 2), dropped=(dropped := broker_figures().dropped))

    trial.assert_clean(figures)
    assert figures.stored == messages * len(METRICS)
    assert dropped == 0
    assert p99_s <= _VISIBLE_WITHIN_S


def test_everything_once_more_makes_no_new_row(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A14: stored messages are all sent again: not one new row, each reading counted as a duplicate, no deadlock."""
    messages = sized(20_000 if flavour_of(database) == "plain" else 10_000, 1_000_000)
    devices = 1_000
    with running_trial("A14", database, mosquitto.url, tmp_path) as trial:
        register_load(database, devices)
        load = Load(mosquitto.host, mosquitto.port, messages, devices, int(time.time()) - messages // devices - 60)
        store_s = _send_and_wait(trial, load, messages)
        rows = trial.count("count(*) FROM reading")
        check_s = _send_and_wait(trial, load, 2 * messages)
        new = trial.count("count(*) FROM reading") - rows
        duplicates, deadlocks = trial.row(
            "SELECT (SELECT sum(readings_duplicate) FROM ingest_status),"
            " (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())"
        )
        figures = trial.settle(
            new_rows=new,
            duplicates=int(duplicates),
            deadlocks=deadlocks,
            stored_per_s=round(rows / store_s),
            checked_per_s=round(rows / check_s),
        )

    trial.assert_clean(figures)
    assert rows == messages * len(METRICS)
    assert new == 0
    assert duplicates == rows
    assert deadlocks == 0


def _send_and_wait(trial: Trial, load: Load, messages: int) -> float:
    """Send a load and wait until there are so many messages stored; gives how long that took [s]."""
    with trial.load(load) as sent:
        pass
    wait_until(lambda: trial.messages_stored() >= messages, "everything is stored", 600)
    return time.monotonic() - sent.began
