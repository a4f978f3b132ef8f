"""Units: what converts into what, and what never does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from devices import units
from devices.units import conversion
from devices.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from devices.model import Metric

METRICS = {metric.key: metric for metric in load_vocabulary()}


def converted(value: float, unit: str, key: str) -> float:
    """Convert a value in `unit` into the stored unit of the metric `key`."""
    metric = METRICS[key]
    factors = conversion(unit, metric.unit, metric.unit_senml, key)
    assert factors is not None, f"{unit!r} does not convert into {metric.unit!r}"
    return value * factors[0] + factors[1]


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_conversion_from_a_metric_s_own_units_always_exists(metric: Metric) -> None:
    """The SenML unit the vocabulary expects, the stored unit and no unit at all are understood for every metric."""
    assert conversion("", metric.unit, metric.unit_senml) == (1.0, 0.0)
    assert conversion(metric.unit, metric.unit, metric.unit_senml) == (1.0, 0.0)
    factors = conversion(metric.unit_senml, metric.unit, metric.unit_senml)
    assert factors is not None
    assert all(map(math.isfinite, factors))
    assert factors[0] > 0


@pytest.mark.parametrize(
    ("value", "unit", "key", "stored"),
    [
        (21.5, "Cel", "air_temperature", 21.5),
        (293.15, "K", "air_temperature", 20.0),
        (0.0, "K", "air_temperature", -273.15),
        (68.0, "degF", "air_temperature", 20.0),
        (-40.0, "degF", "air_temperature", -40.0),
        (101_325.0, "Pa", "air_pressure", 1013.25),
        (101.325, "kPa", "air_pressure", 1013.25),
        (10.0, "m/s", "speed_mean_time", 36.0),
        (60.0, "mph", "speed_mean_time", 96.56064),
        (36.0, "km/h", "wind_speed", 10.0),
        (1.5e-8, "kg/m3", "pm2_5", 15.0),
        (0.25, "mg/m3", "pm10", 250.0),
        (105.0, "ppb", "no2", 200.8125),
        (0.1, "ppm", "no2", 191.25),
        (10.0, "ppb", "nox_as_no2", 19.125),
        (60.0, "ppb", "o3", 119.718),
        (1.0, "ppb", "so2", 2.6632),
        (1.0, "ppb", "no", 1.2474),
        (1.0, "ppb", "nh3", 0.708),
        (8.0, "ppm", "co", 9.3152),
        (800.0, "ppb", "co", 0.93152),
        (800.0, "ug/m3", "co", 0.8),
        (1.2e-6, "kg/m3", "co", 1.2),
        (0.0095, "kg/m3", "dissolved_oxygen", 9.5),
        (0.55, "/", "relative_humidity", 55.0),
        (55.0, "%", "relative_humidity", 55.0),
        (0.8, "/", "battery_level", 80.0),
        (0.8, "/", "fill_level", 80.0),
        (80.0, "%", "fill_level", 80.0),
        (0.00042, "/", "co2_ambient", 420.0),
        (123e-6, "/", "strain", 123.0),
        (172_800.0, "EL", "battery_seconds_left", 2.0),
        (172_800.0, "s", "battery_seconds_left", 2.0),
        (0.5, "1/s", "flow_rate", 1800.0),
        (30.0, "1/min", "flow_rate", 1800.0),
        (1.0, "m", "distance_to_surface", 1000.0),
        (35.0, "cm", "silt_depth", 350.0),
        (1.25, "km", "queue_length", 1250.0),
        (0.05, "S/m", "water_conductivity", 500.0),
        (0.5, "mS/cm", "water_conductivity", 500.0),
        (1e-6, "m/s", "rainfall_rate", 3.6),
        (5.0, "mm", "rainfall_interval", 5.0),
        (250.0, "l/s", "water_flow", 0.25),
        (3_600_000.0, "J", "lamp_energy_cumulative", 1.0),
        (3300.0, "mV", "battery_voltage", 3.3),
        (-120.0, "dBW", "rssi", -90.0),
        (6.0, "Bspl", "noise_laeq", 60.0),
        (math.pi, "rad", "wind_direction", 180.0),
        (2.0, "g", "salt_stock", 0.002),
        (90.0, "min", "run_hours", 1.5),
        (51.2, "lat", "latitude", 51.2),
        (-1.8, "deg", "longitude", -1.8),
        (1.0, "", "door_open", 1.0),
        (12.0, "count", "vehicle_count", 12.0),
    ],
)
def test_conversion_known_quantities_agree(value: float, unit: str, key: str, stored: float) -> None:
    """Values worked out by hand come out as they should."""
    assert converted(value, unit, key) == pytest.approx(stored, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("unit", "key"),
    [
        ("C", "air_temperature"),
        ("%", "air_temperature"),
        ("cel", "air_temperature"),
        ("Cel", "relative_humidity"),
        ("Pa", "wind_speed"),
        ("m", "wind_speed"),
        ("lat", "longitude"),
        ("lon", "latitude"),
        ("rad", "latitude"),
        ("ppm", "pm2_5"),
        ("ppb", "pm10"),
        ("/", "no2"),
        ("mm/h", "rainfall_interval"),
        ("mm", "rainfall_rate"),
        ("V", "battery_level"),
        ("%", "battery_voltage"),
        ("dBm", "snr"),
        ("dB", "rssi"),
        ("s", "vehicle_count"),
        ("km/h", "daqi"),
        ("nonsense", "pm2_5"),
        ("'; DROP TABLE reading; --", "pm2_5"),
    ],
)
def test_conversion_foreign_unit_does_not_fit(unit: str, key: str) -> None:
    """A unit of another quantity is never taken for the metric's own."""
    metric = METRICS[key]

    assert conversion(unit, metric.unit, metric.unit_senml, key) is None


def test_conversion_of_a_gas_kept_in_parts_of_the_air_stays_in_parts() -> None:
    """A council that keeps its NO2 in ppb gets ppb, and ppm a thousand of them."""
    assert conversion("ppb", "ppb", "ppb", "no2") == (1.0, 0.0)
    assert conversion("ppm", "ppb", "ppb", "no2") == pytest.approx((1000.0, 0.0))
    assert conversion("ppb", "V", "V", "no2") is None


def test_conversion_into_a_unit_with_its_own_zero_shifts_by_it() -> None:
    """A metric that a council stores in Fahrenheit: both scale and zero are the target's."""
    assert conversion("Cel", "degF", "Cel") == pytest.approx((1.8, 32.0))
    assert conversion("K", "degF", "Cel") == pytest.approx((1.8, -459.67))


def test_conversion_hostile_units_do_not_fill_the_memory() -> None:
    """Units come from outside: what is remembered of them has a limit, in number and in length."""
    before = units._conversion.cache_info()  # noqa: SLF001

    assert conversion("x" * 1_000_000, "m", "m") is None
    assert units._conversion.cache_info() == before  # noqa: SLF001
    assert before.maxsize is not None
