"""Redecode against the real database: what a mended codec changes, what it must not, and that twice is once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devices.flags import Flag
from ingest.redecode import RedecodeError
from sql.pool import connect
from tests.integration.redecoding import BEGIN, RIGHT, WRONG, Field, corrections, layout, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def field(database: str) -> Iterator[Field]:
    """Give a device with a codec that can be mended; on both flavours."""
    found = Field(database)
    yield found
    found.connection.close()


def test_redecode_mended_codec_replaces_values_and_keeps_the_old_ones(field: Field) -> None:
    """Corrected values stand in the place of wrong ones; those, with their flags, are kept as corrections of the run."""
    field.ingest(bytes([20, 100]), bytes([210, 101]))
    assert field.readings() == [20.0, 210.0]
    field.mend(RIGHT)

    summary = field.redecode()

    assert field.readings() == [2.0, 21.0]
    assert field.readings("relative_humidity") == [50.0, 50.5]
    assert outcomes(summary) == {"corrected": 2, "same": 2}
    assert summary.archived == 2
    assert corrections(field) == [(20.0, Flag.LATE * 0, 2.0, 0), (210.0, Flag.OUT_OF_RANGE, 21.0, 0)]
    assert field.rows("SELECT finished_at IS NOT NULL, counts ->> 'corrected' FROM redecode_run") == [(True, "2")]
    assert field.rows("SELECT DISTINCT c.run_id = r.run_id FROM reading_correction c, redecode_run r") == [(True,)]


def test_redecode_twice_changes_nothing_more(field: Field) -> None:
    """A second run finds everything as it should be."""
    field.ingest(bytes([20, 100]), bytes([210, 101]))
    field.mend(RIGHT)
    field.redecode()
    stored, kept = field.rows("SELECT * FROM reading ORDER BY 1, 2"), corrections(field)

    summary = field.redecode()

    assert outcomes(summary) == {"same": 4}
    assert field.rows("SELECT * FROM reading ORDER BY 1, 2") == stored
    assert corrections(field) == kept


def test_redecode_metric_that_the_codec_gives_now_is_added_with_its_series(field: Field) -> None:
    """Readings and series that were not there are made, under the time at which the message arrived."""
    field.mend(layout("air_temperature:1"))
    field.ingest(bytes([20, 100]))
    field.mend(layout("air_temperature:1", "relative_humidity:0.5", "battery_voltage:0.1"))

    summary = field.redecode()

    assert outcomes(summary) == {"same": 1, "new": 1}
    assert field.readings("relative_humidity") == [50.0]
    assert field.rows("SELECT DISTINCT time FROM reading") == [(BEGIN,)]
    assert field.rows("SELECT count(*) FROM latest") == [(2,)]


def test_redecode_dry_run_tells_what_would_change_and_changes_nothing(field: Field) -> None:
    """A dry run counts and shows examples, and leaves every table as it was."""
    field.ingest(bytes([20, 100]), bytes([30]))
    field.mend(layout("air_temperature:0.1", "battery_voltage:0.1"))
    tables = ("reading", "latest", "series", "quarantine", "reading_correction", "redecode_run")
    before = [field.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]  # noqa: S608 - our own names

    summary = field.redecode(dry_run=True, remove=True)

    assert [field.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables] == before  # noqa: S608
    assert outcomes(summary) == {"corrected": 2, "new": 1, "gone": 1}
    assert (summary.archived, summary.quarantined) == (2, 0)
    assert summary.refused == {"frame_incomplete": 1}
    assert [(one.outcome, one.metric, one.old_value, one.new_value) for one in summary.examples] == [
        ("corrected", "air_temperature", 20.0, 2.0),
        ("corrected", "air_temperature", 30.0, 3.0),
        ("gone", "relative_humidity", 50.0, None),
    ]


def test_redecode_reading_no_longer_given_stays_and_is_told(field: Field) -> None:
    """Without being told to, nothing that is stored goes away."""
    field.ingest(bytes([20, 100]))
    field.mend(layout("air_temperature:1", "battery_voltage:0.01"))

    summary = field.redecode()

    assert outcomes(summary) == {"same": 1, "new": 1, "gone": 1}
    assert field.readings("relative_humidity") == [50.0]


def test_redecode_with_remove_takes_away_what_is_no_longer_given_and_keeps_it(field: Field) -> None:
    """What goes away stands among the corrections, and the last value steps back."""
    field.mend(RIGHT)
    field.ingest(b"\x64")  # one byte: no humidity
    field.ingest(bytes([20, 100]), at=BEGIN + timedelta(hours=1))
    field.mend(layout("air_temperature:0.1", "battery_voltage:0.01"))

    summary = field.redecode(remove=True)

    assert summary.readings["gone"] == 1
    assert field.readings("relative_humidity") == []
    assert corrections(field) == [(50.0, 0, None, None)]
    assert field.rows("SELECT m.key FROM latest JOIN series USING (series_id) JOIN metric m USING (metric_id) ORDER BY 1") == [
        ("air_temperature",),
        ("battery_voltage",),
    ]
    assert outcomes(field.redecode(remove=True)) == {"same": 3}


def test_redecode_with_remove_last_value_steps_back_to_the_one_before(field: Field) -> None:
    """The reading before the removed one is the last again."""
    field.mend(RIGHT)
    field.ingest(bytes([20, 100]), at=BEGIN - timedelta(days=3))  # arrived before what is decoded again
    field.ingest(bytes([20, 90]))
    field.mend(layout("air_temperature:0.1"))

    field.redecode(remove=True)

    assert field.readings("relative_humidity") == [50.0]
    assert field.rows("SELECT time, value FROM latest WHERE value > 40") == [(BEGIN - timedelta(days=3), 50.0)]


def test_redecode_message_refused_now_keeps_its_readings_even_with_remove(field: Field) -> None:
    """A codec that fails takes nothing away: what it refuses goes to quarantine, what is stored stays."""
    field.ingest(bytes([20, 100]))
    field.mend("")

    summary = field.redecode(remove=True)

    assert summary.refused == {"codec_broken": 1}
    assert outcomes(summary) == {}
    assert field.readings() == [20.0]
    assert field.rows("SELECT reason, replayed_at, replay_result FROM quarantine") == [("codec_broken", None, None)]


def test_redecode_latest_shows_the_corrected_value_and_never_an_older_one(field: Field) -> None:
    """Last values follow corrections; readings that arrived after the range stay the last ones."""
    field.ingest(bytes([20, 100]))
    field.register("d2")
    field.ingest(bytes([30, 80]), topic="hedgerow/v1/d2/up")
    field.ingest(bytes([50, 60]), topic="hedgerow/v1/d2/up", at=BEGIN + timedelta(hours=1))
    field.mend(RIGHT)

    field.redecode(end=BEGIN + timedelta(minutes=30))

    latest = (
        "SELECT l.value FROM latest l JOIN series USING (series_id) JOIN site s USING (site_id) WHERE s.code = %s ORDER BY 1"
    )
    assert field.rows(latest, "d1") == [(2.0,), (50.0,)]
    assert field.rows(latest, "d2") == [(30.0,), (50.0,)]  # of the later message, as it was decoded then


def test_redecode_reading_marked_by_a_person_is_left_alone(field: Field) -> None:
    """What a person marked keeps value and mark; other marks the path does not give outlive a correction."""
    field.ingest(bytes([20, 100]), bytes([30, 100]))
    field.connection.execute("UPDATE reading SET flags = flags | 4096 WHERE value = 20")
    field.connection.execute("UPDATE reading SET flags = flags | 64 WHERE value = 30")
    field.mend(RIGHT)

    summary = field.redecode()

    assert outcomes(summary) == {"marked": 1, "corrected": 1, "same": 2}
    assert field.rows("SELECT value, flags FROM reading WHERE flags <> 0 ORDER BY 1") == [(3.0, 64), (20.0, 4096)]


def test_redecode_moved_device_corrects_each_reading_where_it_was_measured(field: Field) -> None:
    """The deployment at the time of the reading decides; what another device measured at the place is not touched."""
    field.ingest(bytes([20, 100]))
    field.register("d2")
    field.ingest(bytes([40, 80]), topic="hedgerow/v1/d2/up", at=BEGIN + timedelta(hours=2))
    field.connection.execute("UPDATE deployment SET during = tstzrange('-infinity', %s)", (BEGIN + timedelta(hours=1),))
    field.connection.execute(
        "INSERT INTO deployment (device_id, site_id, during) SELECT d.device_id, s.site_id, tstzrange(%s, NULL)"
        " FROM device d, site s WHERE d.uid = 'd1' AND s.code = 'd2'",
        (BEGIN + timedelta(hours=1),),
    )
    field.mend(RIGHT)

    summary = field.redecode(uid="d1", remove=True)

    assert field.readings(site="d1") == [2.0]
    assert field.readings(site="d2") == [40.0]
    assert outcomes(summary) == {"corrected": 1, "same": 1}


def test_redecode_place_shared_by_two_devices_keeps_what_the_other_sent(field: Field) -> None:
    """Where another device stands too, what this one does not give may be the other's: it is not gone."""
    field.register("d2", "generic")
    field.connection.execute("UPDATE deployment SET site_id = (SELECT site_id FROM site WHERE code = 'd1')")
    field.ingest(bytes([20, 100]))
    field.ingest(b'{"battery_voltage": 3.6}', topic="hedgerow/v1/d2/up")

    summary = field.redecode(remove=True)

    assert outcomes(summary) == {"same": 2}
    assert field.readings("battery_voltage") == [3.6]


def test_redecode_key_given_by_two_messages_keeps_the_first(field: Field) -> None:
    """As on the path, the first message to give a reading decides; running again changes nothing."""
    field.register("d2", "generic")
    first, again = b'{"time": %d, "air_temperature": 5}', b'{"time": %d, "air_temperature": 7}'
    seconds = int(BEGIN.timestamp()) - 60
    field.ingest(first % seconds, topic="hedgerow/v1/d2/up")
    field.ingest(again % seconds, topic="hedgerow/v1/d2/up", at=BEGIN + timedelta(hours=30))

    summary = field.redecode(profile="generic")

    assert outcomes(summary) == {"same": 1, "repeated": 1}
    assert field.readings(site="d2") == [5.0]


def test_redecode_wrong_clock_hits_the_key_of_arrival(field: Field) -> None:
    """A reading under its time of arrival is found there again; one that is believed now gets its own time besides."""
    field.register("d2", "generic")
    field.ingest(b'{"time": 1000, "air_temperature": 5}', topic="hedgerow/v1/d2/up")

    assert outcomes(field.redecode(profile="generic")) == {"same": 1}
    assert field.rows("SELECT time, flags FROM reading") == [(BEGIN, Flag.CLOCK)]


def test_redecode_gateway_pack_takes_only_devices_of_the_profile(field: Field) -> None:
    """A gateway's pack speaks for devices of many profiles: those of others are neither read nor refused."""
    field.register("d2", "generic")
    field.register("d3", "historical")
    pack = b'[{"bn":"d2:","n":"no2","v":5},{"bn":"d3:","n":"no2","v":6},{"n":"nonsense","v":6},{"n":"pm10"}]'
    field.ingest(pack, topic="hedgerow/v1/gw/g1/up")
    field.connection.execute("UPDATE reading SET value = value + 1")
    quarantine = field.rows("SELECT * FROM quarantine")

    summary = field.redecode(profile="generic")

    assert outcomes(summary) == {"corrected": 1}
    assert summary.refused == {}
    assert (field.readings("no2", "d2"), field.readings("no2", "d3")) == ([5.0], [7.0])
    assert field.rows("SELECT * FROM quarantine") == quarantine


def test_redecode_quarantined_message_is_stored_and_closed(field: Field) -> None:
    """What a codec refused becomes readings under its arrival, and quarantine says so; a second mending reaches it too."""
    field.mend("")
    field.ingest(bytes([20, 100]))
    assert field.rows("SELECT reason, replayed_at FROM quarantine") == [("codec_broken", None)]
    field.mend(WRONG)

    summary = field.redecode()

    assert (summary.archived, summary.quarantined, outcomes(summary)) == (0, 1, {"new": 2})
    assert field.rows("SELECT replayed_at IS NOT NULL, replay_result FROM quarantine") == [(True, "stored by redecode")]
    assert field.rows("SELECT DISTINCT time FROM reading") == [(BEGIN,)]
    field.mend(RIGHT)
    assert outcomes(field.redecode()) == {"corrected": 1, "same": 1}


def test_redecode_quarantined_message_still_refused_stays_with_the_present_reason(field: Field) -> None:
    """What is refused again waits on, with the reason of now."""
    field.connection.execute("UPDATE device_profile SET codec = 'lost' WHERE key = 'p1'")
    field.ingest(bytes([1, 2]))
    assert field.rows("SELECT reason FROM quarantine") == [("codec_missing",)]
    field.connection.execute("UPDATE device_profile SET codec = 'layout' WHERE key = 'p1'")
    field.mend(layout("gizmo:1", "gadget:1"))

    summary = field.redecode()

    assert summary.refused == {"metric_unknown": 2}
    assert field.rows("SELECT item, reason, replayed_at, replay_result FROM quarantine ORDER BY item") == [
        (1, "metric_unknown", None, "refused again by redecode"),
        (2, "metric_unknown", None, None),
    ]


def test_redecode_without_quarantine_leaves_it(field: Field) -> None:
    """Quarantine can be left out."""
    field.mend("")
    field.ingest(bytes([20, 100]))
    field.mend(RIGHT)

    summary = field.redecode(with_quarantine=False)

    assert (summary.quarantined, outcomes(summary)) == (0, {})
    assert field.rows("SELECT replayed_at FROM quarantine") == [(None,)]


def test_redecode_refused_part_of_an_archived_message_is_stored_and_closed(field: Field) -> None:
    """A metric nobody knew, known now, of a message in the archive: stored, and its part in quarantine is closed."""
    field.mend(layout("air_temperature:1", "gizmo:0.5"))
    field.ingest(bytes([20, 100]))
    assert field.rows("SELECT reason, item FROM quarantine") == [("metric_unknown", 2)]
    field.connection.execute("INSERT INTO metric_alias SELECT 'gizmo', metric_id FROM metric WHERE key = 'relative_humidity'")

    summary = field.redecode()

    assert outcomes(summary) == {"same": 1, "new": 1}
    assert field.readings("relative_humidity") == [50.0]
    assert field.rows("SELECT replayed_at IS NOT NULL FROM quarantine") == [(True,)]


def test_redecode_part_of_a_message_that_is_not_archived_is_stored(field: Field) -> None:
    """Where all of a message was refused in parts, the parts are what there is."""
    field.mend(layout("gizmo:0.5"))
    field.ingest(bytes([100]))
    assert field.rows("SELECT count(*) FROM uplink") == [(0,)]
    field.connection.execute("INSERT INTO metric_alias SELECT 'gizmo', metric_id FROM metric WHERE key = 'relative_humidity'")

    summary = field.redecode()

    assert (summary.quarantined, outcomes(summary)) == (1, {"new": 1})
    assert field.readings("relative_humidity") == [50.0]
    assert field.rows("SELECT replayed_at IS NOT NULL FROM quarantine") == [(True,)]


def test_redecode_interrupted_goes_on_when_it_is_run_again(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two portions: what was corrected stays, the next run does the rest, no correction stands twice."""
    monkeypatch.setattr("ingest.portions._MOST_MESSAGES", 2)
    field.ingest(*(bytes([20 + i, 100]) for i in range(5)))
    field.mend(RIGHT)
    from ingest.redecode import Request, redecode

    def interrupt(_at: datetime, _summary: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        redecode(field.database, Request("p1", BEGIN, BEGIN + timedelta(days=1)), interrupt)
    assert field.readings() == [2.0, 2.1, 22.0, 23.0, 24.0]

    assert outcomes(field.redecode()) == {"same": 7, "corrected": 3}
    assert field.readings() == pytest.approx([2.0, 2.1, 2.2, 2.3, 2.4])
    assert len(corrections(field)) == 5
    assert field.rows("SELECT count(*) FROM redecode_run WHERE finished_at IS NULL") == [(1,)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"profile": "p2"}, "no device profile 'p2'; there are: generic"),
        ({"profile": "historical"}, "no device has the profile"),
        ({"uid": "nobody"}, "no device 'nobody'"),
        ({"uid": "d1", "profile": "generic"}, "has the profile 'p1', not 'generic'"),
        ({"start": BEGIN + timedelta(days=1), "end": BEGIN}, "must lie before"),
        ({"start": BEGIN, "end": BEGIN}, "must lie before"),
        ({"start": datetime(2199, 1, 1, tzinfo=UTC), "end": datetime(2200, 1, 1, tzinfo=UTC)}, "in the future"),
    ],
)
def test_redecode_request_that_makes_no_sense_is_refused(field: Field, options: dict[str, object], told: str) -> None:
    """What cannot be meant is refused with what is wrong."""
    with pytest.raises(RedecodeError, match=told):
        field.redecode(**options)


def test_redecode_while_another_is_at_work_is_refused(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs at once would take each other's corrections for what stood there before."""
    monkeypatch.setattr("ingest.redecode._PATIENCE_S", 0.5)
    with connect(field.database, name="test") as other:
        other.execute("SELECT pg_advisory_lock(hashtext('hedgerow redecode'))")

        with pytest.raises(RedecodeError, match="another redecode"):
            field.redecode()


def test_redecode_deadlock_is_tried_again(field: Field) -> None:
    """A transaction that another one stands in the way of is done again, whole."""
    import threading

    field.ingest(bytes([20, 100]), bytes([30, 100]))
    field.mend(RIGHT)
    with connect(field.database, name="other") as other, connect(field.database, name="look") as look:
        other.execute("SET deadlock_timeout = '60s'")  # the victim is the run
        first, last = (row[0] for row in field.rows("SELECT time FROM reading WHERE value IN (20, 30) ORDER BY time"))
        with other.transaction():
            other.execute("UPDATE reading SET flags = flags WHERE time = %s", (last,))
            summaries = []
            run = threading.Thread(target=lambda: summaries.append(field.redecode()))
            run.start()
            waiting = (
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND query ~ 'corrected'"
            )
            while look.execute(waiting.encode()).fetchone() != (1,):
                assert run.is_alive()
            other.execute("UPDATE reading SET flags = flags WHERE time = %s", (first,))
        run.join(30)

    assert outcomes(summaries[0]) == {"corrected": 2, "same": 2}
    assert field.readings() == [2.0, 3.0]
    assert len(corrections(field)) == 2
