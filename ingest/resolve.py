"""Resolve: takes decoded columns, gives series ids through the deployment valid at each reading's time; pure.

What cannot be resolved is told apart: readings of unregistered devices are to be held, unknown metrics and units are rejects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.columns import NO_TIME_US, Columns, Reject
from devices.doubts import believe_clocks
from devices.flags import Flag
from devices.flat import encode_object
from devices.measures import is_text, measure, sent, sent_text, states_of
from devices.quality.warm_up import is_new_here
from devices.reasons import Reason
from devices.registry import NONE, Registry
from devices.senml import encode_pack
from devices.topics import Kind, device_topic
from ingest.batch import EMPTY_BATCH, Batch
from ingest.clocks import NO_SIGHTINGS, Sightings, sightings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from devices.events import Event
    from devices.radio import Radio
    from ingest.message import Group


MOST_ROWS = 100
"""Refused readings of one message that are kept one by one, each with what a replay of it alone needs."""


class Held(NamedTuple):
    """A message, or the part of one, of a device that is not registered."""

    message: int
    uid: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of a group's readings."""

    batch: Batch
    rejects: Sequence[Reject]
    held: Sequence[Held]
    missing: Sequence[tuple[int, int]]
    """(place, metric) positions that have no series yet: make them and resolve again."""
    archived: NDArray[np.bool_]
    """Which messages have a registered device: their raw form goes to the archive."""
    device_ids: NDArray[np.int32]
    """Device id of each message; 0 where it is not of one registered device."""
    uids: Sequence[str]
    """Uid of the device each message is of; empty where it is of many or of none."""
    radio: Radio | None = None
    """How messages of registered devices came through the air."""
    events: Sequence[Event] = ()
    """Of registered devices."""
    clocks: Sightings = NO_SIGHTINGS
    """What the times sent tell of the clocks of devices."""


def resolve(columns: Columns, group: Group, registry: Registry) -> Resolved:
    """Look up every reading of a group at once."""
    uids = _uids(columns, group)
    sender = registry.devices(uids)
    # A group of plain packs names each message's device once: what was looked up is not looked up again.
    device = (sender if columns.uids == uids else registry.devices(columns.uids))[columns.device]
    metric = registry.metrics(columns.metrics)[columns.metric]
    held, unregistered = _hold(columns, group, registry, device, uids)
    rejects = [reject for reject in columns.rejects if reject.item == 0 or not unregistered[reject.message]]

    known = device != NONE
    _reject(columns, group, rejects, known & (metric == NONE), Reason.METRIC_UNKNOWN)
    known &= metric != NONE
    value, refused = measure(columns, metric, registry)
    for reason, mask in refused.items():
        _reject(columns, group, rejects, known & mask, reason, lambda row: states_of(metric[row], registry))
        known &= ~mask
    rows = np.flatnonzero(known)

    device, metric, received_us = device[rows], metric[rows], group.received_us[columns.message[rows]]
    time_us, flags = believe_clocks(
        columns.time_us[rows], received_us, registry.clock_back_us[device], registry.clock_ahead_us[device]
    )
    first = slice(None) if not group.repeated.any() else ~group.repeated[columns.message[rows]]  # each is seen once
    clocks = sightings(
        columns.message[rows][first],
        device[first],
        columns.time_us[rows][first],
        received_us[first],
        (flags != 0)[first],
        registry.device_ids,
    )
    deployment = registry.deployments(device, time_us)
    nowhere = np.zeros(len(columns), bool)
    nowhere[rows[deployment == NONE]] = True
    _reject(columns, group, rejects, nowhere, Reason.NOT_DEPLOYED)
    somewhere = np.flatnonzero(deployment != NONE)
    place = registry.deployment_place[deployment[somewhere]]
    series = registry.series_of[place, metric[somewhere]]
    if not (kept := registry.is_kept(series, time_us[somewhere])).all():
        too_old = np.zeros(len(columns), bool)
        too_old[rows[somewhere[~kept]]] = True
        _reject(columns, group, rejects, too_old, Reason.NOT_KEPT)
        somewhere, place, series = somewhere[kept], place[kept], series[kept]
    metric = metric[somewhere]
    lacking = series == NONE
    missing = sorted(set(zip(place[lacking].tolist(), metric[lacking].tolist(), strict=True)))
    profile = registry.profiles_of(device[somewhere])
    batch = Batch(
        series=series,
        time_us=time_us[somewhere],
        value=value[rows][somewhere],
        flags=flags[somewhere] | _warming_up(profile, deployment[somewhere], time_us[somewhere], registry),
        metric=metric,
        received_us=received_us[somewhere],
        profile=profile,
    )
    archived = np.zeros(len(group), bool)
    archived[columns.message[rows]] = True
    events = [event for event in columns.events if sender[event.message] != NONE]
    archived[[event.message for event in events]] = True
    radio = columns.radio and columns.radio.take(np.flatnonzero(sender[columns.radio.message] != NONE))
    return Resolved(batch, rejects, held, missing, archived, _device_ids(sender, registry), uids, radio, events, clocks)


def _warming_up(
    profile: NDArray[np.int32] | None, deployment: NDArray[np.int64], time_us: NDArray[np.int64], registry: Registry
) -> NDArray[np.int16]:
    """Flag readings of the first minutes of their deployment, where the device needs them."""
    if profile is None:
        return np.zeros(len(time_us), np.int16)
    new = is_new_here(time_us, registry.deployment_from_us[deployment], registry.rules.warm_up_us[profile])
    return new * np.int16(Flag.WARM_UP)


def nothing_resolved(group: Group, rejects: Sequence[Reject]) -> Resolved:
    """Give the outcome of a group of which no reading is kept."""
    return Resolved(
        batch=EMPTY_BATCH,
        rejects=rejects,
        held=[],
        missing=[],
        archived=np.zeros(len(group), bool),
        device_ids=np.zeros(len(group), np.int32),
        uids=[source.uid for source in group.sources],
    )


def _uids(columns: Columns, group: Group) -> list[str]:
    """Tell the device each message is of: by its topic, or by its payload where that alone says so."""
    uids = ["" if source.kind is Kind.GATEWAY else source.uid for source in group.sources]
    for message, uid in columns.owners.items():
        uids[message] = uid
    return uids


def _device_ids(positions: NDArray[np.int32], registry: Registry) -> NDArray[np.int32]:
    return np.append(registry.device_ids, np.int32(0))[positions]  # NONE is the last one


def _hold(
    columns: Columns, group: Group, registry: Registry, device: NDArray[np.int32], uids: Sequence[str]
) -> tuple[list[Held], NDArray[np.bool_]]:
    """Set aside what unregistered devices sent: a device's own message whole, of a gateway's pack the device's part.

    Gives also which messages are an unregistered device's own: they are decoded again from the start when it is registered.
    """
    touched = np.zeros(len(group), bool)
    touched[columns.message[device == NONE]] = True
    for reject in columns.rejects:  # a message with nothing but refused readings is held all the same
        if reject.item and uids[reject.message] not in registry.device_position:
            touched[reject.message] = True
    for event in columns.events:
        touched[event.message] |= event.uid not in registry.device_position
    if not touched.any():
        return [], touched
    own = np.array([uid != "" for uid in uids], bool)
    held = [
        Held(i, uids[i], group.topics[i].decode("utf-8", "replace"), group.payloads[i])
        for i in np.flatnonzero(touched & own).tolist()
    ]
    if (touched & ~own).any():
        held += _parts_of_packs(columns, group, np.flatnonzero((device == NONE) & ~own[columns.message]))
    return held, touched & own


def _parts_of_packs(columns: Columns, group: Group, rows: NDArray[np.int64]) -> list[Held]:
    parts: dict[tuple[int, int], list[int]] = {}
    for row in rows.tolist():
        parts.setdefault((int(columns.message[row]), int(columns.device[row])), []).append(row)
    return [
        Held(message, columns.uids[device], device_topic(columns.uids[device]), _encode_rows(columns, group, at))
        for (message, device), at in parts.items()
    ]


def _encode_rows(columns: Columns, group: Group, rows: list[int]) -> bytes:
    """Write rows of one device so that they are right on the device's topic and on their message's own.

    Flat where the topic names the device: any metric's name and any time fits in. Else a SenML pack.
    """
    is_named = columns.uids[columns.device[rows[0]]] == group.sources[columns.message[rows[0]]].uid
    if is_named and not any(columns.units[columns.unit[row]] or columns.metrics[columns.metric[row]] == "time" for row in rows):
        return b"[%s]" % b",".join(_encode_flat(columns, row) for row in rows)
    rows = sorted(rows, key=lambda row: bool(columns.time_us[row] == NO_TIME_US))  # the first time is the base of all
    return encode_pack(
        [columns.metrics[columns.metric[row]] for row in rows],
        [sent(columns, row) for row in rows],
        [_seconds(columns, row) for row in rows],
        units=[columns.units[columns.unit[row]] for row in rows],
        base_name=f"{columns.uids[columns.device[rows[0]]]}:",
    )


def _encode_flat(columns: Columns, row: int) -> bytes:
    """Write one row as flat JSON, which allows any name and any time."""
    seconds = int(columns.time_us[row]) / 1e6
    time = seconds if abs(seconds) < 1e11 else 1e21  # as impossible as it was: 1e21 is no time in any unit
    return encode_object(time, {columns.metrics[columns.metric[row]]: sent(columns, row)})


def _seconds(columns: Columns, row: int) -> float:
    time_us = int(columns.time_us[row])
    return 1e15 if time_us == NO_TIME_US else time_us / 1e6  # 1e15: as impossible as it was


def _reject(
    columns: Columns,
    group: Group,
    rejects: list[Reject],
    mask: NDArray[np.bool_],
    reason: Reason,
    states_of: Callable[[int], str] = lambda _row: "",
) -> None:
    """Add the readings of a mask to `rejects`, each with what a replay of it alone needs: as many of a message as are kept."""
    told: Counter[int] = Counter()
    for row in np.flatnonzero(mask).tolist():
        message = int(columns.message[row])
        told[message] += 1
        if told[message] > MOST_ROWS:  # only counted: a message of 1 MiB may hold hundreds of thousands of them
            rejects.append(Reject(message, reason, "", int(columns.item[row])))
            continue
        detail = sent_text(columns, row) + (states_of(row) if is_text(columns, row) else "")
        # A network server's topic takes nothing but what the network server sends: there the whole message goes again.
        is_ours = group.sources[message].kind in (Kind.DEVICE, Kind.GATEWAY)
        again = _encode_rows(columns, group, [row]) if is_ours and np.isfinite(columns.value[row]) else None
        rejects.append(Reject(message, reason, detail, int(columns.item[row]), again))
