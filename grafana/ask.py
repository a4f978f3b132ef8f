"""Asks what a panel asks, of the real database and the real API, and gives what comes back as a table."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import psycopg

from grafana.expand import View, expand_address, expand_sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Json = Mapping[str, Any]

_ALL = "$__all"
_STATEMENT_S = 15  # as long as the role may ask (deploy/grafana_access.sql)
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_RELATIVE = re.compile(r"now(?:-(?P<count>\d+)(?P<unit>[smhdw]))?")
_ROUND_MS = [
    *(1, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000),
    *(60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000),
    *(3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000),
]


class AskError(Exception):
    """A question got no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Table:
    """What came back."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    took_ms: float

    def column(self, name: str) -> list[Any]:
        """Give the values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Sources:
    """The two ways on which Grafana reads."""

    database: psycopg.Connection
    api: httpx.Client

    def ask(self, target: Json, view: View) -> Table:
        """Ask one question of a panel.

        Raises
        ------
        AskError
            When it is refused, or the answer is no table.
        grafana.expand.ExpansionError
            When Grafana could not ask it.
        """
        if "rawSql" in target:
            return self.ask_database(expand_sql(target["rawSql"], view))
        return self.ask_api(target, view)

    def ask_database(self, sql: str) -> Table:
        """Ask the database as Grafana's reader: nothing is written, nothing lasts long.

        Raises
        ------
        AskError
            When the database refuses.
        """
        began = time.perf_counter()
        try:
            with self.database.transaction(force_rollback=True):
                self.database.execute("SET TRANSACTION READ ONLY")
                self.database.execute("SELECT set_config('statement_timeout', %s, true)", (f"{_STATEMENT_S}s",))
                self.database.execute("SET LOCAL ROLE hedgerow_reader")  # as Grafana logs in
                cursor = self.database.execute(sql.encode())
                rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise AskError(f"the database refuses it: {str(error).strip().splitlines()[0]}") from error
        names = [column.name for column in cursor.description or ()]
        return Table(names, rows, (time.perf_counter() - began) * 1000)

    def ask_api(self, target: Json, view: View) -> Table:
        """Ask the API, and pick the columns as Infinity does.

        Raises
        ------
        AskError
            When the API refuses, or a column is not there.
        """
        path, pairs = expand_address(target, view)
        began = time.perf_counter()
        try:
            answer = self.api.get(f"{path}?{urlencode(pairs)}")
        except httpx.HTTPError as error:
            raise AskError(f"the API cannot be reached: {error!r}") from error
        took_ms = (time.perf_counter() - began) * 1000
        if answer.status_code != httpx.codes.OK:
            raise AskError(f"{path} answers {answer.status_code}: {_said(answer)}")
        found = _select(answer.json(), target.get("root_selector", ""))
        columns = target["columns"]
        rows = [tuple(_pick(row, column) for column in columns) for row in found]
        return Table([column["text"] for column in columns], rows, took_ms)


def open_view(dashboard: Json, sources: Sources, now: datetime | None = None) -> View:
    """Give what a person sees who opens a dashboard: its time, and each variable as it stands, or the first there is.

    Raises
    ------
    AskError
        When a variable's question is refused.
    """
    end = now or datetime.now(UTC)
    shown = dashboard["time"]
    return view_of(dashboard, sources, relative_time(shown["from"], end), relative_time(shown["to"], end))


def view_of(
    dashboard: Json, sources: Sources, start: datetime, end: datetime, wanted: Mapping[str, Sequence[str]] | None = None
) -> View:
    """Give the view of a dashboard over a time, and with values of variables, of one's own choice.

    Raises
    ------
    AskError
        When a variable's question is refused, or it has none of the values wanted.
    """
    view = View(start, end, "1m", {})
    for variable in dashboard.get("templating", {}).get("list", []):
        name = variable["name"]
        chosen = _choose(variable, sources, view, (wanted or {}).get(name))
        view = View(start, end, "1m", {**view.chosen, name: chosen})
    return view


def view_of_panel(panel: Json, view: View) -> View:
    """Give the view with the interval Grafana takes for one panel: its time shared among its points, rounded."""
    points = panel.get("maxDataPoints") or 1000  # as many as a wide panel has pixels
    least_ms = _milliseconds(panel.get("interval") or "1ms")
    each_ms = (view.end - view.start).total_seconds() * 1000 / points
    rounded = min(_ROUND_MS, key=lambda step: abs(step - each_ms))
    return View(view.start, view.end, _interval_text(max(least_ms, rounded)), view.chosen)


def relative_time(text: str, now: datetime) -> datetime:
    """Give the moment of `now-24h`, or of an ISO time.

    Raises
    ------
    ValueError
        When it is neither.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    return now - timedelta(**{units[match["unit"]]: int(match["count"])}) if match["count"] else now


def _choose(variable: Json, sources: Sources, view: View, asked_for: Sequence[str] | None) -> Sequence[str] | str:
    is_many = bool(variable.get("multi") or variable.get("includeAll"))
    current = (variable.get("current") or {}).get("value", "")
    wanted = list(asked_for or ([current] if isinstance(current, str) else current))
    if variable["type"] != "query":
        known = [option["value"] for option in variable.get("options") or []] or wanted
    else:
        known = _options(variable, sources, view)
    if asked_for and not set(asked_for) <= set(known):
        raise AskError(f"there is no {variable['name']} {', '.join(sorted(set(asked_for) - set(known)))} to choose")
    if wanted == [_ALL]:
        chosen = [variable["allValue"]] if variable.get("allValue") else [value for value in known if value != _ALL]
    else:
        chosen = [value for value in wanted if value in known] or known[:1]
    return chosen if is_many else "".join(chosen[:1])


def _options(variable: Json, sources: Sources, view: View) -> list[str]:
    asked = variable["query"]
    table = sources.ask_database(expand_sql(asked if isinstance(asked, str) else asked["rawSql"], view))
    names = table.columns
    return [str(value) for value in table.column("__value" if "__value" in names else names[0])]


def _select(found: Any, root: str) -> list[Any]:  # noqa: ANN401 - JSON
    for step in filter(None, root.split(".")):
        if not isinstance(found, dict) or step not in found:
            raise AskError(f"the answer has no {root}")
        found = found[step]
    return found if isinstance(found, list) else [found]


def _pick(row: Any, column: Json) -> Any:  # noqa: ANN401 - JSON
    value = row
    for step in column["selector"].split("."):
        if not isinstance(value, dict) or step not in value:
            raise AskError(f"the answer has no column {column['selector']}")
        value = value[step]
    return _typed(value, column)


def _typed(value: Any, column: Json) -> Any:  # noqa: ANN401 - JSON
    """Read a value as its column says; Infinity would show a wrong one as nothing."""
    if value is None:
        return None
    kind = column["type"]
    try:
        if kind == "timestamp":
            return datetime.fromisoformat(value)
        if kind in {"timestamp_epoch", "timestamp_epoch_s"}:
            return datetime.fromtimestamp(value / (1000 if kind == "timestamp_epoch" else 1), UTC)
    except (TypeError, ValueError) as error:
        raise AskError(f"the column {column['selector']} is no {kind}: {value!r}") from error
    fits = {"number": (int, float), "boolean": (bool,), "string": (str, list, dict)}
    if kind in fits and not isinstance(value, fits[kind]):
        raise AskError(f"the column {column['selector']} is no {kind}: {value!r}")
    return value


def _said(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        return answer.text[:200]
    return str(told.get("detail", told))[:200] if isinstance(told, dict) else str(told)[:200]


def _milliseconds(interval: str) -> int:
    match = re.fullmatch(r">?(\d+)(ms|s|m|h|d)", interval)
    if match is None:
        raise AskError(f"{interval!r} is no interval")
    return int(match[1]) * _UNITS[match[2]]


def _interval_text(length_ms: int) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if length_ms % _UNITS[unit] == 0)
    return f"{length_ms // _UNITS[unit]}{unit}"
