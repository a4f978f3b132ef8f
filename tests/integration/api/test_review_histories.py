"""Histories of many reviews and their undoing in any order, against a slow obvious version that keeps every reading apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.flags import Flag
from tests.integration.api.test_actions import wrong_latest
from tests.integration.api.test_review import review, series_at, stored, undo

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

_MINUTES = 8
_SPANS = st.tuples(st.integers(0, _MINUTES - 1), st.integers(1, _MINUTES)).filter(lambda span: span[0] < span[1])
_STEPS: st.SearchStrategy[tuple[str, Any, dict[str, Any]]] = st.one_of(
    st.tuples(st.just("invalidations"), _SPANS, st.just({})),
    st.tuples(
        st.just("adjustments"),
        _SPANS,
        st.fixed_dictionaries({"scale": st.sampled_from([0.1, -3.0, 1 / 3]), "offset": st.sampled_from([0.0, 0.7, -1e4])}),
    ),
    st.tuples(
        st.just("statuses"),
        _SPANS,
        st.fixed_dictionaries({"status": st.sampled_from(["provisional", "verified", "verified", "ratified"])}),
    ),
    st.tuples(st.just("undo"), st.integers(0, 5), st.just({})),
)
_names = count()


@dataclass
class Oracle:
    """The slow obvious version: what was said of every minute, from which each reading is made anew."""

    flags: list[int]
    limits: tuple[float, float]
    done: list[tuple[str, int, range, dict[str, Any]]] = field(default_factory=list)
    """What holds: what it is, its id, the minutes, and how values change."""
    made: list[tuple[str, int]] = field(default_factory=list)
    """What can be undone, the first made first."""
    status: list[str] = field(default_factory=lambda: ["provisional"] * _MINUTES)

    def is_closed(self, minutes: range) -> bool:
        """Whether some of the minutes are ratified."""
        return any(self.status[minute] == "ratified" for minute in minutes)

    def allows(self, what: str, minutes: range, content: dict[str, Any]) -> bool:
        """Whether a review can be made."""
        if what != "statuses":
            return not self.is_closed(minutes)
        return content["status"] != "ratified" or all(self.status[minute] != "provisional" for minute in minutes)

    def allows_undo(self, what: str, number: int) -> bool:
        """Whether it can be undone: it holds, its minutes are open, and no later adjustment lies over an adjustment."""
        at = next((i for i, one in enumerate(self.done) if one[:2] == (what, number)), None)
        if at is None or self.is_closed(self.done[at][2]):
            return False
        later = (one for one in self.done[at + 1 :] if one[0] == what == "adjustments")
        return not any(set(one[2]) & set(self.done[at][2]) for one in later)

    def readings(self) -> list[tuple[float, int]]:
        """Make every reading anew: values and flags by time."""
        return [self._reading(minute) for minute in range(_MINUTES)]

    def _reading(self, minute: int) -> tuple[float, int]:
        value, flags = 10.0 + minute, self.flags[minute]
        for what, _, minutes, content in self.done:
            if minute not in minutes:
                continue
            if what == "invalidations":
                flags |= Flag.MANUAL_INVALID
            else:
                value = value * content["scale"] + content["offset"]
                out = not self.limits[0] <= value <= self.limits[1]
                flags = flags & ~Flag.OUT_OF_RANGE | out * Flag.OUT_OF_RANGE
        return value, int(flags)


def _do(api: Api, oracle: Oracle, number: int, step: tuple[str, Any, dict[str, Any]]) -> None:
    """Take one step, in the database and in the oracle."""
    what, which, content = step
    if what == "undo":
        _undo(api, oracle, which)
        return
    minutes = range(*which)
    answer = review(api, what, number, *which, **content)
    assert (answer.status_code == 201) == oracle.allows(what, minutes, content), answer.text
    if answer.status_code != 201:
        assert answer.status_code == 409
    elif what == "statuses":
        oracle.status[minutes.start : minutes.stop] = [content["status"]] * len(minutes)
    else:
        made = answer.json()["effects"][0]["id"]
        oracle.done.append((what, made, minutes, content))
        oracle.made.append((what, made))


def _undo(api: Api, oracle: Oracle, which: int) -> None:
    if not oracle.made:
        return
    what, number = oracle.made[-1 - which % len(oracle.made)]
    answer = undo(api, what, number)
    assert (answer.status_code == 200) == oracle.allows_undo(what, number), answer.text
    if answer.status_code == 200:
        oracle.done = [one for one in oracle.done if one[:2] != (what, number)]
        oracle.made.remove((what, number))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(_STEPS, min_size=3, max_size=10),
    flags=st.lists(st.sampled_from([0, int(Flag.LATE), int(Flag.OUT_OF_RANGE)]), min_size=_MINUTES, max_size=_MINUTES),
)
def test_reviews_in_any_order_are_as_the_oracle_says_and_come_back_exactly(
    api: Api, steps: list[tuple[str, Any, dict[str, Any]]], flags: list[int]
) -> None:
    """After every step values and flags are, to the last bit, those made anew; all undone, the line is as it was at first."""
    number = series_at(api, f"site-{next(_names)}", values=_MINUTES)
    for table in ("reading", "latest"):
        api.execute(f"UPDATE {table} SET flags = (%s::int2[])[value - 9] WHERE series_id = %s", flags, number)  # noqa: S608 - ours
    [limits] = api.execute("SELECT valid_min, valid_max FROM metric WHERE key = 'no2'")
    oracle = Oracle(flags, limits)

    for step in steps:
        _do(api, oracle, number, step)
        assert stored(api, number) == oracle.readings()
    review(api, "statuses", number, 0, _MINUTES, status="provisional")
    oracle.status = ["provisional"] * _MINUTES
    while oracle.made:  # the oldest first: it is refused where a later adjustment lies over it
        for which in reversed(range(len(oracle.made))):
            _undo(api, oracle, which)

    assert stored(api, number) == [(10.0 + minute, flag) for minute, flag in enumerate(flags)]
    assert wrong_latest(api) == []
