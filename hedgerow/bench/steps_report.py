"""The table of `hedgerow bench steps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.bench.report import Report, number, rounded
from hedgerow.bench.step_messages import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.bench.steps import Measured

_NOTES = (
    (
        f"CPU time of one core, the best of many rounds, each over a group of {MESSAGES:,} messages of as many devices in no"
        " order, all different. Making the input of a step is not in its figure."
    ),
    "Prepare holds sort and both encodings: what the whole path takes is scan, digest, one decode, resolve, check and prepare.",
    "A codec alone gets frames that stand ready; as messages it is found by topic and device profile, one by one.",
)


def report(measured: Sequence[Measured], machine: Mapping[str, str]) -> Report:
    """Lay out the steps one below the other."""
    return Report(
        "steps",
        machine,
        ["step", "readings\na message", "\N{MICRO SIGN}s\na message", "million\nreadings/s", "to reach", "reached"],
        [_row(one) for one in measured],
        _NOTES,
        [_figures(one) for one in measured],
    )


def _row(one: Measured) -> tuple[str, ...]:
    goal, rate = one.step.to_reach, one.readings_per_s
    return (
        one.step.name,
        number(one.step.readings / MESSAGES, 1) if one.step.readings else number(None),
        number(one.us_per_message, 2),
        number(None if rate is None else rate / 1e6, 2),
        "" if goal is None else f"\N{GREATER-THAN OR EQUAL TO} {number(goal / 1e6, 1)}",
        "" if one.reached is None else f"{number(one.reached, 2)} \N{MULTIPLICATION SIGN}",
    )


def _figures(one: Measured) -> dict[str, object]:
    return {
        "step": one.step.name,
        "messages": MESSAGES,
        "readings": one.step.readings or None,
        "us_per_message": rounded(one.us_per_message),
        "readings_per_s": rounded(one.readings_per_s, 0),
        "readings_per_s_to_reach": one.step.to_reach,
        "reached": rounded(one.reached),
        "rounds": one.rounds,
    }
