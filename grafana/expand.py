"""Does with a panel's question what Grafana and its plugins do before they ask it: variables and macros filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

VARIABLE = re.compile(r"\$(?P<plain>[A-Za-z]\w*)|\$\{(?P<braced>[A-Za-z]\w*)(?::(?P<form>\w+))?\}|\[\[(?P<old>\w+)\]\]")
"""A dashboard variable: `$site`, `${site}`, `${site:csv}`, `[[site]]`; not Grafana's own, which begin with underscores."""

_INTERVAL_VARIABLE = re.compile(r"\$__interval\b|\$\{__interval\}")
_MACRO = re.compile(r"\$__(?P<name>\w+)(?:\((?P<arguments>[^)]*)\))?")
_INTERVAL = re.compile(r"^(?P<count>\d+)(?P<unit>[smhd])$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class View:
    """What a person has chosen: the time shown, the width of an interval, and the values of the variables."""

    start: datetime
    end: datetime
    interval: str
    chosen: Mapping[str, Sequence[str]]


class ExpansionError(ValueError):
    """A question that Grafana could not ask: an unknown macro or variable."""


def expand_sql(raw_sql: str, view: View) -> str:
    """Give the SQL that reaches the database (macros of Grafana's PostgreSQL data source, TimescaleDB switched on)."""
    text = VARIABLE.sub(lambda match: _quoted(_values(match, view)), _INTERVAL_VARIABLE.sub(view.interval, raw_sql))
    return _MACRO.sub(lambda match: _sql_macro(match["name"], _arguments(match), view), text)


def expand_address(target: Mapping[str, Any], view: View) -> tuple[str, list[tuple[str, str]]]:
    """Give path and query parameters that reach the API (macros of the Infinity data source)."""
    path, _, query = _expand_text(target["url"], view).partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    pairs += [(item["key"], _expand_text(item["value"], view)) for item in target["url_options"]["params"]]
    return path, [(key, value) for key, value in pairs]


def _expand_text(text: str, view: View) -> str:
    text = _INTERVAL_VARIABLE.sub(view.interval, text)
    for name, moment in (("__from", view.start), ("__to", view.end)):
        text = text.replace(f"${{{name}}}", f"{moment.timestamp() * 1000:.0f}")
    text = VARIABLE.sub(lambda match: ",".join(_values(match, view)), text)
    return _MACRO.sub(lambda match: _address_macro(match["name"], _arguments(match)), text)


def _values(match: re.Match[str], view: View) -> Sequence[str]:
    name = match["plain"] or match["braced"] or match["old"]
    if name not in view.chosen:
        raise ExpansionError(f"{match[0]}: nothing is chosen for the variable {name}")
    return view.chosen[name]


def _quoted(values: Sequence[str]) -> str:
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


def _arguments(match: re.Match[str]) -> list[str]:
    return [argument.strip() for argument in (match["arguments"] or "").split(",")]


def _sql_macro(name: str, arguments: list[str], view: View) -> str:
    column = arguments[0]
    start, end = (f"'{moment.isoformat()}'" for moment in (view.start, view.end))
    macros: dict[str, Callable[[], str]] = {
        "time": lambda: f'{column} AS "time"',
        "timeFilter": lambda: f"{column} BETWEEN {start} AND {end}",
        "timeFrom": lambda: start,
        "timeTo": lambda: end,
        "timeGroup": lambda: _bucket(column, arguments[1]),
        "timeGroupAlias": lambda: f'{_bucket(column, arguments[1])} AS "time"',
    }
    if name not in macros:
        raise ExpansionError(f"$__{name} is no macro of the PostgreSQL data source that is known here")
    return macros[name]()


def _bucket(column: str, width: str) -> str:
    match = _INTERVAL.match(width.strip("'"))
    if match is None:
        raise ExpansionError(f"{width!r} is no interval")
    return f"time_bucket('{int(match['count']) * _SECONDS[match['unit']]}.000s', {column})"


def _address_macro(name: str, arguments: list[str]) -> str:
    if name != "combineValues":
        raise ExpansionError(f"$__{name} is no macro of the Infinity data source that is known here")
    prefix, suffix, joint, *values = arguments
    return joint.join(f"{prefix}{value}{suffix}" for value in values)
