"""Macros and variables come out as Grafana's own data sources write them."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from grafana.expand import ExpansionError, View, expand_address, expand_sql

VIEW = View(
    datetime(2026, 11, 21, 8, tzinfo=UTC),
    datetime(2026, 11, 21, 20, tzinfo=UTC),
    "5m",
    {"site": ["high-street", "o'brien"], "metric": ["no2"], "none": []},
)
BETWEEN = "BETWEEN '2026-11-21T08:00:00+00:00' AND '2026-11-21T20:00:00+00:00'"


@pytest.mark.parametrize(
    ("raw", "expanded"),
    [
        ("$__time(at)", 'at AS "time"'),
        ("WHERE $__timeFilter(r.time)", f"WHERE r.time {BETWEEN}"),
        ("$__timeFrom() $__timeTo()", "'2026-11-21T08:00:00+00:00' '2026-11-21T20:00:00+00:00'"),
        ("$__timeGroup(time, '1h')", "time_bucket('3600.000s', time)"),
        ("$__timeGroupAlias(time, $__interval)", "time_bucket('300.000s', time) AS \"time\""),
        ("$__timeGroupAlias(time, ${__interval})", "time_bucket('300.000s', time) AS \"time\""),
        ("ARRAY[$site]", "ARRAY['high-street','o''brien']"),
        ("ARRAY[${site}]", "ARRAY['high-street','o''brien']"),
        ("ARRAY[[[metric]]]", "ARRAY['no2']"),
        ("ARRAY[$none]::text[]", "ARRAY[]::text[]"),
    ],
)
def test_expand_sql_of_a_macro_writes_what_the_data_source_does(raw: str, expanded: str) -> None:
    """Each macro we use becomes the SQL of Grafana's PostgreSQL data source."""
    assert expand_sql(raw, VIEW) == expanded


@pytest.mark.parametrize("raw", ["$__timeGruop(time, '1h')", "$__unixEpochFilter(time)", "$place", "$__timeGroup(time, '1x')"])
def test_expand_sql_of_something_unknown_is_an_error(raw: str) -> None:
    """A slip of the pen is not passed on to the database."""
    with pytest.raises(ExpansionError):
        expand_sql(raw, VIEW)


def test_expand_address_fills_in_variables_and_macros() -> None:
    """Several sites become several parameters; times are milliseconds; both come as pairs to be encoded."""
    params = [("metric", "${metric}"), ("from", "${__from}"), ("to", "${__to}"), ("every", "${__interval}")]
    target = {
        "url": "/api/v1/aggregate?$__combineValues(site=,,&,${site:csv})",
        "url_options": {"params": [{"key": key, "value": value} for key, value in params]},
    }
    path, pairs = expand_address(target, VIEW)
    assert path == "/api/v1/aggregate"
    assert urlencode(pairs) == ("site=high-street&site=o%27brien&metric=no2&from=1795248000000&to=1795291200000&every=5m")


def test_expand_address_with_an_unknown_macro_is_an_error() -> None:
    """The Infinity data source would send it as it stands."""
    with pytest.raises(ExpansionError):
        expand_address({"url": "/x?$__combine(a)", "url_options": {"params": []}}, VIEW)
