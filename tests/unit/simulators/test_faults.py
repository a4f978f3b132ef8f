"""Tests of simulators/faults.py."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.faults import Faults, spoil
from simulators.noise import keys_of
from simulators.schedule import Due, Fault, at_rate

KEYS = keys_of(1, [str(number) for number in range(10)])
GAPS_US = np.full(10, 10_000, np.int64)
START_US = 1_790_000_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def spoilt(number: int = 20_000, /, **probabilities: float) -> Due:
    """Give an even stream with faults."""
    return spoil(at_rate(10, 1_000, 0, number, START_US), Faults(**probabilities), KEYS, GAPS_US)


def test_faults_none_asked_leaves_everything_as_it_was() -> None:
    """Without probabilities nothing changes."""
    due = spoilt()
    plain = at_rate(10, 1_000, 0, 20_000, START_US)

    assert due.send_us.tolist() == plain.send_us.tolist()
    assert due.written_us.tolist() == plain.written_us.tolist()
    assert not due.fault.any()


@pytest.mark.parametrize("name", ["duplicate", "late", "out_of_order", "skewed", "malformed"])
def test_faults_come_as_often_as_asked(name: str) -> None:
    """The share of each fault is its probability, and no other fault comes."""
    fault = spoilt(**{name: 0.2}).fault
    planned = np.bincount(fault, minlength=6)
    planned[Fault.DUPLICATE] //= 2

    assert abs(planned[Fault[name.upper()]] / 20_000 - 0.2) < 0.01
    assert planned[Fault.NONE] + planned[Fault[name.upper()]] == 20_000


def test_faults_all_at_once_are_certain_and_exclude_each_other() -> None:
    """Probabilities that sum to one leave no message whole."""
    due = spoilt(duplicate=0.2, late=0.2, out_of_order=0.2, skewed=0.2, malformed=0.2)

    assert (due.fault != Fault.NONE).all()


def test_duplicate_is_the_same_message_twice_within_seconds() -> None:
    """Both copies carry the same time of measurement; the second is sent a little later."""
    due = spoilt(2_000, duplicate=0.5)
    twice = due.take(np.flatnonzero(due.fault == Fault.DUPLICATE))
    order = np.lexsort((twice.send_us, twice.measured_us))
    first, second = twice.take(order[0::2]), twice.take(order[1::2])

    assert first.measured_us.tolist() == second.measured_us.tolist() == second.written_us.tolist()
    assert first.send_us.tolist() == first.measured_us.tolist()
    assert ((second.send_us - first.send_us) >= 100_000).all()
    assert ((second.send_us - first.send_us) <= 5_000_000).all()


def test_late_was_measured_long_before_it_is_sent() -> None:
    """A late message has been in the device's memory for an hour to three days, with its true time."""
    due = spoilt(late=0.5)
    late = due.take(np.flatnonzero(due.fault == Fault.LATE))
    age_us = late.send_us - late.measured_us

    assert (late.written_us == late.measured_us).all()
    assert age_us.min() >= HOUR_US
    assert age_us.max() <= 3 * DAY_US


def test_out_of_order_is_overtaken_by_the_next_messages_of_its_device() -> None:
    """It is sent after the device's next two, unless those wait as well."""
    due = spoilt(out_of_order=0.1)
    sent_at = dict(zip(zip(due.device.tolist(), due.measured_us.tolist(), strict=True), due.send_us.tolist(), strict=True))
    waiting = due.take(np.flatnonzero(due.fault == Fault.OUT_OF_ORDER))
    overtaken = 0
    for device, measured_us, send_us in zip(
        waiting.device.tolist(), waiting.measured_us.tolist(), waiting.send_us.tolist(), strict=True
    ):
        for later_us in (measured_us + 10_000, measured_us + 20_000):
            if sent_at.get((device, later_us)) == later_us:  # it is there and does not wait
                assert later_us < send_us
                overtaken += 1

    assert (np.diff(due.send_us) >= 0).all()
    assert overtaken > 1.7 * len(waiting)


def test_skewed_is_outside_what_the_generic_profile_believes() -> None:
    """The clock is more than 400 days behind or 10 minutes ahead; the values are of the true time."""
    due = spoilt(skewed=0.5)
    skewed = due.take(np.flatnonzero(due.fault == Fault.SKEWED))
    skew_us = skewed.written_us - skewed.send_us

    assert (skewed.measured_us == skewed.send_us).all()
    assert ((skew_us < -400 * DAY_US) | (skew_us > 600_000_000)).all()
    assert len(set(skew_us.tolist())) > 3
    assert (skewed.written_us > 2**28 * 1_000_000).all()  # below, SenML counts from now


def test_faults_are_the_same_for_the_same_messages() -> None:
    """What goes wrong is drawn from seed, device and time, not from how the stream was cut."""
    whole = spoilt(1_000, malformed=0.3).fault
    pieces = [
        spoil(at_rate(10, 1_000, first, 100, START_US), Faults(malformed=0.3), KEYS, GAPS_US).fault
        for first in range(0, 1_000, 100)
    ]

    assert np.concatenate(pieces).tolist() == whole.tolist()


@pytest.mark.parametrize("probabilities", [{"late": -0.1}, {"late": 0.6, "malformed": 0.6}])
def test_faults_impossible_probabilities_are_refused(probabilities: dict[str, float]) -> None:
    """A probability is not negative, and all together are not more than certain."""
    with pytest.raises(ValueError, match="probabilities"):
        Faults(**probabilities)
