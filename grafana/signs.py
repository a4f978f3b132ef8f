"""What colours and words mean on our dashboards: safe for the colour-blind, and never a colour without a word."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

# Okabe and Ito, 2008: told apart by everybody.
BLUE, SKY, GREEN, ORANGE, VERMILION, GREY = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#8C8C8C"

STATES = {
    "ok": ("✓ ok", GREEN),
    "late": ("… late", SKY),
    "stale": ("! stale", ORANGE),
    "offline": ("✕ offline", VERMILION),
    "waiting": ("○ waiting", GREY),
    "maintenance": ("⚒ maintenance", BLUE),
    "retired": ("- retired", GREY),
}
"""Word and colour of each state of a site or device."""


def states() -> list[ValueMapping]:
    """Give states their sign, word and colour."""
    return [ValueMap({key: ValueMappingResult(text=word, color=colour) for key, (word, colour) in STATES.items()})]


def steps(*limits: tuple[float, str], base: str = GREEN) -> dashboard.ThresholdsConfig:
    """Give the colours from some values on, ascending; `base` below the first."""
    first = [Threshold(value=None, color=base)]
    made = first + [Threshold(value=value, color=colour) for value, colour in limits]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


CAPTURE = ((0.75, ORANGE), (0.9, GREEN))
"""Data capture: 75 % is the least for a valid average, 90 % what is aimed at (domain reference, section 1.5)."""


def coloured(limits: dashboard.ThresholdsConfig) -> list[DynamicConfigValue]:
    """Colour the text of a column of a table by its thresholds."""
    return [DynamicConfigValue("thresholds", limits.build()), DynamicConfigValue("custom.cellOptions", {"type": "color-text"})]


def stated() -> list[DynamicConfigValue]:
    """Show a column of states as words in their colours."""
    return [DynamicConfigValue("mappings", states()), DynamicConfigValue("custom.cellOptions", {"type": "color-text"})]
