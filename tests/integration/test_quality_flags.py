"""The table of flags: what it begins with, and that rollups follow it."""

from __future__ import annotations

import psycopg

from devices.flags import DESCRIPTIONS, EXCLUDING, Flag
from ingest.rollups import begin
from sql.queries import query


def test_quality_flags_begin_as_the_code_has_them(database: str) -> None:
    """Bits, keys, descriptions and what excludes are those of devices/flags.py."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(query("list_quality_flags")).fetchall()
        excluding = connection.execute(query("read_excluding_flags")).fetchone()

    assert rows == [(int(flag), (flag.name or "").lower(), DESCRIPTIONS[flag], bool(flag & EXCLUDING)) for flag in sorted(Flag)]
    assert excluding == (int(EXCLUDING),)


def test_rollups_follow_the_table_and_mark_every_series_once(database: str) -> None:
    """A flag that excludes no more is taken over at the next beat, which marks all; the one after marks nothing."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO site (code, name) VALUES ('weir', 'Weir')")
        connection.execute(
            "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = 'no2'"
        )
        begin(connection)
        connection.execute("DELETE FROM rollup_dirty")

        connection.execute(query("set_excluding"), {"key": "spike", "excluding": False})
        begin(connection)
        begin(connection)

        state = connection.execute("SELECT excluding FROM rollup_state").fetchone()
        marks = connection.execute("SELECT count(*) FROM rollup_dirty WHERE hour IS NULL").fetchone()
    assert state == (int(EXCLUDING & ~Flag.SPIKE),)
    assert marks == (1,)
