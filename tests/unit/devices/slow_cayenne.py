"""A slow and obvious decoder of Cayenne LPP: one frame at a time, by the table of types in myDevices' description."""

from __future__ import annotations

from fractions import Fraction

from devices.reasons import Reason

SIMPLE: dict[int, tuple[str, int, bool, str]] = {
    0: ("digital_input", 1, False, "1"),
    1: ("digital_output", 1, False, "1"),
    2: ("analog_input", 2, True, "0.01"),
    3: ("analog_output", 2, True, "0.01"),
    100: ("generic", 4, False, "1"),
    101: ("illuminance", 2, False, "1"),
    102: ("presence", 1, False, "1"),
    103: ("temperature", 2, True, "0.1"),
    104: ("humidity", 1, False, "0.5"),
    115: ("barometer", 2, False, "0.1"),
    116: ("voltage", 2, False, "0.01"),
    117: ("current", 2, False, "0.001"),
    118: ("frequency", 4, False, "1"),
    120: ("percentage", 1, False, "1"),
    121: ("altitude", 2, True, "1"),
    128: ("power", 2, False, "1"),
    130: ("distance", 4, False, "0.001"),
    131: ("energy", 4, False, "0.001"),
    132: ("direction", 2, False, "1"),
    133: ("unix_time", 4, False, "1"),
    142: ("switch", 1, False, "1"),
}
"""Name, bytes, whether signed, scale of the types that hold one value."""

USUAL = {
    "illuminance": ("illuminance", "lx"),
    "temperature": ("air_temperature", "Cel"),
    "humidity": ("relative_humidity", "%RH"),
    "barometer": ("air_pressure", "hPa"),
    "altitude": ("altitude", "m"),
    "distance": ("distance_to_surface", "m"),
    "accelerometer_x": ("acceleration_x", "m/s2"),
    "accelerometer_y": ("acceleration_y", "m/s2"),
    "accelerometer_z": ("acceleration_z", "m/s2"),
    "gps_latitude": ("latitude", "lat"),
    "gps_longitude": ("longitude", "lon"),
    "gps_altitude": ("altitude", "m"),
}
"""Metric and unit of the first of its name."""

Reading = tuple[int, str, str, float]


def slow_decode(payload: bytes) -> tuple[list[Reading], list[tuple[int, Reason]]]:
    """Decode one frame without a definition: readings as (item, metric, unit, value), refusals as (item, reason)."""
    if not payload:
        return [], [(1, Reason.PAYLOAD_EMPTY)]
    readings: list[Reading] = []
    seen: set[str] = set()
    item = at = 0
    while at < len(payload):
        values = _values(payload[at + 1 :]) if at + 1 < len(payload) else None
        if values is None:
            return readings, [(item + 1, Reason.FRAME_INCOMPLETE)]
        for name, value in values[1]:
            item += 1
            metric, unit = USUAL.get(name, ("", "")) if name not in seen else ("", "")
            seen.add(name)
            if name != "unix_time":
                readings.append((item, metric or f"{name}_{payload[at]}", unit, float(value)))
        at += 1 + values[0]
    return readings, [] if readings else [(1, Reason.PACK_EMPTY)]


def _values(data: bytes) -> tuple[int, list[tuple[str, Fraction]]] | None:
    """Read type and value; gives the bytes used and each value by name, None where that cannot be."""
    kind, data = data[0], data[1:]
    if kind in SIMPLE:
        name, width, is_signed, scale = SIMPLE[kind]
        value = Fraction(int.from_bytes(data[:width], "big", signed=is_signed)) * Fraction(scale)
        return (1 + width, [(name, value)]) if len(data) >= width else None
    if kind in (113, 134) and len(data) >= 6:
        name, scale = ("accelerometer", "0.00980665") if kind == 113 else ("gyrometer", "0.01")
        axes = [Fraction(int.from_bytes(data[i : i + 2], "big", signed=True)) * Fraction(scale) for i in (0, 2, 4)]
        return 7, [(f"{name}_{axis}", value) for axis, value in zip("xyz", axes, strict=True)]
    if kind == 136 and len(data) >= 9:
        parts = [Fraction(int.from_bytes(data[i : i + 3], "big", signed=True)) for i in (0, 3, 6)]
        return 10, [("gps_latitude", parts[0] / 10_000), ("gps_longitude", parts[1] / 10_000), ("gps_altitude", parts[2] / 100)]
    return None
