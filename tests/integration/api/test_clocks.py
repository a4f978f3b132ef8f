"""Clocks of devices over HTTP: who is judged to be wrong, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api


@pytest.fixture
def clocks_api(plain_api: Api) -> Api:
    """Give an API over devices whose clocks differ."""
    rows: list[tuple[str, int, int, float | None, float | None, int, float | None]] = [
        # device, days ago, messages, least and greatest delay, unbelievable, last offset
        ("good", 0, 50, 0.2, 4000.0, 0, None),
        ("slow-link", 0, 50, 290.0, 900.0, 0, None),
        ("ahead", 0, 1, -90.0, 5.0, 0, None),
        ("hardly-ahead", 0, 50, -59.0, 5.0, 0, None),
        ("behind", 0, 50, 3600.0, 3700.0, 0, None),
        ("rare", 0, 4, 3600.0, 3700.0, 0, None),
        ("yesterday-better", 0, 3, 3600.0, 3700.0, 0, None),
        ("yesterday-better", 1, 50, 0.1, 3.0, 0, None),
        ("in-1970", 0, 0, None, None, 7, -1.7e9),
        ("no-time", 0, 20, 0.1, 0.2, 1, None),
        ("long-ago", 5, 50, 3600.0, 3700.0, 0, None),
    ]
    for device in dict.fromkeys(row[0] for row in rows):
        plain_api.execute(
            "INSERT INTO device (uid, name, profile_id) SELECT %s, %s, profile_id FROM device_profile WHERE key = 'generic'",
            device,
            device.title(),
        )
    for row in rows:
        plain_api.execute(
            "INSERT INTO device_clock (device_id, day, messages, least_delay, greatest_delay, unbelievable, last_offset)"
            " SELECT device_id, (now() AT TIME ZONE 'UTC')::date - %s, %s, %s, %s, %s, %s FROM device WHERE uid = %s",
            *row[1:],
            row[0],
        )
    return plain_api


def _told(api: Api, **asked: Any) -> list[tuple[str, str, float | None]]:  # noqa: ANN401 - any parameter
    return [(item["device"], item["state"], item["offset_s"]) for item in api.get("/api/v1/devices/clocks", **asked)["items"]]


def test_clocks_gives_the_wrong_ones_most_wrong_first(clocks_api: Api) -> None:
    """Times that are none come first, then by size; delays that may be the way's, few messages and old days are no proof."""
    assert _told(clocks_api) == [
        ("no-time", "unbelievable", None),
        ("in-1970", "unbelievable", -1.7e9),
        ("behind", "behind", -3600.0),
        ("ahead", "ahead", 90.0),
    ]


def test_clocks_asked_for_by_state_device_and_days(clocks_api: Api) -> None:
    """Good clocks can be seen too, one device alone, and older days."""
    assert [device for device, _, _ in _told(clocks_api, state="good")] == [
        "rare",
        "slow-link",
        "hardly-ahead",
        "good",
        "yesterday-better",
    ]
    assert _told(clocks_api, device="AHEAD") == [("ahead", "ahead", 90.0)]
    assert _told(clocks_api, device="long-ago", days=6) == [("long-ago", "behind", -3600.0)]


def test_clocks_walked_in_pages_gives_each_once(clocks_api: Api) -> None:
    """Pages follow each other without gap or repeat."""
    walked: list[str] = []
    asked: dict[str, Any] = {"limit": 1}
    while asked:
        page = clocks_api.get("/api/v1/devices/clocks", **asked)
        walked += [item["device"] for item in page["items"]]
        asked = {"limit": 1, "after": page["next"]} if page["next"] else {}

    assert walked == ["no-time", "in-1970", "behind", "ahead"]


def test_clocks_gives_the_figures_behind_the_judgement(clocks_api: Api) -> None:
    """Everything needed to see why stands beside it."""
    (item,) = clocks_api.get("/api/v1/devices/clocks", device="in-1970")["items"]

    assert item.pop("day")
    assert item == {
        "device": "in-1970",
        "name": "In-1970",
        "profile": "generic",
        "state": "unbelievable",
        "offset_s": -1.7e9,
        "messages": 0,
        "least_delay_s": None,
        "greatest_delay_s": None,
        "unbelievable": 7,
        "last_offset_s": -1.7e9,
    }
