"""Ingest killed, stopped and doubled under load: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.faults.harness import (
    flavour_of,
    ingest_program,
    running_trial,
    sized,
    tampered,
    wait_until,
)
from tests.faults.tampered import PLACES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.harness import Trial
    from tests.servers.mosquitto import Mosquitto

_STOPPED_WITHIN_S = 5.0
_ALARM_WITHIN_S = 10.0
_LAST_VALUES_BEHIND = """count(*)
    FROM (SELECT series_id, max(time) AS time FROM reading GROUP BY series_id) newest LEFT JOIN latest l USING (series_id)
    WHERE l.time IS DISTINCT FROM newest.time"""


def test_ingest_killed_at_random_moments_is_clean(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A1: kill -9 of ingest again and again under load; everything is stored within 10 s of the last message."""
    kills = sized(10 if flavour_of(database) == "plain" else 4, 50)
    with running_trial("A1", database, mosquitto.url, tmp_path) as trial:
        with trial.flood(sized(1_000, 5_000)):
            for number in range(kills):
                if number % 2:  # the others may meet it while it starts
                    trial.wait_until_storing()
                time.sleep(trial.random.uniform(0, sized(1, 3)))
                trial.crash()
        began = time.monotonic()
        figures = trial.settle(kills=kills)

    trial.assert_clean(figures)
    assert time.monotonic() - began <= 10


def test_ingest_dying_at_every_labelled_place_is_clean(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A2: dead right behind each step, from receiving to acknowledging, many times each: clean, and last values are right."""
    deaths = 0
    with running_trial("A2", plain_database, mosquitto.url, tmp_path) as trial:
        with trial.flood(500):
            trial.ingest.stop()
            for _ in range(sized(1, 20)):
                for place in PLACES:
                    trial.ingest.command = tampered(f"die:{place}:{trial.random.randint(1, 4)}")
                    trial.ingest.start()
                    deaths += trial.ingest.wait(30) == -signal.SIGKILL
            trial.ingest.command = ()
            trial.ingest.start()
        figures = trial.settle(kills=deaths)
        wait_until(lambda: trial.count(_LAST_VALUES_BEHIND) == 0, "last values are right", 10)

    trial.assert_clean(figures)
    assert deaths == len(PLACES) * sized(1, 20)


def test_ingest_stopped_in_order_under_load_ends_soon_and_nothing_stored_comes_again(
    plain_database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A4: SIGTERM under load: exit code 0 within 5 s; what is committed is acknowledged before the end."""
    stops = sized(4, 20)
    longest_s = 0.0
    with running_trial("A4", plain_database, mosquitto.url, tmp_path) as trial:
        with trial.flood(1_000):
            for _ in range(stops):
                trial.wait_until_storing()
                time.sleep(trial.random.uniform(0, 0.3))
                began = time.monotonic()
                assert trial.ingest.stop() == 0
                longest_s = max(longest_s, time.monotonic() - began)
                trial.ingest.start()
        redelivered = trial.count("sum(messages_redelivered) FROM ingest_status")
        figures = trial.settle(stops=stops, longest_stop_s=round(longest_s, 2), redelivered=redelivered)

    trial.assert_clean(figures)
    assert longest_s <= _STOPPED_WITHIN_S
    assert redelivered == 0


def test_two_ingesters_with_one_identity_are_clean_and_said(plain_database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A15: started twice by mistake: an alarm within 10 s, nothing doubled, and the second takes over when the first dies."""
    with running_trial("A15", plain_database, mosquitto.url, tmp_path) as trial:
        second = ingest_program(plain_database, mosquitto.url, tmp_path)
        try:
            with trial.flood(500):
                second.start()
                alarm_s = wait_until(
                    lambda: bool(trial.count("sum(identity_conflicts) FROM ingest_status")), "the mistake is counted", 20
                )
                time.sleep(sized(1, 60))
                trial.ingest.kill()
                takeover_s = _seconds_until_stored(trial)
            figures = trial.settle(alarm_s=round(alarm_s, 1), takeover_s=round(takeover_s, 2))
        finally:
            second.stop()

    trial.assert_clean(figures)
    assert alarm_s <= _ALARM_WITHIN_S


def _seconds_until_stored(trial: Trial) -> float:
    before = trial.messages_stored()
    return wait_until(lambda: trial.messages_stored() > before, "the second stores")
