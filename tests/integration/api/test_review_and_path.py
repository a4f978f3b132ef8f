"""Review beside the path: a live writer, late readings, messages decoded again, and actions that move readings."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from devices.flags import Flag
from ingest.deliveries import Deliveries
from ingest.message import Message, group_of
from ingest.pipeline import Pipeline
from ingest.receive import MqttSession
from ingest.registrar import Registrar
from ingest.settings import IngestSettings
from ingest.store import Outdated, Store
from tests.integration.api.test_actions import act, register, store, wrong_latest
from tests.integration.api.test_review import INVALID, made, undo
from tests.integration.redecoding import BEGIN as ARRIVAL
from tests.integration.redecoding import RIGHT, Field, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from ingest.message import Group
    from tests.integration.api.conftest import Api

_NOW_US = int(time.time() * 1e6)
_EVER = {"from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "reason": "a test"}


@pytest.fixture
def path(api: Api) -> Iterator[tuple[Pipeline, Store]]:
    """Give the path behind the broker, with one device at a site."""
    api.post("/api/v1/sites", code="mill", name="Mill", latitude=50.7, longitude=-2.4).raise_for_status()
    api.post("/api/v1/devices", uid="d1", name="d1", site="mill").raise_for_status()
    api.post("/api/v1/series", site="mill", metric="air_temperature").raise_for_status()
    settings = IngestSettings(database_url=api.database)
    stopping = threading.Event()
    session = MqttSession(settings)
    registrar = Registrar(api.database, "w", session)
    registrar.load(stopping.is_set)
    writer = Store(api.database, "w", deliveries=1000, is_stopping=stopping.is_set)
    yield Pipeline(settings, session, registrar, writer, Deliveries(1000, packet_ids_last=True), stopping), writer
    writer.close()
    registrar.start()
    registrar.stop()


def _group(number: int) -> Group:
    """Give a group of messages that arrive a millisecond apart, ten a number."""
    return group_of(
        [
            Message("hedgerow/v1/d1/up", b'{"temperature":%d}' % (n % 30), _NOW_US + n * 1000, n + 1, 1, False)
            for n in range(number * 10, number * 10 + 10)
        ]
    )


def _dust(number: int, value: int) -> Group:
    at_us = _NOW_US + number * 60_000_000
    return group_of([Message("hedgerow/v1/d1/up", b'{"pm2_5":%d}' % value, at_us, number + 1, 1, False)])


def _invalidate(api: Api) -> httpx.Response:
    return api.post("/api/v1/invalidations", site="mill", metrics=["air_temperature"], **_EVER)


def _counts(api: Api) -> tuple[int, int]:
    """Give how many readings are stored, and how many of them have the flag."""
    [(stored, flagged)] = api.execute("SELECT count(*), count(*) FILTER (WHERE flags & %s <> 0) FROM reading", INVALID)
    return stored, flagged


def test_readings_checked_before_an_invalidation_are_checked_again(api: Api, path: tuple[Pipeline, Store]) -> None:
    """What was on its way without the flag is not stored without it; what comes later has it; undone, nothing has."""
    pipeline, writer = path
    pipeline._write(pipeline.process(_group(0)))  # noqa: SLF001
    late = pipeline.process(_group(1))
    number = made(_invalidate(api))

    with pytest.raises(Outdated):
        writer.write(late)
    pipeline._write(late)  # noqa: SLF001
    pipeline._write(pipeline.process(_group(2)))  # noqa: SLF001
    writer.write_latest(all_of_it=True)
    assert _counts(api) == (30, 30)
    assert wrong_latest(api) == []

    assert undo(api, "invalidations", number).json()["changed"] == 30
    assert _counts(api) == (30, 0)
    assert wrong_latest(api) == []


def test_readings_checked_again_keep_the_flags_by_what_came_before_them(api: Api, path: tuple[Pipeline, Store]) -> None:
    """A spike on its way while people review, and the reading that tells of it, are what they are without the review."""
    pipeline, _ = path
    on_their_way = [pipeline.process(_dust(n, value)) for n, value in enumerate((10, 10, 400, 10))]
    pipeline._write(on_their_way[0])  # noqa: SLF001
    made(_invalidate(api))
    for prepared in on_their_way[1:]:
        pipeline._write(prepared)  # noqa: SLF001

    rows = api.execute("SELECT flags FROM reading ORDER BY time")
    assert [flags for (flags,) in rows] == [0, 0, Flag.STEP | Flag.SPIKE, 0]


def test_invalidations_while_readings_are_stored_miss_none(api: Api, path: tuple[Pipeline, Store]) -> None:
    """With a writer that never rests, every reading has the flag while an invalidation holds, and none has it afterwards."""
    pipeline, writer = path
    ending = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not ending.is_set():
            pipeline._write(pipeline.process(_group(len(written))))  # noqa: SLF001
            writer.write_latest()
            written.append(10)
        writer.write_latest(all_of_it=True)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            number = made(_invalidate(api))
            seen = len(written)
            while len(written) < seen + 2:
                assert thread.is_alive()
                time.sleep(0.001)
            stored, flagged = _counts(api)
            assert stored == flagged > 0
            assert undo(api, "invalidations", number).status_code == 200
            stored, flagged = _counts(api)
            assert flagged == 0
    finally:
        ending.set()
        thread.join(30)

    assert _counts(api) == (sum(written), 0)
    assert wrong_latest(api) == []


def test_redecode_leaves_what_people_adjusted_or_ratified(plain_api: Api) -> None:
    """A mended codec changes other readings only; late ones are stored, and repeated ones contradict no adjusted value."""
    field = Field(plain_api.database)
    plain_api.stack.callback(field.connection.close)
    field.ingest(*(bytes([value, 100]) for value in (10, 20, 30)))
    rows = field.rows(
        "SELECT series_id, time FROM reading JOIN series USING (series_id) JOIN metric USING (metric_id)"
        " WHERE key = 'air_temperature' ORDER BY time"
    )
    (number, first), (_, second), (_, third) = rows
    manager = plain_api.of("manager")
    spans = [{"from": str(one), "to": str(two)} for one, two in ((first, second), (second, third))]
    of = {"series": [number], "reason": "a test"}
    assert manager.post("/api/v1/adjustments", json={**of, **spans[0], "offset": 1.5}).status_code == 201
    for status in ("verified", "ratified"):
        assert manager.post("/api/v1/statuses", json={**of, **spans[1], "status": status}).status_code == 201
    field.ingest(bytes([10, 100]), at=ARRIVAL)
    field.ingest(bytes([25, 100]), at=ARRIVAL + timedelta(seconds=90))
    assert field.readings() == [11.5, 20.0, 25.0, 30.0]
    field.mend(RIGHT)

    summary = field.redecode()

    assert field.readings() == [11.5, 20.0, 25.0, 3.0]
    assert outcomes(summary) == {"marked": 3, "corrected": 1, "same": 4, "repeated": 2}
    assert field.rows("SELECT * FROM reading_conflict") == []


def test_actions_do_not_move_what_people_adjusted_or_ratified(plain_api: Api) -> None:
    """Readings stay where their original or their status is known; the refusal says what to do first."""
    register(plain_api, "d1", "a")
    store(plain_api, "a", 0, 9, 20.0)
    manager = plain_api.of("manager")
    of = {"site": "a", "metrics": ["no2"], "reason": "a test", "from": _EVER["from"], "to": time.strftime("%Y-%m-%dT%H:%M:%SZ")}
    number = made(manager.post("/api/v1/adjustments", json={**of, "offset": 1.0}))

    refused = act(plain_api, "recall", 5, device="d1")
    assert refused.status_code == 409
    assert f"Undo the adjustment {number} first" in refused.json()["detail"]
    undo(plain_api, "adjustments", number)
    for status in ("verified", "ratified"):
        assert manager.post("/api/v1/statuses", json={**of, "status": status}).status_code == 201
    assert "ratified" in act(plain_api, "recall", 5, device="d1").json()["detail"]
    assert manager.post("/api/v1/statuses", json={**of, "status": "verified"}).status_code == 201
    assert act(plain_api, "recall", 5, device="d1").status_code == 201


def test_readings_that_move_have_the_flag_of_the_line_they_come_to(plain_api: Api) -> None:
    """An invalidation belongs to a line: what leaves it loses the flag, what comes to it gets it."""
    register(plain_api, "d1", "a")
    register(plain_api, "d2", "b")
    store(plain_api, "a", 0, 9, 20.0)
    plain_api.post("/api/v1/series", site="b", metric="no2")
    made(plain_api.post("/api/v1/invalidations", site="a", metrics=["no2"], **_EVER))
    assert _counts(plain_api) == (10, 10)

    act(plain_api, "recall", -5, device="d2").raise_for_status()
    moved = act(plain_api, "move", 5, device="d1", site="b").raise_for_status().json()
    assert moved["readings_moved"] == 5
    assert _counts(plain_api) == (10, 5)

    plain_api.post(f"/api/v1/actions/{moved['id']}/undo").raise_for_status()
    assert _counts(plain_api) == (10, 10)
