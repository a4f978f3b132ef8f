"""Makes a snapshot of a dashboard: a picture of some time with its figures inside, which asks nobody any more."""

from __future__ import annotations

import math
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grafana.ask import AskError, Table, view_of_panel
from grafana.expand import ExpansionError, expand_sql
from grafana.lint import annotation_sql, annotations_of, panels_of, variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grafana.ask import Sources
    from grafana.expand import View

    Json = Mapping[str, Any]
    Frame = dict[str, Any]

_SERIES = ("time_series", "timeseries")
_NEVER = 0  # a variable is not asked again


class SnapshotError(Exception):
    """A panel got no answer, so the picture would not be whole."""


def snapshot_of(dashboard: Json, sources: Sources, view: View, taken_at: datetime) -> dict[str, Any]:
    """Give a dashboard with the data of each panel inside, as Grafana's snapshots have it.

    Parameters
    ----------
    dashboard
        As it stands in its file.
    view
        The time shown and what is chosen; its times become those of the picture.
    taken_at
        When the picture was made, for readers of it.

    Raises
    ------
    SnapshotError
        When a question gets no answer: a picture is whole or not made.
    """
    made: dict[str, Any] = deepcopy(dict(dashboard))
    for panel in panels_of(made):
        if panel.get("targets"):
            _fill(panel, sources, view)
    made["annotations"] = {"list": [_annotation(one, sources, view) for one in annotations_of(dashboard)]}
    for variable in variables_of(made):
        _settle(variable, view)
    made.update(
        id=None,
        refresh="",
        links=[],
        time={"from": _iso(view.start), "to": _iso(view.end)},
        snapshot={"timestamp": _iso(taken_at)},
    )
    return made


def frame_of(table: Table, ref: str, form: str) -> Frame:
    """Give an answer as Grafana's data frame: for lines one column a series, else the columns as they came."""
    fields = _lines(table) if form in _SERIES and table.rows else [_field(name, table.column(name)) for name in table.columns]
    return {"refId": ref, "fields": fields}


def _fill(panel: Any, sources: Sources, view: View) -> None:  # noqa: ANN401 - JSON, changed in place
    seen = view_of_panel(panel, view)
    frames = []
    for target in panel["targets"]:
        form = target.get("format", "")
        try:
            table = sources.ask(target, seen)
        except (AskError, ExpansionError) as error:
            raise SnapshotError(f"{panel['title']}: {error}") from error
        if form in _SERIES and "time" not in table.columns:
            raise SnapshotError(f"{panel['title']}: the answer has no column time")
        frames.append(frame_of(table, target["refId"], form))
    panel.update(snapshotData=frames, targets=[], datasource=None, links=[])


def _annotation(annotation: Json, sources: Sources, view: View) -> dict[str, Any]:
    try:
        table = sources.ask_database(expand_sql(annotation_sql(annotation), view))
    except (AskError, ExpansionError) as error:
        raise SnapshotError(f"annotation {annotation['name']}: {error}") from error
    kept = {key: annotation[key] for key in ("name", "enable", "iconColor", "hide") if key in annotation}
    events = [_event(dict(zip(table.columns, row, strict=True)), annotation["name"]) for row in table.rows]
    return {**kept, "type": "dashboard", "builtIn": 0, "snapshotData": events}


def _event(row: Json, name: str) -> dict[str, Any]:
    end = row.get("time_end") or row.get("timeend")
    tags = [tag for tag in str(row.get("tags") or "").split(",") if tag]
    event = {"time": _plain(row["time"]), "text": row.get("text") or "", "tags": tags, "source": {"name": name}}
    return {**event, "timeEnd": _plain(end), "isRegion": True} if end else event


def _settle(variable: Any, view: View) -> None:  # noqa: ANN401 - JSON, changed in place
    """Leave of a variable what was chosen, and no question."""
    chosen = view.chosen[variable["name"]]
    text = chosen if isinstance(chosen, str) else " + ".join(chosen)
    value = chosen if isinstance(chosen, str) else list(chosen)
    current = {"selected": True, "text": text, "value": value}
    variable.update(query="", current=current, options=[current], refresh=_NEVER, datasource=None, regex="")


def _lines(table: Table) -> list[dict[str, Any]]:
    """Turn rows of time, texts and numbers into one column of times and one of numbers for each series."""
    texts = [name for name in table.columns if name != "time" and any(isinstance(value, str) for value in table.column(name))]
    numbers = [name for name in table.columns if name != "time" and name not in texts]
    times = sorted(set(table.column("time")))
    place = {moment: number for number, moment in enumerate(times)}
    series: dict[tuple[str, ...], list[Any]] = {}
    for row in (dict(zip(table.columns, values, strict=True)) for values in table.rows):
        for name in numbers:
            key = (name, *(str(row[text]) for text in texts))
            series.setdefault(key, [None] * len(times))[place[row["time"]]] = row[name]
    lines = [_line(key, texts, column) for key, column in series.items()]
    return [_field("time", times), *lines]


def _line(key: tuple[str, ...], texts: list[str], column: list[Any]) -> dict[str, Any]:
    """Name one series as Grafana does: by the column `metric` where there is one, else by its texts."""
    name, *values = key
    labels = dict(zip(texts, values, strict=True))
    title = labels.pop("metric", name)
    return {**_field(title, column), "type": "number", "labels": labels}


def _field(name: str, values: list[Any]) -> dict[str, Any]:
    plain = [_plain(value) for value in values]
    return {"name": name, "type": _kind(values), "config": {}, "values": plain}


def _kind(values: list[Any]) -> str:
    known = next((value for value in values if value is not None), None)
    if isinstance(known, datetime):
        return "time"
    if isinstance(known, bool):
        return "boolean"
    return "number" if hasattr(known, "__float__") else "string"


def _plain(value: Any) -> Any:  # noqa: ANN401 - any column
    """Give a value as JSON has it: moments in milliseconds since 1970, what is no number as nothing."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if hasattr(value, "__float__"):
        number = float(value)
        return number if math.isfinite(number) else None
    return str(value)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
