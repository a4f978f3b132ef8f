"""Units: how a value in one unit becomes the same quantity in another.

Names are those of the SenML registry (RFC 8428 section 12.1, RFC 8798) and the display units of the vocabulary. Every unit is
`base = value * scale + offset` within its dimension; two units convert only if they share the dimension. Beside that,
a gas told in parts of the air (`ppb`, `ppm`) becomes a concentration by a factor of its own.
"""

from __future__ import annotations

from functools import lru_cache

_DIMENSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "length": {"m": (1, 0), "mm": (1e-3, 0), "cm": (1e-2, 0), "km": (1e3, 0)},
    "mass": {"kg": (1, 0), "g": (1e-3, 0), "mg": (1e-6, 0), "t": (1e3, 0)},
    "time": {"s": (1, 0), "ms": (1e-3, 0), "min": (60, 0), "h": (3600, 0)},
    "energy left": {"EL": (1, 0), "s": (1, 0), "h": (3600, 0), "d": (86400, 0)},
    "temperature": {"K": (1, 0), "Cel": (1, 273.15), "°C": (1, 273.15), "degF": (5 / 9, 459.67 * 5 / 9)},
    "pressure": {"Pa": (1, 0), "hPa": (100, 0), "kPa": (1000, 0), "mbar": (100, 0)},
    "speed": {"m/s": (1, 0), "km/h": (1 / 3.6, 0), "mph": (0.44704, 0)},
    "acceleration": {"m/s2": (1, 0), "m/s²": (1, 0)},
    "rain": {"m/s": (1, 0), "mm/h": (1 / 3.6e6, 0)},
    "flow": {"m3/s": (1, 0), "m³/s": (1, 0), "l/s": (1e-3, 0), "m3/h": (1 / 3600, 0)},
    "concentration": {
        "kg/m3": (1, 0),
        "mg/m3": (1e-6, 0),
        "mg/m³": (1e-6, 0),
        "ug/m3": (1e-9, 0),
        "µg/m³": (1e-9, 0),
        "mg/L": (1e-3, 0),
        "mg/l": (1e-3, 0),
        "g/l": (1, 0),
    },
    "ratio": {
        "/": (1, 0),
        "%": (1e-2, 0),
        "/100": (1e-2, 0),
        "/1000": (1e-3, 0),
        "ppm": (1e-6, 0),
        "ppb": (1e-9, 0),
        "µε": (1e-6, 0),
        "bool": (1, 0),
    },
    "humidity": {"%RH": (1, 0), "%": (1, 0), "/100": (1, 0), "/": (100, 0)},
    "charge": {"%EL": (1, 0), "%": (1, 0), "/100": (1, 0), "/": (100, 0)},
    "count": dict.fromkeys(
        (
            "count",
            "veh/interval",
            "people/interval",
            "veh",
            "people",
            "pulses",
            "veh/km",
            "resets",
            "gateways",
            "frames",
            "bays",
        ),
        (1, 0),
    ),
    "frequency": {"1/s": (1, 0), "Hz": (1, 0), "1/min": (1 / 60, 0), "veh/h": (1 / 3600, 0)},
    "angle": {"rad": (1, 0), "deg": (0.017453292519943295, 0), "°": (0.017453292519943295, 0)},
    "latitude": {"lat": (1, 0), "deg": (1, 0), "°": (1, 0)},
    "longitude": {"lon": (1, 0), "deg": (1, 0), "°": (1, 0)},
    "power": {"W": (1, 0), "mW": (1e-3, 0), "kW": (1e3, 0)},
    "energy": {"J": (1, 0), "Wh": (3600, 0), "kWh": (3.6e6, 0)},
    "voltage": {"V": (1, 0), "mV": (1e-3, 0)},
    "level": {"dB": (1, 0), "dB(A)": (1, 0), "Bspl": (10, 0)},
    "signal": {"dBW": (1, 0), "dBm": (1, -30)},
    "conductivity": {"S/m": (1, 0), "µS/cm": (1e-4, 0), "mS/cm": (1e-1, 0)},
    "irradiance": {"W/m2": (1, 0), "W/m²": (1, 0)},
    "illuminance": {"lx": (1, 0)},
    "acidity": {"pH": (1, 0)},
    "turbidity": {"NTU": (1, 0)},
}

# Dimensions that share unit names are told apart by the metric's SenML unit.
_DIMENSION_OF = {
    "EL": "energy left",
    "%RH": "humidity",
    "%EL": "charge",
    "lat": "latitude",
    "lon": "longitude",
    "mm/h": "rain",
}

_UG_M3_OF_PPB = {
    "no2": 1.9125,
    "nox_as_no2": 1.9125,
    "no": 1.2474,
    "o3": 1.9953,
    "so2": 2.6632,
    "co": 1.1644,
    "nh3": 0.7080,
}
"""One ppb of a gas [µg/m³]: M / Vm at 20 °C and one atmosphere, as UK and EU report gases (domain reference, section 1.7)."""

_PPB = {"ppb": 1.0, "ppm": 1000.0}


_LONGEST_UNIT = 30


def conversion(unit: str, metric_unit: str, metric_unit_senml: str, metric: str = "") -> tuple[float, float] | None:
    """Say how a value given in `unit` becomes one in the metric's own unit.

    Parameters
    ----------
    unit
        Unit a message named; empty for none.
    metric_unit, metric_unit_senml
        The metric's stored unit and the SenML unit it is expected in.
    metric
        Its key: for some gases parts of the air are understood.

    Returns
    -------
    tuple or None
        `(scale, offset)` with `stored = value * scale + offset`; None where the unit does not fit. A message without a unit
        is taken to speak the metric's own.
    """
    if len(unit) > _LONGEST_UNIT:
        return None
    if unit in _PPB and metric in _UG_M3_OF_PPB:
        return _of_gas(unit, metric_unit, metric)
    return _conversion(unit, metric_unit, metric_unit_senml)


@lru_cache(maxsize=10_000)  # units come from messages: anybody may invent them
def _conversion(unit: str, metric_unit: str, metric_unit_senml: str) -> tuple[float, float] | None:
    if unit in ("", metric_unit):
        return (1.0, 0.0)
    dimension = _DIMENSION_OF.get(metric_unit_senml) or _dimension_with(metric_unit, metric_unit_senml)
    units = _DIMENSIONS.get(dimension or "", {})
    if unit not in units or metric_unit not in units:
        return None
    (scale, offset), (to_scale, to_offset) = units[unit], units[metric_unit]
    if (scale, offset) == (to_scale, to_offset):
        return (1.0, 0.0)
    return (scale / to_scale, (offset - to_offset) / to_scale)


def _of_gas(unit: str, metric_unit: str, metric: str) -> tuple[float, float] | None:
    """Parts of a gas in the air as a concentration in the metric's unit; they stay parts where it is kept in those."""
    units = _DIMENSIONS["concentration"]
    if metric_unit not in units:
        return _conversion(unit, metric_unit, metric_unit)
    # By powers of ten that are whole numbers: 105 ppb of NO2 is 200.8125 to the last digit.
    micrograms = round(units[metric_unit][0] / units["ug/m3"][0])
    return (_UG_M3_OF_PPB[metric] * _PPB[unit] / micrograms, 0.0)


def _dimension_with(*names: str) -> str | None:
    """Name of the first dimension that holds every one of the units."""
    for dimension, units in _DIMENSIONS.items():
        if all(name in units for name in names):
            return dimension
    return None
