"""Where simulators send to and look at: what was given, else what a running `hedgerow up` wrote into its data folder."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

_LOOK_EVERY_S = 0.2
_USUAL_FOLDER = Path(".hedgerow")


class TargetError(Exception):
    """Something that is needed was neither given nor found."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Addresses and secrets; empty where unknown."""

    mqtt_url: str = ""
    mqtt_user: str = ""
    mqtt_password: str = ""
    http_url: str = ""
    api_key: str = ""
    database_url: str = ""

    def need(self, name: str, option: str) -> str:
        """Give one of them.

        Raises
        ------
        TargetError
            When it is unknown.
        """
        value: str = getattr(self, name)
        if not value:
            raise TargetError(f"give {option}, or --data-dir with the folder of a running 'hedgerow up'")
        return value


def find_targets(data_dir: Path | None, given: Targets) -> Targets:
    """Fill what was not given from `runtime.json` and `admin.json`; without a folder, from the usual one if it is there."""
    written = read_data_dir(data_dir or _USUAL_FOLDER)
    if data_dir is not None and "mqtt_url" not in written:
        raise TargetError(f"no Hedgerow is running on {data_dir}: start it with 'hedgerow up --data-dir {data_dir}'")
    return Targets(**{name: getattr(given, name) or written.get(name, "") for name in Targets.__slots__})


def wait_until_serving(data_dir: Path, within_s: float) -> None:
    """Wait until the Hedgerow on a data folder answers, for programs that are started along with it.

    Raises
    ------
    TargetError
        When it does not in time.
    """
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        url = read_data_dir(data_dir).get("http_url")
        if url and _is_ready(url):
            return
        time.sleep(_LOOK_EVERY_S)
    raise TargetError(f"no Hedgerow on {data_dir} was ready within {within_s:g} s")


def _is_ready(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == httpx.codes.OK
    return False


def read_data_dir(folder: Path) -> dict[str, str]:
    """Read the addresses and secrets in a data folder; a file that is not there has none."""
    found: dict[str, str] = {}
    for name in ("runtime.json", "admin.json"):
        path = folder / name
        if path.is_file():
            written = json.loads(path.read_text(encoding="utf-8"))
            found |= {key: value for key, value in written.items() if isinstance(value, str)}
    return found
