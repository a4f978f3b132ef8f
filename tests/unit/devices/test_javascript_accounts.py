"""Accounts: time beyond what is free is owed, let off slowly, and too much of it suspends."""

from __future__ import annotations

from devices.javascript_accounts import FREE_S, MOST_OWED_S, REPAID, SUSPENDED_S, Accounts


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time [s]."""
        return self.now


def test_accounts_time_that_is_free_is_not_owed() -> None:
    """A thousand frames may take a quarter of a second, as often as they come."""
    accounts = Accounts(Clock())
    for _ in range(1000):
        accounts.charge("a", 1000 * FREE_S, 1000)

    assert not accounts.is_suspended("a")


def test_accounts_script_that_owes_much_is_suspended_for_a_while_and_alone() -> None:
    """Others go on; afterwards it begins with a clean slate."""
    clock = Clock()
    accounts = Accounts(clock)
    accounts.charge("a", MOST_OWED_S)
    assert not accounts.is_suspended("a")
    accounts.charge("a", 0.01)
    assert accounts.is_suspended("a")
    assert not accounts.is_suspended("b")

    clock.now += SUSPENDED_S - 0.1
    assert accounts.is_suspended("a")
    clock.now += 0.2
    assert not accounts.is_suspended("a")
    accounts.charge("a", MOST_OWED_S)
    assert not accounts.is_suspended("a")


def test_accounts_waste_that_is_rare_is_let_off() -> None:
    """A frame that runs into the limit once a second is borne for ever, twenty a second are not."""
    clock = Clock()
    accounts = Accounts(clock)
    for _ in range(10_000):
        clock.now += 1
        accounts.charge("rare", REPAID)
        assert not accounts.is_suspended("rare")
    for _ in range(20):
        clock.now += 0.05
        accounts.charge("frequent", REPAID)

    assert accounts.is_suspended("frequent")


def test_accounts_cheap_requests_do_not_pay_for_dear_ones() -> None:
    """What is free is free for its own frames; it is no credit."""
    accounts = Accounts(Clock())
    for _ in range(100):
        accounts.charge("a", 0.0, 1000)
        accounts.charge("a", 0.007, 1)

    assert accounts.is_suspended("a")
