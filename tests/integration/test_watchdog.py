"""The watchdog over a real connection: what hangs is cut, what is merely slow gets through in the end."""

from __future__ import annotations

import psycopg
import pytest

from ingest import watchdog
from ingest.watchdog import Watchdog
from sql.pool import connect


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be less patient than in earnest, so that the tests take no minutes."""
    monkeypatch.setattr(watchdog, "_LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(watchdog, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(watchdog, "_PATIENCE_STOPPING_S", 0.1)


def _tries(database: str, dog: Watchdog, seconds: float, most: int) -> int:
    """Ask for something that takes a time [s], again and again until it is not cut; gives how many tries that took."""
    for number in range(1, most + 1):
        with connect(database, name="test") as connection:
            try:
                with dog.watching(connection):
                    connection.execute("SELECT pg_sleep(%s)", [seconds])
            except psycopg.OperationalError:
                continue
            return number
    return most + 1


def test_watchdog_slow_transaction_gets_through_after_some_cuts(plain_database: str) -> None:
    """Patience doubles with every cut in a row: a store that is slow for good is not tried in vain for ever."""
    dog = Watchdog(is_stopping=lambda: False)

    assert 1 < _tries(plain_database, dog, 0.5, most=12) <= 12


def test_watchdog_patience_is_short_again_after_a_success(plain_database: str) -> None:
    """A success says that the store is well: the next hang is noticed as soon as the first."""
    dog = Watchdog(is_stopping=lambda: False)
    _tries(plain_database, dog, 0.5, most=12)

    assert _tries(plain_database, dog, 0.5, most=12) > 1


def test_watchdog_while_stopping_has_no_more_patience_than_at_first(plain_database: str) -> None:
    """A program that is to end does not wait longer each time."""
    dog = Watchdog(is_stopping=lambda: True)

    assert _tries(plain_database, dog, 2.0, most=6) == 7
