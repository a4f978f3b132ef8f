"""Stays: what actions make of deployments, and which readings move by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.stays import EVER, OPEN, Place, Shift, Stay, differences, end_from, overlapping, put, restored, shifts, taken_away

_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_WEIR, _MILL = Place(1, ""), Place(2, "north")


def _day(number: int) -> datetime:
    return _BEGIN + timedelta(days=number)


def _stay(place: Place, start: datetime, end: datetime, deployment_id: int | None = None) -> Stay:
    return Stay(7, place, start, end, deployment_id=deployment_id)


def test_put_from_where_it_was_ends_the_stay_before() -> None:
    """A device that is put elsewhere leaves where it was, and stays as long as it would have stayed there."""
    before = [_stay(_WEIR, EVER, _day(9), 1)]

    after = put(before, _stay(_MILL, _day(4), end_from(before, _day(4))))

    assert after == [_stay(_WEIR, EVER, _day(4), 1), _stay(_MILL, _day(4), _day(9))]
    assert list(shifts(before, after)) == [Shift(7, _day(4), _day(9), _WEIR, _MILL)]
    assert differences(before, after) == ([], [after[0]], [after[1]])


def test_end_from_the_store_lasts_until_the_next_stay() -> None:
    """A device that was nowhere stays until it is put elsewhere, or for good."""
    stays = [_stay(_WEIR, _day(2), _day(4)), _stay(_MILL, _day(6), OPEN)]

    assert [end_from(stays, _day(day)) for day in (1, 3, 4, 7)] == [_day(2), _day(4), _day(6), OPEN]


def test_taken_away_at_its_start_leaves_no_empty_stay() -> None:
    """A stay that would last no time never was."""
    stays = [_stay(_WEIR, _day(2), OPEN, 1)]

    assert taken_away(stays, _day(2)) == []
    assert differences(stays, []).removed == stays
    assert list(shifts(stays, [])) == [Shift(7, _day(2), OPEN, _WEIR, None)]


def test_shifts_of_the_same_place_in_two_stays_are_none() -> None:
    """A stay that is cut in two moves nothing."""
    whole = [_stay(_WEIR, EVER, OPEN, 1)]
    cut = [_stay(_WEIR, EVER, _day(3), 1), _stay(_WEIR, _day(3), OPEN)]

    assert list(shifts(whole, cut)) == []


def test_restored_stays_keep_the_deployments_that_are_there() -> None:
    """What began alike is the same deployment with another end; what is gone becomes a new one."""
    present = [_stay(_WEIR, EVER, _day(4), 1), _stay(_MILL, _day(4), OPEN, 2)]

    wanted = restored(present, [_stay(_WEIR, EVER, OPEN)])

    assert wanted == [_stay(_WEIR, EVER, OPEN, 1)]
    assert differences(present, wanted) == ([present[1]], wanted, [])


def test_overlapping_finds_the_stay_that_begins_too_early() -> None:
    """Two places at a time are found; one after the other is well."""
    first, second = _stay(_WEIR, EVER, _day(4)), _stay(_MILL, _day(3), OPEN)

    assert overlapping([first, second]) == second
    assert overlapping([_stay(_WEIR, EVER, _day(3)), second]) is None
