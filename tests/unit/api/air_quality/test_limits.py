"""The table of limits: what it says of the UK, and that nothing in it is meant by no statistic."""

from __future__ import annotations

import numpy as np

from api.air_quality.annual import figures, year_of
from api.air_quality.hours import WINDOW_H
from api.air_quality.limits import limited_metrics, limits_of, load_limits


def test_limits_of_the_uk_are_those_in_force() -> None:
    """The values of the Air Quality Standards Regulations 2010, and nobody else's are called law here."""
    law = {(one.metric, one.statistic, one.threshold): one.limit for one in load_limits() if one.standing == "compliance"}

    assert law == {
        ("no2", "mean", None): 40,
        ("no2", "hours_above", 200): 18,
        ("no2", "percentile_99_8", None): 200,
        ("pm10", "mean", None): 40,
        ("pm10", "days_above", 50): 35,
        ("pm10", "percentile_90_4", None): 50,
        ("pm2_5", "mean", None): 20,
        ("o3", "days_max_8h_above", 120): 25,
    }
    assert {one.regime for one in load_limits() if one.standing == "compliance"} == {"UK AQSR 2010"}
    assert all(one.source for one in load_limits())


def test_limits_every_one_is_held_against_a_statistic() -> None:
    """Each row of the table turns up beside some figure of its metric."""
    made = {
        limit
        for metric in limited_metrics()
        for figure in figures(year_of(metric, 2003, np.ones(WINDOW_H + 8760)))
        for limit in limits_of(metric, figure.statistic, figure.threshold)
    }

    assert made == set(load_limits())
