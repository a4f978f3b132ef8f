"""Dashboard: how the devices themselves are."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import signs, targets
from grafana.board import Board
from grafana.panels import Frame, bars, listing, site_lines

_BATTERY = signs.steps((20, signs.ORANGE), (40, signs.GREEN), base=signs.VERMILION)
_SILENCE = signs.steps((1.5, signs.ORANGE), (3, signs.VERMILION))
_LOSS = signs.steps((0.05, signs.ORANGE), (0.2, signs.VERMILION))
_RSSI = signs.steps((-120, signs.ORANGE), (-110, signs.GREEN), base=signs.VERMILION)


def _asked(name: str) -> targets.Target:
    return targets.database(targets.sql(name), "table")


def _unit(unit: str) -> DynamicConfigValue:
    return DynamicConfigValue("unit", unit)


BOARD = Board(
    "hedgerow-fleet",
    "Fleet health",
    "Batteries, signal, loss, airtime and silence of the devices.",
    [
        bars(
            Frame("Devices by state", "How many devices report as expected, and how many do not.", 8, 9),
            _asked("devices_by_state"),
            units.Short,
        ).override_by_name("state", signs.stated()),
        bars(
            Frame("Lowest batteries", "The devices whose batteries have the least left. Below 20 %: change it.", 8, 9),
            _asked("low_batteries"),
            units.Percent,
            _BATTERY,
        ).max(100),
        bars(
            Frame("Longest silences", "Time since a device was last heard, in intervals it was expected to send in.", 8, 9),
            _asked("longest_silences"),
            units.Short,
            _SILENCE,
        ).decimals(1),
        site_lines(
            Frame("Battery level", "Means of hours; a click on a line leads to its site.", 24, 8),
            targets.database(targets.sql("batteries_of_hours"), "time_series"),
            units.Percent,
            decimals=0,
            least="1h",
        ),
        listing(
            Frame("Devices", "Every device that is not retired, those that need a look first.", 24, 11),
            _asked("fleet"),
            {
                "Silent for": [_unit(units.Seconds), DynamicConfigValue("decimals", 0)],
                "Expected every": [_unit(units.Seconds), DynamicConfigValue("decimals", 0)],
                "Battery": [_unit(units.Percent), *signs.coloured(_BATTERY)],
                "Voltage": [_unit(units.Volt), DynamicConfigValue("decimals", 2)],
            },
        ),
        listing(
            Frame(
                "Radio", "The last 24 hours of every device, as LoRaWAN network servers tell; empty where none does.", 24, 11
            ),
            _asked("fleet_radio"),
            {
                "Loss": [_unit(units.PercentUnit), *signs.coloured(_LOSS)],
                "RSSI": [_unit("dBm"), DynamicConfigValue("decimals", 0), *signs.coloured(_RSSI)],
                "SNR": [_unit("dB"), DynamicConfigValue("decimals", 0)],
                "Airtime": [_unit(units.Seconds), DynamicConfigValue("decimals", 1)],
            },
        ),
    ],
)
