"""Actions over HTTP: what deployments and stored readings become, in any order and at past times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def at(minute: int) -> str:
    """Write a minute of the test's time as the API takes it."""
    return (BEGIN + timedelta(minutes=minute)).isoformat()


def act(api: Api, kind: str, minute: int, *, dry_run: bool = False, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    """Write an action down as an engineer."""
    asked = {"kind": kind, "at": at(minute), **content}
    return api.of("engineer").post("/api/v1/actions", json=asked, params={"dry_run": dry_run})


def register(api: Api, uid: str, site: str) -> None:
    """Register a device at a site of its own, and make room for its readings."""
    api.execute("SELECT ensure_partition('reading', %s)", BEGIN)
    api.post("/api/v1/sites", code=site, name=site, latitude=50.7, longitude=-2.4)
    assert api.post("/api/v1/devices", uid=uid, name=uid, site=site).status_code == 201


def store(api: Api, site: str, first: int, last: int, value: float, *, metric: str = "no2", channel: str = "") -> None:
    """Store a reading a minute at a site, as ingest would."""
    api.post("/api/v1/series", site=site, metric=metric, channel=channel)
    api.execute(
        "WITH line AS (SELECT series_id FROM series JOIN site USING (site_id) JOIN metric m USING (metric_id)"
        "              WHERE code = %s AND m.key = %s AND channel = %s), made AS ("
        " INSERT INTO reading SELECT series_id, %s::timestamptz + n * interval '1 minute', %s::float8, 0"
        " FROM line, generate_series(%s::int, %s::int) n RETURNING *)"
        " INSERT INTO latest SELECT DISTINCT ON (series_id) *, time FROM made ORDER BY series_id, time DESC"
        " ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, value = excluded.value WHERE excluded.time > latest.time",
        site,
        metric,
        channel,
        BEGIN,
        value,
        first,
        last,
    )


def line(api: Api, site: str, channel: str = "") -> dict[int, float]:
    """Give what a site's line holds: values by minute."""
    rows = api.execute(
        "SELECT time, value FROM reading JOIN series USING (series_id) JOIN site USING (site_id)"
        " WHERE code = %s AND channel = %s ORDER BY time",
        site,
        channel,
    )
    return {int((time - BEGIN).total_seconds() // 60): value for time, value in rows}


def unplaced(api: Api) -> list[tuple[str, int, float]]:
    """Give what is in no line: device, minute and value."""
    rows = api.execute("SELECT uid, time, value FROM unplaced_reading JOIN device USING (device_id) ORDER BY uid, time")
    return [(uid, int((time - BEGIN).total_seconds() // 60), value) for uid, time, value in rows]


def wrong_latest(api: Api) -> list[tuple[Any, ...]]:
    """Give series whose last value is not their newest reading."""
    return api.execute(
        "SELECT series_id, l.time, r.time FROM latest l FULL JOIN"
        " (SELECT DISTINCT ON (series_id) series_id, time, value, flags FROM reading ORDER BY series_id, time DESC) r"
        " USING (series_id) WHERE (l.time, l.value, l.flags) IS DISTINCT FROM (r.time, r.value, r.flags)"
    )


def test_swap_in_the_past_makes_one_line_of_two(api: Api) -> None:
    """From the swap on the line goes on with the new device's readings; the old one's of that time are kept aside."""
    register(api, "old", "weir")
    register(api, "new", "store")
    store(api, "weir", 0, 9, 1.0)
    store(api, "store", 3, 9, 2.0)

    done = act(api, "swap", 5, device="new", old_device="old", note="fan worn out")

    assert done.status_code == 201, done.text
    told = done.json()
    assert (told["site"], told["old_site"], told["person"], told["note"]) == ("weir", "weir", "some engineer", "fan worn out")
    assert (told["readings_moved"], told["readings_unplaced"], told["readings_ambiguous"]) == (5, 5, 0)
    assert line(api, "weir") == dict.fromkeys(range(5), 1.0) | dict.fromkeys(range(5, 10), 2.0)
    assert line(api, "store") == {3: 2.0, 4: 2.0}
    assert unplaced(api) == [("old", minute, 1.0) for minute in range(5, 10)]
    assert wrong_latest(api) == []
    assert [action["id"] for action in api.get("/api/v1/actions", site="weir")["items"]] == [told["id"]]
    assert [action["id"] for action in api.get("/api/v1/actions", device="old")["items"]] == [told["id"]]


def test_swap_dry_run_tells_what_it_would_do_and_does_nothing(api: Api) -> None:
    """A dry run answers 200 with the very figures, and leaves everything as it was."""
    register(api, "old", "weir")
    register(api, "new", "store")
    store(api, "weir", 0, 9, 1.0)
    store(api, "store", 3, 9, 2.0)
    tables = ("reading", "deployment", "latest", "unplaced_reading", "registry_action", "audit_entry", "registry_version")
    before = [api.execute(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]  # noqa: S608

    tried = act(api, "swap", 5, dry_run=True, device="new", old_device="old")

    assert tried.status_code == 200
    assert tried.json()["id"] is None
    assert [api.execute(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables] == before  # noqa: S608
    done = act(api, "swap", 5, device="new", old_device="old").json()
    changing = ("id", "made_at")
    assert {key: value for key, value in done.items() if key not in changing} == {
        key: value for key, value in tried.json().items() if key not in changing
    }
    assert [(part["device"], part["removed_at"]) for part in done["ended"]] == [("old", done["at"]), ("new", done["at"])]
    assert [(part["device"], part["site"], part["removed_at"]) for part in done["begun"]] == [("new", "weir", None)]


def test_recall_in_the_past_keeps_readings_until_there_is_a_place(api: Api) -> None:
    """Readings of a device that was at no site come back with the action that gives it one."""
    register(api, "roamer", "weir")
    register(api, "other", "mill")
    store(api, "weir", 0, 9, 1.0)

    recalled = act(api, "recall", 4, device="roamer").json()
    assert (recalled["readings_unplaced"], line(api, "weir")) == (6, dict.fromkeys(range(4), 1.0))
    installed = act(api, "co-locate", 7, device="roamer", site="mill", channel="north").json()

    assert installed["readings_moved"] == 3
    assert line(api, "mill", "north") == dict.fromkeys(range(7, 10), 1.0)
    assert [minute for _, minute, _ in unplaced(api)] == [4, 5, 6]
    assert wrong_latest(api) == []


def test_readings_that_wait_come_back_where_their_month_has_no_partition_any_more(plain_api: Api) -> None:
    """An empty partition goes with time; who is told then where a device was puts its readings back all the same."""
    register(plain_api, "roamer", "weir")
    register(plain_api, "other", "mill")
    store(plain_api, "weir", 0, 9, 1.0)
    act(plain_api, "recall", 0, device="roamer").raise_for_status()
    plain_api.execute("SELECT drop_partition('reading', name) FROM partitions_of('reading')")

    installed = act(plain_api, "co-locate", 7, device="roamer", site="mill", channel="north")

    assert installed.status_code == 201, installed.text
    assert installed.json()["readings_moved"] == 3
    assert line(plain_api, "mill", "north") == dict.fromkeys(range(7, 10), 1.0)


def test_undo_brings_everything_back(api: Api) -> None:
    """An action that was a mistake is undone: deployments, readings and last values are as before, it stays on record."""
    register(api, "old", "weir")
    register(api, "new", "store")
    store(api, "weir", 0, 9, 1.0)
    store(api, "store", 3, 9, 2.0)
    tables = ("reading", "latest")
    before = [api.execute(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]  # noqa: S608
    stays = "SELECT device_id, site_id, during::text FROM deployment ORDER BY device_id, during"
    deployments = api.execute(stays)
    swap = act(api, "swap", 5, device="new", old_device="old").json()

    undone = api.of("engineer").post(f"/api/v1/actions/{swap['id']}/undo")

    assert undone.status_code == 200, undone.text
    assert (undone.json()["undone_by"], undone.json()["readings_moved"]) == ("some engineer", 5)
    assert [api.execute(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables] == before  # noqa: S608
    assert api.execute(stays) == deployments
    assert unplaced(api) == []
    assert api.of("engineer").post(f"/api/v1/actions/{swap['id']}/undo").status_code == 409


def test_undo_of_an_action_that_is_not_the_last_is_refused(plain_api: Api) -> None:
    """What was built on cannot be pulled away from below; the answer names the last action."""
    register(plain_api, "roamer", "weir")
    plain_api.post("/api/v1/sites", code="mill", name="Mill")
    first = act(plain_api, "recall", 1, device="roamer").json()["id"]
    last = act(plain_api, "install", 2, device="roamer", site="mill").json()["id"]

    refused = plain_api.of("engineer").post(f"/api/v1/actions/{first}/undo")

    assert refused.status_code == 409
    assert f"the last one is {last}" in refused.json()["detail"]
    assert plain_api.of("engineer").post(f"/api/v1/actions/{last}/undo").status_code == 200
    assert plain_api.of("engineer").post(f"/api/v1/actions/{first}/undo").status_code == 200


def test_retire_takes_a_device_out_of_use_until_that_is_undone(plain_api: Api) -> None:
    """A retired device is at no site and cannot be put anywhere."""
    register(plain_api, "roamer", "weir")
    retired = act(plain_api, "retire", 5, device="roamer").json()

    device = plain_api.get("/api/v1/devices/roamer")
    assert (device["retired_at"], device["removed_at"]) == (retired["at"], retired["at"])
    refused = act(plain_api, "install", 6, device="roamer", site="weir")
    assert refused.status_code == 409
    assert "out of use for good" in refused.json()["detail"]
    plain_api.of("engineer").post(f"/api/v1/actions/{retired['id']}/undo")
    assert plain_api.get("/api/v1/devices/roamer")["retired_at"] is None


def test_readings_that_two_devices_may_have_sent_stay_and_are_counted(api: Api) -> None:
    """Where two devices stored into one line nothing is moved by guess, not later either; what is certain moves."""
    register(api, "one", "weir")
    assert api.post("/api/v1/devices", uid="two", name="two", site="weir", installed_at=at(5)).status_code == 201
    store(api, "weir", 0, 9, 1.0)
    api.post("/api/v1/sites", code="mill", name="Mill")

    moved = act(api, "move", 3, device="one", site="mill").json()

    assert (moved["readings_moved"], moved["readings_ambiguous"]) == (2, 5)
    assert any("nothing tells their readings apart" in text for text in moved["told"])
    assert line(api, "mill") == {3: 1.0, 4: 1.0}
    # Only the second device is there by now, and still those readings are nobody's for sure.
    api.post("/api/v1/sites", code="bank", name="Bank")
    later = act(api, "move", 7, device="two", site="bank").json()
    assert (later["readings_moved"], later["readings_ambiguous"]) == (0, 3)
    assert wrong_latest(api) == []


def test_readings_whose_key_is_taken_wait_and_are_noted_once(api: Api) -> None:
    """The reading that stands stays, the other one waits, and the conflict is counted once."""
    register(api, "roamer", "weir")
    api.post("/api/v1/sites", code="mill", name="Mill")
    store(api, "weir", 0, 9, 1.0)
    store(api, "mill", 8, 9, 5.0)  # of nobody known

    moved = act(api, "move", 5, device="roamer", site="mill").json()

    assert (moved["readings_moved"], moved["readings_unplaced"], moved["readings_conflicting"]) == (3, 2, 2)
    assert line(api, "mill") == {5: 1.0, 6: 1.0, 7: 1.0, 8: 5.0, 9: 5.0}
    assert api.execute("SELECT conflicts, kept_value, refused_value FROM reading_conflict") == [(2, 5.0, 1.0)]
    act(api, "recall", 30, device="roamer")
    assert api.execute("SELECT conflicts FROM reading_conflict") == [(2,)]
    assert [minute for _, minute, _ in unplaced(api)] == [8, 9]


def test_deployment_in_the_past_moves_stored_readings(plain_api: Api) -> None:
    """POST /deployments with a past start is an action like any other: readings stored follow the device."""
    register(plain_api, "roamer", "weir")
    plain_api.post("/api/v1/sites", code="mill", name="Mill")
    store(plain_api, "weir", 0, 9, 1.0)

    assert plain_api.post("/api/v1/deployments", device="roamer", site="mill", installed_at=at(5)).status_code == 201

    assert line(plain_api, "mill") == dict.fromkeys(range(5, 10), 1.0)
    assert wrong_latest(plain_api) == []


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        ({"kind": "install", "device": "one", "site": "mill"}, 409, "was at weir at"),
        ({"kind": "install", "device": "none", "site": "mill"}, 422, "no device"),
        ({"kind": "move", "device": "one", "site": "none"}, 422, "no site"),
        ({"kind": "move", "device": "one", "site": "weir"}, 409, "already"),
        ({"kind": "move", "device": "one", "site": "bank"}, 409, "under the same channel"),
        ({"kind": "move", "device": "one"}, 422, "needs the code of a site"),
        ({"kind": "recall", "device": "one", "site": "mill"}, 422, "takes no site"),
        ({"kind": "co-locate", "device": "one", "site": "bank"}, 422, "needs a channel"),
        ({"kind": "co-locate", "device": "one", "site": "mill", "channel": "b"}, 409, "No other device"),
        ({"kind": "swap", "device": "one"}, 422, "needs old_device"),
        ({"kind": "swap", "device": "one", "old_device": "one"}, 422, "for itself"),
        ({"kind": "swap", "device": "one", "old_device": "free"}, 409, "at no site"),
        ({"kind": "recall", "device": "free"}, 409, "was at no site"),
        ({"kind": "move", "device": "one", "site": "mill", "at": "2199-01-01T00:00:00Z"}, 422, "has happened"),
        ({"kind": "burn", "device": "one"}, 422, "kind"),
    ],
    ids=str,
)
def test_actions_that_cannot_have_been_are_refused_in_words(
    shared_api: Api, content: dict[str, Any], status: int, told: str
) -> None:
    """What contradicts the rest is refused with what to do, and leaves nothing behind."""
    for uid, site in (("one", "weir"), ("two", "bank"), ("free", "hut")):
        shared_api.post("/api/v1/sites", code=site, name=site)
        shared_api.post("/api/v1/devices", uid=uid, name=uid, site=site)
    shared_api.post("/api/v1/sites", code="mill", name="Mill")
    if shared_api.get("/api/v1/devices/free")["removed_at"] is None:
        act(shared_api, "recall", 0, device="free")
    before = shared_api.execute("SELECT deployment_id, device_id, site_id, channel, during::text FROM deployment ORDER BY 1")

    answer = shared_api.post("/api/v1/actions", **content)

    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]
    assert (
        shared_api.execute("SELECT deployment_id, device_id, site_id, channel, during::text FROM deployment ORDER BY 1")
        == before
    )
