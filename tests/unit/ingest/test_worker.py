"""When a worker that died is started again."""

from __future__ import annotations

from ingest import worker


def test_pause_grows_with_quick_deaths_up_to_a_bound() -> None:
    """The first deaths cost no time; one that keeps dying waits longer and longer, each time a little differently."""
    pauses = [[worker.pause_s(deaths) for _ in range(50)] for deaths in range(12)]

    assert pauses[0] == pauses[1] == [0.0] * 50
    for deaths, longest in ((2, 0.5), (3, 1.0), (6, 8.0), (7, 15.0), (11, 15.0)):
        assert longest / 2 <= min(pauses[deaths]) < max(pauses[deaths]) <= longest


def test_pause_after_very_many_deaths_is_bounded_still() -> None:
    """A night of dying overflows nothing."""
    assert worker.pause_s(100_000) <= 15
