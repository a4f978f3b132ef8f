"""Last values over HTTP: which there are, in which order, and of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

_ADDRESS = "/api/v1/latest"


def _make(api: Api, site: str, metric: str, channel: str, value: float, time: str) -> None:
    api.post("/api/v1/sites", code=site, name=site.title())
    series = api.post("/api/v1/series", site=site, metric=metric, channel=channel).json()["id"]
    api.execute("INSERT INTO latest VALUES (%s, %s, %s, 0, '2026-11-21T09:00:00Z')", series, time, value)


def _place(api: Api, uid: str, site: str, since: str) -> None:
    answer = api.post("/api/v1/devices", uid=uid, name=uid, site=site, latitude=50.7, longitude=-2.4, installed_at=since)
    assert answer.status_code == 201, answer.text


def test_latest_is_in_the_order_of_what_people_know(plain_api: Api) -> None:
    """By site, metric and channel, whatever was made first; only the channel may be missing."""
    time = "2026-11-21T08:30:00Z"
    _make(plain_api, "weir", "no2", "", 1.0, time)
    _make(plain_api, "mill", "pm10", "", 2.0, time)
    _make(plain_api, "mill", "no2", "b", 3.0, time)
    _make(plain_api, "mill", "no2", "", 0.0, time)

    found = plain_api.get(_ADDRESS)

    assert [(one["site"], one["metric"], one.get("channel")) for one in found] == [
        ("mill", "no2", None),
        ("mill", "no2", "b"),
        ("mill", "pm10", None),
        ("weir", "no2", None),
    ]
    assert found[0] == {
        "time": time,
        "site": "mill",
        "site_name": "Mill",
        "metric": "no2",
        "unit": "µg/m³",
        "value": 0.0,
        "flags": 0,
        "received_at": "2026-11-21T09:00:00Z",
    }


def test_latest_of_a_device_is_of_the_time_it_was_there(plain_api: Api) -> None:
    """A device stands for the lines of its place since it came there: an older value is somebody else's."""
    for site in ("weir", "mill"):
        _make(plain_api, site, "no2", "", 1.0, "2026-11-21T08:30:00Z")
    _place(plain_api, "early", "weir", "2026-11-20T00:00:00Z")
    _place(plain_api, "tardy", "mill", "2026-11-21T08:45:00Z")

    assert [one["site"] for one in plain_api.get(_ADDRESS, device=["early", "tardy"])] == ["weir"]
    assert plain_api.get(_ADDRESS, device="tardy") == []


def test_latest_of_an_unknown_metric_is_told(plain_api: Api) -> None:
    """A slip of the pen is no empty answer."""
    answer = plain_api.of("viewer").get(_ADDRESS, params={"metric": "no22"})

    assert answer.status_code == 422
    assert "no22" in answer.json()["detail"]
