"""Packet loss against what a made-up device really sent, and against a slow second count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.packet_loss import LATE_FRAMES, WIDEST_TURN, Gap, PacketLoss, packet_loss
from tests.unit.devices.examples import DETERMINISTIC

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE_US = 60_000_000
Heard = tuple[int, int, int]
"""Session, frame counter, time in µs."""


def loss_of(uplinks: Sequence[Heard]) -> PacketLoss:
    """Count over uplinks given one by one."""
    session, f_cnt, time_us = np.array(uplinks, np.int64).reshape(-1, 3).T
    return packet_loss(session, f_cnt, time_us)


def counted(*counters: int, session: int = 1) -> PacketLoss:
    """Count over uplinks of one session, a minute apart."""
    return loss_of([(session, f_cnt, i * MINUTE_US) for i, f_cnt in enumerate(counters)])


def test_packet_loss_of_nothing_is_no_figure() -> None:
    """Without uplinks there is nothing to tell."""
    nothing = loss_of([])

    assert nothing == PacketLoss(0, 0, 0, 0, [])
    assert nothing.percent is None


def test_packet_loss_of_gaps_names_the_missing_counters_and_when() -> None:
    """Ten sent between the first and the last, three of them lost."""
    found = counted(10, 11, 13, 14, 15, 18, 19)

    assert found.gaps == [Gap(12, 12, 1, MINUTE_US, 2 * MINUTE_US), Gap(16, 17, 2, 4 * MINUTE_US, 5 * MINUTE_US)]
    assert (found.received, found.lost, found.repeated, found.runs) == (7, 3, 0, 1)
    assert found.percent == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("counters", "received", "lost", "runs"),
    [
        ((5, 5, 5, 6, 6), 2, 0, 1),
        ((1, 3, 2, 4), 4, 0, 1),
        ((100, 101 + LATE_FRAMES, 101), 3, LATE_FRAMES - 1, 1),
        ((100, 102 + LATE_FRAMES, 101), 3, LATE_FRAMES + 1, 2),
        ((5000, 5001, 0, 1, 3), 5, 1, 2),
        ((65_534, 65_535, 0, 2), 4, 1, 1),
        ((65_534, 0, 65_535, 1), 4, 0, 1),
        ((65_535, WIDEST_TURN - 1), 2, WIDEST_TURN - 1, 1),
        ((65_535, WIDEST_TURN), 2, 0, 2),
        ((2**32 - 2, 1), 2, 2, 1),
        ((2**32 - 1, 0, 65_536), 3, 65_535, 1),
        ((65_535, 65_536, 65_537), 3, 0, 1),
        ((0, 65_535), 2, 0, 1),
    ],
)  # fmt: skip
def test_packet_loss_of_counters_that_begin_again(counters: tuple[int, ...], received: int, lost: int, runs: int) -> None:
    """Copies, overtaking, resets, and counters of 16 and 32 bits that pass their largest value."""
    found = counted(*counters)

    assert (found.received, found.lost, found.runs) == (received, lost, runs)


def test_packet_loss_over_a_rejoin_counts_each_session_by_itself() -> None:
    """Another session begins at 0: what lies between the two counters was never sent."""
    found = loss_of([(7, 900, 0), (7, 902, MINUTE_US), (3, 0, 2 * MINUTE_US), (3, 2, 3 * MINUTE_US)])

    assert found.gaps == [Gap(901, 901, 1, 0, MINUTE_US), Gap(1, 1, 1, 2 * MINUTE_US, 3 * MINUTE_US)]
    assert (found.received, found.lost, found.runs) == (4, 2, 2)


def test_packet_loss_at_the_turn_names_counters_as_the_device_wrote_them() -> None:
    """A gap over the largest value goes on from 0."""
    assert counted(65_533, 65_534, 2, 3).gaps == [Gap(65_535, 1, 3, MINUTE_US, 2 * MINUTE_US)]
    assert counted(65_534, 65_535, 2).gaps == [Gap(0, 1, 2, MINUTE_US, 2 * MINUTE_US)]
    assert counted(2**32 - 2, 1).gaps == [Gap(2**32 - 1, 0, 2, 0, MINUTE_US)]


def test_packet_loss_after_a_turn_names_the_counters_of_the_next_session_as_they_are() -> None:
    """What a counter did in one session says nothing about the next one."""
    turned = [(1, 65_535, 0), (1, 0, 1)]

    assert loss_of([*turned, (2, 10, 2), (2, 12, 3)]).gaps == [Gap(11, 11, 1, 2, 3)]
    assert loss_of([*turned[:1], (2, 0, 1), (2, 69_999, 2), (2, 70_001, 3)]).gaps[1:] == [Gap(70_000, 70_000, 1, 2, 3)]


@dataclass(frozen=True)
class Sent:
    """A device's life: uplinks that were heard, in any order, and how many were not."""

    heard: list[Heard]
    lost: int


@st.composite
def lives(draw: st.DrawFn) -> Sent:
    """Let a device send, join anew, be reset, lose frames, be heard twice and out of order."""
    heard: list[Heard] = []
    lost, time_us, session, last = 0, 0, 0, 0
    for _ in range(draw(st.integers(1, 4))):
        modulus = draw(st.sampled_from([2**16, 2**32]))
        start = draw(st.sampled_from([0, 0, 3, 500, 3_000, modulus - 10]))
        is_near_turn = last % 2**16 > 2**16 - 2 * WIDEST_TURN  # a reset there cannot be told from going on
        if draw(st.booleans()) or is_near_turn or start > last - 2 * WIDEST_TURN:
            session += 1
        came = [True, *draw(st.lists(st.sampled_from([True, True, False]), max_size=40)), True]
        late = draw(st.lists(st.integers(0, 3), min_size=len(came), max_size=len(came)))
        for i, (has_come, behind) in enumerate(zip(came, late, strict=True)):
            at = time_us + i * 10 + behind * 11  # up to three frames later than its turn
            heard += [(session, (start + i) % modulus, at)] * (has_come * draw(st.sampled_from([1, 1, 2])))
        lost += came.count(False)
        last = (start + len(came) - 1) % modulus
        time_us += len(came) * 10 + 100
    return Sent(draw(st.permutations(heard)), lost)


@DETERMINISTIC
@given(lives())
def test_packet_loss_of_any_life_is_what_was_really_lost(sent: Sent) -> None:
    """Every frame that was sent between two that came, and only those, is lost; copies and order change nothing."""
    found = loss_of(sent.heard)

    assert found.lost == sent.lost
    assert found.received == len({(session, f_cnt, time_us) for session, f_cnt, time_us in sent.heard})
    assert found.received + found.repeated == len(sent.heard)
    assert sum(gap.missing for gap in found.gaps) == found.lost


def slow_loss(uplinks: Sequence[Heard]) -> tuple[int, int, int]:
    """Count received, lost and runs frame by frame, with sets of whole numbers."""
    runs: list[set[int]] = []
    previous: tuple[int, int] | None = None
    turned = 0
    for session, f_cnt, _ in sorted(uplinks, key=lambda one: (one[0], one[2], one[1])):
        if previous is None or previous[0] != session:
            runs.append(set())
            turned = 0
        else:
            step, change = f_cnt - previous[1], 0
            for modulus in (2**16, 2**32):
                if max(f_cnt, previous[1]) < modulus:
                    if step + modulus <= WIDEST_TURN:
                        change = modulus
                    elif modulus - step <= LATE_FRAMES:
                        change = -modulus
                if change:
                    break
            turned += change
            if not change and step < -LATE_FRAMES:
                runs.append(set())
                turned = 0
        runs[-1].add(f_cnt + turned)
        previous = (session, f_cnt)
    received = sum(map(len, runs))
    return received, sum(max(run) - min(run) + 1 - len(run) for run in runs), len(runs)


@DETERMINISTIC
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([0, 1, 2, 5, 9, 12, 1_030, 65_530, 65_534, 65_535, 65_536, 2**32 - 3, 2**32 - 1]),
            st.integers(0, 50),
        ),
        max_size=30,
    )
)
def test_packet_loss_of_any_uplinks_agrees_with_a_count_frame_by_frame(uplinks: list[Heard]) -> None:
    """Whatever comes, sensible or not, the arrays and the sets give the same."""
    found = loss_of(uplinks)

    assert (found.received, found.lost, found.runs) == slow_loss(uplinks)
    assert found.repeated == len(uplinks) - found.received
    assert [gap.after_us for gap in found.gaps] == sorted(gap.after_us for gap in found.gaps)
