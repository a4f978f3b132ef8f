"""Variables come out as Grafana fills them in, in SQL and in addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from grafana.expand import ExpansionError, View, expand_address, expand_sql, expand_text

VIEW = View(
    datetime(2026, 11, 21, 8, tzinfo=UTC),
    datetime(2026, 11, 21, 20, tzinfo=UTC),
    "5m",
    {"site": ["high-street", "o'brien"], "metric": ["no2"], "none": [], "one": "o'brien"},
)


@pytest.mark.parametrize(
    ("raw", "expanded"),
    [
        ("ARRAY[$site]", "ARRAY['high-street','o''brien']"),
        ("ARRAY[${site}]", "ARRAY['high-street','o''brien']"),
        ("ARRAY[[[metric]]]", "ARRAY['no2']"),
        ("ARRAY[$none]::text[]", "ARRAY[]::text[]"),
        ("= '$one'", "= 'o''brien'"),
        ("IN (${site:sqlstring})", "IN ('high-street','o''brien')"),
        ("~ '${site:pipe}'", "~ 'high-street|o'brien'"),
        ("'$__interval' $__interval_ms ${__interval}", "'5m' 300000 5m"),
        ("$__range_s $__range_ms '$__range'", "43200 43200000 '43200s'"),
        ("to_timestamp(${__from} / 1000)", "to_timestamp(1795248000000 / 1000)"),
        ("'${__to:date:iso}' ${__from:date:seconds}", "'2026-11-21T20:00:00.000Z' 1795248000"),
        ("$__timeFilter(time)", "time BETWEEN '2026-11-21T08:00:00Z' AND '2026-11-21T20:00:00Z'"),
    ],
)
def test_expand_sql_of_a_variable_writes_what_grafana_does(raw: str, expanded: str) -> None:
    """Many values are quoted, one value is not: the query has the quotes itself."""
    assert expand_sql(raw, VIEW) == expanded


@pytest.mark.parametrize("raw", ["$place", "${site:nonsense}", "$__intervall", "${__from:date:YYYY}", "$__nothing(time)"])
def test_expand_sql_of_something_unknown_is_an_error(raw: str) -> None:
    """A slip of the pen is not passed on to the database."""
    with pytest.raises(ExpansionError):
        expand_sql(raw, VIEW)


def target(url: str, **params: str) -> dict[str, Any]:
    """Give a question of the Infinity data source."""
    return {"url": url, "url_options": {"params": [{"key": key, "value": value} for key, value in params.items()]}}


def test_expand_address_fills_in_variables_and_macros() -> None:
    """Several sites become several parameters; times are milliseconds; both come as pairs to be encoded."""
    asked = target(
        "/api/v1/aggregate?$__combineValues(site=,,&,${site:csv})",
        metric="${metric}",
        to="${__to}",
        every="${__interval}",
        **{"from": "${__from}"},
    )
    path, pairs = expand_address(asked, VIEW)
    assert path == "/api/v1/aggregate"
    assert urlencode(pairs) == "site=high-street&site=o%27brien&metric=no2&to=1795291200000&every=5m&from=1795248000000"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$__combineValues(__open,__close,__space,a,b)", "(a) (b)"),
        ("$__combineValues(site=,,&,*)", ""),
        ("$__customInterval(6h,1m,1d,5m,1h)", "5m"),
        ("$__customInterval(1h,1m,6h,5m,1h)", "1h"),
        ("Chosen metric: ${metric}", "Chosen metric: no2"),
        ("${__timeFrom:date:iso}", "2026-11-21T08:00:00.000Z"),
    ],
)
def test_expand_text_fills_in_macros_of_infinity(text: str, expanded: str) -> None:
    """Each macro of the Infinity data source becomes what its own tests say."""
    assert expand_text(text, VIEW) == expanded


@pytest.mark.parametrize(
    "text", ["/x?$__combine(a)", "$__combineValues(a,b,c)", "$__customInterval(1d,x)", "${__user.login}", "${one:odd}"]
)
def test_expand_address_with_something_unknown_is_an_error(text: str) -> None:
    """The Infinity data source would send it as it stands."""
    with pytest.raises(ExpansionError):
        expand_address(target(text), VIEW)
