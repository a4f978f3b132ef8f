"""Does with a panel's question what Grafana and its plugins do before they ask it: variables and macros filled in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from grafana.macros import ExpansionError, expand_macros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = ["VARIABLE", "ExpansionError", "View", "expand_address", "expand_sql", "expand_text"]

VARIABLE = re.compile(
    r"\$(?P<plain>[A-Za-z]\w*)|\$\{(?P<braced>[A-Za-z]\w*)(?::(?P<form>\w+))?\}|\[\[(?P<old>[A-Za-z]\w*)(?::(?P<old_form>\w+))?\]\]"
)
"""A dashboard variable: `$site`, `${site}`, `${site:csv}`, `[[site]]`; not Grafana's own, which begin with underscores."""

_OWN = re.compile(
    r"\$\{(?P<braced>__(?:interval|interval_ms|range|range_s|range_ms|from|to|timeFrom|timeTo))(?::(?P<form>[\w:]+))?\}"
    r"|\$(?P<plain>__(?:interval_ms|interval|range_ms|range_s|range|from|to))\b(?!\()"
)
_CALL = re.compile(r"\$__(?P<name>\w+)\((?P<arguments>[^)]*)\)")
_UNKNOWN = re.compile(r"\$\{?__\w+")
_ESCAPED = {"__comma": ",", "__space": " ", "__open": "(", "__close": ")"}


@dataclass(frozen=True, slots=True)
class View:
    """What a person has chosen: the time shown, the width of an interval, and the values of the variables.

    A variable of which several values may be chosen has a list, another one a text: Grafana quotes only the former in SQL.
    """

    start: datetime
    end: datetime
    interval: str
    chosen: Mapping[str, Sequence[str] | str]


def expand_sql(raw_sql: str, view: View) -> str:
    """Give the SQL that reaches the database (macros of Grafana's PostgreSQL data source, TimescaleDB switched on).

    Raises
    ------
    ExpansionError
        When Grafana could not ask it: an unknown macro or variable, a function inside a macro.
    """
    text = VARIABLE.sub(lambda match: _in_sql(match, view), _expand_own(raw_sql, view))
    return expand_macros(text, view.start.astimezone(UTC), view.end.astimezone(UTC))


def expand_address(target: Mapping[str, Any], view: View) -> tuple[str, list[tuple[str, str]]]:
    """Give path and query parameters that reach the API (macros of the Infinity data source).

    Raises
    ------
    ExpansionError
        When Infinity could not ask it.
    """
    path, _, query = expand_text(target["url"], view).partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    pairs += [(item["key"], expand_text(item["value"], view)) for item in target.get("url_options", {}).get("params", [])]
    return path, [(key, value) for key, value in pairs]


def expand_text(text: str, view: View) -> str:
    """Give a text that is no SQL, a title or an address, with everything filled in."""
    text = VARIABLE.sub(lambda match: _in_text(match, view), _expand_own(text, view))
    text = _CALL.sub(lambda match: _macro(match, view), text)
    if unknown := _UNKNOWN.search(text):
        raise ExpansionError(f"{unknown[0]} is no macro of the Infinity data source that is known here")
    return text


def _expand_own(text: str, view: View) -> str:
    """Fill in what Grafana knows of the time shown."""
    range_ms = round((view.end - view.start).total_seconds() * 1000)
    plain = {
        "__interval": view.interval,
        "__interval_ms": str(_interval_ms(view.interval)),
        "__range": f"{range_ms // 1000}s",
        "__range_s": str(range_ms // 1000),
        "__range_ms": str(range_ms),
    }

    def fill(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name in plain:
            return plain[name]
        return _moment(view.start if name.lower().endswith("from") else view.end, match["form"])

    return _OWN.sub(fill, text)


def _moment(moment: datetime, form: str | None) -> str:
    if form is None:
        return f"{moment.timestamp() * 1000:.0f}"
    if form == "date:seconds":
        return f"{moment.timestamp():.0f}"
    if form in {"date", "date:iso"}:
        return _iso(moment)
    raise ExpansionError(f"the form {form} of a moment is not known here")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _interval_ms(interval: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", interval)
    if match is None:
        raise ExpansionError(f"{interval!r} is no interval")
    return int(match[1]) * {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[match[2]]


def _chosen(match: re.Match[str], view: View) -> tuple[Sequence[str] | str, str | None]:
    name = match["plain"] or match["braced"] or match["old"]
    if name not in view.chosen:
        raise ExpansionError(f"{match[0]}: nothing is chosen for the variable {name}")
    return view.chosen[name], match["form"] or match["old_form"]


def _in_sql(match: re.Match[str], view: View) -> str:
    chosen, form = _chosen(match, view)
    if form is not None:
        return _formed(chosen, form)
    if isinstance(chosen, str):
        return chosen.replace("'", "''")  # the query itself has the quotes
    return _formed(chosen, "sqlstring")


def _in_text(match: re.Match[str], view: View) -> str:
    chosen, form = _chosen(match, view)
    # An address without any form would get {a,b}, which no API of ours takes.
    return _formed(chosen, form or "csv")


def _formed(chosen: Sequence[str] | str, form: str) -> str:
    values = [chosen] if isinstance(chosen, str) else list(chosen)
    forms = {
        "csv": lambda: ",".join(values),
        "raw": lambda: ",".join(values),
        "text": lambda: " + ".join(values),
        "pipe": lambda: "|".join(values),
        "json": lambda: json.dumps(values),
        "sqlstring": lambda: ",".join("'" + value.replace("'", "''") + "'" for value in values),
        "singlequote": lambda: ",".join("'" + value.replace("'", r"\'") + "'" for value in values),
        "doublequote": lambda: ",".join('"' + value.replace('"', r"\"") + '"' for value in values),
        "percentencode": lambda: quote(values[0] if len(values) == 1 else "{" + ",".join(values) + "}", safe=""),
    }
    if form not in forms:
        raise ExpansionError(f"the form {form} of a variable is not known here")
    return forms[form]()


def _macro(match: re.Match[str], view: View) -> str:
    given = match["arguments"].split(",")
    if match["name"] == "combineValues":
        return _combine(given)
    if match["name"] == "customInterval":
        return _custom_interval(given, view)
    return match[0]  # said to be unknown by whoever asked


def _combine(given: list[str]) -> str:
    if len(given) < 4:
        raise ExpansionError("$__combineValues takes a prefix, a suffix, what stands between, and at least one value")
    prefix, suffix, between = (_unescaped(word) for word in given[:3])
    values = given[3:]
    if values == ["*"]:
        return ""
    return between.join(f"{prefix}{value}{suffix}" for value in values)


def _custom_interval(given: list[str], view: View) -> str:
    if len(given) % 2 == 0:
        raise ExpansionError("$__customInterval takes pairs of a duration and a value, and a value for what is longer")
    shown_ms = (view.end - view.start).total_seconds() * 1000
    for duration, value in zip(given[:-1:2], given[1::2], strict=True):
        if shown_ms <= _interval_ms(duration.strip()):
            return value
    return given[-1]


def _unescaped(word: str) -> str:
    for name, sign in _ESCAPED.items():
        word = word.replace(name, sign)
    return word
