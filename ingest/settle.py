"""Settle: change what a worker that does not run is dealt: it connects in its name, changes the subscription, and leaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingest.receive import MqttSession
from ingest.session import Arrivals
from sql.pool import connect
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.assignment import Assignment

_WITHIN_S = 10.0
_PACKET_IDS = 65_535  # no broker can have more unacknowledged


def settle(assignment: Assignment, is_stopping: Callable[[], bool]) -> bool:
    """Give a worker the subscription of its assignment; tell whether the broker has confirmed it.

    What the session holds stays in it: nothing is acknowledged. Not done while another process is the worker, for it would
    lose its connection.

    Raises
    ------
    psycopg.OperationalError
        When the store, where workers claim their names, is away.
    """
    with connect(assignment.settings.database_url, name=f"hedgerow {assignment.worker} settle") as connection:
        row = connection.execute(query("claim_worker"), {"worker": assignment.worker}).fetchone()
        if not row or not row[0]:
            return False
        if assignment.subscription.wanted:
            connection.execute(query("announce_worker"), {"worker": assignment.worker})
        return _settle_ours(assignment, is_stopping)


def _settle_ours(assignment: Assignment, is_stopping: Callable[[], bool]) -> bool:
    session = MqttSession(assignment.settings.model_copy(update={"receive_maximum": 1}), assignment.subscription)
    # The answer comes behind what the broker delivers first, of which Mosquitto before 2.0.13 sends more than it was asked for.
    session.arrivals = Arrivals(_PACKET_IDS)
    session.open()
    give_up = time.monotonic() + _WITHIN_S
    while not session.is_settled and not is_stopping() and time.monotonic() < give_up:
        session.arrivals.take(0.02)  # what was on its way to the worker comes again: it is the worker's to store
    session.close()
    return session.is_settled
