"""Several workers make the same series at once: none waits for another in a circle."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg

from sql.queries import query

_WRITERS, _ROUNDS, _SITES = 4, 15, 400


def test_series_made_by_four_workers_in_any_order_never_deadlock(plain_database: str) -> None:
    """First readings of the same places come to all workers together, in any order; each series is made once."""
    with psycopg.connect(plain_database) as connection:
        connection.execute("INSERT INTO site (code, name) SELECT 's' || n, 's' FROM generate_series(1, %s) n", (_SITES,))
        sites = [row[0] for row in connection.execute("SELECT site_id FROM site").fetchall()]
        metrics = [row[0] for row in connection.execute("SELECT metric_id FROM metric ORDER BY 1 LIMIT %s", (_ROUNDS,))]
    together = Barrier(_WRITERS, timeout=20)  # who fails must not keep the others waiting

    def write(seed: int) -> None:
        order = random.Random(seed)
        with psycopg.connect(plain_database, autocommit=True) as connection:
            for metric in metrics:
                mine = order.sample(sites, _SITES)
                together.wait()
                values = {"sites": mine, "metrics": [metric] * _SITES, "channels": [""] * _SITES}
                connection.execute(query("add_series"), values)

    with ThreadPoolExecutor(_WRITERS) as writers:
        errors = [one.exception() for one in [writers.submit(write, seed) for seed in range(_WRITERS)]]
    with psycopg.connect(plain_database) as connection:
        row = connection.execute("SELECT count(*) FROM series").fetchone()

    assert errors == [None] * _WRITERS, errors
    assert row == (_ROUNDS * _SITES,)
