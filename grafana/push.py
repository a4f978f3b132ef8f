"""Brings folder, data sources, dashboards and alert rules into a Grafana; again and again gives the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from grafana.remote import GrafanaError, call, find, need_plugin
from grafana.targets import API

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grafana_client.api import GrafanaApi

    from grafana.provisioned import Provisioned

    Json = Mapping[str, Any]
    Done = Literal["created", "changed", "unchanged", "left"]

_NAME = re.compile(r"\$(\w+)")
_FROM_A_FILE = "this Grafana has it from a file"
# What Grafana counts and numbers by itself.
_NUMBERED = ("id", "version")
_SHOWN_PATHS = 3
_ALARMS = ("-alarms", " alarms")
"""What uid and title of the folder of alert rules have behind those of the dashboards' folder."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one thing."""

    what: str
    done: Done
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an installation has of its own."""

    values: Mapping[str, str]
    """For the names of the environment in the data sources (`API_URL`); empty where it is not known."""
    folder: str
    """Title of the folder."""
    sslmode: str
    """How Grafana comes to the database over the network."""
    secrets: bool = False
    """Send passwords and keys again, though nothing else is different: what they are Grafana tells nobody."""
    dry_run: bool = False


def push(grafana: GrafanaApi, provisioned: Provisioned, wanted: Wanted) -> Iterator[Change]:
    """Bring everything into a Grafana; what stands there already and is right is not touched.

    Each thing is written at once and whole: after an interruption the rest is done by the next run.

    Raises
    ------
    grafana.remote.GrafanaError
        When Grafana refuses, or a data source is new and its address is not known.
    """
    need_plugin(grafana, str(API.type_val))
    folder = provisioned.folder["uid"]
    yield _push_folder(grafana, folder, wanted.folder, wanted)
    for source in provisioned.sources:
        yield _push_source(grafana, source, wanted)
    for dashboard in provisioned.dashboards:
        yield _push_dashboard(grafana, dashboard, folder, wanted)
    yield _push_folder(grafana, f"{folder}{_ALARMS[0]}", f"{wanted.folder}{_ALARMS[1]}", wanted)
    for rule in provisioned.rules:
        yield _push_rule(grafana, rule, f"{folder}{_ALARMS[0]}", wanted)


def differing(ours: Any, theirs: Any, path: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """List where theirs does not say what ours says; what they have besides is theirs. Values are not told: some are secret."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [differing(value, theirs.get(key), f"{path}.{key}" if path else str(key)) for key, value in ours.items()]
        return [one for some in found for one in some]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = [differing(one, other, f"{path}.{place}") for place, (one, other) in enumerate(zip(ours, theirs, strict=True))]
        return [one for some in found for one in some]
    return [] if ours == theirs else [path]


def _push_folder(grafana: GrafanaApi, uid: str, title: str, wanted: Wanted) -> Change:
    what = f"folder {title}"
    theirs = find(what, grafana.folder.get_folder, uid)
    if theirs is None:
        _write(wanted, what, grafana.folder.create_folder, title, uid=uid)
        return Change(what, "created")
    if theirs["title"] == title:
        return Change(what, "unchanged")
    _write(wanted, what, grafana.folder.update_folder, uid, title=title, overwrite=True)
    return Change(what, "changed", f"was called {theirs['title']}")


def _push_source(grafana: GrafanaApi, provisioned: Json, wanted: Wanted) -> Change:
    what = f"data source {provisioned['name']}"
    theirs = find(what, grafana.datasource.get_datasource_by_uid, provisioned["uid"])
    if theirs is not None and theirs.get("readOnly"):
        return Change(what, "left", _FROM_A_FILE)
    missing = sorted(name for name in _names(provisioned) if not wanted.values.get(name))
    if missing and theirs is None:
        raise GrafanaError(f"{what} is new, and {', '.join(missing)} is not known: see hedgerow grafana push --help")
    if missing:
        return Change(what, "left", f"{', '.join(missing)} was not given")
    ours = _source(provisioned, wanted)
    if theirs is None:
        _write(wanted, what, grafana.datasource.create_datasource, ours)
        return Change(what, "created")
    plain = {key: value for key, value in ours.items() if key != "secureJsonData"}
    paths = differing(plain, theirs)
    kept = theirs.get("secureJsonFields") or {}
    paths += [f"secret {name}" for name in ours["secureJsonData"] if wanted.secrets or not kept.get(name)]
    if not paths:
        return Change(what, "unchanged")
    _write(wanted, what, grafana.datasource.update_datasource_by_uid, ours["uid"], ours)
    return Change(what, "changed", _told(paths))


def _push_dashboard(grafana: GrafanaApi, provisioned: Json, folder: str, wanted: Wanted) -> Change:
    what = f"dashboard {provisioned['title']}"
    ours = _plain(provisioned)
    payload = {"dashboard": {**ours, "id": None}, "folderUid": folder, "overwrite": True, "message": "hedgerow grafana push"}
    found = find(what, grafana.dashboard.get_dashboard, ours["uid"])
    if found is None:
        _write(wanted, what, grafana.dashboard.update_dashboard, payload)
        return Change(what, "created")
    meta, theirs = found["meta"], _plain(found["dashboard"])
    if meta.get("provisioned"):
        return Change(what, "left", _FROM_A_FILE)
    # Both ways: what somebody has added in Grafana is a difference too.
    paths = differing(ours, theirs) or differing(theirs, ours)
    if meta.get("folderUid") != folder:
        paths.append("folder")
    if not paths:
        return Change(what, "unchanged")
    _write(wanted, what, grafana.dashboard.update_dashboard, payload)
    return Change(what, "changed", f"{_told(paths)}; was saved by {meta.get('updatedBy') or 'nobody known'}")


def _push_rule(grafana: GrafanaApi, provisioned: Json, folder: str, wanted: Wanted) -> Change:
    what = f"alert rule {provisioned['title']}"
    rules = grafana.alertingprovisioning
    ours = _rule(provisioned, folder)
    theirs = find(what, rules.get_alertrule, ours["uid"])
    if theirs is None:
        # Else nobody could silence it for a night by pausing it in Grafana.
        _write(wanted, what, rules.create_alertrule, {**ours, "isPaused": False}, disable_provenance=True)
        return Change(what, "created")
    if theirs.get("provenance") == "file":
        return Change(what, "left", _FROM_A_FILE)
    paths = differing(ours, theirs)
    paused = bool(theirs.get("isPaused"))
    told = "is paused" if paused else ""
    if not paths:
        return Change(what, "unchanged", told)
    _write(wanted, what, rules.update_alertrule, ours["uid"], {**ours, "isPaused": paused}, disable_provenance=True)
    return Change(what, "changed", "; ".join(filter(None, [_told(paths), told])))


def _write(wanted: Wanted, what: str, ask: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - any call
    if not wanted.dry_run:
        call(what, ask, *arguments, **options)


def _source(provisioned: Json, wanted: Wanted) -> dict[str, Any]:
    """Give a data source as Grafana's API takes it: not the default one, which is for its owner to choose."""
    filled: dict[str, Any] = _filled(provisioned, wanted.values)
    kept = ("name", "uid", "type", "access", "url", "user", "jsonData", "secureJsonData")
    source = {key: filled[key] for key in kept if key in filled}
    if "sslmode" in source["jsonData"]:
        source["jsonData"] = {**source["jsonData"], "sslmode": wanted.sslmode, "database": wanted.values["DATABASE_NAME"]}
    return source


def _rule(provisioned: Json, folder: str) -> dict[str, Any]:
    """Give an alert rule as the provisioning API takes it, which names some things otherwise than the files do."""
    kept = ("uid", "title", "condition", "noDataState", "execErrState", "for", "labels")
    panel = {"__dashboardUid__": provisioned["dashboardUid"], "__panelId__": str(provisioned["panelId"])}
    return {
        **{key: provisioned[key] for key in kept},
        "orgID": 1,
        "folderUID": folder,
        "ruleGroup": provisioned["ruleGroup"],
        "annotations": {**provisioned["annotations"], **panel},
        "data": [{"queryType": "", **step} for step in provisioned["data"]],
    }


def _plain(dashboard: Json) -> dict[str, Any]:
    return {key: value for key, value in dashboard.items() if key not in _NUMBERED}


def _names(value: Any) -> set[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return set(_NAME.findall(value))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for one in inner for name in _names(one)}


def _filled(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Fill in names of the environment, as Grafana does with its files."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: values[match[1]], value)
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    return [_filled(inner, values) for inner in value] if isinstance(value, list) else value


def _told(paths: list[str]) -> str:
    more = len(paths) - _SHOWN_PATHS
    return ", ".join(paths[:_SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")
