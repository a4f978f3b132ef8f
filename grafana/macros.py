"""The macros of Grafana's PostgreSQL data source, written out as its own code does, traps and all (TimescaleDB switched on)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Macro = Callable[[list[str]], str]

_CALL = re.compile(r"\$__(?P<name>\w+)\((?P<arguments>[^)]*)\)")
_LEFT = re.compile(r"\$\{?__\w+")
_INTERVAL = re.compile(r"(?P<count>\d+)(?P<unit>ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FILL = re.compile(r"NULL|previous|-?\d+(\.\d+)?")


class ExpansionError(ValueError):
    """A question that Grafana could not ask: an unknown macro or variable, or one that is used wrongly."""


def expand_macros(sql: str, start: datetime, end: datetime) -> str:
    """Write out every macro.

    Parameters
    ----------
    sql
        With dashboard variables and `$__interval` filled in already.
    start, end
        The time shown, both ends within, UTC.

    Raises
    ------
    ExpansionError
        When a macro is unknown, or its arguments are not what it takes.
    """
    macros = _macros(start, end)

    def write_out(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in macros:
            raise ExpansionError(f"$__{name} is no macro of the PostgreSQL data source that is known here")
        if "(" in match["arguments"]:
            raise ExpansionError(f"{match[0]}: a macro ends at the first closing bracket, so there can be no function inside")
        # Grafana takes $__timeGroup before a comma for the old way of naming the column, and looks at the first such text only.
        follows = sql[sql.index(match[0]) + len(match[0]) :]
        if name == "timeGroup" and follows.startswith(","):
            name = "timeGroupAlias"
        return macros[name]([argument.strip() for argument in match["arguments"].split(",")])

    text = _CALL.sub(write_out, sql)
    if left := _LEFT.search(text):
        raise ExpansionError(f"{left[0]} is not filled in by Grafana; is it misspelt, or are its brackets missing?")
    return text


def _macros(start: datetime, end: datetime) -> dict[str, Macro]:
    first, last = (f"'{moment.isoformat().replace('+00:00', 'Z')}'" for moment in (start, end))
    first_s, last_s = int(start.timestamp()), int(end.timestamp())
    first_ns, last_ns = first_s * 10**9 + start.microsecond * 1000, last_s * 10**9 + end.microsecond * 1000
    return {
        "time": lambda given: f'{_column(given)} AS "time"',
        "timeEpoch": lambda given: f'extract(epoch from {_column(given)}) as "time"',
        "timeFilter": lambda given: f"{_column(given)} BETWEEN {first} AND {last}",
        "timeFrom": lambda _: first,
        "timeTo": lambda _: last,
        "timeGroup": _time_group,
        "timeGroupAlias": lambda given: f'{_time_group(given)} AS "time"',
        "unixEpochFilter": lambda given: f"{_column(given)} >= {first_s} AND {_column(given)} <= {last_s}",
        "unixEpochFrom": lambda _: str(first_s),
        "unixEpochTo": lambda _: str(last_s),
        "unixEpochNanoFilter": lambda given: f"{_column(given)} >= {first_ns} AND {_column(given)} <= {last_ns}",
        "unixEpochNanoFrom": lambda _: str(first_ns),
        "unixEpochNanoTo": lambda _: str(last_ns),
        "unixEpochGroup": _epoch_group,
        "unixEpochGroupAlias": lambda given: f'{_epoch_group(given)} AS "time"',
    }


def _column(given: list[str]) -> str:
    if not given[0]:
        raise ExpansionError("a macro of time names no column")
    return given[0]


def _time_group(given: list[str]) -> str:
    return f"time_bucket('{_width_s(given):.3f}s', {_column(given)})"


def _epoch_group(given: list[str]) -> str:
    width = f"{_width_s(given):g}"
    return f"floor(({_column(given)})/{width})*{width}"


def _width_s(given: list[str]) -> float:
    """Give the width of a group [s]; what gaps are filled with is checked, and is Grafana's affair when rows have come."""
    if len(given) not in {2, 3}:
        raise ExpansionError("a macro of groups takes a column, an interval, and perhaps what to fill gaps with")
    match = _INTERVAL.fullmatch(given[1].strip("'"))
    if match is None:
        raise ExpansionError(f"{given[1]!r} is no interval")
    if len(given) == 3 and not _FILL.fullmatch(given[2]):
        raise ExpansionError(f"gaps are filled with NULL, previous or a number, not with {given[2]!r}")
    return int(match["count"]) * _SECONDS[match["unit"]]
