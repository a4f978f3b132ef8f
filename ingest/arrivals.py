"""Arrivals: which devices were heard and when, gathered in memory and written to device_arrival now and then.

A message that is refused counts as well as one that is stored: it proves that its device lives. A crash loses what waits, ten
seconds at most; the next message of the device makes it good.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from devices.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.message import Group
    from ingest.resolve import Resolved

_EVERY_S = 10.0
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Heard:
    """One row for each registered device in each message that came for the first time, as parallel arrays of one length."""

    device: NDArray[np.int32]
    """Device id."""
    received_us: NDArray[np.int64]
    """Arrival [µs since 1970]."""
    gateways: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """By device id, where that was said: the gateway that heard the last message best, and how many heard it."""


NOTHING_HEARD = Heard(np.empty(0, np.int32), np.empty(0, np.int64))


def heard_in(group: Group, resolved: Resolved) -> Heard:
    """Tell which devices a group is from: by the message itself or, in packs of gateways, by the readings."""
    own = np.flatnonzero((resolved.device_ids != 0) & ~group.repeated)
    device, received_us = resolved.device_ids[own], group.received_us[own]
    gateways = _by_radio(resolved)
    packed = _packed(group, resolved)
    if len(packed):
        seen = resolved.clocks
        device = np.append(device, seen.device[packed])
        received_us = np.append(received_us, seen.received_us[packed])
        for row in packed.tolist():
            gateways[int(seen.device[row])] = (group.sources[seen.message[row]].uid, 1)
    return Heard(device, received_us, gateways)


def _packed(group: Group, resolved: Resolved) -> NDArray[np.intp]:
    """Rows of the sightings that come from packs of gateways."""
    if resolved.device_ids.all():
        return np.empty(0, np.intp)
    packs = np.array([source.kind is Kind.GATEWAY for source in group.sources], bool)
    return np.flatnonzero(packs[resolved.clocks.message]) if packs.any() else np.empty(0, np.intp)


def _by_radio(resolved: Resolved) -> dict[int, tuple[str, int]]:
    if resolved.radio is None:
        return {}
    devices = resolved.device_ids[resolved.radio.message].tolist()
    return {
        device: (reception.gateway, reception.gateways)
        for device, reception in zip(devices, resolved.radio.receptions, strict=True)
        if device and reception.gateway
    }


class Arrivals:
    """What waits to be written; one thread adds, another takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = time.monotonic() + _EVERY_S
        self._clear()

    def add(self, heard: Heard) -> None:
        """Add what a stored group has told."""
        if not len(heard.device):
            return
        with self._lock:
            self._make_room(int(heard.device.max()) + 1)
            self._messages += np.bincount(heard.device, minlength=len(self._messages))
            np.maximum.at(self._last_us, heard.device, heard.received_us)
            self._gateways.update(heard.gateways)

    def is_due(self) -> bool:
        """Whether there is something to write and the time has come."""
        return bool(len(self._messages)) and time.monotonic() >= self._due

    def take(self) -> dict[str, Sequence[object]]:
        """Give what waits as columns of the query `note_arrivals`, one row a device, sorted; it waits no longer."""
        with self._lock:
            device = np.flatnonzero(self._messages)
            gateways = [self._gateways.get(one, ("", 0)) for one in device.tolist()]
            rows: dict[str, Sequence[object]] = {
                "devices": device.tolist(),
                "last_us": self._last_us[device].tolist(),
                "messages": self._messages[device].tolist(),
                "gateway": [gateway for gateway, _ in gateways],
                "gateways": [min(count, 2**15 - 1) for _, count in gateways],
            }
            self._clear()
            self._due = time.monotonic() + _EVERY_S
        return rows

    def put_back(self, rows: Mapping[str, Sequence[Any]]) -> None:
        """Let what could not be written wait again; what has come since stands."""
        device = np.array(rows["devices"], np.int64)
        if not len(device):
            return
        with self._lock:
            self._make_room(int(device.max()) + 1)
            self._messages[device] += np.array(rows["messages"], np.int64)
            self._last_us[device] = np.maximum(self._last_us[device], np.array(rows["last_us"], np.int64))
            for one, gateway, gateways in zip(rows["devices"], rows["gateway"], rows["gateways"], strict=True):
                if gateway:
                    self._gateways.setdefault(one, (gateway, gateways))

    def _clear(self) -> None:
        self._messages = np.zeros(0, np.int64)
        self._last_us = np.zeros(0, np.int64)
        self._gateways: dict[int, tuple[str, int]] = {}

    def _make_room(self, devices: int) -> None:
        more = devices - len(self._messages)
        if more > 0:
            self._messages = np.append(self._messages, np.zeros(more, np.int64))
            self._last_us = np.append(self._last_us, np.full(more, _NEVER))
