"""Verify: what was published against what is stored; every message must have ended where it should, exactly once."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import class_row

from simulators.ledger_tables import Loader
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

_LOOK_AGAIN_S = 0.5
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """What a comparison counted. Readings, where nothing else is said; one that was sent twice counts once."""

    messages: int
    acknowledged: int
    """Messages the broker has confirmed."""
    unacknowledged: int
    """Messages nobody confirmed: they may be stored or not."""
    sent_again: int
    """Sendings beyond the first, because a connection was lost."""
    malformed: int
    """Messages that were spoilt on purpose, wholly or in part."""
    readings: int
    """Readings that should be stored."""
    stored: int
    """Stored with the right value."""
    stored_by_arrival: int
    """Of those, stored under the time of arrival because the device's clock was wrong."""
    readings_held: int
    messages_held: int
    """Messages that wait for their device to be registered."""
    quarantined: int
    """Rows of quarantine with the reason they should have."""
    lost: int
    """Acknowledged, and neither stored nor held nor in quarantine."""
    duplicate: int
    """In the database more often than sent."""
    phantom: int
    """In the database and never sent."""
    wrong: int
    """Another value than sent, or in quarantine for another reason than should be: the sum of the next two."""
    wrong_value: int
    wrong_reason: int

    @property
    def ok(self) -> bool:
        """Whether nothing is lost, duplicate, phantom or wrong."""
        return not (self.lost or self.duplicate or self.phantom or self.wrong)

    def as_dict(self) -> dict[str, int | bool]:
        """Give all figures, and whether they are good, by name."""
        return {"ok": self.ok, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Example:
    """One thing that is not as it should be."""

    fault: str
    uid: str
    metric: str
    time: datetime | None
    expected: str
    found: str


def verify(ledgers: Sequence[Path], database_url: str, wait_s: float = 0.0) -> tuple[Figures, list[Example]]:
    """Compare ledgers with the database.

    Parameters
    ----------
    ledgers
        All that were written of the same devices: what is in none of them is a phantom.
    database_url
        PostgreSQL connection string.
    wait_s
        How long to wait [s] for readings that are still on their way.

    Returns
    -------
    tuple
        The figures, and some examples of what is wrong.
    """
    until = time.monotonic() + wait_s
    with psycopg.connect(database_url, autocommit=True) as connection:
        load(connection, ledgers)
        # The store goes on being written meanwhile: everything is looked at as of one moment.
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        while True:
            figures, examples = _compare(connection)
            if not figures.lost or time.monotonic() >= until:
                return figures, examples
            time.sleep(_LOOK_AGAIN_S)


def load(connection: psycopg.Connection, ledgers: Sequence[Path]) -> None:
    """Bring ledgers into temporary tables."""
    with connection.transaction():
        connection.execute(query("create_ledger_tables"))
        metrics = connection.execute(query("list_metrics")).fetchall()
        loader = Loader(connection, {key: metric_id for metric_id, key, *_others in metrics})
        for ledger in ledgers:
            loader.load(ledger)
        loader.finish()


def _compare(connection: psycopg.Connection) -> tuple[Figures, list[Example]]:
    with connection.transaction(force_rollback=True):
        connection.execute(query("match_ledger"))
        figures = connection.cursor(row_factory=class_row(Figures)).execute(query("sum_up_ledger")).fetchone()
        examples = connection.cursor(row_factory=class_row(Example))
        examples.execute(query("list_ledger_faults"), {"limit": _EXAMPLES})
        if figures is None:
            raise RuntimeError("a comparison without figures")
        return figures, examples.fetchall()
