"""Quarantine, held messages, status and figures over HTTP."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api, Serve

QUARANTINE = "INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)"
WORKER = """\
INSERT INTO ingest_status (worker, updated_at, messages, messages_redelivered, messages_quarantined, messages_held, readings,
    readings_stored, readings_duplicate, readings_conflicting, readings_quarantined, connected, connections, sessions_lost,
    queue_messages, lag_ms)
VALUES (%s, now() - %s * interval '1 second', 100, 1, 2, 3, 400, 390, 6, 1, 4, %s, 2, 1, 7, %s)"""


def quarantine(api: Api, number: int, payload: bytes, reason: str, device: str | None = "sensor") -> None:
    """Put a message into quarantine."""
    api.execute(
        f"{QUARANTINE} VALUES (now(), %s, 0, %s, 'hedgerow/v1/sensor/up', %s, %s, 'because')", number, device, payload, reason
    )


def figure(text: str, name: str) -> float:
    """Read one figure without labels from Prometheus' text."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def test_quarantine_gives_messages_newest_first_as_text_or_base64(api: Api) -> None:
    """A payload is text where it is UTF-8, base64 where it is not."""
    quarantine(api, 1, b'{"broken": ', "not_json")
    quarantine(api, 2, b"\xff\x00\xfe", "not_utf8", None)

    second, first = api.get("/api/v1/quarantine")["items"]
    assert first.pop("received_at").endswith("Z")
    assert first == {
        "id": 1,
        "device": "sensor",
        "topic": "hedgerow/v1/sensor/up",
        "payload": '{"broken": ',
        "payload_base64": None,
        "reason": "not_json",
        "detail": "because",
        "replayed_at": None,
        "replay_result": None,
        "dismissed_at": None,
        "dismissed_by": None,
        "dismissed_note": None,
    }
    assert (second["id"], second["device"], second["payload"]) == (2, None, None)
    assert b64decode(second["payload_base64"]) == b"\xff\x00\xfe"


def test_quarantine_walked_and_filtered(plain_api: Api) -> None:
    """Pages follow each other without gap or repeat; reason and device narrow the list."""
    for number in range(10):
        quarantine(plain_api, number, b"x", "not_json" if number % 2 else "not_utf8", f"sensor-{number % 3}")
    walked: list[int] = []
    asked: dict[str, Any] = {"limit": 3}
    while asked:
        page = plain_api.get("/api/v1/quarantine", **asked)
        walked += [item["id"] for item in page["items"]]
        asked = {"limit": 3, "after": page["next"]} if page["next"] else {}

    assert walked == list(range(10, 0, -1))
    assert [item["id"] for item in plain_api.get("/api/v1/quarantine", reason="not_json")["items"]] == [10, 8, 6, 4, 2]
    found = plain_api.get("/api/v1/quarantine", reason="not_json", device="SENSOR-0")["items"]
    assert [item["id"] for item in found] == [10, 4]


def test_quarantine_counted_by_reason(plain_api: Api) -> None:
    """Each reason has its count, and how many of them were not replayed."""
    for number in range(5):
        quarantine(plain_api, number, b"x", "not_json" if number else "not_utf8")
    plain_api.execute("UPDATE quarantine SET replayed_at = now() WHERE quarantine_id IN (2, 3)")

    reasons = plain_api.get("/api/v1/quarantine/reasons")["items"]
    assert [(item["reason"], item["count"], item["waiting"]) for item in reasons] == [("not_json", 4, 2), ("not_utf8", 1, 1)]


def test_held_counted_by_device(plain_api: Api) -> None:
    """Messages of devices that are not registered are counted by uid, page by page."""
    for device, messages in (("a", 3), ("b", 1), ("c", 2)):
        plain_api.execute(
            "INSERT INTO held SELECT %s, '2026-01-01Z'::timestamptz + n * interval '1 s', n, 'topic', 'x'"
            " FROM generate_series(1, %s) AS n",
            device,
            messages,
        )
    page = plain_api.get("/api/v1/held", limit=2)

    assert [(item["device"], item["messages"]) for item in page["items"]] == [("a", 3), ("b", 1)]
    assert page["items"][0]["first_received_at"] == "2026-01-01T00:00:01Z"
    assert page["items"][0]["last_received_at"] == "2026-01-01T00:00:03Z"
    (last,) = plain_api.get("/api/v1/held", limit=2, after=page["next"])["items"]
    assert (last["device"], last["messages"]) == ("c", 2)


def test_status_sums_workers_and_marks_the_silent(serve: Serve, plain_database: str) -> None:
    """Counters are summed over all workers; lag and connection are those of workers that spoke lately."""
    api = serve(plain_database, status_fresh_s=30)
    api.execute(WORKER, "ingest-0", 1, False, 12.5)
    api.execute(WORKER, "ingest-1", 2, True, 250.0)
    api.execute(WORKER, "ingest-9", 3600, True, 99999.0)
    quarantine(api, 1, b"x", "not_json")
    status = api.get("/api/v1/status")

    assert (status["messages"], status["readings"], status["readings_stored"]) == (300, 1200, 1170)
    assert (status["quarantine"], status["held"], status["devices"]) == (1, 0, 0)
    assert (status["lag_ms"], status["connected"]) == (250.0, True)
    assert [(worker["worker"], worker["fresh"]) for worker in status["workers"]] == [
        ("ingest-0", True),
        ("ingest-1", True),
        ("ingest-9", False),
    ]


def test_status_without_workers_is_unknown_not_well(plain_api: Api) -> None:
    """Where no ingest ever ran, there is no lag and no connection."""
    status = plain_api.get("/api/v1/status")

    assert (status["messages"], status["lag_ms"], status["connected"], status["workers"]) == (0, None, False, [])


def test_figures_hold_what_the_database_and_this_process_counted(api: Api) -> None:
    """Prometheus gets ingest's counters as sums, what waits, and requests by the address they took."""
    api.execute(WORKER, "ingest-0", 1, True, 12.5)
    api.execute(WORKER, "ingest-1", 1, True, 250.0)
    api.execute("INSERT INTO held VALUES ('a', now(), 1, 'topic', 'x')")
    api.get("/api/v1/sites")
    api.of("viewer").get("/api/v1/sites/none")
    api.of("viewer").get("/api/v1/sites/neither")
    api.client().get("/wp-admin/1")
    api.client().get("/wp-admin/2")

    answer = api.of("viewer").get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    expected = {
        "hedgerow_messages_total": 200,
        "hedgerow_readings_stored_total": 780,
        "hedgerow_readings_duplicate_total": 12,
        "hedgerow_readings_quarantined_total": 8,
        "hedgerow_sessions_lost_total": 2,
        "hedgerow_held_messages": 1,
        "hedgerow_ingest_lag_seconds": 0.25,
        'hedgerow_ingest_connected{worker="ingest-1"}': 1,
        'hedgerow_http_requests_total{method="GET",route="/api/v1/sites",status="200"}': 1,
        'hedgerow_http_requests_total{method="GET",route="/api/v1/sites/{code}",status="404"}': 2,
        'hedgerow_http_requests_total{method="",route="",status="404"}': 2,
    }
    assert {name: figure(answer.text, name) for name in expected} == expected
