"""Webhooks of ChirpStack and The Things Stack: committed before they are answered, once however often they come."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from devices.digest import digest_of
from devices.reasons import Reason
from devices.topics import chirpstack_topic, things_stack_topic
from hedgerow.cli import migrate
from tests.unit.devices.chirpstack_events import as_protobuf
from tests.unit.devices.network_examples import APPLICATION, EUI, chirpstack_up, things_stack_up

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api, Serve
    from tests.servers.databases import MakePostgres

_CHIRPSTACK = "/api/v1/webhooks/chirpstack?event=up"
_THINGS_STACK = "/api/v1/webhooks/things-stack"
_UP = json.dumps(chirpstack_up()).encode()
_TOPIC = chirpstack_topic(APPLICATION, EUI, "up")
_PROTOBUF = as_protobuf("up", chirpstack_up())


def send(api: Api, address: str, body: bytes) -> httpx.Response:
    """Send a body as an engineer's key allows."""
    return api.of("engineer").post(address, content=body)


def held(api: Api) -> list[tuple[Any, ...]]:
    """Give what is held, oldest first."""
    return api.execute("SELECT device_uid, digest, topic, payload FROM held ORDER BY received_at")


@pytest.mark.parametrize(
    ("address", "body", "topic"),
    [
        (_CHIRPSTACK, _UP, _TOPIC),
        (_CHIRPSTACK, _PROTOBUF, _TOPIC),
        (_CHIRPSTACK.replace("=up", "=join"), _UP, chirpstack_topic(APPLICATION, EUI, "join")),
        (_THINGS_STACK, json.dumps(things_stack_up()).encode(), things_stack_topic("gullies", "gully-7", "up")),
    ],
)
def test_webhook_is_held_under_the_topic_it_would_have_come_by(api: Api, address: str, body: bytes, topic: str) -> None:
    """Answered with the device, it is there already: the same bytes, the same digest as over MQTT."""
    answer = send(api, address, body)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"device": EUI, "repeated": False}
    assert held(api) == [(EUI, digest_of(topic, body), topic, body)]


def test_webhook_sent_again_is_answered_and_changes_nothing(plain_api: Api) -> None:
    """Also after the message has gone on its way, and also several at once."""
    assert send(plain_api, _CHIRPSTACK, _UP).json()["repeated"] is False
    assert send(plain_api, _CHIRPSTACK, _UP).json()["repeated"] is True
    assert len(held(plain_api)) == 1
    plain_api.execute("DELETE FROM held")

    assert send(plain_api, _CHIRPSTACK, _UP).json()["repeated"] is True
    other = json.dumps(chirpstack_up(fCnt=1043)).encode()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: send(plain_api, _CHIRPSTACK, other).json()["repeated"], range(12)))

    assert sorted(answers) == [False, *[True] * 11]
    assert len(held(plain_api)) == 1


def test_webhook_tells_ingest_in_the_transaction_that_keeps_it(plain_api: Api) -> None:
    """Whoever listens hears of it when it is committed, and not of one that came before."""
    import psycopg

    with psycopg.connect(plain_api.database, autocommit=True) as listener:
        listener.execute("LISTEN hedgerow_held")
        send(plain_api, _CHIRPSTACK, _UP)
        first = list(listener.notifies(timeout=10, stop_after=1))
        send(plain_api, _CHIRPSTACK, _UP)
        second = list(listener.notifies(timeout=0.3, stop_after=1))

    assert [notice.channel for notice in first] == ["hedgerow_held"]
    assert second == []


@pytest.mark.parametrize(
    ("address", "body", "reason"),
    [
        (_CHIRPSTACK, b"", Reason.PAYLOAD_EMPTY),
        (_CHIRPSTACK, b"{", Reason.NOT_JSON),
        (_CHIRPSTACK, b"\xff\x00\xfe", Reason.NOT_PROTOBUF),
        (_CHIRPSTACK, b"{}", Reason.NOT_READINGS),
        (_CHIRPSTACK, b'{"deviceInfo":{"devEui":"\\u0000"}}', Reason.UID_INVALID),
        (_CHIRPSTACK.replace("=up", "=dance"), _UP, Reason.TOPIC_UNKNOWN),
        ("/api/v1/webhooks/chirpstack", _UP, Reason.TOPIC_UNKNOWN),
        (_THINGS_STACK, b"[", Reason.NOT_JSON),
        (_THINGS_STACK, b"{}", Reason.UID_INVALID),
        (_THINGS_STACK, b'{"end_device_ids":{"device_id":"gully-7"}}', Reason.NOT_READINGS),
    ],
)
def test_malformed_webhook_is_quarantined_once_and_told_why(shared_api: Api, address: str, body: bytes, reason: Reason) -> None:
    """The body is kept as it came, with its reason; the answer is a problem that says what is wrong."""
    shared_api.execute("TRUNCATE quarantine, webhook_delivery")
    answers = [send(shared_api, address, body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert reason in answers[0].json()["detail"]
    assert answers[0].json()["errors"][0]["where"] == "body"
    assert shared_api.execute("SELECT reason, payload, item FROM quarantine") == [(reason, body, 0)]
    assert held(shared_api) == []


def test_webhook_needs_a_key_with_which_one_may_write(plain_api: Api) -> None:
    """Nobody and a viewer are refused before the body is read, and nothing is kept."""
    assert plain_api.client().post(_CHIRPSTACK, content=_UP).status_code == 401
    assert plain_api.client(Authorization="Bearer hr_wrong").post(_CHIRPSTACK, content=_UP).status_code == 401
    assert plain_api.of("viewer").post(_CHIRPSTACK, content=_UP).status_code == 403
    assert held(plain_api) == []


def test_webhook_while_the_store_is_away_is_told_to_come_again(serve: Serve, make_postgres: MakePostgres) -> None:
    """Dead or hanging, the store costs the sender two seconds and a 503 with Retry-After; back, the same body is taken once."""
    server = make_postgres("plain")
    migrate(server.url(), None)
    api = serve(server.url())
    send(api, _CHIRPSTACK, json.dumps(chirpstack_up(fCnt=1)).encode())
    server.kill()
    assert_away(api)
    server.start()
    assert_taken(api)

    store = psutil.Process(server.pid)
    processes = [store, *store.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        assert_away(api)
    finally:
        for process in processes:
            process.resume()
    assert_taken(api)
    assert [row[0] for row in api.execute("SELECT count(*) FROM held")] == [2]


def assert_away(api: Api) -> None:
    """Check that a webhook is refused quickly and politely."""
    began = time.monotonic()
    answer = send(api, _CHIRPSTACK, _UP)
    took_s = time.monotonic() - began

    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert took_s < 4.5, "The Things Stack has given up"


def assert_taken(api: Api) -> None:
    """Check that the webhook is taken at last."""
    give_up = time.monotonic() + 30
    while (answer := send(api, _CHIRPSTACK, _UP)).status_code != 200:
        assert time.monotonic() < give_up, answer.text
        time.sleep(0.1)


def test_old_webhooks_are_forgotten(plain_api: Api) -> None:
    """After a week the same body would be a new one: what is remembered does not grow for ever."""
    plain_api.execute(
        "INSERT INTO webhook_delivery SELECT n, now() - make_interval(days => n) FROM generate_series(1, 20) AS n"
    )
    for f_cnt in range(3):
        send(plain_api, _CHIRPSTACK, json.dumps(chirpstack_up(fCnt=f_cnt)).encode())

    assert plain_api.execute("SELECT count(*) FROM webhook_delivery WHERE received_at < now() - interval '7 days'") == [(0,)]
    assert plain_api.execute("SELECT count(*) FROM webhook_delivery") == [(6 + 3,)]
