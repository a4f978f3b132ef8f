"""SenML records resolved into columns by all the rules of RFC 8428 section 4.6.

Names follow the topic: on a device's own topic the metric is what stands behind the last `:` or `/` of the resolved name; on a
gateway's topic what stands before it is the device's uid (`urn:dev:mac:` and its kin are dropped).
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import numpy as np

from devices.columns import Codes, Columns, Reject, codes_of, seconds_to_us
from devices.model import normalise_uid
from devices.reasons import Reason
from devices.senml import ABSOLUTE_FROM_S, VERSION, Record, Wrong, encode_pack, parse_pack
from devices.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.columns import Messages
    from devices.senml import Pack
    from devices.topics import Source

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_URN = re.compile(r"urn:dev:(?:mac|ow|os|org|ops):")


def decode(messages: Messages) -> Columns:
    """Decode many SenML packs into columns; a bad message or record costs only itself.

    Nothing is raised for bad data: it stands among the result's rejects.
    """
    kept: list[int] = []
    parsed: list[Pack] = []
    rejects: list[Reject] = []
    for position, payload in enumerate(messages.payloads):
        outcome = parse_pack(payload)
        if isinstance(outcome, tuple):
            rejects.append(Reject(int(messages.index[position]), *outcome))
        else:
            kept.append(position)
            parsed.append(outcome)
    return _resolve(messages.take(kept), parsed, rejects)


def _resolve(messages: Messages, packs: list[Pack], rejects: list[Reject]) -> Columns:
    records = [record for pack in packs for record in pack]
    lengths = np.fromiter(map(len, packs), np.int64, len(packs))
    pack = np.repeat(np.arange(len(packs)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    message = messages.index[pack]
    item = (np.arange(len(records)) - first + 1).astype(np.int32)
    rejects += [
        Reject(int(messages.index[i]), Reason.PACK_EMPTY, "the pack has no records") for i in np.flatnonzero(lengths == 0)
    ]

    time_us = _times(records, first, messages.received_us[pack])
    value, refused = _values(records, first)
    _refuse_versions(records, pack, refused)
    names = Codes()
    name = codes_of(names, _names(records, first))
    units = Codes()
    unit = codes_of(units, _carried([record.bu for record in records], [record.u for record in records], first))
    name_texts, unit_texts = list(names), list(units)
    device, metric, uids, metrics = _split_names(name, name_texts, pack, messages.sources)
    for i in np.flatnonzero((device < 0) | (metric < 0)).tolist():
        why = "is not allowed" if metric[i] < 0 else "does not say which device it is of"
        refused.setdefault(i, (Reason.NAME_INVALID, f"name {name_texts[name[i]][:60]!r} {why}"))

    for i, (reason, detail) in refused.items():
        again = _encode_again(records[i], name_texts[name[i]], time_us[i], unit_texts[unit[i]])
        rejects.append(Reject(int(message[i]), reason, detail, int(item[i]), again))
    keep = np.ones(len(records), bool)
    keep[list(refused)] = False
    return Columns(
        message=message[keep],
        item=item[keep],
        device=device[keep],
        metric=metric[keep],
        unit=unit[keep],
        time_us=time_us[keep],
        value=value[keep],
        uids=uids,
        metrics=metrics,
        units=unit_texts,
        rejects=rejects,
    )


def _times(records: Sequence[Record], first: NDArray[np.int64], received_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add base time and time; what is below 2**28 s counts from the arrival of the message."""
    base = _carried_numbers([record.bt for record in records], first)
    seconds = base + np.array([record.t for record in records], np.float64)
    relative = seconds < ABSOLUTE_FROM_S
    time_us = seconds_to_us(seconds)
    time_us[relative] = received_us[relative] + seconds_to_us(seconds[relative])
    return time_us


def _values(records: Sequence[Record], first: NDArray[np.int64]) -> tuple[NDArray[np.float64], dict[int, tuple[Reason, str]]]:
    """Add base value and value; booleans become 0 and 1; say which records have no number and why."""
    value = np.array([record.v for record in records], np.float64)  # None becomes NaN
    truth = np.array([record.vb for record in records], np.float64)
    base = _carried_numbers([record.bv for record in records], first)
    is_text = np.array([record.vs is not None or record.vd is not None for record in records], bool)
    has_base = (
        np.array(_carried([None if record.bv is None else "y" for record in records], [None] * len(records), first)) == "y"
    )
    given = ~np.isnan(value)
    is_truth = ~np.isnan(truth)
    result = np.where(is_truth, truth, np.where(given, value, 0.0) + base)
    refused: dict[int, tuple[Reason, str]] = {}
    for i in np.flatnonzero(given.astype(np.int8) + is_truth + is_text != 1).tolist():
        several = bool(given[i]) + bool(is_truth[i]) + bool(is_text[i]) > 1
        if several:
            refused[i] = (Reason.VALUE_AMBIGUOUS, "more than one of v, vb, vs, vd")
        elif not has_base[i]:
            detail = "only a sum" if records[i].s is not None else "none of v, vb, vs, vd"
            refused[i] = (Reason.VALUE_MISSING, detail)
    for i in np.flatnonzero(is_text).tolist():
        refused.setdefault(i, (Reason.VALUE_NOT_NUMERIC, "a text where a number is needed"))
    refused |= {i: (r.reason, r.detail) for i, r in enumerate(records) if isinstance(r, Wrong)}
    return result, refused


def _refuse_versions(records: Sequence[Record], pack: NDArray[np.int64], refused: dict[int, tuple[Reason, str]]) -> None:
    """Add every record of a pack that speaks a newer SenML than ours (RFC 8428 section 4.4) to `refused`."""
    newer = {int(pack[i]): record.bver for i, record in enumerate(records) if record.bver > VERSION}
    for i in np.flatnonzero(np.isin(pack, list(newer))).tolist():
        refused[i] = (Reason.SENML_VERSION, f"bver {newer[int(pack[i])]}")


def _names(records: Sequence[Record], first: NDArray[np.int64]) -> list[str]:
    """Join base name and name."""
    bases = _carried([record.bn for record in records], [None] * len(records), first)
    return [base + record.n for base, record in zip(bases, records, strict=True)]


def _split_names(
    name: NDArray[np.int32], names: Sequence[str], pack: NDArray[np.int64], sources: Sequence[Source]
) -> tuple[NDArray[np.int32], NDArray[np.int32], list[str], list[str]]:
    """Tell device and metric of every reading, -1 where the name does not say; each distinct name is looked at once."""
    uids, metrics = Codes(), Codes()
    device_of_name = np.full(len(names), -1, np.int32)
    metric_of_name = np.full(len(names), -1, np.int32)
    for code, text in enumerate(names):
        if not _NAME.fullmatch(text):
            continue
        cut = max(text.rfind(":"), text.rfind("/"))
        metric_of_name[code] = metrics[text[cut + 1 :]]
        with contextlib.suppress(ValueError):  # matters only on a gateway's topic, where it stays -1
            device_of_name[code] = uids[normalise_uid(_URN.sub("", text[: max(cut, 0)]))]
    device_of_pack = codes_of(uids, [source.uid for source in sources])
    is_gateway = np.array([source.kind is Kind.GATEWAY for source in sources], bool)
    device = np.where(is_gateway[pack], device_of_name[name], device_of_pack[pack])
    return device, metric_of_name[name], list(uids), list(metrics)


def _carried_numbers(given: list[float | None], first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Carry a base number forward within its pack; 0 before the first."""
    numbers = np.array(given, np.float64)
    source = _last_given(~np.isnan(numbers), first)
    return np.where(source >= 0, numbers[source], 0.0)


def _carried(base: list[str | None], own: list[str | None], first: NDArray[np.int64]) -> list[str]:
    """Carry a base text forward within its pack; a record's own text wins, none is the empty text."""
    given = np.array([text is not None for text in base], bool)
    if not given.any():
        return [text or "" for text in own]
    source = _last_given(given, first).tolist()
    return [text if text is not None else ((base[at] or "") if at >= 0 else "") for text, at in zip(own, source, strict=True)]


def _last_given(given: NDArray[np.bool_], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the last record up to each one, in its pack, that gives a base; -1 for none."""
    position = np.arange(len(given))
    last = np.maximum.accumulate(np.where(given, position, -1)) if len(given) else position
    return np.where(last >= first, last, -1)


def _encode_again(record: Record, name: str, time_us: np.int64, unit: str) -> bytes | None:
    """Write a refused record so that it can be replayed by itself; None where only the whole message will do."""
    if isinstance(record, Wrong) or record.v is None or not name:
        return None
    return encode_pack([name], [record.v], [int(time_us) / 1e6], units=[unit])
