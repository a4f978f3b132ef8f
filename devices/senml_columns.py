"""SenML by all the rules of RFC 8428 section 4.6, record after record; what is plain goes the fast way (`senml_plain`).

Names follow the topic: on a device's own topic the metric is what stands behind the last `:` or `/` of the resolved name; on a
gateway's topic what stands before it is the device's uid (`urn:dev:mac:` and its kin are dropped).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devices.columns import LAST_S, NO_TIME_US, Reject
from devices.model import normalise_uid
from devices.reasons import Reason
from devices.senml import ABSOLUTE_FROM_S, VERSION, Record, Wrong, read_records
from devices.topics import Kind

if TYPE_CHECKING:
    from devices.columns import Rows
    from devices.topics import Source

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_URN = re.compile(r"\Aurn:dev:(?:mac|ow|os|org|ops):")


class _Refused(Exception):  # noqa: N818 - an outcome, not an error
    """A record that gives no reading."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class _Pack:
    """One pack while it is read: what its records so far have said about those that follow."""

    index: int
    source: Source
    received_us: int
    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float | None = None
    wrong: str = ""
    """Why a base field could not be read: what builds on it would be silently wrong."""
    rejects: list[Reject] = field(default_factory=list)

    def move_on(self, record: Record) -> None:
        """Take over the base fields of a record."""
        self.name = self.name if record.bn is None else record.bn
        self.time = self.time if record.bt is None else record.bt
        self.unit = self.unit if record.bu is None else record.bu
        self.value = self.value if record.bv is None else record.bv
        if isinstance(record, Wrong) and record.taints:
            self.wrong = self.wrong or record.detail


def decode(rows: Rows, index: int, source: Source, received_us: int, items: object) -> None:
    """Add the readings of one parsed SenML pack; a bad record costs only itself and stands among the rejects.

    Raises
    ------
    TooManyRefused
        When the message is to be refused as a whole.
    """
    records = read_records(items)
    if isinstance(records, tuple):
        rows.rejects.append(Reject(index, *records))
    elif not records:
        rows.rejects.append(Reject(index, Reason.PACK_EMPTY, "the pack has no records"))
    else:
        _decode_pack(rows, _Pack(index, source, received_us), records)


def _decode_pack(rows: Rows, pack: _Pack, records: list[Record]) -> None:
    newest = max(record.bver for record in records)
    for item, record in enumerate(records, 1):
        pack.move_on(record)
        try:
            _refuse_unreadable(pack, record, newest)
            value = _value(pack, record)
            uid, metric = _device_and_metric(pack, record)
        except _Refused as refused:
            again = _encode_again(pack, record) if newest <= VERSION else None
            rows.refuse(Reject(pack.index, refused.reason, refused.detail, item, again))
        else:
            unit = pack.unit if record.u is None else record.u
            rows.add(pack.index, item, uid, metric, unit, _time_us(pack, record), value)


def _refuse_unreadable(pack: _Pack, record: Record, newest: int) -> None:
    if newest > VERSION:
        raise _Refused(Reason.SENML_VERSION, f"bver {newest}")
    if isinstance(record, Wrong):
        raise _Refused(record.reason, record.detail)
    if pack.wrong:
        raise _Refused(Reason.NOT_READINGS, f"builds on a base field that cannot be read: {pack.wrong}")


def _device_and_metric(pack: _Pack, record: Record) -> tuple[str, str]:
    """Tell device and metric by the resolved name and the topic."""
    name = pack.name + record.n
    if not _NAME.fullmatch(name):
        raise _Refused(Reason.NAME_INVALID, f"name {name[:60]!r} is not allowed")
    cut = max(name.rfind(":"), name.rfind("/"))
    if pack.source.kind is not Kind.GATEWAY:
        return pack.source.uid, name[cut + 1 :]
    try:
        return normalise_uid(_URN.sub("", name[: max(cut, 0)])), name[cut + 1 :]
    except ValueError:
        raise _Refused(Reason.NAME_INVALID, f"name {name[:60]!r} does not say which device it is of") from None


def _value(pack: _Pack, record: Record) -> float | str:
    """Find the one value of a record: a number with the base value added, a truth as 0 or 1, or a text that names a state."""
    given = [label for label in ("v", "vb", "vs", "vd") if getattr(record, label) is not None]
    if len(given) > 1:
        raise _Refused(Reason.VALUE_AMBIGUOUS, f"more than one value: {', '.join(given)}")
    if record.vd is not None:
        raise _Refused(Reason.VALUE_NOT_NUMERIC, "data where a number is needed")
    if record.vs is not None:
        return record.vs
    if record.vb is not None:
        return float(record.vb)
    if record.v is None and pack.value is None:
        raise _Refused(Reason.VALUE_MISSING, "only a sum" if record.s is not None else "none of v, vb, vs, vd")
    value = (record.v or 0.0) + (pack.value or 0.0)
    if not math.isfinite(value):
        raise _Refused(Reason.VALUE_NOT_FINITE, "the value, with its base value, is not a finite number")
    return value


def _time_us(pack: _Pack, record: Record) -> int:
    """Add base time and time; what is below 2**28 s counts from the arrival of the message."""
    seconds = pack.time + record.t
    if not abs(seconds) < LAST_S:
        return NO_TIME_US
    return round(seconds * 1e6) + (pack.received_us if seconds < ABSOLUTE_FROM_S else 0)


def _encode_again(pack: _Pack, record: Record) -> bytes | None:
    """Write a refused record in resolved form, to be replayed by itself; None where only the whole message will do."""
    time_us = _time_us(pack, record)
    if isinstance(record, Wrong) or pack.wrong or time_us == NO_TIME_US:
        return None
    again: dict[str, object] = {"bt": time_us / 1e6, "n": pack.name + record.n}
    if unit := pack.unit if record.u is None else record.u:
        again["u"] = unit
    is_number = record.vb is None and record.vs is None and record.vd is None
    if record.v is not None or (is_number and pack.value is not None):
        again["v"] = (record.v or 0.0) + (pack.value or 0.0)
    again |= {label: getattr(record, label) for label in ("vb", "vs", "vd", "s") if getattr(record, label) is not None}
    try:
        return json.dumps([again], separators=(",", ":"), allow_nan=False).encode()
    except ValueError:  # CBOR has numbers that JSON has not
        return None
