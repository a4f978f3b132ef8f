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
        Chart("fill_level", "Bin fill level", "How full a bin is; 100 % is full.", units.Percent, decimals=0),
        Chart("silt_depth", "Gully silt depth", "Silt at the bottom of a gully.", units.Millimeter, decimals=0),
        Chart("water_level", "Water level", "Level above the datum of the site, positive upwards.", units.Meter, decimals=2),
        Chart(
            "road_surface_temperature",
            "Road surface temperature",
            "Temperature of the road itself; gritting is decided near 0 °C.",
            units.Celsius,
        ),
        Chart("battery_level", "Battery level", "What is left in the batteries.", units.Percent, decimals=0, is_beside=True),
        Chart("battery_voltage", "Battery voltage", "Voltage of the batteries.", units.Volt, decimals=2, is_beside=True),
    ],
)
