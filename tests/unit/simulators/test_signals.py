"""Tests of simulators/signals.py and the weather behind it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.vocabulary import load_vocabulary
from simulators.county import KINDS
from simulators.noise import keys_of
from simulators.signals import SIGNALS, Where, measure
from simulators.weather import sky_of, wetness

DAY_US = 86_400_000_000
MONDAY_US = round(datetime(2026, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
LIMITS = {metric.key: (metric.valid_min, metric.valid_max) for metric in load_vocabulary()}


def some_places(number: int = 4_000, devices: int = 40) -> Where:
    """Give devices at random times of three years."""
    keys = keys_of(5, [str(name) for name in range(devices)])
    times = np.random.default_rng(11).integers(MONDAY_US, MONDAY_US + 3 * 365 * DAY_US, number)
    return Where(sky_of(5), np.resize(keys, number), times)


def through_days(days: int, step_s: int = 900, device: str = "a") -> Where:
    """Give one device at even times from a Monday on."""
    times = MONDAY_US + np.arange(days * 86_400 // step_s) * step_s * 1_000_000
    return Where(sky_of(5), np.repeat(keys_of(5, [device]), len(times)), times)


def by_hour(signal: str, at: Where) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Give the mean of a signal in each hour of the day (UTC; in January also by the clock)."""
    values, hours = measure(signal, at), at.time_us // 3_600_000_000 % 24
    return np.array([np.nanmean(values[hours == hour]) for hour in range(24)])


@pytest.mark.parametrize("signal", SIGNALS)
def test_signal_asked_in_another_order_gives_the_same_values(signal: str) -> None:
    """A value depends on seed, device and time alone: a late or repeated reading is the same reading."""
    at = some_places()
    shuffled = np.random.default_rng(1).permutation(len(at.time_us))

    values = measure(signal, at)
    again = measure(signal, Where(at.sky, at.device[shuffled], at.time_us[shuffled]))
    alone = [measure(signal, Where(at.sky, at.device[i : i + 1], at.time_us[i : i + 1]))[0] for i in range(50)]

    # To the last digit a sensor shows; beyond it vector units may round differently by the length of the array.
    np.testing.assert_allclose(again, values[shuffled], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(alone, values[:50], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("signal", SIGNALS)
def test_signal_another_seed_or_device_gives_other_values(signal: str) -> None:
    """No two devices are the same, nor two counties."""
    at = some_places()
    other_device = measure(signal, Where(at.sky, np.roll(at.device, 1), at.time_us))
    other_county = measure(signal, Where(sky_of(6), keys_of(6, map(str, range(len(at.time_us)))), at.time_us))

    assert not np.array_equal(measure(signal, at), other_device, equal_nan=True)
    assert not np.array_equal(measure(signal, at), other_county, equal_nan=True)


@pytest.mark.parametrize(("metric", "signal"), sorted({(one.metric, one.signal) for kind in KINDS for one in kind.measures}))
def test_signal_three_years_of_forty_devices_stay_within_the_metric_limits(metric: str, signal: str) -> None:
    """Nothing that is simulated is impossible; and it is no straight line."""
    values = measure(signal, some_places(40_000))
    low, high = LIMITS[metric]

    assert low is not None
    assert high is not None
    assert np.nanmin(values) >= low
    assert np.nanmax(values) <= high
    assert np.nanstd(values) > 0


def test_traffic_working_week_has_two_rush_hours_and_quiet_nights() -> None:
    """Morning and evening stand out from noon, and noon from the night."""
    flow = by_hour("vehicle_count", through_days(5))

    assert flow[8] > 1.3 * flow[11]
    assert flow[17] > 1.3 * flow[14]
    assert flow[11] > 4 * flow[3]


def test_traffic_weekend_has_no_morning_rush() -> None:
    """On Saturday and Sunday the morning peak is missing."""
    at = through_days(28)
    is_weekend = (at.time_us - MONDAY_US) // DAY_US % 7 >= 5
    weekend = by_hour("vehicle_count", Where(at.sky, at.device[is_weekend], at.time_us[is_weekend]))

    assert weekend[8] < weekend[12]


def test_traffic_without_vehicles_has_no_speed() -> None:
    """Where nobody passed there is nothing to say about speed, and nothing stands over the detector."""
    at = some_places(20_000)
    nobody = measure("vehicle_count", at) == 0

    assert nobody.any()
    assert np.isnan(measure("speed_mean_time", at)).tolist() == nobody.tolist()
    assert (measure("occupancy", at)[nobody] == 0).all()


def test_air_pm10_holds_pm2_5() -> None:
    """The coarse fraction comes on top of the fine one (cross-check of the domain reference)."""
    at = some_places(20_000)

    assert (measure("pm10", at) >= 1.1 * measure("pm2_5", at)).all()


def test_air_no2_follows_traffic_and_o3_shuns_it() -> None:
    """Over many days NO2 has its peak in the rush hours, ozone its valley in the morning one."""
    at = through_days(60)
    no2, o3 = by_hour("no2", at), by_hour("o3", at)

    assert no2[8] > 1.5 * no2[3]
    assert no2[17] > 1.2 * no2[12]
    assert o3[8] < o3[14]


def test_weather_summer_is_warmer_and_afternoons_too() -> None:
    """The temperature knows season and time of day, and humidity goes against it."""
    january, july = through_days(28), through_days(28)
    july = july._replace(time_us=july.time_us + 181 * DAY_US)

    assert by_hour("air_temperature", july).mean() > by_hour("air_temperature", january).mean() + 8
    assert by_hour("air_temperature", july)[14] > by_hour("air_temperature", july)[4] + 4
    assert by_hour("relative_humidity", july)[14] < by_hour("relative_humidity", july)[4] - 10
    assert by_hour("road_surface_temperature", july)[12] > by_hour("air_temperature", july)[12] + 3


def test_bin_fills_through_the_day_and_is_emptied_at_once() -> None:
    """The level never falls but to nearly nothing, and that several times in eight weeks."""
    level = measure("fill_level", through_days(56))
    steps = np.diff(level)
    emptied = np.flatnonzero(steps < 0)

    assert 4 <= len(emptied) <= 40
    assert (level[emptied + 1] < 6).all()
    assert level.max() > 60


def test_water_rain_comes_and_drains_away() -> None:
    """A gully answers within the hour and is dry again in a day; a river later and for days."""
    at = through_days(60)
    rain, gully, river = wetness(at.sky, at.time_us, 0.5, 0.0), measure("gully_level", at), measure("river_level", at)
    wettest = int(np.argmax(rain))

    assert rain.min() == 0
    assert rain.max() > 3
    assert gully[wettest : wettest + 8].max() > np.median(gully) + 0.02
    assert np.argmax(np.correlate(river - river.mean(), rain - rain.mean(), "full")) - len(rain) + 1 > 8


def test_ageing_batteries_fall_and_silt_grows() -> None:
    """What ages goes one way for weeks, but for the noise of the sensor."""
    at = through_days(30, step_s=21_600, device="d")

    assert (np.diff(measure("battery_level", at)) < 0).mean() > 0.98
    assert np.polyfit(at.time_s - at.time_s[0], measure("silt_depth", at), 1)[0] > 0
