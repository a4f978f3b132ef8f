"""Sentinels and batteries: what a reading says by itself."""

from __future__ import annotations

import numpy as np
import pytest

from devices.quality.alone import is_battery_low, is_sentinel
from devices.quality.rules import Rules, build_rules


def rules_of(*profile_rows: tuple[str, int, int | None, dict[str, list[float]]]) -> Rules:
    """Build rules of two metrics, of which the first has two sentinels and the second is a battery."""
    return build_rules(
        [("level", -100.0, 100.0), ("battery_level", 0.0, 100.0)],
        ["plain", "odd"],
        [
            ("level", None, None, 0, None, (-999.0, 50.0), None, None, 1.0, None),
            ("battery_level", None, None, 0, None, (), None, None, 1.0, 10.0),
        ],
        profile_rows,
    )


@pytest.mark.parametrize(
    ("value", "metric", "profile", "expected"),
    [
        (-999.0, 0, 0, True),
        (50.0, 0, 0, True),
        (-999.0, 1, 0, False),
        (-998.0, 0, 0, False),
        (0.0, 0, 0, False),
        (0.0, 0, 1, True),
        (0.0, 1, 1, False),
    ],
)
def test_is_sentinel_of_the_metric_or_of_the_profile(value: float, metric: int, profile: int, *, expected: bool) -> None:
    """A number within the range is found too, and what one profile sends so is a value to the others."""
    rules = rules_of(("odd", 0, None, {"level": [0.0]}))
    values, metrics = np.array([1.0, value]), np.array([0, metric], np.int32)
    is_out = np.array([False, not -100 <= value <= 100])

    assert is_sentinel(values, metrics, np.array([0, profile], np.int32), is_out, rules).tolist() == [False, expected]


def test_is_sentinel_without_profiles_looks_at_metrics_alone() -> None:
    """Where no profile has rules of its own none is handed over."""
    found = is_sentinel(np.array([0.0, -999.0]), np.zeros(2, np.int32), None, np.array([False, True]), rules_of())

    assert found.tolist() == [False, True]


def test_is_battery_low_below_its_limit_only() -> None:
    """The limit itself is enough, and what is no battery has no limit."""
    low = is_battery_low(np.array([9.9, 10.0, 9.9]), np.array([1, 1, 0], np.int32), rules_of())

    assert low.tolist() == [True, False, False]
