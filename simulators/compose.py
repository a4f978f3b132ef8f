"""Due messages written out: takes who sends what when, gives topics and payloads with their expected outcome; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.flat import encode_object
from devices.senml import encode_pack
from devices.topics import device_topic
from devices.units import conversion
from devices.vocabulary import load_vocabulary
from simulators.county import KINDS
from simulators.malformed import MALFORMED
from simulators.message import Message, Reading
from simulators.noise import uniform
from simulators.schedule import Fault
from simulators.signals import Where, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.model import Metric
    from simulators.county import County, Kind, Measure, Simulated
    from simulators.schedule import Due

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def metrics_by_key() -> dict[str, Metric]:
    """Give the vocabulary by key."""
    return {metric.key: metric for metric in load_vocabulary()}


class _Values(NamedTuple):
    """One measure of several messages: as sent, and as the store should hold it."""

    sent: list[float]
    stored: list[float]


def compose(county: County, due: Due, malformed: Sequence[str] = tuple(MALFORMED)) -> list[Message]:
    """Write the due messages, in their order.

    Parameters
    ----------
    malformed
        Names of the ways in which a message may be spoilt; those the broker takes.
    """
    messages: dict[int, Message] = {}
    kinds = np.array([KINDS.index(device.kind) for device in county.devices])[due.device]
    for number, kind in enumerate(KINDS):
        rows = np.flatnonzero(kinds == number)
        if len(rows):
            messages |= zip(rows.tolist(), _messages_of(kind, county, due.take(rows)), strict=True)
    spoilt = np.flatnonzero(due.fault == Fault.MALFORMED)
    chance = uniform(county.keys[due.device[spoilt]], "malformed", due.measured_us[spoilt])
    for row, drawn in zip(spoilt.tolist(), chance.tolist(), strict=True):
        messages[row] = spoil(messages[row], malformed[int(drawn * len(malformed))])
    return [messages[row] for row in range(len(due))]


def spoil(message: Message, name: str) -> Message:
    """Give a message one of the faults of `MALFORMED`."""
    make, reason = MALFORMED[name]
    spoilt = make(message)
    topic = spoilt.topic or message.topic
    return Message(message.uid, topic, spoilt.payload, spoilt.kept, name, reason=reason, refused=spoilt.refused)


def _messages_of(kind: Kind, county: County, due: Due) -> list[Message]:
    """Write the messages of devices of one kind."""
    at = Where(county.sky, county.keys[due.device], due.measured_us)
    values = [_values(one, measure(one.signal, at)) for one in kind.measures]
    sent, stored = zip(*(one.sent for one in values), strict=True), zip(*(one.stored for one in values), strict=True)
    times = zip(due.device.tolist(), due.written_us.tolist(), due.fault.tolist(), strict=True)
    return [
        _message(kind, county.devices[device], written_us, Fault(fault), rows)
        for (device, written_us, fault), *rows in zip(times, sent, stored, strict=True)
    ]


def _values(one: Measure, values: NDArray[np.float64]) -> _Values:
    """Turn true values into what the sensor says, in its unit and resolution, and back as ingest will."""
    scale, offset = _conversion(one)
    sent = np.round((values - offset) / scale, one.decimals)
    return _Values(sent.tolist(), (sent * scale + offset).tolist())


@cache
def _conversion(one: Measure) -> tuple[float, float]:
    metric = metrics_by_key()[one.metric]
    found = conversion(one.unit, metric.unit, metric.unit_senml, metric.key)
    if found is None:
        raise ValueError(f"{one.metric} is not measured in {one.unit}")
    return found


def _message(kind: Kind, device: Simulated, written_us: int, fault: Fault, rows: Sequence[Sequence[float]]) -> Message:
    said = [
        (one, int(sent) if one.decimals == 0 else sent, stored)
        for one, sent, stored in zip(kind.measures, *rows, strict=True)
        if sent == sent  # noqa: PLR0124  # NaN: nothing to say
    ]
    return Message(
        uid=device.uid,
        topic=device_topic(device.uid),
        payload=_payload(kind, device, written_us, [(one, sent) for one, sent, _stored in said]),
        readings=tuple(Reading(one.metric, written_us, stored) for one, _sent, stored in said),
        fault="" if fault == Fault.NONE else fault.name.lower(),
        clock=fault == Fault.SKEWED,
    )


def _payload(kind: Kind, device: Simulated, written_us: int, said: Sequence[tuple[Measure, float]]) -> bytes:
    if kind.form == "flat":
        time = (_EPOCH + timedelta(microseconds=written_us)).isoformat().replace("+00:00", "Z")
        return encode_object(time, {one.sent_as or one.metric: sent for one, sent in said})
    return encode_pack(
        [one.sent_as or one.metric for one, _sent in said],
        [sent for _one, sent in said],
        [written_us / 1e6] * len(said),
        units=[one.unit for one, _sent in said],
        base_name=f"urn:dev:mac:{device.uid}:",
    )
