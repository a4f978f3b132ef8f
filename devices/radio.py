"""Radio: how uplinks came through the air, one row a message, beside the readings.

A message without it costs nothing: `Columns.radio` is None where no message of a group says anything of the radio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_PREAMBLE_SYMBOLS = 8
"""LoRaWAN Regional Parameters: the preamble of every uplink."""
_LOW_DATA_RATE_FROM_S = 0.016
"""Semtech AN1200.13: longer symbols are sent with the optimisation for low data rates."""


class Reception(NamedTuple):
    """How one uplink came through the air; None stands for what its network server does not say."""

    session: str
    """Frame counters count within it: device address or session key id."""
    f_cnt: int
    f_port: int
    gateway: str
    """The one that heard it best: by SNR, then by RSSI."""
    gateways: int
    """How many heard it."""
    rssi: float | None
    """Of that gateway [dBm]."""
    snr: float | None
    """Of that gateway [dB]."""
    spreading_factor: int | None
    frequency: int | None
    """Hz."""
    airtime: float | None
    """s."""


@dataclass(frozen=True, slots=True)
class Radio:
    """How messages came through the air: parallel sequences of one length."""

    message: NDArray[np.int32]
    """Index of each message within its group."""
    time_us: NDArray[np.int64]
    """When the network server had it [µs since 1970]."""
    receptions: Sequence[Reception]

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.receptions)

    def take(self, positions: NDArray[np.int64]) -> Radio:
        """Give some of the rows."""
        return Radio(self.message[positions], self.time_us[positions], [self.receptions[i] for i in positions.tolist()])


def join(parts: Iterable[Radio | None]) -> Radio | None:
    """Put rows behind each other; None where there are none."""
    found = [part for part in parts if part is not None]
    if len(found) <= 1:
        return found[0] if found else None
    return Radio(
        np.concatenate([part.message for part in found]),
        np.concatenate([part.time_us for part in found]),
        list(chain.from_iterable(part.receptions for part in found)),
    )


def best_gateway(heard: Sequence[tuple[str, float, float]]) -> tuple[str, float | None, float | None]:
    """Give the gateway that heard an uplink best, with its RSSI and SNR, of all (gateway, RSSI [dBm], SNR [dB])."""
    return max(heard, key=lambda one: (one[2], one[1])) if heard else ("", None, None)


def airtime_s(payload_bytes: int, spreading_factor: int, bandwidth_hz: int, code_rate: int = 5) -> float | None:
    """Say how long a LoRa uplink was in the air [s]; None where it was none that can be.

    Source: Semtech AN1200.13, "LoRa Modem Designer's Guide", section 4; explicit header, checksum, preamble of 8 symbols.

    Parameters
    ----------
    payload_bytes
        Of the PHYPayload.
    spreading_factor, bandwidth_hz
        Of the modulation.
    code_rate
        5 for 4/5 up to 8 for 4/8.
    """
    if not (5 <= spreading_factor <= 12 and bandwidth_hz > 0 and 5 <= code_rate <= 8):
        return None
    symbol_s = float(2**spreading_factor) / bandwidth_hz
    slow = 2 if symbol_s > _LOW_DATA_RATE_FROM_S else 0
    bits = 8 * payload_bytes - 4 * spreading_factor + 28 + 16
    symbols = 8 + max(math.ceil(bits / (4 * (spreading_factor - slow))), 0) * code_rate
    return round(float(_PREAMBLE_SYMBOLS + 4.25 + symbols) * symbol_s, 6)
