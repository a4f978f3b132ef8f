"""Each macro of the PostgreSQL data source is written out as Grafana's own code does, and misuse is an error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from grafana.macros import ExpansionError, expand_macros

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
END = datetime(2026, 11, 21, 20, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("macro", "written"),
    [
        ("$__time(at)", 'at AS "time"'),
        ("$__timeEpoch(at)", 'extract(epoch from at) as "time"'),
        ("$__timeFilter(r.time)", "r.time BETWEEN '2026-11-21T08:00:00Z' AND '2026-11-21T20:00:00.250000Z'"),
        ("$__timeFrom() $__timeTo()", "'2026-11-21T08:00:00Z' '2026-11-21T20:00:00.250000Z'"),
        ("$__timeGroup(time, '1h')", "time_bucket('3600.000s', time)"),
        ("$__timeGroup(time,5m)", "time_bucket('300.000s', time)"),
        ("$__timeGroup(time,'500ms')", "time_bucket('0.500s', time)"),
        ("$__timeGroup(time,'1w', NULL)", "time_bucket('604800.000s', time)"),
        ("$__timeGroup(time,'1d',previous)", "time_bucket('86400.000s', time)"),
        ("$__timeGroup(time,'1m', -1.5)", "time_bucket('60.000s', time)"),
        ("$__timeGroupAlias(time, 30s)", "time_bucket('30.000s', time) AS \"time\""),
        ("$__timeGroupAlias(time, 30s, 0)", "time_bucket('30.000s', time) AS \"time\""),
        ("$__unixEpochFilter(t)", "t >= 1795248000 AND t <= 1795291200"),
        ("$__unixEpochFrom() $__unixEpochTo()", "1795248000 1795291200"),
        ("$__unixEpochNanoFilter(t)", "t >= 1795248000000000000 AND t <= 1795291200250000000"),
        ("$__unixEpochNanoFrom() $__unixEpochNanoTo()", "1795248000000000000 1795291200250000000"),
        ("$__unixEpochGroup(t,'5m')", "floor((t)/300)*300"),
        ("$__unixEpochGroupAlias(t,'5m', NULL)", 'floor((t)/300)*300 AS "time"'),
    ],
)
def test_expand_macros_of_a_macro_writes_what_grafana_does(macro: str, written: str) -> None:
    """Every macro that Grafana knows, with every form its arguments may have."""
    assert expand_macros(f"({macro})", START, END) == f"({written})"


def test_expand_macros_names_a_group_before_a_comma() -> None:
    """The old way of writing it: a group followed by a comma is the column `time`, wherever the same text stands."""
    assert expand_macros("SELECT $__timeGroup(t,'1m'), 1", START, END) == "SELECT time_bucket('60.000s', t) AS \"time\", 1"
    twice = expand_macros("SELECT $__timeGroup(t,'1m'), 1 GROUP BY $__timeGroup(t,'1m')", START, END)
    assert twice.count('AS "time"') == 2  # Grafana's trap, which the database then refuses


@pytest.mark.parametrize(
    ("macro", "said"),
    [
        ("$__timeGruop(time, '1h')", "no macro"),
        ("$__timeGroup(time, '1x')", "no interval"),
        ("$__timeGroup(time, '1M')", "no interval"),
        ("$__timeGroup(time)", "takes a column"),
        ("$__timeGroup(time, '1h', next)", "gaps are filled"),
        ("$__timeGroup(time, '1h', 0, 0)", "takes a column"),
        ("$__unixEpochGroup(t)", "takes a column"),
        ("$__timeFilter()", "names no column"),
        ("$__timeFilter(coalesce(a, b))", "no function inside"),
        ("$__timeGroup(date_trunc('hour', time), '1h')", "no function inside"),
        ("$__timeFilter", "not filled in"),
        ("$__interval", "not filled in"),
    ],
)
def test_expand_macros_used_wrongly_says_what_is_wrong(macro: str, said: str) -> None:
    """What Grafana would refuse, or pass on broken, is an error that names it."""
    with pytest.raises(ExpansionError, match=said):
        expand_macros(f"({macro})", START, END)
