"""Review: invalidations, adjustments and statuses over real HTTP; readings, rollups' marks and last values follow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devices.flags import Flag
from sql.queries import query
from tests.integration.api.test_actions import wrong_latest
from tests.integration.api.test_areas import make_limited

if TYPE_CHECKING:
    import httpx

    from api.people import Role
    from tests.integration.api.conftest import Api

BEGIN = datetime(2026, 11, 2, 8, tzinfo=UTC)
INVALID = int(Flag.MANUAL_INVALID)


def at(minute: int) -> str:
    """Give a minute after the first one as questions write it."""
    return (BEGIN + timedelta(minutes=minute)).isoformat()


def series_at(api: Api, site: str, metric: str = "no2", values: int = 10) -> int:
    """Give the series of a new site, with a reading a minute: 10, 11, 12 and so on."""
    api.post("/api/v1/sites", code=site, name=site, latitude=50.7, longitude=-2.4)
    number = int(api.post("/api/v1/series", site=site, metric=metric).json()["id"])
    api.execute("SELECT ensure_partition('reading', %s)", BEGIN)
    api.execute(
        "INSERT INTO reading SELECT %s, %s::timestamptz + n * interval '1 minute', 10 + n, 0 FROM generate_series(0, %s - 1) n",
        number,
        BEGIN,
        values,
    )
    api.execute("INSERT INTO latest SELECT *, time FROM reading WHERE series_id = %s ORDER BY time DESC LIMIT 1", number)
    return number


def review(api: Api, what: str, number: int, first: int, last: int, role: Role = "manager", **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    """Review the minutes from `first` up to `last` of a series."""
    content = {"series": [number], "from": at(first), "to": at(last), "reason": "a test", **content}
    dry_run = content.pop("dry_run", False)
    return api.of(role).post(f"/api/v1/{what}", json=content, params={"dry_run": dry_run})


def made(answer: httpx.Response) -> int:
    """Give the id of the one thing that a review made."""
    assert answer.status_code == 201, answer.text
    [effect] = answer.json()["effects"]
    return int(effect["id"])


def undo(api: Api, what: str, number: int, role: Role = "manager", **asked: Any) -> httpx.Response:  # noqa: ANN401 - question
    """Undo a review."""
    return api.of(role).post(f"/api/v1/{what}/{number}/undo", params=asked)


def stored(api: Api, number: int) -> list[tuple[Any, ...]]:
    """Give values and flags of a series by time."""
    return api.execute("SELECT value, flags FROM reading WHERE series_id = %s ORDER BY time", number)


def invalid(api: Api, number: int) -> list[int]:
    """Give the minutes of a series that are flagged."""
    rows = api.execute("SELECT time FROM reading WHERE series_id = %s AND flags & %s <> 0 ORDER BY time", number, INVALID)
    return [int((time - BEGIN).total_seconds() // 60) for (time,) in rows]


def test_invalidation_takes_readings_out_until_it_is_undone(api: Api) -> None:
    """Readings of the range get the flag, the hours are marked, last values follow; undone, all is as it was, and audited."""
    number = series_at(api, "mill")
    before = stored(api, number)

    done = review(api, "invalidations", number, 6, 20, role="engineer", reason="inlet blocked")

    assert invalid(api, number) == [6, 7, 8, 9]
    assert wrong_latest(api) == []
    [effect] = done.json()["effects"]
    assert (effect["readings"], effect["changed"], effect["excluded_before"], effect["excluded_after"]) == (4, 4, 0, 4)
    assert (effect["mean_before"], effect["mean_after"]) == (17.5, None)
    assert api.execute("SELECT DISTINCT series_id, hour FROM rollup_dirty") == [(number, BEGIN)]
    [listed] = api.get("/api/v1/invalidations", site="mill", holds=True)["items"]
    assert (listed["reason"], listed["person"], listed["readings"]) == ("inlet blocked", "some engineer", 4)

    assert undo(api, "invalidations", made(done), "engineer").json()["changed"] == 4
    assert stored(api, number) == before
    assert wrong_latest(api) == []
    assert api.get("/api/v1/invalidations", holds=True)["items"] == []
    entries = api.execute("SELECT person, note, action FROM audit_entry WHERE kind = 'invalidation' ORDER BY audit_id")
    assert entries == [
        ("some engineer", "inlet blocked", "added"),
        ("some engineer", f"undo of invalidation {made(done)}", "changed"),
    ]


def test_invalidation_dry_run_tells_and_does_nothing(plain_api: Api) -> None:
    """The figures are those of the deed, and nothing is written."""
    number = series_at(plain_api, "mill")
    review(plain_api, "invalidations", number, 0, 2)
    before = (stored(plain_api, number), plain_api.execute("SELECT * FROM registry_version"))

    told = review(plain_api, "invalidations", number, 1, 5, dry_run=True)

    assert told.status_code == 200
    [effect] = told.json()["effects"]
    assert (effect["id"], effect["readings"], effect["changed"], effect["excluded_before"]) == (None, 4, 3, 1)
    assert (stored(plain_api, number), plain_api.execute("SELECT * FROM registry_version")) == before
    assert len(plain_api.get("/api/v1/invalidations")["items"]) == 1


def test_invalidations_that_overlap_keep_the_flag_until_the_last_is_undone(plain_api: Api) -> None:
    """What another invalidation covers stays out."""
    number = series_at(plain_api, "mill")
    first, second = (made(review(plain_api, "invalidations", number, *span)) for span in ((0, 6), (4, 8)))

    told = undo(plain_api, "invalidations", first, dry_run=True).json()
    assert (told["changed"], told["kept"]) == (4, 2)
    assert undo(plain_api, "invalidations", first).json() == {**told, "dry_run": False}
    assert invalid(plain_api, number) == [4, 5, 6, 7]
    assert undo(plain_api, "invalidations", first).status_code == 409

    undo(plain_api, "invalidations", second)
    assert invalid(plain_api, number) == []


def test_adjustments_apply_in_order_and_are_undone_the_last_first(plain_api: Api) -> None:
    """Values get scale and offset one after the other, are judged anew, and come back exactly; later flags stay."""
    number = series_at(plain_api, "mill")
    before = stored(plain_api, number)
    first = made(review(plain_api, "adjustments", number, 0, 6, scale=0.1))
    second = made(review(plain_api, "adjustments", number, 4, 20, scale=-1.0, offset=1.4))

    assert [value for value, _ in stored(plain_api, number)] == pytest.approx(
        [1, 1.1, 1.2, 1.3, 0, -0.1, -14.6, -15.6, -16.6, -17.6]
    )
    assert [flags for _, flags in stored(plain_api, number)] == [0] * 6 + [Flag.OUT_OF_RANGE] * 4
    assert wrong_latest(plain_api) == []
    review(plain_api, "invalidations", number, 0, 2)
    refused = undo(plain_api, "adjustments", first)
    assert refused.status_code == 409
    assert f"Undo {second} first" in refused.json()["detail"]
    assert undo(plain_api, "adjustments", second).status_code == 200
    assert undo(plain_api, "adjustments", first).status_code == 200
    assert stored(plain_api, number) == [(value, INVALID if i < 2 else 0) for i, (value, _) in enumerate(before)]
    assert wrong_latest(plain_api) == []
    assert plain_api.execute("SELECT count(*) FROM reading_before") == [(0,)]


def test_ratified_range_is_closed_until_it_is_set_back(plain_api: Api) -> None:
    """Nothing changes or is undone within it; the refusal says how to open it; what was verified around it stays so."""
    number = series_at(plain_api, "mill")
    older = made(review(plain_api, "invalidations", number, 2, 4))
    assert review(plain_api, "statuses", number, 2, 6, status="ratified").status_code == 409
    assert review(plain_api, "statuses", number, 0, 8, status="verified").status_code == 201
    assert review(plain_api, "statuses", number, 2, 6, status="ratified").status_code == 201

    refused = (
        review(plain_api, "invalidations", number, 5, 7),
        review(plain_api, "adjustments", number, 0, 3, offset=1.0),
        undo(plain_api, "invalidations", older),
        review(plain_api, "invalidations", number, 5, 7, dry_run=True),
    )

    assert [answer.status_code for answer in refused] == [409] * 4
    assert "POST to /api/v1/statuses" in refused[0].json()["detail"]
    listed = [(one["from"], one["to"], one["status"]) for one in plain_api.get("/api/v1/statuses")["items"]]
    assert sorted(listed) == [
        ("2026-11-02T08:00:00Z", "2026-11-02T08:02:00Z", "verified"),
        ("2026-11-02T08:02:00Z", "2026-11-02T08:06:00Z", "ratified"),
        ("2026-11-02T08:06:00Z", "2026-11-02T08:08:00Z", "verified"),
    ]
    assert review(plain_api, "statuses", number, 2, 6, status="provisional", reason="a mistake").status_code == 201
    assert undo(plain_api, "invalidations", older).status_code == 200
    entries = plain_api.execute("SELECT action FROM audit_entry WHERE kind = 'series_status' AND note = 'a mistake'")
    assert entries == [("removed",)]


def test_range_whose_readings_are_no_longer_kept_is_closed(plain_api: Api) -> None:
    """Where only statistics are left a review would change nothing: it is refused."""
    number = series_at(plain_api, "mill")
    plain_api.execute("UPDATE series SET raw_from = %s", BEGIN)

    refused = review(plain_api, "invalidations", number, -10, 5)

    assert refused.status_code == 409
    assert "no longer kept" in refused.json()["detail"]
    assert review(plain_api, "invalidations", number, 0, 5).status_code == 201


@pytest.mark.parametrize(
    ("what", "content", "words"),
    [
        ("invalidations", {"series": [999]}, "no series 999"),
        ("invalidations", {"reason": " "}, "reason"),
        ("invalidations", {"to": at(0)}, "later than"),
        ("invalidations", {"site": "mill"}, "give `site` and `metrics`, or else `series`"),
        ("adjustments", {"scale": 0}, "scale of 0"),
        ("adjustments", {}, "scale other than 1"),
        ("adjustments", {"offset": 1, "to": "2999-01-01T00:00:00Z"}, "only values that are stored by now"),
        ("adjustments", {"scale": 1e10}, "scale"),
        ("statuses", {"status": "verified", "to": "2999-01-01T00:00:00Z"}, "not been measured yet"),
        ("statuses", {"status": "final"}, "status"),
    ],
)
def test_review_that_makes_no_sense_is_refused_in_words(
    shared_api: Api, what: str, content: dict[str, Any], words: str
) -> None:
    """The answer says what to mend."""
    if not shared_api.execute("SELECT 1 FROM series"):
        series_at(shared_api, "mill")

    answer = review(shared_api, what, 1, 0, 5, **content)

    assert answer.status_code == 422
    assert words in answer.text


def test_review_of_a_site_takes_all_channels_or_one(plain_api: Api) -> None:
    """Site and metrics stand for the series of every channel, by key or alias."""
    number = series_at(plain_api, "mill")
    plain_api.post("/api/v1/series", site="mill", metric="no2", channel="north").raise_for_status()
    where: dict[str, Any] = {"series": [], "site": "mill", "metrics": ["no2"]}

    both = review(plain_api, "invalidations", number, 0, 5, dry_run=True, **where).json()["effects"]
    one = review(plain_api, "invalidations", number, 0, 5, dry_run=True, channel="north", **where).json()["effects"]

    assert [effect["channel"] for effect in both] == ["", "north"]
    assert [(effect["channel"], effect["readings"]) for effect in one] == [("north", 0)]


def test_review_of_a_series_elsewhere_is_as_of_one_that_is_not_there(plain_api: Api) -> None:
    """Who is limited to areas reviews and sees what lies in them only."""
    west, east = series_at(plain_api, "west"), series_at(plain_api, "east")
    area = {"code": "west", "name": "West", "sites": ["west"]}
    plain_api.of("manager").post("/api/v1/areas", json=area).raise_for_status()
    limited = make_limited(plain_api, "kim", "west", role="manager")
    ours, theirs = (made(review(plain_api, "invalidations", number, 0, 2)) for number in (west, east))
    review(plain_api, "adjustments", east, 0, 2, offset=1.0)
    review(plain_api, "statuses", east, 0, 2, status="verified")

    answer = limited.post(
        "/api/v1/invalidations", json={"series": [east], "from": at(0), "to": at(1), "reason": "no business of theirs"}
    )

    assert answer.status_code == 422
    assert f"there is no series {east}" in answer.json()["detail"]
    assert limited.post(f"/api/v1/invalidations/{theirs}/undo").status_code == 404
    assert [one["id"] for one in limited.get("/api/v1/invalidations").json()["items"]] == [ours]
    assert limited.get("/api/v1/adjustments").json()["items"] == []
    assert limited.get("/api/v1/statuses").json()["items"] == []
    assert limited.post(f"/api/v1/invalidations/{ours}/undo").status_code == 200
    with psycopg.connect(plain_api.database) as connection:
        connection.execute(
            "SELECT set_config('hedgerow.principal', principal_id::text, true) FROM principal WHERE name = 'kim'"
        )
        connection.execute("SET LOCAL ROLE hedgerow_limited")
        for table in ("invalidation", "value_adjustment", "reading_before", "series_status"):
            seen = connection.execute(f"SELECT DISTINCT series_id FROM {table}".encode()).fetchall()  # noqa: S608 - our names
            assert east not in {series for (series,) in seen}, table


def test_aggregate_says_how_far_all_of_a_bucket_is_checked(api: Api) -> None:
    """A bucket has the lowest status within it, also where several ranges make up the bucket; long and wide alike."""
    number = series_at(api, "mill", values=24)
    review(api, "statuses", number, 0, 20, status="verified").raise_for_status()
    review(api, "statuses", number, 4, 15, status="ratified").raise_for_status()
    asked = {"series": number, "from": at(0), "to": at(25), "every": "5m", "with_status": True}

    points = api.get("/api/v1/aggregate", **asked)
    rows = api.get("/api/v1/aggregate", **asked, shape="wide", fill="null")

    assert [point["status"] for point in points] == ["verified", "ratified", "ratified", "verified", "provisional"]
    assert [row["mill/no2/status"] for row in rows] == [point["status"] for point in points]
    assert "status" not in api.get("/api/v1/aggregate", **asked | {"with_status": False})[0]


def test_review_of_too_many_readings_is_refused_and_holds_nobody_up(plain_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction changes no more than ingest can wait for; whether it would is looked at before anything is held."""
    number = series_at(plain_api, "mill")
    monkeypatch.setattr("api.review.choosing.MOST_READINGS", 5)

    with psycopg.connect(plain_api.database) as ingest:
        ingest.execute(query("hold_registry_version"))
        answers = [
            review(plain_api, "invalidations", number, 0, 6),
            review(plain_api, "adjustments", number, 0, 6, offset=1.0),
            review(plain_api, "statuses", number, 0, 6, status="verified"),
        ]

    assert [answer.status_code for answer in answers] == [422, 422, 201]
    assert "the range holds more than 5 readings" in answers[0].json()["detail"]
    [told] = answers[2].json()["effects"]
    assert (told["readings"], told["changed"]) == (None, 0)
    assert review(plain_api, "invalidations", number, 0, 5).status_code == 201


def test_invalidation_that_gathered_many_readings_is_undone_in_parts(plain_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is an invalidation of its own, undone as the last one is; what another one covers stays out."""
    number = series_at(plain_api, "mill")
    whole = made(review(plain_api, "invalidations", number, 0, 20, reason="since the flood"))
    review(plain_api, "invalidations", number, 5, 6)
    monkeypatch.setattr("api.review.invalidations.MOST_READINGS", 4)

    told = undo(plain_api, "invalidations", whole, dry_run=True).json()
    undone = undo(plain_api, "invalidations", whole).json()

    assert undone == {**told, "dry_run": False} == {"id": whole, "dry_run": False, "changed": 9, "kept": 1}
    assert invalid(plain_api, number) == [5]
    listed = plain_api.get("/api/v1/invalidations", holds=False)["items"]
    assert sorted((one["from"][14:16], one["to"][14:16], one["reason"]) for one in listed) == [
        ("00", "04", "since the flood"),
        ("04", "08", "since the flood"),
        ("08", "20", "since the flood"),
    ]
    assert sum(one["readings"] for one in listed) == 10
    assert undo(plain_api, "invalidations", whole).status_code == 409


def test_status_of_a_range_waits_for_a_review_and_not_for_ingest(plain_api: Api) -> None:
    """A range that is being changed is not ratified meanwhile."""
    number = series_at(plain_api, "mill")
    with psycopg.connect(plain_api.database) as reviewing:
        reviewing.execute(query("lock_registry"))
        with ThreadPoolExecutor() as pool:
            setting = pool.submit(review, plain_api, "statuses", number, 0, 6, status="verified")
            while not plain_api.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                assert not setting.done()
            reviewing.rollback()

    assert setting.result().status_code == 201
