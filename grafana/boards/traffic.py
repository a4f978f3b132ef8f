"""Dashboard: flow and speed."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from grafana.boards.domain import Chart, domain_board

BOARD = domain_board(
    "hedgerow-traffic",
    "Traffic",
    "Flow and speed at the county's counters.",
    "traffic_hourly",
    [
        Chart("vehicle_count", "Vehicles", "Vehicles counted, all classes.", units.Short, statistic="sum", decimals=0),
        Chart("speed_mean_time", "Mean speed", "Arithmetic mean of the speeds of passing vehicles.", units.KilometersPerHour),
        Chart("occupancy", "Occupancy", "Share of the time a vehicle stands over the detector.", units.Percent),
    ],
)
