"""Silence: the rule over arrays is held against a slow one a device, and chance alone raises few alarms."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.gateway_silence import Children, Gateway, is_explained, judge_gateway
from devices.silence import NEW, State, judge, learned_interval_s, levels, limits, misses_needed, unheard_s
from tests.unit.devices.examples import DETERMINISTIC

DAY_S = 86_400.0


@dataclass
class SlowDevice:
    """The rule in words, one device and one moment at a time."""

    interval_s: float
    loss: float
    is_safety: bool
    state: State = State.OK
    came: int = 0
    came_before: int = 0
    heard: list[float] = field(default_factory=list)

    def allowed(self) -> dict[State, float]:
        """How long it may be silent before it is in each state [s]."""
        needed = 3
        while self.loss**needed > 0.001 * (1 + 1e-6):
            needed += 1
        unit = self.interval_s * needed / 3
        offline = 2 * unit if self.is_safety else max(6 * unit, DAY_S)
        return {State.LATE: 1.5 * unit, State.STALE: 3 * unit, State.OFFLINE: offline}

    def look(self, now: float) -> State:
        """Judge the device at one moment."""
        silence = now - self.heard[-1]
        level = max((state for state, longest in self.allowed().items() if silence > longest), default=State.OK)
        if level > self.state:
            self.state, self.came_before = level, len(self.heard)
        elif level < self.state and len(self.heard) - self.came_before >= 2:
            self.state = level
        return self.state


@DETERMINISTIC
@given(
    interval_s=st.sampled_from([10.0, 900.0, 43_200.0]),
    loss=st.sampled_from([0.0, 0.05, 0.1, 0.11, 0.3, 0.5]),
    is_safety=st.booleans(),
    gaps=st.lists(st.sampled_from([0.2, 1.0, 1.4, 1.6, 2.1, 2.9, 3.1, 5.0, 7.0, 40.0]), min_size=1, max_size=25),
    looks=st.integers(1, 7),
)
def test_judge_over_any_history_equals_the_rule_in_words(
    *, interval_s: float, loss: float, is_safety: bool, gaps: list[float], looks: int
) -> None:
    """Whatever gaps a device leaves, and however often one looks, the arrays say what the words say."""
    slow = SlowDevice(interval_s, loss, is_safety, heard=[0.0])
    allowed = limits(np.array([interval_s]), np.array([loss]), np.array([is_safety]))
    state, before = np.array([State.OK], np.int8), np.zeros(1, np.int64)
    for gap in gaps:
        for part in range(1, looks + 1):
            now = slow.heard[-1] + gap * interval_s * part / looks * 0.999
            level = levels(np.array([now - slow.heard[-1]]), allowed)
            judged = judge(level, state, np.array([len(slow.heard)]), before, np.array([NEW], np.int8))
            state, before = judged.state, judged.messages_before
            assert state[0] == slow.look(now)
        slow.heard.append(slow.heard[-1] + gap * interval_s)


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_chance_alone_makes_a_device_stale_once_in_a_thousand_messages_at_most(loss: float) -> None:
    """Of 210,000 messages of healthy devices, some lost by chance, all a little early or late, 210 at most raise an alarm."""
    devices, messages, interval_s, tick_s = 300, 700, 60.0, 15.0
    chance = np.random.default_rng(20_261_122)
    came = chance.random((devices, messages)) >= loss
    came[:, 0] = True
    at_s = np.arange(messages) * interval_s + chance.uniform(-0.6, 0.6, (devices, messages))
    last_s = np.maximum.accumulate(np.where(came, at_s, -np.inf), axis=1)
    count = np.cumsum(came, axis=1)
    allowed = limits(np.full(devices, interval_s), np.full(devices, loss), np.zeros(devices, bool))
    state, before, alarms = np.zeros(devices, np.int8), np.zeros(devices, np.int64), 0
    for tick in np.arange(7.0, messages * interval_s - 2, tick_s):
        # The last message that was due by now, or the one before it where that is still on its way.
        due = np.full(devices, int((tick + 0.7) // interval_s))
        due -= (at_s[np.arange(devices), due] > tick) & (due > 0)
        silence_s = tick - last_s[np.arange(devices), due]
        judged = judge(
            levels(silence_s, allowed), state, count[np.arange(devices), due], before, np.full(devices, NEW, np.int8)
        )
        alarms += int(((judged.state >= State.STALE) & (state < State.STALE)).sum())
        state, before = judged.state, judged.messages_before

    assert alarms <= 0.001 * devices * messages
    assert (alarms > 0) == (loss > 0)


def test_misses_needed_are_those_of_the_table() -> None:
    """A tenth lost: three in a row are no chance; three tenths: six; nothing known: three."""
    assert misses_needed(np.array([np.nan, 0.0, 0.1, 0.3, 0.5, 1.0])).tolist() == [3, 3, 3, 6, 10, 66]


def test_limits_of_a_slow_device_are_never_offline_within_a_day_but_at_a_safety_site() -> None:
    """Six minutes of silence are not offline for a device of every minute; for a lifebuoy two missing messages are."""
    allowed = limits(np.array([60.0, 60.0, 43_200.0]), np.full(3, np.nan), np.array([False, True, False]))

    assert allowed.late.tolist() == [90, 90, 64_800]
    assert allowed.stale.tolist() == [180, 180, 129_600]
    assert allowed.offline.tolist() == [DAY_S, 120, 259_200]


def test_judge_sets_aside_and_takes_up_again_without_hysteresis() -> None:
    """A device in maintenance is in no other state; after it, silence alone counts."""
    level, none = np.array([State.OK], np.int8), np.array([0])
    aside = judge(
        level, np.array([State.OFFLINE], np.int8), np.array([5]), np.array([5]), np.array([State.MAINTENANCE], np.int8)
    )
    after = judge(level, aside.state, np.array([6]), none, np.array([NEW], np.int8))

    assert aside.state[0] == State.MAINTENANCE
    assert after.state[0] == State.OK


def test_unheard_counts_only_what_lies_between() -> None:
    """An outage before the last message costs nothing, one that lasts counts until now."""
    began, ended = np.array([0.0, 100.0, 300.0]), np.array([50.0, 150.0, np.inf])

    assert unheard_s(np.array([40.0, 120.0, 200.0, np.nan]), 310.0, began, ended)[:3].tolist() == [70.0, 40.0, 10.0]


def test_learned_interval_is_the_median_once_ten_gaps_are_known() -> None:
    """One long gap changes nothing; of nine gaps nothing is learned."""
    assert learned_interval_s([60.0] * 9, 900.0) == 900.0
    assert learned_interval_s([60.0] * 9 + [4_000.0], 900.0) == 60.0


def _children(*last_ago_s: float) -> Children:
    ago_s = np.array(last_ago_s)
    every = np.full(len(ago_s), 60.0)
    return Children(1_000.0 - ago_s, ago_s, every, 1.5 * every, np.full(len(ago_s), 3.0))


def _at_gateway(*last_ago_s: float, before: Gateway | None = None, messages: int = 100) -> Gateway:
    return judge_gateway(_children(*last_ago_s), before, 1_000.0 - min(last_ago_s), min(last_ago_s), messages)


@pytest.mark.parametrize(
    ("last_ago_s", "is_silent"),
    [
        ((100.0, 110.0, 120.0), True),
        ((100.0, 110.0, 10.0), False),  # one of them was just heard by it
        ((100.0,), False),  # nobody can say which of the two is silent
        ((100.0, 110.0), False),  # two messages may be missing by chance
        ((100.0, 85.0, 80.0, 75.0), False),  # one of four is late
        ((130.0, 140.0), True),
        ((100.0, 110.0, 120.0, 5_000.0, 6_000.0, 7_000.0, 8_000.0), True),  # the others were silent long before
        ((80.0, 85.0, 5_000.0, 6_000.0, 7_000.0), False),  # these are in time; that others are not is no news
    ],
)
def test_gateway_is_silent_when_its_devices_fell_silent_at_once(last_ago_s: tuple[float, ...], *, is_silent: bool) -> None:
    """More than half late at once, nothing by way of it, and too much missing for chance."""
    assert _at_gateway(*last_ago_s).is_silent == is_silent


def test_gateway_is_back_after_two_messages() -> None:
    """One message may be an echo; the second one counts."""
    silent = _at_gateway(100.0, 110.0, 120.0)
    one_came = _at_gateway(5.0, 110.0, 120.0, before=silent, messages=101)
    two_came = _at_gateway(5.0, 6.0, 120.0, before=one_came, messages=102)

    assert (silent.is_silent, one_came.is_silent, two_came.is_silent) == (True, True, False)
    assert two_came.silent_from_s == silent.silent_from_s == 900.0


def test_explained_are_devices_that_were_well_when_their_gateway_fell_silent() -> None:
    """One silent long before is silent for a reason of its own; one heard since is not silent by the gateway's fault."""
    last_s, late_s = np.array([880.0, 500.0, 950.0, 880.0]), np.full(4, 90.0)

    assert is_explained(last_s, late_s, np.array([900.0, 900.0, 900.0, np.nan])).tolist() == [True, False, False, False]
