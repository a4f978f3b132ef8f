"""Throttle: a name or an address with too many failed logins must rest."""

from __future__ import annotations

from api.people.throttle import MOST_FROM_AN_ADDRESS, MOST_OF_A_NAME, WINDOW_S, Throttle


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Give the time [s]."""
        return self.now


def test_throttle_of_a_name_rests_until_the_first_attempt_is_old() -> None:
    """After ten failures a name waits, wherever they came from; a quarter of an hour after the first it may try again."""
    clock = Clock()
    throttle = Throttle(clock)
    for attempt in range(MOST_OF_A_NAME):
        assert throttle.wait_s("kim", f"10.0.0.{attempt}") == 0
        throttle.note("kim", f"10.0.0.{attempt}")
        clock.now += 1

    assert throttle.wait_s("kim", "10.9.9.9") == WINDOW_S - MOST_OF_A_NAME
    assert throttle.wait_s("jo", "10.0.0.1") == 0
    clock.now += WINDOW_S - MOST_OF_A_NAME
    assert throttle.wait_s("kim", "10.9.9.9") == 0


def test_throttle_of_an_address_counts_all_names() -> None:
    """Whoever tries many names from one address must rest too."""
    throttle = Throttle(Clock())
    for attempt in range(MOST_FROM_AN_ADDRESS):
        throttle.note(f"name {attempt}", "10.0.0.1")

    assert throttle.wait_s("another", "10.0.0.1") > 0
    assert throttle.wait_s("another", "10.0.0.2") == 0


def test_throttle_forgets_the_slips_of_whoever_comes_in() -> None:
    """A person who mistyped and then came in starts afresh."""
    throttle = Throttle(Clock())
    for _ in range(MOST_OF_A_NAME):
        throttle.note("kim", "10.0.0.1")
    throttle.succeeded("kim", "10.0.0.1")

    assert throttle.wait_s("kim", "10.0.0.1") == 0


def test_throttle_keeps_no_more_than_it_must() -> None:
    """A flood of made-up names does not fill the memory, and those that must rest are not forgotten by it."""
    clock = Clock()
    throttle = Throttle(clock)
    for number in range(50_000):
        clock.now += 0.001
        throttle.note(f"name {number}", "10.0.0.1")
    kept = len(throttle._attempts)  # noqa: SLF001 - what is bounded

    assert kept <= 20_001
    assert throttle.wait_s("name 49999", "10.0.0.1") > 0
