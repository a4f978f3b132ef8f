"""How uplinks came through the air: time in the air against published figures, the best gateway, rows joined and taken."""

from __future__ import annotations

import numpy as np
import pytest

from devices.radio import Radio, Reception, airtime_s, best_gateway, join


def _radio(*counters: int) -> Radio:
    receptions = [Reception("s", f_cnt, 1, "g", 1, None, None, None, None, None) for f_cnt in counters]
    return Radio(np.array(counters, np.int32), np.array(counters, np.int64), receptions)


@pytest.mark.parametrize(
    ("size", "factor", "bandwidth", "seconds"),
    [
        (14, 7, 125_000, 0.046336),
        (21, 7, 125_000, 0.056576),
        (64, 12, 125_000, 2.793472),
        (64, 11, 125_000, 1.560576),
        (64, 10, 125_000, 0.698368),
        (21, 7, 250_000, 0.028288),
    ],
)
def test_airtime_of_usual_frames_is_that_of_the_designers_guide(size: int, factor: int, bandwidth: int, seconds: float) -> None:
    """Worked out by hand with the formula of AN1200.13; from SF11 at 125 kHz on the slow optimisation counts."""
    assert airtime_s(size, factor, bandwidth) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(("factor", "bandwidth", "code_rate"), [(0, 125_000, 5), (13, 125_000, 5), (7, 0, 5), (7, 125_000, 9)])
def test_airtime_of_what_is_no_lora_is_not_known(factor: int, bandwidth: int, code_rate: int) -> None:
    """Zeros that were left out, and nonsense, give no figure."""
    assert airtime_s(20, factor, bandwidth, code_rate) is None


def test_best_gateway_is_the_one_with_the_best_snr_then_rssi() -> None:
    """RSSI decides only between equals: below the noise it says nothing."""
    heard = [("far", -120.0, 3.0), ("near", -60.0, 3.0), ("loud", -40.0, -1.0)]

    assert best_gateway(heard) == ("near", -60.0, 3.0)
    assert best_gateway([]) == ("", None, None)


def test_join_puts_rows_behind_each_other_and_nothing_gives_nothing() -> None:
    """Groups without radio carry none."""
    joined = join([None, _radio(1, 2), None, _radio(3)])

    assert join([None, None]) is None
    assert joined is not None
    assert joined.message.tolist() == [1, 2, 3]
    assert [reception.f_cnt for reception in joined.receptions] == [1, 2, 3]
    assert [reception.f_cnt for reception in joined.take(np.array([2, 0])).receptions] == [3, 1]
