"""The registry over HTTP: sites, profiles, devices, deployments and series."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

SENSOR: dict[str, Any] = {"uid": "0011223344556677", "name": "High Street", "latitude": 50.7156, "longitude": -2.4366}


def counts(api: Api) -> tuple[int, int, int]:
    """Count devices, sites and deployments."""
    tables = ("device", "site", "deployment")
    devices, sites, deployments = (api.execute(f"SELECT count(*) FROM {table}")[0][0] for table in tables)  # noqa: S608
    return devices, sites, deployments


def statuses(answers: list[httpx.Response]) -> list[int]:
    """Give the sorted statuses of some answers."""
    return sorted(answer.status_code for answer in answers)


def all_pages(api: Api, path: str, limit: int) -> list[dict[str, Any]]:
    """Walk through a list to its end."""
    items: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = api.get(path, limit=limit, **after)
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}


def test_register_four_fields_make_device_site_and_deployment(api: Api) -> None:
    """Uid, name and position are enough: the device is at a site of that name, since ever."""
    answer = api.post("/api/v1/devices", **SENSOR)

    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/v1/devices/0011223344556677"
    device = answer.json()
    assert device.pop("created_at").endswith("Z")
    assert device.pop("state") == "waiting"
    for judged in ("state_since", "last_received_at", "expected_interval_s", "loss", "suppressed_by"):
        device.pop(judged)  # tests/integration/api/test_silence.py
    assert device == {
        **SENSOR,
        "profile": "generic",
        "serial": "",
        "note": "",
        "position_accuracy_m": None,
        "retired_at": None,
        "site": "high-street",
        "site_name": "High Street",
        "domain": None,
        "channel": "",
        "installed_at": None,
        "removed_at": None,
    }
    assert api.execute("SELECT lower(during) = '-infinity', upper(during) FROM deployment") == [(True, None)]
    site = api.get("/api/v1/sites/high-street")
    assert (site["latitude"], site["longitude"], site["time_zone"]) == (50.7156, -2.4366, "Europe/London")


def test_register_again_with_the_same_content_changes_nothing(api: Api) -> None:
    """The identical request, in any spelling of the uid, answers 200 with the same device."""
    wanted = {**SENSOR, "domain": "traffic", "installed_at": "2026-01-01T00:00:00Z"}
    first = api.post("/api/v1/devices", **wanted)
    again = api.post("/api/v1/devices", **wanted | {"uid": "00-11-22-33-44-55-66-77", "installed_at": 1767225600000})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["installed_at"] == "2026-01-01T00:00:00Z"
    assert counts(api) == (1, 1, 1)


def test_register_again_with_other_content_is_a_conflict(plain_api: Api) -> None:
    """A uid that is taken by something else is refused, whatever differs, and nothing is left behind."""
    plain_api.post("/api/v1/sites", code="elsewhere", name="Elsewhere")
    plain_api.post("/api/v1/devices", **SENSOR)
    before = counts(plain_api)

    for change in (
        {"name": "Low Street"},
        {"latitude": 50.7157},
        {"profile": "historical"},
        {"installed_at": "2026-01-01T00:00:00Z"},
        {"domain": "traffic"},
        {"site": "elsewhere"},
    ):
        answer = plain_api.post("/api/v1/devices", **SENSOR | change)
        assert answer.status_code == 409, change
        assert "/api/v1/devices/0011223344556677" in answer.json()["detail"]
    assert counts(plain_api) == before


def test_register_at_once_the_same_device_is_made_once(api: Api) -> None:
    """Twelve identical requests at the same time make one device: one says 201, the others 200."""
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: api.post("/api/v1/devices", **SENSOR), range(12)))

    assert statuses(answers) == [200] * 11 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert counts(api) == (1, 1, 1)


def test_register_at_once_two_contents_one_wins(api: Api) -> None:
    """Of two different contents under one uid exactly one is registered; the other is told of the conflict."""
    names = ["North", "South"] * 6
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda name: api.post("/api/v1/devices", **SENSOR | {"name": name}), names))

    assert statuses(answers) == [200] * 5 + [201] + [409] * 6
    assert counts(api) == (1, 1, 1)


def test_register_at_once_devices_of_one_name_get_sites_of_their_own(api: Api) -> None:
    """Sites made at the same time from the same name get different codes."""
    uids = [f"sensor-{number}" for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda uid: api.post("/api/v1/devices", **SENSOR | {"uid": uid}), uids))

    assert statuses(answers) == [201] * 12
    codes = {answer.json()["site"] for answer in answers}
    assert codes == {"high-street", *(f"high-street-{number}" for number in range(2, 13))}


def test_register_uid_is_found_in_any_spelling(plain_api: Api) -> None:
    """A uid is stored one way and found by any."""
    spellings = ("00-11-22-33-AA-BB-CC-DD", "00:11:22:33:aa:bb:cc:dd", "00 11 22 33 AA BB CC DD", "00112233AABBCCDD")
    for spelling in spellings:
        assert plain_api.post("/api/v1/devices", **SENSOR | {"uid": spelling}).json()["uid"] == "00112233aabbccdd"
        assert plain_api.get(f"/api/v1/devices/{spelling}")["uid"] == "00112233aabbccdd"
    assert counts(plain_api)[0] == 1
    assert plain_api.post("/api/v1/devices", **SENSOR | {"uid": " Gully.7:A_b-1 "}).json()["uid"] == "gully.7:a_b-1"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"uid": "a/b"}, "body.uid"),
        ({"uid": "a+b"}, "body.uid"),
        ({"uid": "#"}, "body.uid"),
        ({"uid": ""}, "body.uid"),
        ({"uid": "x" * 129}, "body.uid"),
        ({"uid": "a\u0000b"}, "body.uid"),
        ({"uid": 7}, "body.uid"),
        ({"name": ""}, "body.name"),
        ({"name": "   "}, "body.name"),
        ({"name": "a\u0000b"}, "body.name"),
        ({"name": "x" * 201}, "body.name"),
        ({"latitude": 90.1}, "body.latitude"),
        ({"latitude": "north"}, "body.latitude"),
        ({"longitude": -180.1}, "body.longitude"),
        ({"longitude": None}, "body"),
        ({"latitude": None, "longitude": None}, "body"),
        ({"installed_at": "yesterday"}, "body.installed_at"),
        ({"profile": "no such"}, "body.profile"),
        ({"profile": "none-such"}, "body.profile"),
        ({"site": "none-such"}, "body.site"),
        ({"domain": "Traffic!"}, "body.domain"),
        ({"role": "admin"}, "body.role"),
        ({"device_id": 1}, "body.device_id"),
    ],
    ids=str,
)
def test_register_what_cannot_be_is_refused_with_its_place(shared_api: Api, content: dict[str, Any], where: str) -> None:
    """A request that cannot be used is refused, says where, and leaves nothing behind."""
    answer = shared_api.post("/api/v1/devices", **SENSOR | content)

    assert answer.status_code == 422
    assert [slip["where"] for slip in answer.json()["errors"]] == [where]
    assert counts(shared_api) == (0, 0, 0)


def test_register_at_a_named_site_gives_it_the_position_it_lacks(plain_api: Api) -> None:
    """A site without a position takes the first one a device brings, and keeps it."""
    plain_api.post("/api/v1/sites", code="weir", name="Weir")
    first = plain_api.post("/api/v1/devices", **SENSOR | {"site": "weir"})
    second = plain_api.post("/api/v1/devices", uid="two", name="Two", site="weir", latitude=1, longitude=2)
    third = plain_api.post("/api/v1/devices", uid="three", name="Three", site="weir")

    assert [answer.status_code for answer in (first, second, third)] == [201] * 3
    assert {(a.json()["latitude"], a.json()["longitude"]) for a in (first, second, third)} == {(50.7156, -2.4366)}


def test_sites_made_read_and_listed(plain_api: Api) -> None:
    """A site is made once under its code; the same again is 200, another under its code 409."""
    content = {"code": "weir", "name": "Weir", "domain": "water", "latitude": 1.5, "longitude": 2.5}
    made = plain_api.post("/api/v1/sites", **content)

    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/sites/weir"
    assert plain_api.post("/api/v1/sites", **content).status_code == 200
    assert plain_api.post("/api/v1/sites", **content | {"name": "Other"}).status_code == 409
    assert plain_api.post("/api/v1/sites", name="Weir").json()["code"] == "weir-2"
    assert plain_api.post("/api/v1/sites", name="Château d'Eau & Söhne").json()["code"] == "chateau-d-eau-sohne"
    assert plain_api.post("/api/v1/sites", name="水").json()["code"] == "site"
    assert plain_api.get("/api/v1/sites/weir") == made.json()
    assert [site["code"] for site in plain_api.get("/api/v1/sites", domain="water")["items"]] == ["weir"]


@pytest.mark.parametrize(
    "content",
    [
        {"name": "A", "latitude": 1},
        {"name": "A", "time_zone": "Europe/Dorchester"},
        {"name": "A", "time_zone": "../../etc/passwd"},
        {"name": "A", "code": "a/b"},
        {"code": "a"},
        {"name": "A", "site_id": 1},
    ],
    ids=str,
)
def test_sites_that_cannot_be_are_refused(shared_api: Api, content: dict[str, Any]) -> None:
    """Half a position, an unknown zone, a code that is no address and unknown fields are refused."""
    assert shared_api.post("/api/v1/sites", **content).status_code == 422


def test_profiles_made_read_and_used(plain_api: Api) -> None:
    """A profile is made once under its key and can be named by a device."""
    content = {"key": "acme-aq2", "name": "Acme AQ2", "vendor": "Acme", "expected_interval_s": 600}
    made = plain_api.of("manager").post("/api/v1/profiles", json=content)

    assert made.status_code == 201
    assert plain_api.of("manager").post("/api/v1/profiles", json=content).status_code == 200
    assert plain_api.of("manager").post("/api/v1/profiles", json=content | {"expected_interval_s": 60}).status_code == 409
    assert (
        plain_api.of("manager").post("/api/v1/profiles", json=content | {"key": "b", "expected_interval_s": 0}).status_code
        == 422
    )
    assert plain_api.get("/api/v1/profiles/acme-aq2") == made.json()
    assert plain_api.post("/api/v1/devices", **SENSOR | {"profile": "acme-aq2"}).json()["profile"] == "acme-aq2"
    assert [device["uid"] for device in plain_api.get("/api/v1/devices", profile="acme-aq2")["items"]] == [SENSOR["uid"]]
    assert plain_api.get("/api/v1/devices", profile="generic")["items"] == []


@pytest.mark.parametrize("path", ["/api/v1/sites/x", "/api/v1/profiles/x", "/api/v1/devices/x"])
def test_registry_what_is_not_there_is_not_found(shared_api: Api, path: str) -> None:
    """A name that nothing has answers 404 and says where to look."""
    answer = shared_api.of("viewer").get(path)

    assert answer.status_code == 404
    assert "/api/v1/" in answer.json()["detail"]


def test_deployments_moving_a_device_ends_the_one_before(api: Api) -> None:
    """A device put elsewhere leaves the site it was at, at that moment."""
    api.post("/api/v1/devices", **SENSOR)
    api.post("/api/v1/sites", code="weir", name="Weir")
    moved = api.post(
        "/api/v1/deployments", device=SENSOR["uid"], site="weir", installed_at="2026-03-01T12:00:00Z", note="vandals"
    )

    assert moved.status_code == 201
    first, second = api.get("/api/v1/deployments", device=SENSOR["uid"])["items"]
    assert (first["site"], first["installed_at"], first["removed_at"]) == ("high-street", None, "2026-03-01T12:00:00Z")
    assert second == moved.json()
    assert (second["site"], second["removed_at"], second["note"]) == ("weir", None, "vandals")
    device = api.get(f"/api/v1/devices/{SENSOR['uid']}")
    assert (device["site"], device["installed_at"]) == ("weir", "2026-03-01T12:00:00Z")
    assert api.get("/api/v1/deployments", site="weir")["items"] == [second]
    # The registration is still the one that was asked for.
    assert api.post("/api/v1/devices", **SENSOR).status_code == 200


def test_deployments_asked_for_again_change_nothing(plain_api: Api) -> None:
    """The same deployment again, with its start or without, answers 200."""
    plain_api.post("/api/v1/devices", **SENSOR)
    plain_api.post("/api/v1/sites", code="weir", name="Weir")
    content = {"device": SENSOR["uid"], "site": "weir"}
    made = plain_api.post("/api/v1/deployments", **content)
    again = plain_api.post("/api/v1/deployments", **content)
    exactly = plain_api.post("/api/v1/deployments", **content, installed_at=made.json()["installed_at"])

    assert (made.status_code, again.status_code, exactly.status_code) == (201, 200, 200)
    assert made.json() == again.json() == exactly.json()


def test_deployments_that_overlap_are_refused(api: Api) -> None:
    """A device cannot be at two sites at a time; what was is left as it was."""
    api.post("/api/v1/devices", **SENSOR | {"installed_at": "2026-01-01T00:00:00Z"})
    api.post("/api/v1/sites", code="weir", name="Weir")
    before = api.get("/api/v1/deployments")

    answer = api.post("/api/v1/deployments", device=SENSOR["uid"], site="weir", installed_at="2025-12-01T00:00:00Z")

    assert answer.status_code == 409
    assert api.get("/api/v1/deployments") == before


def test_deployments_at_once_leave_the_device_at_one_site(api: Api) -> None:
    """Moves of one device at the same time are carried out one after the other; it ends at one site."""
    api.post("/api/v1/devices", **SENSOR)
    for number in range(6):
        api.post("/api/v1/sites", code=f"weir-{number}", name="Weir")

    def move(number: int) -> httpx.Response:
        return api.post("/api/v1/deployments", device=SENSOR["uid"], site=f"weir-{number}")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(move, range(6)))

    assert statuses(answers) == [201] * 6
    assert api.execute("SELECT count(*) FILTER (WHERE upper_inf(during)), count(*) FROM deployment") == [(1, 7)]


def test_deployments_that_cannot_be_are_refused(plain_api: Api) -> None:
    """Unknown names, an end before the start and odd channels are refused with their place."""
    plain_api.post("/api/v1/devices", **SENSOR)
    for content, where in (
        ({"device": "nobody"}, "body.device"),
        ({"site": "nowhere"}, "body.site"),
        ({"installed_at": "2026-01-02T00:00:00Z", "removed_at": "2026-01-01T00:00:00Z"}, "body"),
        ({"removed_at": "2020-01-01T00:00:00Z"}, "body.removed_at"),
        ({"channel": "a b"}, "body.channel"),
    ):
        answer = plain_api.post("/api/v1/deployments", **{"device": SENSOR["uid"], "site": "high-street"} | content)
        assert answer.status_code == 422
        assert [slip["where"] for slip in answer.json()["errors"]] == [where]


def test_series_made_before_their_readings(api: Api) -> None:
    """A series is made once, by key or alias of its metric; unknown names are refused."""
    api.post("/api/v1/sites", code="weir", name="Weir")
    made = api.post("/api/v1/series", site="weir", metric="temperature")

    assert made.status_code == 201
    assert made.json()["metric"] == "air_temperature"
    assert api.post("/api/v1/series", site="weir", metric="air_temperature").json() == made.json()
    assert api.post("/api/v1/series", site="weir", metric="air_temperature").status_code == 200
    assert api.post("/api/v1/series", site="weir", metric="air_temperature", channel="b").status_code == 201
    assert len(api.get("/api/v1/series", metric="temperature", site="weir")["items"]) == 2
    assert api.get("/api/v1/series", domain="traffic")["items"] == []
    for content, where in (({"metric": "nonsense"}, "body.metric"), ({"site": "nowhere"}, "body.site")):
        answer = api.post("/api/v1/series", **{"site": "weir", "metric": "no2"} | content)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"] == where


def test_series_made_at_once_are_one(api: Api) -> None:
    """The same series asked for by many at the same time is made once."""
    api.post("/api/v1/sites", code="weir", name="Weir")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/api/v1/series", site="weir", metric="no2"), range(8)))

    assert statuses(answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1


def test_metrics_list_the_vocabulary_with_aliases(shared_api: Api) -> None:
    """The vocabulary can be read, page by page."""
    metrics = {metric["key"]: metric for metric in all_pages(shared_api, "/api/v1/metrics", 30)}

    assert len(metrics) > 80
    assert metrics["pm2_5"]["aliases"] == ["pm2.5", "pm25"]
    assert (metrics["pm2_5"]["unit"], metrics["pm2_5"]["domain"]) == ("µg/m³", "air_quality")


def test_lists_walked_page_by_page_have_every_item_once(plain_api: Api) -> None:
    """Whatever the size of the page, a walk sees every item once, in order, and ends."""
    names = [f"sensor-{number}" for number in range(7)]
    for name in names:
        plain_api.post("/api/v1/devices", **SENSOR | {"uid": name, "name": name})
        plain_api.post("/api/v1/series", site=name, metric="no2")

    for limit in (1, 3, 7, 8, 1000):
        for path, key in (("devices", "uid"), ("sites", "code"), ("deployments", "device"), ("series", "site")):
            assert [item[key] for item in all_pages(plain_api, f"/api/v1/{path}", limit)] == names, (path, limit)
        assert len(all_pages(plain_api, "/api/v1/profiles", limit)) == 2
