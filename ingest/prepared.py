"""A group made ready for the store: everything one transaction writes, as bytes and rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from devices.columns import Reject
from devices.digest import digest_of
from devices.reasons import Reason
from ingest.arrivals import heard_in
from ingest.batch import last_of_each_series, sort_unique
from ingest.encode import encode_readings, encode_uplinks
from ingest.network_rows import event_rows, radio_rows
from ingest.recent import NO_SPIKES, Spikes
from ingest.resolve import MOST_ROWS, nothing_resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.arrivals import Heard
    from ingest.batch import Batch
    from ingest.clocks import Sightings
    from ingest.message import Group
    from ingest.resolve import Resolved

_DAY_US = 86_400_000_000
_MOST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one transaction writes."""

    group: Group
    batch: Batch
    """Its readings, sorted by series and time."""
    readings: bytes
    reading_count: int
    latest: Batch
    """The newest reading of each series, sorted by series."""
    uplinks: bytes
    reading_days: NDArray[np.int64]
    """Distinct UTC days of the readings [s since 1970]."""
    uplink_days: NDArray[np.int64]
    quarantine: Sequence[Mapping[str, object]]
    held: Sequence[Mapping[str, object]]
    released: Sequence[Mapping[str, object]]
    delivery: Mapping[str, bytes] | None
    """Digests, packet ids and arrivals of the broker's messages that came for the first time; None where there are none."""
    counts: Mapping[str, int]
    conflicts: Mapping[str, Sequence[object]]
    """Readings that lost to another one of the group with the same key, as columns of the query `note_conflicts`."""
    clocks: Sightings
    heard: Heard
    oldest_received_us: int
    radio: Mapping[str, Sequence[object]] | None
    """Columns of the table uplink_radio by name."""
    events: Mapping[str, Sequence[object]] | None
    """Columns of the table device_event by name."""
    registry_version: int | None
    """Of the registry by which the readings were resolved; None: whatever it is, there are none."""
    spikes: Spikes = NO_SPIKES
    """Earlier readings that these have shown to be spikes."""


def prepare(
    group: Group, resolved: Resolved, batch: Batch, *, archive: bool = True, registry_version: int | None = None
) -> Prepared:
    """Encode what a group has become.

    Parameters
    ----------
    group, resolved
        The messages, and what `resolve` made of them.
    batch
        The readings with the flags of `check`.
    archive
        Whether the raw messages go to the archive.
    registry_version
        Of the registry by which they were resolved.
    """
    unique = sort_unique(batch)
    archived = np.flatnonzero(resolved.archived & ~group.repeated & archive)  # what came before was archived then
    kept = archived.tolist()
    received_us, digests = group.received_us, group.digests
    refused = [reject for reject in resolved.rejects if reject.item]
    held = [
        {
            "device_uid": part.uid,
            "received_us": int(received_us[part.message]),
            "digest": digest_of(part.topic, part.payload),
            "topic": part.topic,
            "payload": part.payload,
        }
        for part in resolved.held
    ]
    return Prepared(
        group=group,
        batch=unique.batch,
        readings=encode_readings(unique.batch),
        reading_count=len(unique.batch),
        latest=last_of_each_series(unique.batch),
        uplinks=encode_uplinks(
            resolved.device_ids[archived],
            received_us[archived],
            digests[archived],
            [group.topics[i] for i in kept],
            [group.payloads[i] for i in kept],
        )
        if len(archived)
        else b"",
        reading_days=_days(unique.batch.time_us),
        uplink_days=_days(received_us[archived]),
        quarantine=quarantine_rows(group, resolved),
        held=held,
        released=[_held_key(group, i) for i in range(len(group))] if group.held else [],
        delivery=None if group.held else _delivery(group),
        counts={
            "messages": 0 if group.held else len(group),
            "messages_redelivered": int(np.count_nonzero(group.repeated)),
            "messages_quarantined": len(resolved.rejects) - len(refused),
            "messages_held": 0 if group.held else len({part.message for part in resolved.held}),
            "readings": len(batch) + len(refused),
            "readings_duplicate": unique.duplicate,
            "readings_conflicting": unique.conflicting,
            "readings_quarantined": len(refused),
        },
        conflicts={
            "series": unique.refused.series.tolist(),
            "times_us": unique.refused.time_us.tolist(),
            "values": unique.refused.value.tolist(),
        },
        clocks=resolved.clocks,
        heard=heard_in(group, resolved),
        oldest_received_us=int(received_us.min()),
        radio=radio_rows(group, resolved),
        events=event_rows(group, resolved),
        registry_version=registry_version,
    )


def _delivery(group: Group) -> dict[str, bytes] | None:
    """Give what is to be known of a group when the broker delivers again; repeats are known already."""
    new = ~group.repeated
    if not new.any():
        return None
    return {
        "digests": group.digests[new].tobytes(),
        "packet_ids": group.packet_ids[new].tobytes(),
        "received_us": group.received_us[new].tobytes(),
    }


def refusal_of(group: Group, detail: str, reason: Reason = Reason.STORE_REFUSED) -> Prepared:
    """Prepare what is written instead of a single message that cannot be stored."""
    resolved = nothing_resolved(group, [Reject(0, reason, detail)])
    return prepare(group, resolved, resolved.batch)


def quarantine_rows(group: Group, resolved: Resolved) -> list[dict[str, object]]:
    """Write what was refused as rows of the table quarantine, in proportion to the size of the messages."""
    return [_quarantine_row(group, reject, resolved.uids[reject.message]) for reject in _thinned(resolved.rejects)]


def _thinned(rejects: Sequence[Reject]) -> Iterator[Reject]:
    """Keep what quarantine holds of one message in proportion to its size.

    The whole message stands in one of its rows only, and beyond a hundred refused readings one row tells how many more there
    are: a message of 1 MiB may hold a hundred thousand of them.
    """
    count: dict[int, int] = {}
    whole: set[int] = set()
    for reject in rejects:
        at = count[reject.message] = count.get(reject.message, 0) + 1
        if at > MOST_ROWS:
            continue
        if reject.payload is None and reject.message in whole:
            yield replace(reject, payload=b"")
            continue
        if reject.payload is None:
            whole.add(reject.message)
        yield reject
    for message, refused in count.items():
        if refused > MOST_ROWS:
            last = next(reject for reject in reversed(rejects) if reject.message == message)
            detail = f"and {refused - MOST_ROWS} more readings of this message were refused"
            yield Reject(message, last.reason, detail, -1, None if message not in whole else b"")


def _quarantine_row(group: Group, reject: Reject, uid: str) -> dict[str, object]:
    at = reject.message
    return {
        "received_us": int(group.received_us[at]),
        "digest": int(group.digests[at]),
        "item": reject.item,
        "device_uid": uid or None,
        "topic": _clean(group.topics[at].decode("utf-8", "replace")),
        "payload": group.payloads[at] if reject.payload is None else reject.payload,
        "reason": reject.reason.value,
        "detail": _clean(reject.detail)[:_MOST_DETAIL],
    }


def _clean(text: str) -> str:
    """Replace what a PostgreSQL text cannot hold: NUL and lone surrogates."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _held_key(group: Group, i: int) -> dict[str, object]:
    return {
        "device_uid": group.held_uids[i],
        "received_us": int(group.received_us[i]),
        "digest": int(group.digests[i]),
    }


def _days(time_us: NDArray[np.int64]) -> NDArray[np.int64]:
    days = time_us // _DAY_US
    if len(days) and days.min() == days.max():
        return days[:1] * 86_400
    return np.unique(days) * 86_400
