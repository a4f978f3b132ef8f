"""The console's words: numbers, times, metrics and domains as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MAIN_METRICS = (
    "pm2_5",
    "no2",
    "pm10",
    "o3",
    "vehicle_count",
    "speed_mean_time",
    "occupancy",
    "fill_level",
    "water_level",
    "silt_depth",
    "road_surface_temperature",
    "air_temperature",
    "relative_humidity",
    "wind_speed",
    "rainfall_interval",
)
"""What a person looks for first at a site, best first; everything else follows in the vocabulary's order."""

_METRICS = {
    "pm1": "PM1",
    "pm2_5": "PM2.5",
    "pm10": "PM10",
    "pm2_5_corrected": "PM2.5, corrected",
    "no2": "NO₂",
    "no": "NO",
    "nox_as_no2": "NOx as NO₂",
    "o3": "Ozone",
    "so2": "SO₂",
    "co": "CO",
    "co2_ambient": "CO₂",
    "nh3": "Ammonia",
    "tvoc_index": "VOC index",
    "noise_laeq": "Noise (LAeq)",
    "daqi": "Daily air quality index",
    "vehicle_count": "Vehicles",
    "speed_mean_time": "Mean speed",
    "speed_mean_space": "Mean speed over distance",
    "speed_p85": "85th percentile speed",
    "wave_height_sig": "Significant wave height",
    "water_ph": "Acidity",
    "soil_moisture_vwc": "Soil moisture",
    "rainfall_interval": "Rainfall",
    "rssi": "Signal strength (RSSI)",
    "snr": "Signal-to-noise ratio",
    "lte_rsrp": "Signal strength (RSRP)",
    "gnss_accuracy": "Position accuracy",
    "battery_level": "Battery",
}

_DOMAINS = {"asset": "Assets", "mixed": "Mixed"}

_UNITS_OF_TIME = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def metric_label(key: str, channel: str = "") -> str:
    """Name a metric for a person: `vehicle_count` becomes "Vehicles"."""
    label = _METRICS.get(key) or key.replace("_", " ").capitalize()
    return f"{label} ({channel})" if channel else label


def domain_label(domain: str | None) -> str:
    """Name a domain for a person: `air_quality` becomes "Air quality"."""
    key = domain or "mixed"
    return _DOMAINS.get(key) or key.replace("_", " ").capitalize()


def number_text(value: float) -> str:
    """Write a number with as many decimals as its size deserves, thousands set apart."""
    size = abs(value)
    decimals = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if decimals else text).replace("-", "\N{MINUS SIGN}")


def count_text(count: int) -> str:
    """Write how many, thousands set apart."""
    return f"{count:,}"


def value_text(value: float, unit: str) -> str:
    """Write a value with its unit; yes or no where the unit says so."""
    if unit == "bool":
        return "yes" if value else "no"
    if unit in ("", "enum"):
        return number_text(value)
    space = "" if unit in ("%", "°") else "\N{NO-BREAK SPACE}"
    return f"{number_text(value)}{space}{unit}"


def duration_text(seconds: float) -> str:
    """Write a length of time in the largest unit that fits: "15 minutes", "2 hours"."""
    for width, unit in _UNITS_OF_TIME:
        if seconds >= width:
            count = int(seconds // width)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "0 seconds"


def ago_text(moment: datetime, now: datetime) -> str:
    """Say how long ago something was."""
    seconds = (now - moment).total_seconds()
    if seconds < 0:
        return f"{duration_text(-seconds)} ahead of this clock" if seconds < -2 else "just now"
    return "just now" if seconds < 2 else f"{duration_text(seconds)} ago"


def iso(moment: datetime) -> str:
    """Write a time for programs: ISO 8601 in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day_text(moment: datetime, zone: ZoneInfo) -> str:
    """Write the day at a place: "21 Nov 2026"."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    """Write the exact time at a place: "21 Nov 2026, 22:05:12"."""
    return f"{day_text(moment, zone)}, {moment.astimezone(zone):%H:%M:%S}"


def bucket_text(moment: datetime, zone: ZoneInfo, width_s: int) -> str:
    """Write the start of a bucket as short as its width [s] allows."""
    if width_s >= 86400:
        return day_text(moment, zone)
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b, %H:%M}" + (f":{local:%S}" if width_s < 60 else "")
