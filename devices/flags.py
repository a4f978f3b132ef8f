"""Flags: the bits that say what is doubtful about a reading; the value is always kept."""

from __future__ import annotations

from enum import IntFlag


class Flag(IntFlag):
    """Bit values, fixed for ever: they are stored (domain reference, section 1.9)."""

    OUT_OF_RANGE = 1
    STEP = 2
    FLATLINE = 4
    SPIKE = 8
    HUMIDITY = 16
    WARM_UP = 32
    CALIBRATION = 64
    LATE = 128
    DUPLICATE = 256
    CLOCK = 512
    CROSS_CHECK = 1024
    BATTERY_LOW = 2048
    MANUAL_INVALID = 4096
    ESTIMATED = 8192
    SENTINEL = 16384


EXCLUDING = (
    Flag.OUT_OF_RANGE
    | Flag.STEP
    | Flag.FLATLINE
    | Flag.SPIKE
    | Flag.WARM_UP
    | Flag.CALIBRATION
    | Flag.MANUAL_INVALID
    | Flag.SENTINEL
)
"""A reading with any of these bits stays out of aggregates unless it is asked for: what the table quality_flag begins with."""

DESCRIPTIONS: dict[Flag, str] = {
    Flag.OUT_OF_RANGE: "outside the range that is possible for this metric",
    Flag.STEP: "changed faster than is plausible",
    Flag.FLATLINE: "stuck at one value",
    Flag.SPIKE: "a lone value far from its neighbours",
    Flag.HUMIDITY: "measured in very damp air",
    Flag.WARM_UP: "measured while the sensor was warming up",
    Flag.CALIBRATION: "measured during calibration",
    Flag.LATE: "arrived more than an hour after it was measured",
    Flag.DUPLICATE: "sent more than once",
    Flag.CLOCK: "the device's clock was wrong; the time of arrival stands instead",
    Flag.CROSS_CHECK: "does not fit a related metric",
    Flag.BATTERY_LOW: "measured with a nearly empty battery",
    Flag.MANUAL_INVALID: "marked as invalid by a person",
    Flag.ESTIMATED: "estimated, not measured",
    Flag.SENTINEL: "a number by which the device says that it has no value",
}
