"""The way to a Grafana that runs somewhere: opened once it has been found fit, its refusals put into plain words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEAST_VERSION = (11, 6)
"""Older ones do not know what the dashboards are made of, nor does the Infinity plugin run there."""

_PATIENCE_S = 30.0
_HINTS = {
    403: "the token may not do this: its service account needs the role Admin",
    409: "something else has this name already; rename or delete it in Grafana",
    412: "something else has this name already, or somebody saves it at this moment; try again",
}


class GrafanaError(Exception):
    """Grafana cannot be used, or refuses; the text says what to do."""


@contextmanager
def open_grafana(url: str, token: str) -> Iterator[GrafanaApi]:
    """Open the way to a Grafana and close it at the end.

    Parameters
    ----------
    url
        `https://HOST`, with a path where a proxy gives Grafana one.
    token
        Of a service account with the role Admin.

    Raises
    ------
    GrafanaError
        When there is no Grafana, the token is not taken, or the version is too old.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise GrafanaError(f"{url!r} is no address of a Grafana: give https://HOST or http://HOST:PORT")
    # The client writes `api` directly behind the path.
    path = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
    plain = parts._replace(path=f"/{path}", query="", fragment="").geturl()
    grafana = GrafanaApi.from_url(plain, credential=token, timeout=_PATIENCE_S)
    try:
        _check(grafana, url)
        yield grafana
    finally:
        grafana.client.s.close()


def call(what: str, ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever Grafana answers
    """Ask Grafana for something; `what` is the thing, for the words of a refusal.

    Raises
    ------
    GrafanaError
        When it refuses.
    """
    try:
        return ask(*arguments, **options)
    except GrafanaUnauthorizedError as error:
        raise GrafanaError(
            "Grafana does not take the token: make one under Administration, Service accounts, with the role Admin"
        ) from error
    except GrafanaException as error:
        hint = _HINTS.get(error.status_code)
        said = error.message if hint is None else f"{error.message}; {hint}"
        raise GrafanaError(f"{what}: {said}") from error
    except OSError as error:
        raise GrafanaError(f"{what}: Grafana cannot be reached: {error}") from error


def find(what: str, ask: Callable[..., Any], *arguments: Any) -> dict[str, Any] | None:  # noqa: ANN401 - as above
    """Ask Grafana for something that may not be there.

    Raises
    ------
    GrafanaError
        When it refuses for any other reason.
    """

    def asked() -> Any:  # noqa: ANN401 - as above
        try:
            return ask(*arguments)
        except GrafanaClientError as error:
            if error.status_code != 404:
                raise
            return None

    found: dict[str, Any] | None = call(what, asked)
    return found


def need_plugin(grafana: GrafanaApi, plugin: str) -> None:
    """See that a plugin is there.

    Raises
    ------
    GrafanaError
        When it is not; the text says how to install it.
    """
    installed = {one["id"] for one in call("plugins", grafana.plugin.list)}
    if plugin not in installed:
        raise GrafanaError(
            f"the plugin {plugin} is missing: on the machine of Grafana, grafana cli plugins install {plugin}, then restart it"
            " (without the Internet: unpack its archive into the folder of plugins)"
        )


def _check(grafana: GrafanaApi, url: str) -> None:
    settings = call(f"Grafana at {url}", grafana.client.GET, "/frontend/settings")
    version = settings.get("buildInfo", {}).get("version", "") if isinstance(settings, dict) else ""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise GrafanaError(f"what answers at {url} is no Grafana: is a path missing?")
    if (int(match[1]), int(match[2])) < LEAST_VERSION:
        raise GrafanaError(f"Grafana {version} is too old: these dashboards need {'.'.join(map(str, LEAST_VERSION))} or newer")
