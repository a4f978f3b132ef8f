"""Redecode where messages outside the run have given readings too: what may be theirs is neither replaced nor taken away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.redecoding import BEGIN, RIGHT, Field, corrections, layout, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENT = BEGIN - timedelta(minutes=1)


@pytest.fixture
def field(database: str) -> Iterator[Field]:
    """Give a device with a codec that can be mended, and one that says when it measured; on both flavours."""
    found = Field(database)
    found.register("d2", "generic")
    yield found
    found.connection.close()


def _send(field: Field, value: float, at: datetime = BEGIN, *, metric: str = "air_temperature") -> None:
    payload = f'{{"time": {int(MOMENT.timestamp())}, "{metric}": {value}}}'
    field.ingest(payload.encode(), topic="hedgerow/v1/d2/up", at=at)


def _share_a_site(field: Field) -> None:
    field.connection.execute("UPDATE deployment SET site_id = (SELECT site_id FROM site WHERE code = 'd1')")


def test_redecode_other_device_at_the_place_keeps_its_value(field: Field) -> None:
    """What the first of two devices gave stands; the message of the second, refused when it arrived, does not replace it."""
    _share_a_site(field)
    field.ingest(bytes([200]), at=MOMENT)
    _send(field, 5)
    assert field.rows("SELECT conflicts, kept_value, refused_value FROM reading_conflict") == [(1, 200.0, 5.0)]

    summary = field.redecode(profile="generic")

    assert outcomes(summary) == {"elsewhere": 1}
    assert [(one.outcome, one.old_value, one.new_value) for one in summary.examples] == [("elsewhere", 200.0, 5.0)]
    assert (field.readings(), corrections(field)) == ([200.0], [])


def test_redecode_other_device_of_the_run_at_the_place_is_corrected(field: Field) -> None:
    """Devices at one place that are all of the run hinder nothing; with one of them left out by its uid they do."""
    field.register("d3")
    _share_a_site(field)
    field.connection.execute("DELETE FROM deployment d USING device e WHERE e.device_id = d.device_id AND e.uid = 'd2'")
    field.ingest(bytes([20, 100]))
    field.mend(RIGHT)

    assert outcomes(field.redecode(uid="d1")) == {"elsewhere": 1, "same": 1}
    assert outcomes(field.redecode()) == {"corrected": 1, "same": 1}


def test_redecode_message_before_the_range_keeps_its_value(field: Field) -> None:
    """A reading refused because a message before the range had given another is refused still."""
    _send(field, 20)
    _send(field, 25, BEGIN + timedelta(hours=30))
    start = BEGIN + timedelta(hours=1)

    assert outcomes(field.redecode(profile="generic", start=start)) == {"elsewhere": 1}
    assert (field.readings(site="d2"), corrections(field)) == ([20.0], [])
    assert outcomes(field.redecode(profile="generic")) == {"same": 1, "repeated": 1}


def test_redecode_message_no_longer_archived_keeps_its_value(field: Field) -> None:
    """The archive may begin later than the range: then its first message is where the run begins."""
    _send(field, 20)
    _send(field, 25, BEGIN + timedelta(hours=30))
    field.connection.execute("DELETE FROM uplink WHERE received_at = %s", (BEGIN,))

    assert outcomes(field.redecode(profile="generic")) == {"elsewhere": 1}
    assert field.readings(site="d2") == [20.0]


def test_redecode_conflict_inside_the_range_is_corrected(field: Field) -> None:
    """Where no message before the run can have given the time, a conflict of the series hinders nothing."""
    field.ingest(bytes([10]), at=BEGIN - timedelta(hours=2))
    field.ingest(bytes([20, 100]))
    field.connection.execute(
        "INSERT INTO reading_conflict (series_id, day, conflicts, time, kept_value, refused_value)"
        " SELECT series_id, current_date, 1, now(), 1, 2 FROM series"
    )
    field.mend(RIGHT)

    assert outcomes(field.redecode())["corrected"] == 1
    assert field.readings()[1] == 2.0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (BEGIN - timedelta(minutes=9), BEGIN + timedelta(hours=1)),
        (BEGIN - timedelta(hours=1), BEGIN + timedelta(minutes=9)),
    ],
)
def test_redecode_with_remove_leaves_the_edges_of_the_range(field: Field, start: datetime, end: datetime) -> None:
    """What arrived near an end of the range is not judged: messages beyond it may have given the same moment."""
    field.ingest(bytes([20, 100]))
    field.mend(layout("air_temperature:1"))

    assert outcomes(field.redecode(start=start, end=end, remove=True)) == {"same": 1}
    assert field.readings("relative_humidity") == [50.0]
    assert outcomes(field.redecode(remove=True)) == {"same": 1, "gone": 1}


def test_redecode_with_remove_leaves_what_has_just_arrived(field: Field) -> None:
    """Ingest goes on beside a run: what was stored shortly before its start is not judged."""
    now = datetime.now(UTC).replace(microsecond=0)
    field.ingest(bytes([20, 100]), at=now - timedelta(minutes=2))
    field.mend(layout("air_temperature:1"))

    assert outcomes(field.redecode(remove=True)) == {"same": 1}
    assert field.readings("relative_humidity") == [50.0]


def test_redecode_with_remove_leaves_moments_before_the_range(field: Field) -> None:
    """For a moment before the range, told later, a message before the range may have given the rest."""
    _send(field, 60, metric="relative_humidity")
    _send(field, 20, BEGIN + timedelta(hours=30))

    assert outcomes(field.redecode(profile="generic", start=BEGIN + timedelta(hours=1), remove=True)) == {"same": 1}
    assert field.readings("relative_humidity", "d2") == [60.0]
