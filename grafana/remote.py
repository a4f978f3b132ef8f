"""The way to a Grafana that runs somewhere: opened once it has been found fit, its refusals put into plain words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from urllib.parse import SplitResult

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
def open_grafana(url: str, token: str, *, insecure: bool = False) -> Iterator[GrafanaApi]:
    """Open the way to a Grafana and close it at the end.

    Parameters
    ----------
    url
        `https://HOST`, with a path where a proxy gives Grafana one.
    token
        Of a service account with the role Admin.
    insecure
        Whether http will do for a Grafana on another machine, though everybody on the way can then read what is sent.

    Raises
    ------
    GrafanaError
        When there is no Grafana, the token is not taken, or the version is too old.
    """
    parts = _address(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not insecure and not _is_here(host):
        raise GrafanaError(
            f"http to {host} would send token, API key and password where everybody on the way can read them:"
            " give https://, or --insecure if the way is yours alone"
        )
    path = parts.path.strip("/")
    grafana = GrafanaApi(
        token,
        protocol=parts.scheme,
        host=f"[{host}]" if ":" in host else host,
        port=parts.port,
        url_path_prefix=f"{path}/" if path else "",  # the client writes `api` directly behind it
        timeout=_PATIENCE_S,
    )
    try:
        _check(grafana, parts.netloc)
        yield grafana
    finally:
        grafana.client.s.close()


def _address(url: str) -> SplitResult:
    """Take an address apart; what is wrong with it is said without it, for it may hold a password.

    Raises
    ------
    GrafanaError
        When it is none, or holds a user.
    """
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number or too large, half a bracket
        is_one = False
    if not is_one:
        raise GrafanaError("what was given is no address of a Grafana: give https://HOST or https://HOST:PORT")
    if "@" in parts.netloc:
        raise GrafanaError("leave user and password out of the address of Grafana: the token alone lets in")
    return parts


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


def _check(grafana: GrafanaApi, where: str) -> None:
    settings = call(f"Grafana at {where}", grafana.client.GET, "/frontend/settings")
    version = settings.get("buildInfo", {}).get("version", "") if isinstance(settings, dict) else ""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise GrafanaError(f"what answers at {where} is no Grafana: is a path missing?")
    if (int(match[1]), int(match[2])) < LEAST_VERSION:
        raise GrafanaError(f"Grafana {version} is too old: these dashboards need {'.'.join(map(str, LEAST_VERSION))} or newer")
