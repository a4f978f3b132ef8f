"""Assignments: what each ingest process is to do, planned from the settings, the sources and the workers there have been.

A worker is one identity at one broker. Alone it subscribes plainly. Several share the same filters (`$share/hedgerow/…`,
MQTT 5, section 4.8.2): the broker deals each message to one of them, and what was dealt to a worker waits in its session for
it. A worker that is not wanted any more subscribes to nothing and drains its session (docs/adr/0005).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, count, islice
from typing import TYPE_CHECKING

from devices.topics import SUBSCRIPTIONS, SUBSCRIPTIONS_OF
from ingest.session import Subscription
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest.sources import SourceSettings

SOURCE_PREFIX = "hedgerow-source-"
_SHARE = "$share/hedgerow/"


class Form(StrEnum):
    """How a worker subscribes."""

    PLAIN = "plain"
    SHARED = "shared"
    NONE = "none"


class AssignmentError(ValueError):
    """Workers that cannot be had; the text says what to do."""


@dataclass(frozen=True)
class Assignment:
    """What one process does: a worker's identity and broker (`settings`), what it listens to, and how."""

    settings: IngestSettings
    filters: tuple[str, ...] = SUBSCRIPTIONS
    form: Form = Form.PLAIN
    is_source: bool = False
    restarted: bool = False
    """Whether it is started again after it died."""

    @property
    def worker(self) -> str:
        """Name of the worker, and its identity at the broker."""
        return self.settings.mqtt_client_id

    @property
    def drains(self) -> bool:
        """Whether it only empties its session."""
        return self.form is Form.NONE

    @property
    def subscription(self) -> Subscription:
        """What to subscribe to at every connection, and what to leave."""
        shared = tuple(_SHARE + topic for topic in self.filters)
        if self.is_source:
            return Subscription(self.filters)
        match self.form:
            case Form.PLAIN:
                return Subscription(self.filters, shared)
            case Form.SHARED:
                return Subscription(shared, self.filters)
            case Form.NONE:
                return Subscription((), self.filters + shared)

    def sharing(self) -> Assignment:
        """Give the same worker as a member of the share."""
        return replace(self, form=Form.SHARED)

    def leaving(self) -> Assignment:
        """Give the same worker without subscription: nothing more is dealt to it, and its session keeps what was."""
        return replace(self, form=Form.NONE)

    def to_json(self) -> str:
        """Write it down on one line, for the process that is to do it."""
        values = {name: getattr(self, name) for name in ("filters", "form", "is_source", "restarted")}
        return json.dumps({"settings": self.settings.model_dump(mode="json"), **values})

    @classmethod
    def from_json(cls, text: str | bytes) -> Assignment:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        settings = IngestSettings(**values["settings"])
        return cls(settings, tuple(values["filters"]), Form(values["form"]), values["is_source"], values["restarted"])


def plan(settings: IngestSettings, sources: Sequence[SourceSettings] = (), known: Collection[str] = ()) -> list[Assignment]:
    """Say what there is to do: retired workers first, for they must leave their share before the others take over.

    Parameters
    ----------
    known
        Names of workers that have a session at a broker.

    Raises
    ------
    AssignmentError
        When the broker's version of MQTT knows no shared subscriptions.
    """
    shares = settings.workers > 1 or settings.live_first
    if shares and settings.mqtt_version != "5":
        raise AssignmentError(
            "several workers, and new messages first, need MQTT 5 (shared subscriptions): set HEDGEROW_MQTT_VERSION=5,"
            " or one worker and HEDGEROW_LIVE_FIRST=false"
        )
    names = _fresh_names(settings, known) if settings.live_first else worker_names(settings)
    retired = _retired(settings, known, names) if settings.mqtt_version == "5" else []  # nothing else can drain a session
    form = Form.SHARED if shares else Form.PLAIN
    return [
        *(Assignment(_named(settings, name), form=Form.NONE) for name in retired),
        *(Assignment(_named(settings, name), form=form) for name in names),
        *(_of_source(settings, source) for source in sources),
    ]


def worker_names(settings: IngestSettings) -> list[str]:
    """Name the workers of the settings: the client id as it is, and numbered ones after it."""
    first = settings.mqtt_client_id
    return [first, *(f"{_stem(first)}{number}" for number in range(1, settings.workers))]


def gone_sources(sources: Sequence[SourceSettings], known: Collection[str]) -> list[str]:
    """Name the workers of sources that are listened to no more."""
    wanted = {source.worker for source in sources}
    return sorted(name for name in known if name.startswith(SOURCE_PREFIX) and name not in wanted)


def _stem(first: str) -> str:
    return first.removesuffix("-0") + "-"


def _fresh_names(settings: IngestSettings, known: Collection[str]) -> list[str]:
    """Name workers that have no session yet: nothing waits there before what comes now.

    Where the sessions of several starts still wait, those of before are taken up: a start that fails again and again must not
    bring more processes each time.
    """
    waiting = _retired(settings, known, ())
    if len(waiting) > 2 * settings.workers:
        return waiting[: settings.workers]
    numbered = (f"{_stem(settings.mqtt_client_id)}{number}" for number in count(1))
    free = (name for name in chain([settings.mqtt_client_id], numbered) if name not in known)
    return list(islice(free, settings.workers))


def _retired(settings: IngestSettings, known: Collection[str], names: Collection[str]) -> list[str]:
    """Name the workers there have been and that are not wanted, in the order of their numbers."""
    first, stem = settings.mqtt_client_id, _stem(settings.mqtt_client_id)
    endings = (name.removeprefix(stem) for name in known if name.startswith(stem) and name != first)
    numbers = sorted(int(ending) for ending in endings if ending.isdecimal() and str(int(ending)) == ending)
    numbered = [f"{stem}{number}" for number in numbers]
    return [name for name in ([first] if first in known else []) + numbered if name not in names]


def _named(settings: IngestSettings, name: str) -> IngestSettings:
    return settings.model_copy(update={"mqtt_client_id": name})


def _of_source(settings: IngestSettings, source: SourceSettings) -> Assignment:
    its_own = settings.model_copy(
        update={
            "mqtt_client_id": source.worker,
            "mqtt_url": source.url,
            "mqtt_user": source.user,
            "mqtt_password": source.password,
            "mqtt_ca_file": source.ca_file,
            "mqtt_version": source.version,
            "mqtt_keeps_packet_ids": True,
            "chirpstack_encoding": source.payload,
        }
    )
    return Assignment(its_own, filters=SUBSCRIPTIONS_OF[source.kind], is_source=True)
