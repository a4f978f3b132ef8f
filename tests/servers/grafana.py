"""A stand-in for Grafana: a small real HTTP server that speaks its documented API, keeps what it is given, and records it.

It is no Grafana: nothing is drawn and nothing asked. What it refuses and how it answers follows the API's documentation
(folders, data sources, dashboards, alerting provisioning, snapshots, plugins) of the 11.6 line.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]
    Route = Callable[..., Json | list[Json]]

TOKEN = "glsa_of_a_server_that_lives_as_long_as_a_test"  # noqa: S105 - its name says it
_INFINITY = "yesoreyeram-infinity-datasource"
_RULE_FIELDS = ("uid", "title", "ruleGroup", "folderUID", "condition", "data", "noDataState", "execErrState", "for")


class Refused(Exception):  # noqa: N818 - an answer, no error of ours
    """What Grafana answers with another status than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Grafana:
    """What the stand-in holds; a test changes it as somebody who works in Grafana does."""

    url: str = ""
    version: str = "11.6.16"
    token: str = TOKEN
    prefix: str = ""
    """Path a proxy gives it: `/grafana`."""
    plugins: list[str] = field(default_factory=lambda: ["grafana-postgresql-datasource", _INFINITY])
    folders: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    """Dashboard and meta by uid."""
    rules: dict[str, Json] = field(default_factory=dict)
    snapshots: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str, Json | None]] = field(default_factory=list)
    """Method, path and body of everything that was asked with the right token."""
    breaks_after: int | None = None
    """So many writes it still takes; then it hangs up."""
    forbids: bool = False
    """Whether the token may only read."""
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def writes(self) -> list[str]:
        """Method and path of everything that was to change something."""
        return [f"{method} {path}" for method, path, _ in self.asked if method != "GET"]

    def answer(self, method: str, path: str, body: Json | None, headers: dict[str, str]) -> tuple[int, Any]:
        """Answer one request; gives status and content."""
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401}
        self.asked.append((method, path, body))
        if method != "GET" and self.forbids:
            return 403, {"message": "You'll need additional permissions to perform this action", "accessErrorId": "x"}
        for (known, pattern), (route, status) in _ROUTES.items():
            match = re.fullmatch(pattern, path)
            if known == method and match:
                try:
                    given = [*match.groups(), *([] if body is None else [body])]
                    extra = {"disabled": "x-disable-provenance" in headers} if "provisioning" in path and body else {}
                    return status, route(self, *given, **extra)
                except Refused as error:
                    return error.status, {"message": error.message}
        return 404, {"message": "Not found"}

    def settings(self) -> Json:
        """GET /api/frontend/settings."""
        return {"buildInfo": {"version": self.version, "commit": "x", "edition": "Open Source"}, "datasources": {}}

    def list_plugins(self) -> list[Json]:
        """GET /api/plugins."""
        return [{"id": name, "type": "datasource", "enabled": True} for name in self.plugins]

    def folder(self, uid: str) -> Json:
        """GET /api/folders/:uid."""
        return _found(self.folders, uid, "folder not found")

    def make_folder(self, body: Json) -> Json:
        """POST /api/folders."""
        if body["uid"] in self.folders:
            raise Refused(412, "a folder with the same name or uid already exists")
        self.folders[body["uid"]] = {"id": next(self._ids), "uid": body["uid"], "title": body["title"], "version": 1}
        return self.folders[body["uid"]]

    def change_folder(self, uid: str, body: Json) -> Json:
        """PUT /api/folders/:uid."""
        folder = self.folder(uid)
        if not body.get("overwrite") and body.get("version") != folder["version"]:
            raise Refused(412, "the folder has been changed by someone else")
        folder.update(title=body["title"], version=folder["version"] + 1)
        return folder

    def source(self, uid: str) -> Json:
        """GET /api/datasources/uid/:uid: names of secrets, never what they are."""
        found = deepcopy(_found(self.sources, uid, "Data source not found"))
        found["secureJsonFields"] = dict.fromkeys(found.pop("secureJsonData", {}), True)
        return found

    def make_source(self, body: Json) -> Json:
        """POST /api/datasources."""
        if body["uid"] in self.sources or any(one["name"] == body["name"] for one in self.sources.values()):
            raise Refused(409, "data source with the same name already exists")
        kept = {"id": next(self._ids), "orgId": 1, "version": 1, "readOnly": False, "isDefault": False, "basicAuth": False}
        self.sources[body["uid"]] = {**kept, **deepcopy(body)}
        return {"id": kept["id"], "name": body["name"], "message": "Datasource added", "datasource": self.source(body["uid"])}

    def change_source(self, uid: str, body: Json) -> Json:
        """PUT /api/datasources/uid/:uid: secrets that are not sent stay."""
        held = _found(self.sources, uid, "Data source not found")
        if held["readOnly"]:
            raise Refused(403, "Cannot update read-only data source")
        secrets = {**held.get("secureJsonData", {}), **body.get("secureJsonData", {})}
        self.sources[uid] = {**held, **deepcopy(body), "secureJsonData": secrets, "version": held["version"] + 1}
        return {"message": "Datasource updated", "datasource": self.source(uid)}

    def dashboard(self, uid: str) -> Json:
        """GET /api/dashboards/uid/:uid."""
        return _found(self.dashboards, uid, "Dashboard not found")

    def save_dashboard(self, body: Json) -> Json:
        """POST /api/dashboards/db."""
        new = deepcopy(body["dashboard"])
        if body.get("folderUid") and body["folderUid"] not in self.folders:
            raise Refused(400, "folder not found")
        held = self.dashboards.get(new["uid"])
        if held and held["meta"].get("provisioned"):
            raise Refused(400, "Cannot save provisioned dashboard")
        if held and not body.get("overwrite") and new.get("version") != held["dashboard"]["version"]:
            raise Refused(412, "The dashboard has been changed by someone else")
        version = held["dashboard"]["version"] + 1 if held else 1
        new.update(id=held["dashboard"]["id"] if held else next(self._ids), version=version)
        meta = {"folderUid": body.get("folderUid", ""), "provisioned": False, "updatedBy": "sa-hedgerow", "version": version}
        self.dashboards[new["uid"]] = {"dashboard": new, "meta": meta}
        return {"id": new["id"], "uid": new["uid"], "status": "success", "version": version, "url": f"/d/{new['uid']}"}

    def rule(self, uid: str) -> Json:
        """GET /api/v1/provisioning/alert-rules/:uid."""
        return _found(self.rules, uid, "alert rule not found")

    def make_rule(self, body: Json, *, disabled: bool) -> Json:
        """POST /api/v1/provisioning/alert-rules."""
        if body["uid"] in self.rules:
            raise Refused(409, "conflicting alert rule found: a rule with this UID already exists")
        return self._keep_rule(body, disabled=disabled)

    def change_rule(self, uid: str, body: Json, *, disabled: bool) -> Json:
        """PUT /api/v1/provisioning/alert-rules/:uid."""
        if self.rule(uid)["provenance"] == "file":
            raise Refused(409, "cannot change provenance from 'file' to 'api'")
        return self._keep_rule(body, disabled=disabled)

    def _keep_rule(self, body: Json, *, disabled: bool) -> Json:
        missing = [name for name in _RULE_FIELDS if not body.get(name)]
        if missing:
            raise Refused(400, f"invalid alert rule: {', '.join(missing)} missing")
        if body["folderUID"] not in self.folders:
            raise Refused(400, "invalid alert rule: folder does not exist")
        same = [one for one in self.rules.values() if one["uid"] != body["uid"] and one["title"] == body["title"]]
        if same:
            raise Refused(409, "conflicting alert rule found: a rule with this title is in the folder already")
        by_grafana = {"id": next(self._ids), "updated": "2026-11-22T08:00:00Z", "provenance": "" if disabled else "api"}
        self.rules[body["uid"]] = {"isPaused": False, **deepcopy(body), **by_grafana}
        return self.rules[body["uid"]]

    def keep_snapshot(self, body: Json) -> Json:
        """POST /api/snapshots."""
        key = f"key{next(self._ids)}"
        self.snapshots[key] = deepcopy(body)
        return {
            "key": key,
            "deleteKey": f"delete-{key}",
            "url": f"{self.url}/dashboard/snapshot/{key}",
            "deleteUrl": f"{self.url}/api/snapshots-delete/delete-{key}",
            "id": 1,
        }


def _found(held: dict[str, Json], uid: str, otherwise: str) -> Json:
    if uid not in held:
        raise Refused(404, otherwise)
    return held[uid]


_UID = r"/([\w-]+)"
_RULES = "/api/v1/provisioning/alert-rules"
_ROUTES: dict[tuple[str, str], tuple[Route, int]] = {
    ("GET", "/api/frontend/settings"): (Grafana.settings, 200),
    ("GET", "/api/plugins"): (Grafana.list_plugins, 200),
    ("GET", "/api/folders" + _UID): (Grafana.folder, 200),
    ("POST", "/api/folders"): (Grafana.make_folder, 200),
    ("PUT", "/api/folders" + _UID): (Grafana.change_folder, 200),
    ("GET", "/api/datasources/uid" + _UID): (Grafana.source, 200),
    ("POST", "/api/datasources"): (Grafana.make_source, 200),
    ("PUT", "/api/datasources/uid" + _UID): (Grafana.change_source, 200),
    ("GET", "/api/dashboards/uid" + _UID): (Grafana.dashboard, 200),
    ("POST", "/api/dashboards/db"): (Grafana.save_dashboard, 200),
    ("GET", _RULES + _UID): (Grafana.rule, 200),
    ("POST", _RULES): (Grafana.make_rule, 201),
    ("PUT", _RULES + _UID): (Grafana.change_rule, 200),
    ("POST", "/api/snapshots"): (Grafana.keep_snapshot, 200),
}


@contextmanager
def running_grafana(**settings: Any) -> Iterator[Grafana]:  # noqa: ANN401 - the fields of the stand-in
    """Run a stand-in on a free port."""
    grafana = Grafana(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two packets

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = urlsplit(self.path).path
            if not path.startswith(f"{grafana.prefix}/api/"):
                self._tell(200, b"<html>Another program's page</html>", "text/html")
                return
            if self.command != "GET" and grafana.breaks_after is not None:
                grafana.breaks_after -= 1
                if grafana.breaks_after < 0:
                    self.close_connection = True
                    return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, told = grafana.answer(self.command, path.removeprefix(grafana.prefix), body, headers)
            self._tell(status, json.dumps(told).encode(), "application/json")

        do_GET = do_POST = do_PUT = _handle  # noqa: N815 - the names of http.server

        def _tell(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    grafana.url = f"http://127.0.0.1:{server.server_port}{grafana.prefix}"
    thread = threading.Thread(target=server.serve_forever, name="grafana", kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield grafana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
