"""The rules over stored history: the same flags as at ingest, nothing that is not theirs, and twice is as once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from devices.flags import Flag
from devices.registry import load_registry
from hedgerow.cli import app
from ingest import quality_run
from ingest.quality_run import Wanted, mark_due, run_due, run_quality
from ingest.recent import Recent
from ingest.rollups import close_hours, work_once
from sql.pool import connect
from sql.queries import query
from tests.unit.ingest.examples import Row, batch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from devices.registry import Registry

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=15)
METRICS = ("pm2_5", "pm10", "relative_humidity", "battery_level")


@dataclass
class Weir:
    """A site with four series, and what was stored of them."""

    url: str
    connection: psycopg.Connection
    registry: Registry
    series: dict[str, int]

    def ingest(self, rows: dict[str, list[float]], restarts: Collection[int] = ()) -> None:
        """Take readings through the path's rules, one time after the other, and store them with their flags."""
        recent = Recent()
        for at in range(len(rows["pm2_5"])):
            if at in restarts:
                recent = self._restarted()
            time_us = _us(START + at * STEP)
            batch = [
                Row(self.series[key], time_us, values[at], metric=self.registry.metric_position[key], received_us=time_us)
                for key, values in rows.items()
            ]
            checked, spikes = recent.check(batch_of(batch), self.registry)
            with self.connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO reading VALUES (%s, to_timestamp(%s / 1e6), %s, %s)",
                    list(
                        zip(
                            checked.series.tolist(),
                            checked.time_us.tolist(),
                            checked.value.tolist(),
                            checked.flags.tolist(),
                            strict=True,
                        )
                    ),
                )
            self.connection.execute(query("flag_spikes"), spikes._asdict())

    def _restarted(self) -> Recent:
        """Begin anew with what the store has, as a worker does."""
        self.connection.execute("DELETE FROM latest")
        self.connection.execute(
            "INSERT INTO latest SELECT DISTINCT ON (series_id) *, time FROM reading ORDER BY series_id, time DESC"
        )
        recent = Recent()
        recent.fill(self.connection.execute(query("list_recent")), self.connection.execute(query("list_recent_humidity")))
        return recent

    def flags(self, key: str = "") -> dict[tuple[int, datetime], int]:
        """Read the flags of all readings, or of one metric's."""
        rows = self.connection.execute(
            "SELECT series_id, time, flags FROM reading WHERE %(id)s::int4 IS NULL OR series_id = %(id)s::int4",
            {"id": self.series.get(key)},
        )
        return {(series, time): flags for series, time, flags in rows}

    def value(self, statement: Any, *values: object) -> Any:  # noqa: ANN401 - any column
        """Ask for one value."""
        return next(self.connection.execute(statement, values))[0]


@pytest.fixture
def weir(database: str) -> Iterator[Weir]:
    """Give a site with series of dust, humidity and a battery, and a partition for them."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("INSERT INTO site (code, name) VALUES ('weir', 'Weir')")
        connection.execute(
            "INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM site, metric WHERE key = ANY (%s)",
            (list(METRICS),),
        )
        for days in (0, 31):
            connection.execute("SELECT ensure_partition('reading', %s)", (START + timedelta(days=days),))
        series: dict[str, int] = dict(
            connection.execute("SELECT key, series_id FROM series JOIN metric USING (metric_id)").fetchall()
        )
        yield Weir(database, connection, load_registry(connection), series)


def history(steps: int = 200) -> dict[str, list[float]]:
    """Make four days with everything that goes wrong: stuck, alone, out of range, no value, damp air, an empty battery."""
    drawn = np.random.default_rng(5)
    dust = np.round(12 + drawn.normal(size=steps), 1)
    dust[20:60] = 11.5
    dust[40] = -999.0
    dust[[70, 90]] = 400.0
    dust[75:78] = -999.0
    dust[79] = 2000.0
    humidity = np.round(80 + 10 * drawn.normal(size=steps), 1).clip(30, 100)
    battery = np.linspace(12, 8, steps)
    return {
        "pm2_5": dust.tolist(),
        "pm10": (dust + drawn.normal(size=steps)).tolist(),
        "relative_humidity": humidity.tolist(),
        "battery_level": battery.tolist(),
    }


@pytest.mark.parametrize("portion", [7, 8])
def test_quality_run_gives_the_flags_that_ingest_gave(weir: Weir, monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    """Readings that came in order are judged alike, in portions they fill or do not; a second run finds nothing to do."""
    weir.ingest(history())
    at_ingest = weir.flags()
    dust = {flag for flags in weir.flags("pm2_5").values() for flag in Flag if flag & flags}
    assert dust == {Flag.OUT_OF_RANGE, Flag.FLATLINE, Flag.SPIKE, Flag.HUMIDITY, Flag.CROSS_CHECK, Flag.SENTINEL}
    weir.connection.execute("UPDATE reading SET flags = 128")

    monkeypatch.setattr(quality_run, "PORTION", portion)
    first, again = run_quality(weir.url, Wanted()), run_quality(weir.url, Wanted())

    assert weir.flags() == {key: flags | Flag.LATE for key, flags in at_ingest.items()}
    assert first.changed == sum(flags != 0 for flags in at_ingest.values())
    assert first.set[Flag.SPIKE] == sum(bool(flags & Flag.SPIKE) for flags in at_ingest.values())
    assert (again.readings, again.changed) == (first.readings, 0) == (800, 0)


def test_ingest_that_is_restarted_gives_the_flags_of_one_that_is_not(weir: Weir) -> None:
    """In the middle of a flatline, before it is long enough, beside a spike and in damp air: the store has all it takes."""
    weir.ingest(history(), restarts=(30, 41, 55, 70, 71, 90, 91, 120, 150))

    assert run_quality(weir.url, Wanted(dry_run=True)).changed == 0


def test_quality_run_clears_what_holds_no_more_and_keeps_what_is_not_its_own(weir: Weir) -> None:
    """Flags of the rules go where the rules see nothing; those of arrival and people stay; changed hours are marked."""
    weir.ingest({key: [20.0 + at for at in range(8)] for key in METRICS})
    kept = Flag.LATE | Flag.CLOCK | Flag.MANUAL_INVALID | Flag.DUPLICATE | Flag.ESTIMATED | Flag.CALIBRATION
    weir.connection.execute("UPDATE reading SET flags = 32767 WHERE time < %s", (START + 2 * STEP,))
    weir.connection.execute("DELETE FROM rollup_dirty")

    dry = run_quality(weir.url, Wanted(dry_run=True))
    assert set(weir.flags().values()) == {0, 32767}
    tally = run_quality(weir.url, Wanted())

    assert set(weir.flags().values()) == {0, int(kept)}
    assert (dry.changed, dry.cleared) == (tally.changed, tally.cleared)
    assert tally.cleared[Flag.STEP] == 8
    assert weir.value("SELECT count(DISTINCT (series_id, hour)) FROM rollup_dirty") == 4


def test_quality_run_of_a_range_judges_it_by_what_lies_around_it(weir: Weir) -> None:
    """A range in the middle of a flatline, and one before a spike shows itself, are judged as in the whole."""
    weir.ingest(history())
    whole = weir.flags("pm2_5")
    weir.connection.execute("UPDATE reading SET flags = 0")
    start, end = START + 50 * STEP, START + 71 * STEP

    tally = run_quality(weir.url, Wanted(sites=["weir"], metrics=["pm25"], start=start, end=end))

    assert weir.flags("pm2_5") == {key: flags if start <= key[1] < end else 0 for key, flags in whole.items()}
    assert (tally.series, tally.readings, tally.set[Flag.SPIKE]) == (1, 21, 1)


def test_quality_run_leaves_ratified_and_adjusted_readings(weir: Weir) -> None:
    """What people have closed or adjusted themselves is not judged by a rule any more; the last value follows the rest."""
    weir.ingest({key: [2000.0] * 3 for key in METRICS})
    weir.connection.execute(
        "INSERT INTO latest SELECT series_id, time, value, 0, time FROM reading WHERE time = %s", (START + 2 * STEP,)
    )
    weir.connection.execute("UPDATE reading SET flags = 0")
    dust = weir.series["pm2_5"]
    weir.connection.execute(
        "INSERT INTO series_status (series_id, during, status, note, person)"
        " VALUES (%s, tstzrange(%s, %s), 'ratified', 'checked', 'ann')",
        (dust, START, START + STEP),
    )
    weir.connection.execute(
        "WITH made AS (INSERT INTO value_adjustment (series_id, during, scale, shift, reason, person, readings)"
        " VALUES (%s, tstzrange(%s, %s), 1, 1, 'drift', 'ann', 1) RETURNING adjustment_id, series_id)"
        " INSERT INTO reading_before SELECT series_id, %s, adjustment_id, 1999, 0 FROM made",
        (dust, START + STEP, START + 2 * STEP, START + STEP),
    )

    run_quality(weir.url, Wanted(metrics=["pm2_5"]))

    assert [flags for _, flags in sorted(weir.flags("pm2_5").items())] == [0, 0, Flag.OUT_OF_RANGE]
    assert weir.value("SELECT flags FROM latest WHERE series_id = %s", dust) == Flag.OUT_OF_RANGE


def test_quality_run_follows_changed_settings_and_warm_ups_of_profiles(weir: Weir) -> None:
    """A new sentinel, and the warm-up of the device that stood there, count for readings stored before."""
    weir.ingest({key: [20.0 + at for at in range(8)] for key in METRICS})
    weir.connection.execute("UPDATE metric_quality SET sentinels = '{21}' WHERE metric = 'pm2_5'")
    weir.connection.execute(
        "WITH made AS (INSERT INTO device (uid, name, profile_id)"
        " SELECT 'd', 'd', profile_id FROM device_profile WHERE key = 'generic' RETURNING device_id)"
        " INSERT INTO deployment (device_id, site_id, during)"
        " SELECT device_id, site_id, tstzrange(%s, NULL) FROM made, site",
        (START + 4 * STEP,),
    )
    weir.connection.execute(
        "INSERT INTO profile_quality (profile, warm_up_s, sentinels) VALUES ('generic', 1800, '{\"pm2_5\": [27]}')"
    )

    run_quality(weir.url, Wanted(metrics=["pm2_5"]))

    flags = [flags & ~Flag.CROSS_CHECK for _, flags in sorted(weir.flags("pm2_5").items())]
    assert flags == [0, Flag.SENTINEL, 0, 0, Flag.WARM_UP, Flag.WARM_UP, 0, Flag.SENTINEL]


def test_quality_due_is_worked_off_series_by_series(weir: Weir) -> None:
    """Readings that came past the path's order are judged soon, all marks of a series at once."""
    weir.ingest(history())
    whole = weir.flags("pm2_5")
    weir.connection.execute("UPDATE reading SET flags = 0")
    dust = weir.series["pm2_5"]
    mark_due(weir.connection, batch_of([Row(dust, _us(START + at * STEP), 0.0) for at in (199, 0)]))
    mark_due(weir.connection, batch_of([]))

    assert [run_due(weir.connection), run_due(weir.connection)] == [True, False]
    assert weir.flags("pm2_5") == whole
    assert set(weir.flags("pm10").values()) == {0}


def test_quality_due_is_written_portion_by_portion_and_marks_made_meanwhile_stay(
    weir: Weir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a long history: each portion stands when it is written; what came meanwhile is judged in its turn."""
    weir.ingest(history())
    weir.connection.execute("UPDATE reading SET flags = 0")
    dust, put, seen = weir.series["pm2_5"], quality_run._put, list[int]()  # noqa: SLF001
    mark = batch_of([Row(dust, _us(START + at * STEP), 0.0) for at in (0, 199)])
    mark_due(weir.connection, mark)

    def watched(*of: Any) -> Any:  # noqa: ANN401 - as _put takes
        done = put(*of)
        seen.append(weir.value("SELECT count(*) FROM reading WHERE flags <> 0"))
        mark_due(weir.connection, mark)
        return done

    monkeypatch.setattr(quality_run, "PORTION", 50)
    monkeypatch.setattr(quality_run, "_put", watched)
    with connect(weir.url, name="test") as connection:
        assert run_due(connection)
        assert seen == sorted(set(seen))
        assert min(seen) > 0 < weir.value("SELECT count(*) FROM quality_due")
        assert [run_due(connection), run_due(connection)] == [True, False]


def test_quality_run_may_decompress_whatever_its_readings_lie_in(weir: Weir) -> None:
    """A portion holds as many readings as TimescaleDB would by default decompress for one statement."""
    weir.ingest({key: [2000.0] for key in METRICS})
    weir.connection.execute("UPDATE reading SET flags = 0")
    weir.connection.execute("CREATE TABLE seen (most text)")
    weir.connection.execute(
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen"
        " SELECT current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction', true); RETURN NULL; END $$"
    )
    weir.connection.execute("CREATE TRIGGER look AFTER UPDATE ON reading FOR EACH ROW EXECUTE FUNCTION look()")

    run_quality(weir.url, Wanted(metrics=["pm2_5"]))

    assert weir.value("SELECT array_agg(most) FROM seen") == ["0"]


def test_quality_due_of_series_and_metrics_made_meanwhile_is_judged_by_a_registry_that_has_them(
    weir: Weir, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is made between two looks at the store stops nobody."""
    weir.ingest(history())
    mark_due(weir.connection, batch_of([Row(weir.series["pm2_5"], _us(START), 0.0)]))

    def load(connection: psycopg.Connection) -> Registry:
        registry = load_registry(connection)
        weir.connection.execute(
            "WITH made AS (INSERT INTO metric (key, unit, unit_senml, kind, domain, valid_max, description)"
            " VALUES ('novelty', '', '', 'gauge', 'test', 1, '') ON CONFLICT DO NOTHING RETURNING metric_id),"
            " line AS (INSERT INTO series (site_id, metric_id) SELECT site_id, metric_id FROM made, site RETURNING series_id),"
            " stored AS (INSERT INTO reading SELECT series_id, %(at)s, 2, 0 FROM line)"
            " INSERT INTO quality_due (series_id, from_at, to_at) SELECT series_id, %(at)s, %(at)s FROM line",
            {"at": START},
        )
        return registry

    monkeypatch.setattr(quality_run, "load_registry", load)

    assert [run_due(weir.connection) for _ in range(3)] == [True, True, False]
    assert caplog.text == ""
    assert weir.value("SELECT flags FROM reading WHERE value = 2 AND series_id = (SELECT max(series_id) FROM series)") == 1


@pytest.mark.parametrize("trouble", [lambda connection: connection.execute("SELECT 1 / 0"), lambda _: int("a surprise")])
def test_quality_due_goes_wrong_for_a_series_others_and_rollups_go_on(
    weir: Weir, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Callable[[object], object]
) -> None:
    """The series is named in the log and comes again later; each step rolls first, whatever there is to judge."""
    weir.ingest(history())
    good, bad = weir.series["pm2_5"], weir.series["pm10"]
    due = "SELECT array_agg(series_id) FROM quality_due WHERE not_before <= now()"
    mark_due(weir.connection, batch_of([Row(series, _us(START + STEP), 0.0) for series in (bad, good)]))
    close_hours(weir.connection, START + timedelta(hours=3))
    run_series = quality_run.run_series

    def stumbles(*of: Any, **more: Any) -> None:  # noqa: ANN401 - as run_series takes
        if of[2].series_id == bad:
            trouble(of[0])
        run_series(*of, **more)

    monkeypatch.setattr(quality_run, "run_series", stumbles)

    assert work_once(weir.connection)
    assert weir.value("SELECT count(*) FROM rollup_hour") > 0
    while work_once(weir.connection):
        pass
    assert weir.value(due) is None
    assert weir.value("SELECT array_agg(series_id) FROM quality_due") == [bad]
    assert f"the rules for series {bad} are run again" in caplog.text
    monkeypatch.undo()
    weir.connection.execute("UPDATE quality_due SET not_before = now()")
    assert run_due(weir.connection)
    assert weir.value("SELECT count(*) FROM quality_due") == 0


def test_quality_commands_tell_what_changed_and_what_the_rules_go_by(weir: Weir) -> None:
    """The figures stand by flag; the settings show defaults of the vocabulary."""
    weir.ingest(history())
    weir.connection.execute("UPDATE reading SET flags = 0")

    ran = CliRunner().invoke(app, ["quality", "run", "--site", "weir", "--metric", "pm2_5", "--database", weir.url])
    shown = CliRunner().invoke(app, ["quality", "show", "--database", weir.url], env={"COLUMNS": "200"})
    failed = CliRunner().invoke(app, ["quality", "run", "--site", "wier", "--database", weir.url])

    assert ran.exit_code == 0, ran.output
    assert "1 series, 200 readings," in ran.output
    assert "sentinel" in ran.output
    assert shown.exit_code == 0, shown.output
    assert "-9999 -999 -200 -99 65535" in shown.output
    assert failed.exit_code == 1
    assert "no series fits" in failed.output


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
