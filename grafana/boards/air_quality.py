"""Dashboard: particles and gases."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from grafana.boards.domain import Chart, domain_board

BOARD = domain_board(
    "hedgerow-air-quality",
    "Air quality",
    "Particles and gases at the county's monitoring points.",
    "air_quality_hourly",
    [
        Chart("pm2_5", "Fine particles (PM2.5)", "Mass of particles up to 2.5 µm.", units.MicrogramPerCubicMeter),
        Chart("pm10", "Particles (PM10)", "Mass of particles up to 10 µm.", units.MicrogramPerCubicMeter),
        Chart(
            "no2",
            "Nitrogen dioxide",
            "NO2, at 20 °C and 101.3 kPa; mostly from traffic. Line: 200, the limit of an hour.",
            units.MicrogramPerCubicMeter,
            limit=200,
        ),
        Chart("o3", "Ozone", "O3; highest on sunny afternoons, low beside busy roads.", units.MicrogramPerCubicMeter),
        Chart("air_temperature", "Air temperature", "Beside the monitors.", units.Celsius, is_beside=True),
        Chart(
            "relative_humidity",
            "Relative humidity",
            "Optical counters read too high in very damp air.",
            units.Humidity,
            is_beside=True,
        ),
    ],
)
