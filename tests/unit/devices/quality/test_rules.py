"""Settings of rules arranged for look-up."""

from __future__ import annotations

import numpy as np

from devices.quality.rules import NONE, build_rules


def test_build_rules_without_settings_never_flags_anything() -> None:
    """A metric without a row has no limits, no sentinels and no companions."""
    rules = build_rules([("a", None, None), ("relative_humidity", 0.0, 100.0)], ["plain"])

    assert rules.least_change.tolist() == [np.inf, np.inf]
    assert not rules.has_inner_sentinel.any()
    assert (rules.humidity, rules.not_above.tolist(), rules.has_profiles) == (1, [NONE, NONE], False)


def test_build_rules_least_change_is_the_lower_of_step_and_spike() -> None:
    """Only changes beyond it are looked at more closely."""
    rows = [
        ("a", 5.0, 3, 60, 9.0, [-99.0], 95.0, "b", 1.1, None),
        ("b", None, None, 0, 2.0, [], None, None, 1.0, 10.0),
    ]

    rules = build_rules([("a", 0.0, 10.0), ("b", 0.0, 10.0)], ["odd"], rows, [("odd", 60, 120, {"b": [3.0], "c": [1.0]})])

    assert rules.least_change.tolist() == [5.0, 2.0]
    assert (rules.flat_count[0], rules.flat_for_us[0]) == (3, 60_000_000)
    assert (rules.not_above.tolist(), rules.low_below.tolist()) == ([1, NONE], [-np.inf, 10.0])
    assert rules.has_inner_sentinel.tolist() == [False, True], "3 is a value of b that one profile sends for none"
    assert (rules.warm_up_us.tolist(), rules.silence_us.tolist()) == ([60_000_000], [120_000_000])
