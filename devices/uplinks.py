"""Uplinks: what network servers say, whichever it is, into columns: readings, radio, events and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from devices.columns import Codes, Columns, Reject, Rows, codes_of, concatenate
from devices.definition_table import DefinitionError
from devices.frames import frames_of
from devices.mapping import Mapping as ObjectMapping
from devices.mapping import parse_mapping
from devices.radio import Radio, Reception
from devices.reasons import EXPLANATIONS, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from devices.codecs import Codecs
    from devices.events import Event
    from devices.registry import Profile, Registry

_METRICS = ("rssi", "snr", "spreading_factor", "gateway_count", "frame_counter")


class Arrived(NamedTuple):
    """What is known of a message besides its payload."""

    message: int
    """Index of the message within its group."""
    uid: str
    """That its topic names."""
    event: str
    """That its topic names."""
    received_us: int


class Uplink(NamedTuple):
    """One uplink of one device."""

    message: int
    uid: str
    time_us: int
    """When the network server had it [µs since 1970]."""
    reception: Reception
    frame: bytes
    """What the device sent, decrypted; empty where that was nothing."""
    output: object
    """What the network server's codec made of it; None where it has none."""
    is_encrypted: bool


@dataclass(slots=True)
class Found:
    """What messages of network servers hold, gathered one by one."""

    uplinks: list[Uplink] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    events: list[Event] = field(default_factory=list)

    def refuse(self, message: int, reason: Reason, detail: str = "", *, item: int = 0) -> None:
        """Refuse a message or, with its number, a reading of it."""
        self.rows.rejects.append(Reject(message, reason, detail or EXPLANATIONS[reason], item))

    def add(self, arrived: Arrived, values: Mapping[str, float], micros: int) -> None:
        """Add readings that need no codec: value by metric, in the metric's own unit, of one time [µs since 1970]."""
        for item, (metric, value) in enumerate(values.items(), start=1):
            self.rows.add(arrived.message, item, arrived.uid, metric, "", micros, value)

    def columns(self, registry: Registry, codecs: Codecs) -> Columns:
        """Decode the uplinks and give everything as columns.

        Those of unregistered devices are not decoded: they are held whole, their radio readings see to that.
        """
        for event in self.events:
            profile = registry.profile(event.uid)
            if event.code == "UPLINK_CODEC" and profile is not None and profile.codec == "auto":
                self.refuse(event.message, Reason.NETWORK_CODEC_FAILED, event.detail, item=1)
        profiles = [registry.profile(uplink.uid) for uplink in self.uplinks]
        known = [(uplink, profile) for uplink, profile in zip(self.uplinks, profiles, strict=True) if profile is not None]
        frames = [
            (uplink.message, uplink.uid, uplink.reception.f_port, uplink.frame, uplink.time_us)
            for uplink, profile in known
            if not self._is_read_here(uplink, profile)
        ]
        parts = [self.rows.columns(), codecs.decode(frames_of(frames), registry)]
        if self.uplinks:
            radio = _radio_of(self.uplinks)
            parts.append(_radio_readings(radio, [uplink.uid for uplink in self.uplinks], _items(parts, radio.message)))
        return replace(concatenate(parts), events=self.events)

    def _is_read_here(self, uplink: Uplink, profile: Profile) -> bool:
        """Add what needs no codec of ours; tell whether that was all."""
        if uplink.is_encrypted:
            self.refuse(uplink.message, Reason.ENCRYPTED, item=1)
            return True
        if uplink.output and (profile.codec == "auto" or not uplink.frame):
            self._map(uplink, profile)
            return True
        return not uplink.frame or not uplink.reception.f_port  # port 0: between network and device

    def _map(self, uplink: Uplink, profile: Profile) -> None:
        try:
            mapping = _mapping(profile.definition)
        except DefinitionError as error:
            self.refuse(uplink.message, Reason.CODEC_BROKEN, str(error), item=1)
        else:
            mapping.apply(self.rows, uplink.message, uplink.uid, uplink.time_us, uplink.output)


@lru_cache(maxsize=1_000)
def _mapping(definition: str) -> ObjectMapping:
    return parse_mapping(definition)


def _radio_of(uplinks: Sequence[Uplink]) -> Radio:
    return Radio(
        np.array([uplink.message for uplink in uplinks], np.int32),
        np.array([uplink.time_us for uplink in uplinks], np.int64),
        [uplink.reception for uplink in uplinks],
    )


def _items(parts: Sequence[Columns], message: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give how many readings each of some messages has, refused ones too; shape (len(message),)."""
    items: dict[int, int] = {}
    for part in parts:
        for at, item in zip(part.message.tolist(), part.item.tolist(), strict=True):
            items[at] = max(items.get(at, 0), item)
        for reject in part.rejects:
            items[reject.message] = max(items.get(reject.message, 0), reject.item)
    return np.array([items.get(at, 0) for at in message.tolist()], np.int32)


def _radio_readings(radio: Radio, uids: Sequence[str], items: NDArray[np.int32]) -> Columns:
    """Give what is known of the radio as readings too, numbered behind the `items` others of each message."""
    heard = [(r.rssi, r.snr, r.spreading_factor, r.gateways or None, r.f_cnt) for r in radio.receptions]
    values = np.array(heard, np.float64)
    is_known = np.isfinite(values)
    row, metric = np.nonzero(is_known)
    names = Codes()
    return Columns(
        message=radio.message[row],
        item=(items[row] + np.cumsum(is_known, axis=1)[row, metric]).astype(np.int32),
        device=codes_of(names, uids)[row],
        metric=metric.astype(np.int32),
        unit=np.zeros(len(row), np.int32),
        time_us=radio.time_us[row],
        value=values[row, metric],
        uids=list(names),
        metrics=_METRICS,
        units=[""],
        radio=radio,
    )
