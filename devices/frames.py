"""Frames: binary payloads of devices with what came round them, ready for the codec of their device profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frames:
    """Payloads of one or many devices as parallel sequences of one length."""

    message: NDArray[np.int32]
    """Index of each frame's message within its group."""
    uids: Sequence[str]
    ports: NDArray[np.int16]
    """LoRaWAN FPort; 0 where the payload came without one."""
    payloads: Sequence[bytes]
    time_us: NDArray[np.int64]
    """When the network server had it, or it arrived: the time of readings that bring none [µs since 1970]."""

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.payloads)

    def take(self, positions: Sequence[int]) -> Frames:
        """Give some of the frames."""
        return Frames(
            self.message[positions],
            [self.uids[i] for i in positions],
            self.ports[positions],
            [self.payloads[i] for i in positions],
            self.time_us[positions],
        )


def frames_of(rows: Sequence[tuple[int, str, int, bytes, int]]) -> Frames:
    """Arrange single frames (message, uid, port, payload, time in µs) as columns."""
    message, uids, ports, payloads, time_us = zip(*rows, strict=True) if rows else [()] * 5
    return Frames(np.array(message, np.int32), uids, np.array(ports, np.int16), payloads, np.array(time_us, np.int64))
