"""Aggregates over HTTP: statistics and buckets held against slow obvious versions, and what every answer tells of itself."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import nanoarrow
import pytest
import zstandard

from devices.flags import EXCLUDING, Flag
from tests.integration.api.stored import iso, make_series, random_rows, slow_buckets, start_of, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.api.conftest import Api, Serve

START = datetime(2026, 3, 28, 22, tzinfo=UTC)
ALL = ["mean", "min", "max", "sum", "first", "last", "count"]


def assert_same_buckets(answer: list[dict[str, Any]], expected: dict[Any, dict[str, float]], key: Callable[..., Any]) -> None:
    """Check that an answer has just these buckets, ascending, each statistic equal to 1e-9."""
    assert [bucket["time"] for bucket in answer] == sorted(bucket["time"] for bucket in answer)
    assert {key(bucket) for bucket in answer} == set(expected)
    assert len(answer) == len(expected)
    for bucket in answer:
        for name, value in expected[key(bucket)].items():
            assert bucket[name] == pytest.approx(value, rel=1e-9, abs=1e-12), (name, bucket)


def test_aggregate_random_readings_equals_the_slow_version(api: Api) -> None:
    """Every statistic of every bucket is what plain Python makes of the same readings, across clock changes and months."""
    places = [("weir", "no2", ""), ("weir", "pm10", ""), ("mill", "no2", ""), ("mill", "no2", "b")]
    series = make_series(api, *places)
    ids = dict(zip(places, series, strict=True))
    rows = random_rows(7, series, START, 80, each=5) + random_rows(8, series, datetime(2026, 10, 24, tzinfo=UTC), 60, each=5)
    store(api, rows)

    def key(bucket: dict[str, Any]) -> tuple[str, int]:
        return bucket["time"], ids[bucket["site"], bucket["metric"], bucket.get("channel", "")]

    autumn = {"from": "2026-10-24T00:00Z", "to": "2026-10-28"}
    for every in ("7m", "1h", "1d", "7d", "1w", "1mo", "1y"):
        for include_flagged in (False, True):
            asked = autumn if every == "7m" else {}
            answer = api.get("/api/v1/aggregate", every=every, stat=ALL, include_flagged=include_flagged, **asked)
            counted = [row for row in rows if row[1] >= datetime(2026, 10, 1, tzinfo=UTC)] if asked else rows
            expected = slow_buckets(counted, start_of(every), excluding=0 if include_flagged else EXCLUDING)
            assert_same_buckets(answer, expected, key)


def test_aggregate_sites_of_two_zones_have_their_own_days(plain_api: Api) -> None:
    """A day of each site is a day where it is; hours are the same for all."""
    client = plain_api.of("engineer")
    client.post("/api/v1/sites", json={"code": "far", "name": "Far", "time_zone": "Pacific/Auckland"})
    near, far = make_series(plain_api, ("near", "no2", ""), ("far", "no2", ""))
    store(plain_api, [(one, START + timedelta(hours=hour), 1.0, 0) for one in (near, far) for hour in range(30)])

    days = plain_api.get("/api/v1/aggregate", every="1d", stat="count")
    assert [(day["time"], day["site"], day["count"]) for day in days] == [
        ("2026-03-28T00:00:00Z", "near", 2),
        ("2026-03-28T11:00:00Z", "far", 13),
        ("2026-03-29T00:00:00Z", "near", 23),
        ("2026-03-29T11:00:00Z", "far", 17),
        ("2026-03-29T23:00:00Z", "near", 5),
    ]
    assert len(plain_api.get("/api/v1/aggregate", every="1h")) == 60


def test_aggregate_before_1970_cuts_the_same_buckets(api: Api) -> None:
    """Buckets are counted from 1970 in both directions."""
    series = make_series(api, ("weir", "no2", ""))
    rows = random_rows(3, series, datetime(1969, 12, 31, 13, tzinfo=UTC), 20, each=10)
    store(api, rows)

    answer = api.get("/api/v1/aggregate", every="7h", stat=ALL, include_flagged=True)
    assert_same_buckets(answer, slow_buckets(rows, start_of("7h"), excluding=0), lambda bucket: (bucket["time"], series[0]))


def test_aggregate_hour_ending_has_the_reading_at_the_end(api: Api) -> None:
    """With `hour_ending` buckets are (start, end] and called by their end: files of air quality are read so."""
    (series,) = make_series(api, ("weir", "no2", ""))
    rows = [(series, START + timedelta(minutes=30 * n), float(n), 0) for n in range(60)]
    store(api, rows)

    for every in ("1h", "1d"):
        begins = start_of(every)
        moved = [(one, time - timedelta(microseconds=1), value, flags) for one, time, value, flags in rows]
        expected = {
            (iso(begins(datetime.fromisoformat(key[0]) + timedelta(hours=1 if every == "1h" else 26))), key[1]): told
            for key, told in slow_buckets(moved, begins, excluding=EXCLUDING).items()
        }
        answer = api.get("/api/v1/aggregate", every=every, stat=ALL, hour_ending=True)
        assert_same_buckets(answer, expected, lambda bucket: (bucket["time"], series))
    hour = api.get(
        "/api/v1/aggregate", hour_ending=True, stat="last", **{"from": iso(START), "to": iso(START + timedelta(hours=1))}
    )
    assert [(point["time"], point["last"], point["n"]) for point in hour] == [("2026-03-28T23:00:00Z", 2.0, 2)]


def test_aggregate_object_is_flat_and_has_what_was_asked_for(api: Api) -> None:
    """One object a bucket: time, site, metric, unit, the statistics asked for, and what every point carries."""
    (series,) = make_series(api, ("weir", "no2", ""))
    store(
        api,
        [
            (series, START, 1.0, 0),
            (series, START + timedelta(minutes=59), 2.0, 128),
            (series, START + timedelta(minutes=5), 9.0, 1),
        ],
    )
    bucket = {"time": "2026-03-28T22:00:00Z", "site": "weir", "metric": "no2", "unit": "µg/m³"}
    beside = {"n": 2, "n_expected": None, "data_capture": None, "flags": 129}

    assert api.get("/api/v1/aggregate") == [bucket | {"mean": 1.5} | beside]
    assert api.get("/api/v1/aggregate", stat=["count", "sum"]) == [bucket | {"count": 2, "sum": 3.0} | beside]
    assert list(api.get("/api/v1/aggregate", stat=["sum", "count"])[0]) == [*bucket, "sum", "count", *beside]


def test_aggregate_every_flag_excludes_or_informs_as_the_table_says(api: Api) -> None:
    """A reading with an excluding flag does not count; one with any other flag does; both are seen."""
    (series,) = make_series(api, ("weir", "no2", ""))
    store(api, [(series, START + timedelta(hours=bit), 1.0, 1 << bit) for bit in range(15)])
    counted = {bucket["time"]: bucket["flags"] for bucket in api.get("/api/v1/aggregate", every="1h")}

    informative = (Flag.HUMIDITY, Flag.LATE, Flag.DUPLICATE, Flag.CLOCK, Flag.CROSS_CHECK, Flag.BATTERY_LOW, Flag.ESTIMATED)
    assert counted == {iso(START + timedelta(hours=flag.bit_length() - 1)): int(flag) for flag in informative}
    assert len(api.get("/api/v1/aggregate", every="1h", include_flagged=True)) == 15


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"metric": "nonsense"}, "query.metric"),
        ({"metric": ["no2", "nonsense"]}, "query.metric"),
        ({"domain": "nonsense"}, "query.domain"),
        ({"evry": "1h"}, "query.evry"),
        ({"every": "1month"}, "query.every"),
        ({"every": "0m"}, "query.every"),
        ({"every": "1.5h"}, "query.every"),
        ({"every": "15m", "hour_ending": "true"}, "query.every"),
        ({"stat": "median"}, "query.stat.0"),
        ({"stat": ["mean", "p101"]}, "query.stat.1"),
        ({"stat": "p100.5"}, "query.stat.0"),
        ({"from": "yesterday"}, "query.from"),
        ({"from": "99999999999999999999"}, "query.from"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "query"),
        ({"from": "2026-01-01", "to": "2026-01-01"}, "query"),
        ({"series": "0"}, "query.series.0"),
        ({"series": str(2**31)}, "query.series.0"),
        ({"device": "a/b"}, "query.device.0"),
        ({"site": "a\u0000b"}, "query.site.0"),
        ({"tag": "two words"}, "query.tag.0"),
        ({"fill": "zero"}, "query.fill"),
        ({"shape": "square"}, "query.shape"),
        ({"format": "xlsx"}, "query.format"),
        ({"include_flagged": "perhaps"}, "query.include_flagged"),
    ],
    ids=str,
)
def test_aggregate_questions_that_make_no_sense_are_refused(shared_api: Api, asked: dict[str, Any], where: str) -> None:
    """A slip in a question is told with its place, never answered with nothing."""
    answer = shared_api.of("viewer").get("/api/v1/aggregate", params=asked)

    assert answer.status_code == 422
    assert [slip["where"] for slip in answer.json()["errors"]] == [where]


def test_aggregate_statistics_that_make_no_sense_of_a_metric_are_refused(plain_api: Api) -> None:
    """The mean of a state is no answer, the rate of a gauge neither; over a whole site such statistics are null."""
    _no2, door = make_series(plain_api, ("weir", "no2", ""), ("weir", "door_open", ""))
    make_series(plain_api, ("weir", "vehicle_count_cumulative", ""))
    store(plain_api, [(door, START, 1.0, 0)])
    client = plain_api.of("viewer")

    for metric, stat, instead in (
        ("door_open", "mean", "fraction or last"),
        ("door_open", "p50", "fraction or last"),
        ("no2", "rate", "mean"),
        ("no2", "fraction", "mean"),
        ("vehicle_count_cumulative", "sum", "rate or increase"),
    ):
        answer = client.get("/api/v1/aggregate", params={"metric": metric, "stat": stat})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"] == "query.stat"
        assert f"ask for {instead}" in answer.json()["detail"]
    assert client.get("/api/v1/aggregate", params={"series": [door, _no2], "stat": "mean"}).status_code == 422
    (point,) = plain_api.get("/api/v1/aggregate", site="weir", stat=["mean", "max"])
    assert (point["metric"], point["mean"], point["max"]) == ("door_open", None, 1.0)


def test_aggregate_beyond_the_cap_raises_every_and_says_so(serve: Serve, database: str) -> None:
    """With too many points the next wider step that fits is taken and told in a header; just as many are given as asked for."""
    api = serve(database, max_points=50)
    series = make_series(api, ("weir", "no2", ""), ("mill", "no2", ""))
    store(api, [(series_id, START + timedelta(minutes=minute), 1.0, 0) for series_id in series for minute in range(26)])
    client = api.of("viewer")

    raised = client.get("/api/v1/aggregate", params={"every": "1m"})
    assert (raised.headers["Hedgerow-Every"], raised.headers["Hedgerow-Every-Asked"]) == ("2m", "1m")
    assert len(raised.json()) == 26
    as_asked = client.get("/api/v1/aggregate", params={"every": "1m", "to": iso(START + timedelta(minutes=25))})
    assert (as_asked.headers["Hedgerow-Every"], len(as_asked.json())) == ("1m", 50)
    auto = client.get("/api/v1/aggregate", params={"every": "auto", "points": 9})
    assert (auto.headers["Hedgerow-Every"], auto.headers["Hedgerow-Every-Asked"], len(auto.json())) == ("5m", "auto", 12)
    ages = {"every": "1m", "from": "0002-01-01", "to": "9990-01-01"}
    assert client.get("/api/v1/aggregate", params=ages).headers["Hedgerow-Every"] == "2m"
    refused = client.get("/api/v1/aggregate", params={**ages, "fill": "null"})
    assert refused.status_code == 422
    assert "fewer series" in refused.json()["detail"]


def test_aggregate_fill_gives_every_bucket_and_marks_what_is_made_up(api: Api) -> None:
    """Empty buckets are left out, given as nulls, or filled with the value before or a straight line, marked as such."""
    (series,) = make_series(api, ("weir", "no2", ""))
    store(api, [(series, START + timedelta(hours=hour), float(value), 0) for hour, value in ((1, 10), (3, 30), (4, 34))])
    asked = {"from": iso(START), "to": iso(START + timedelta(hours=6)), "stat": ["mean", "count"]}

    def means(fill: str) -> list[tuple[float | None, bool]]:
        answer = api.get("/api/v1/aggregate", **asked, fill=fill)
        assert [point["n"] for point in answer] == [point["count"] for point in answer]
        return [(point["mean"], point.get("filled", False)) for point in answer]

    assert means("none") == [(10, False), (30, False), (34, False)]
    assert means("null") == [(None, False), (10, False), (None, False), (30, False), (34, False), (None, False)]
    assert means("previous") == [(None, False), (10, False), (10, True), (30, False), (34, False), (34, True)]
    assert means("linear") == [(None, False), (10, False), (20, True), (30, False), (34, False), (None, False)]


def test_aggregate_captures_what_came_of_what_was_expected(api: Api) -> None:
    """Readings expected come from who was there, and how often its profile says it speaks."""
    engineer, manager = api.of("engineer"), api.of("manager")
    manager.post("/api/v1/profiles", json={"key": "ten", "name": "Ten", "expected_interval_s": 600}).raise_for_status()
    make_series(api, ("weir", "no2", ""))
    for uid, begins, profile in (("one", START, "ten"), ("two", START + timedelta(hours=2, minutes=30), "generic")):
        content = {"uid": uid, "name": uid, "site": "weir", "latitude": 50, "longitude": -2, "profile": profile}
        engineer.post("/api/v1/devices", json=content | {"installed_at": iso(begins)}).raise_for_status()
        if uid == "one":
            action = {"kind": "recall", "device": uid, "at": iso(START + timedelta(hours=2, minutes=30))}
            engineer.post("/api/v1/actions", json=action).raise_for_status()
    [(series,)] = api.execute("SELECT series_id FROM series")
    store(api, [(series, START + timedelta(minutes=12 * n), 1.0, 0) for n in range(15)])

    asked = {"from": iso(START - timedelta(hours=1)), "to": iso(START + timedelta(hours=4)), "fill": "null"}
    points = api.get("/api/v1/aggregate", **asked)
    assert [point["n_expected"] for point in points] == [None, 6, 6, 5, 4]
    assert [point["n"] for point in points] == [0, 5, 5, 5, 0]
    assert [point["data_capture"] for point in points] == [None, pytest.approx(5 / 6), pytest.approx(5 / 6), 1.0, 0.0]
    assert api.get("/api/v1/aggregate", **asked, every="5m")[12]["n_expected"] is None


def test_aggregate_formats_hold_the_same(api: Api) -> None:
    """CSV, Arrow and JSON, long or wide, are the same table; the format is chosen by parameter or by Accept."""
    places = [("weir", "no2", ""), ("mill", "no2", "b")]
    series = make_series(api, *places)
    store(api, [row for row in random_rows(1, series, START, 12, each=3) if row[0] == series[0] or row[1].hour % 2])
    client = api.of("viewer")

    for shape in ("long", "wide"):
        asked = {"every": "30m", "stat": ["mean", "count"], "fill": "previous", "shape": shape}
        rows = client.get("/api/v1/aggregate", params=asked).json()
        names = list(dict.fromkeys(name for row in rows for name in row))
        told = client.get("/api/v1/aggregate", params=asked, headers={"Accept": "text/html, text/csv;q=0.8, */*;q=0.1"})
        assert told.headers["Content-Type"] == "text/csv; charset=utf-8"
        cells = list(csv.DictReader(StringIO(told.text)))
        assert set(cells[0]) == set(names) | ({"filled", "channel"} if shape == "long" else set())
        stream = client.get("/api/v1/aggregate", params={**asked, "format": "arrow"})
        assert stream.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
        batch = nanoarrow.ArrayStream.from_readable(stream.content).read_all()
        arrow = list(batch.iter_py())
        assert len(rows) == len(cells) == len(arrow)
        for row, cell, record in zip(rows, cells, arrow, strict=True):
            for name in cells[0]:
                value = row.get(name, {"filled": False, "channel": ""}.get(name))
                assert cell[name] == (
                    "" if value is None else str(value).lower() if value in (True, False) and "filled" in name else str(value)
                )
                assert (iso(record[name]) if name == "time" else record[name]) == value


def test_aggregate_wide_has_a_row_a_time_and_columns_by_site_and_metric(plain_api: Api) -> None:
    """Columns are called site/metric/statistic, with the channel where there is one; null where a series has no point."""
    weir, mill = make_series(plain_api, ("weir", "no2", ""), ("mill", "no2", "b"))
    store(plain_api, [(weir, START, 1.0, 0), (mill, START, 2.0, 0), (mill, START + timedelta(hours=1), 3.0, 0)])

    first, second = plain_api.get("/api/v1/aggregate", shape="wide")
    assert first == {
        "time": "2026-03-28T22:00:00Z",
        **{
            f"weir/no2/{name}": value for name, value in (("mean", 1.0), ("n", 1), ("n_expected", None), ("data_capture", None))
        },
        "weir/no2/flags": 0,
        **{
            f"mill/no2/b/{name}": value
            for name, value in (("mean", 2.0), ("n", 1), ("n_expected", None), ("data_capture", None))
        },
        "mill/no2/b/flags": 0,
    }
    assert (second["weir/no2/mean"], second["weir/no2/n"], second["mill/no2/b/mean"]) == (None, None, 3.0)


def test_aggregate_known_to_the_client_is_not_sent_again(plain_api: Api) -> None:
    """An answer has a tag that changes with it; whoever has it already is told so."""
    (series,) = make_series(plain_api, ("weir", "no2", ""))
    store(plain_api, [(series, START, 1.0, 0)])
    client = plain_api.of("viewer")
    first = client.get("/api/v1/aggregate")

    again = client.get("/api/v1/aggregate", headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert again.headers["Cache-Control"] == "private, no-cache"
    assert client.get("/api/v1/aggregate", params={"format": "csv"}).headers["ETag"] != first.headers["ETag"]
    store(plain_api, [(series, START + timedelta(minutes=1), 1.0, 0)])
    changed = client.get("/api/v1/aggregate", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json()[0]["n"]) == (200, 2)


def test_aggregate_is_compressed_as_the_client_likes_it(plain_api: Api) -> None:
    """Zstandard where the client takes it, else gzip, else nothing; caches are told that answers differ."""
    (series,) = make_series(plain_api, ("weir", "no2", ""))
    store(plain_api, [(series, START + timedelta(hours=hour), 1.0, 0) for hour in range(20)])
    client = plain_api.of("viewer")
    decoders: dict[str | None, Callable[[bytes], bytes]] = {"zstd": zstandard.decompress, "gzip": gzip.decompress, None: bytes}
    bodies = []
    for encoding, sent in (("gzip, zstd", "zstd"), ("gzip;q=1.0, zstd;q=0", "gzip"), ("identity", None)):
        with client.stream("GET", "/api/v1/aggregate", headers={"Accept-Encoding": encoding}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers.get("Content-Encoding") == sent
        assert "Accept-Encoding" in answer.headers["Vary"]
        bodies.append(decoders[sent](raw))
    assert bodies[0] == bodies[1] == bodies[2]


def test_aggregate_says_until_when_it_is_complete(plain_api: Api) -> None:
    """Complete is until when every worker says all it received is stored; not beyond `to`; null where one is silent or away."""
    (series,) = make_series(plain_api, ("weir", "no2", ""))
    store(plain_api, [(series, START, 1.0, 0)])
    client = plain_api.of("viewer")

    def complete(**asked: str) -> str:
        return str(client.get("/api/v1/aggregate", params=asked).headers["Hedgerow-Complete-Until"])

    assert complete(to="2030-01-01") == "null"
    plain_api.execute("INSERT INTO ingest_status (worker, connected) VALUES ('w', true), ('v', true)")
    assert complete(to="2030-01-01") == "null"
    stands = datetime(2026, 10, 1, 12, 0, 0, 250_000, tzinfo=UTC)  # the workers speak, and what came then waits still
    plain_api.execute("UPDATE ingest_status SET stored_until = CASE worker WHEN 'w' THEN %s ELSE now() END", stands)
    assert datetime.fromisoformat(complete(to="2030-01-01")) == stands
    assert complete(to="2026-03-29") == "2026-03-29T00:00:00Z"
    plain_api.execute("UPDATE ingest_status SET connected = false WHERE worker = 'v'")
    assert complete(to="2030-01-01") == "null"
    plain_api.execute("UPDATE ingest_status SET connected = true, updated_at = now() - interval '1 hour'")
    assert complete(to="2030-01-01") == "null"


def test_aggregate_by_area_and_tag_narrows_and_the_limited_see_their_areas_only(plain_api: Api) -> None:
    """Areas and tags choose sites; who is limited to areas gets no other site, whatever they ask."""
    series = make_series(plain_api, ("weir", "no2", ""), ("mill", "no2", ""))
    store(plain_api, [(one, START, 1.0, 0) for one in series])
    engineer, admin = plain_api.of("engineer"), plain_api.of("admin")
    patched = engineer.patch("/api/v1/sites/weir", json={"tags": ["School-Street", "river", "river"]})
    assert patched.json()["tags"] == ["school-street", "river"]
    assert engineer.get("/api/v1/sites/weir").json()["tags"] == ["school-street", "river"]
    assert engineer.post("/api/v1/sites", json={"name": "New", "tags": ["a b"]}).status_code == 422
    admin.post("/api/v1/areas", json={"code": "west", "name": "West", "sites": ["mill"]}).raise_for_status()

    def sites(**asked: str) -> list[str]:
        return [bucket["site"] for bucket in engineer.get("/api/v1/aggregate", params=asked).json()]

    assert sites(tag="river") == ["weir"]
    assert sites(area="west") == ["mill"]
    assert sites(area="west", tag="river") == sites(area="nowhere") == []
    assert [one["site"] for one in engineer.get("/api/v1/series", params={"tag": "river"}).json()["items"]] == ["weir"]
    limited = plain_api.of("viewer")
    plain_api.execute("UPDATE principal SET is_limited = true WHERE name = 'some viewer'")
    plain_api.execute(
        "INSERT INTO principal_area SELECT principal_id, area_id FROM principal, area WHERE principal.name = 'some viewer'"
    )
    assert [bucket["site"] for bucket in limited.get("/api/v1/aggregate").json()] == ["mill"]
    assert limited.get("/api/v1/aggregate", params={"tag": "river"}).json() == []
