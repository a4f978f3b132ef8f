"""What the watch found, as the API tells it: fields, filters, events, figures, pages and streams."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from api.errors import NotReady
from api.live import MOST_STREAMS_OF_ONE, Live
from api.people import SESSION_COOKIE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.integration.api.conftest import Api

_PATIENCE_S = 20


@pytest.fixture
def told(plain_api: Api) -> Api:
    """Give an API over three devices at two sites, one of them silent by its gateway's fault, and an outage."""
    for uid, site in (("well", "a"), ("silent", "a"), ("new", "b")):
        plain_api.post("/api/v1/sites", code=site, name=site)
        assert plain_api.post("/api/v1/devices", uid=uid, name=uid, site=site).status_code == 201
    plain_api.execute(
        "INSERT INTO device_state (device_id, state, since, expected_interval_s, suppressed_by)"
        " SELECT device_id, CASE uid WHEN 'well' THEN 'ok' ELSE 'stale' END, now(), 60, CASE uid WHEN 'silent' THEN 'gw-1' END"
        " FROM device WHERE uid <> 'new' ON CONFLICT (device_id) DO UPDATE"
        " SET state = excluded.state, suppressed_by = excluded.suppressed_by"
    )
    plain_api.execute(
        "INSERT INTO device_event (gateway, received_at, digest, time, kind, level, code, detail)"
        " VALUES ('gw-1', now(), 0, now(), 'silent', 'ERROR', '', 'Gateway gw-1 is silent.')"
    )
    return plain_api


def test_state_is_a_field_and_a_filter_of_devices_and_sites(told: Api) -> None:
    """A site is as well as its worst device; a device nobody has judged waits."""
    devices = {device["uid"]: (device["state"], device["suppressed_by"]) for device in told.get("/api/v1/devices")["items"]}

    assert devices == {"well": ("ok", None), "silent": ("stale", "gw-1"), "new": ("waiting", None)}
    assert [device["uid"] for device in told.get("/api/v1/devices", state="stale")["items"]] == ["silent"]
    assert [site["code"] for site in told.get("/api/v1/sites", state="stale")["items"]] == ["a"]
    assert told.get("/api/v1/sites/b")["state"] == "waiting"


def test_safety_of_a_site_can_be_set_and_stays(told: Api) -> None:
    """Changing something else about the site leaves it."""
    engineer = told.of("engineer")
    assert engineer.patch("/api/v1/sites/a", json={"is_safety": True}).json()["is_safety"] is True
    assert engineer.patch("/api/v1/sites/a", json={"note": "by the weir"}).json()["is_safety"] is True
    assert told.get("/api/v1/sites/b")["is_safety"] is False


def test_events_of_gateways_stand_among_those_of_devices(told: Api) -> None:
    """The gateway's event names the gateway and no device."""
    [event] = told.get("/api/v1/events", kind="silent")["items"]

    assert (event["device"], event["gateway"], event["level"]) == (None, "gw-1", "ERROR")


def test_figures_count_devices_by_state(told: Api) -> None:
    """One line a state, however many devices; whether Hedgerow hears is one too."""
    lines = told.of("viewer").get("/metrics").text.splitlines()

    assert 'hedgerow_devices_by_state{state="stale"} 1.0' in lines
    assert 'hedgerow_devices_by_state{state="waiting"} 1.0' in lines
    assert "hedgerow_devices_suppressed 1.0" in lines
    assert any(line.startswith("hedgerow_hearing ") for line in lines)


def test_pages_say_the_state_in_words(told: Api) -> None:
    """The list and the page of a device, and why its silence is no alarm of its own."""
    viewer = told.of("viewer")
    listed = viewer.get("/devices", params={"state": "stale"}).text
    page = viewer.get("/devices/silent").text

    assert "/devices/silent" in listed
    assert "/devices/well" not in listed
    assert "Its gateway gw-1 is silent: see to that first." in page
    assert "Register this device" not in viewer.get("/devices/nobody").text
    assert "/register?uid=nobody" in told.of("engineer").get("/devices/nobody").text


def test_stream_tells_of_an_arrival_and_ends_with_the_session(told: Api) -> None:
    """A refused message is told within seconds; signing out ends the stream, which then says so."""
    [(principal_id,)] = told.execute("INSERT INTO principal (name, role) VALUES ('robin', 'viewer') RETURNING principal_id")
    told.execute(
        "INSERT INTO session (token_hash, principal_id, expires_at) VALUES (sha256('secret'), %s, now() + interval '1 hour')",
        principal_id,
    )
    client = told.client(Cookie=f"{SESSION_COOKIE}=secret")
    with client.stream("GET", "/devices/well/live") as answer:
        lines = _lines(answer)
        assert answer.headers["content-type"].startswith("text/event-stream")
        _wait_for(lines, "event: arrival")  # what had come before
        told.execute(
            "INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)"
            " VALUES (now(), 1, 0, 'well', 't', '', 'not_json', '')"
        )
        _wait_for(lines, "event: arrival")
        told.execute("DELETE FROM session")
        _wait_for(lines, "event: end")
        assert list(lines) == ["data: ", ""]


def test_stream_ends_when_the_program_stops(told: Api) -> None:
    """An open page does not hold up the end of the program."""
    ended = threading.Event()

    def watch() -> None:
        with told.client(Authorization=told.of("viewer").headers["Authorization"]).stream(
            "GET", "/devices/well/live"
        ) as answer:
            for line in answer.iter_lines():
                if line.startswith("event: arrival"):
                    told.app.state.is_stopping = lambda: True
        ended.set()

    threading.Thread(target=watch, daemon=True).start()

    assert ended.wait(_PATIENCE_S)


def test_streams_of_one_person_are_bounded() -> None:
    """One more than allowed is refused with what to do; one that ends makes room."""
    live = Live()
    entered = [live.admitted(1) for _ in range(MOST_STREAMS_OF_ONE)]
    for one in entered:
        one.__enter__()
    with pytest.raises(NotReady, match="reload the page by hand"), live.admitted(1):
        pass
    with live.admitted(2):
        pass
    entered[0].__exit__(None, None, None)
    with live.admitted(1):
        pass


def _lines(answer: httpx.Response) -> Iterator[str]:
    return answer.iter_lines()


def _wait_for(lines: Iterator[str], wanted: str) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    for line in lines:
        if line == wanted:
            return
        assert time.monotonic() < give_up, f"no {wanted!r}"
    raise AssertionError(f"the stream ended without {wanted!r}")
