"""Dashboard: bins, gullies, rivers, roads."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from grafana.boards.domain import Chart, domain_board

BOARD = domain_board(
    "hedgerow-assets",
    "Assets",
    "Bins, gullies, rivers and roads: what needs a visit, and the batteries of the sensors there.",
    "asset_hourly",
    [
        Chart(
            "fill_level", "Bin fill level", "100 % is full. Line: 80 %, time to empty it.", units.Percent, decimals=0, limit=80
        ),
        Chart("silt_depth", "Gully silt depth", "Silt at the bottom of a gully.", units.Millimeter, decimals=0),
        Chart("water_level", "Water level", "Level above the datum of the site, positive upwards.", units.Meter, decimals=2),
        Chart(
            "road_surface_temperature",
            "Road surface temperature",
            "Temperature of the road itself; gritting is decided near 0 °C. Line: 1 °C.",
            units.Celsius,
            limit=1,
        ),
        Chart(
            "battery_level",
            "Battery level",
            "What is left in the batteries. Line: 20 %, change it.",
            units.Percent,
            decimals=0,
            limit=20,
            is_beside=True,
        ),
        Chart("battery_voltage", "Battery voltage", "Voltage of the batteries.", units.Volt, decimals=2, is_beside=True),
    ],
)
