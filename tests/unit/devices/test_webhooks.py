"""Webhooks: the MQTT message a request stands for, and bodies that are none."""

from __future__ import annotations

import json
import random
from contextlib import suppress

import pytest

from devices.network_message import BadMessage
from devices.reasons import Reason
from devices.topics import parse_topic
from devices.webhooks import Webhook, of_chirpstack, of_things_stack
from tests.unit.devices.chirpstack_events import GOLDEN, as_protobuf
from tests.unit.devices.network_examples import APPLICATION, EUI, chirpstack_up, device_info, things_stack_up


@pytest.mark.parametrize("event", sorted(GOLDEN))
def test_webhook_of_chirpstack_stands_for_the_topic_of_its_event(event: str) -> None:
    """In both encodings, for every event."""
    expected = Webhook(EUI, f"application/{APPLICATION}/device/{EUI}/event/{event}")

    assert of_chirpstack(event, json.dumps(GOLDEN[event]).encode()) == expected
    assert of_chirpstack(event, as_protobuf(event, GOLDEN[event])) == expected


def test_webhook_of_the_things_stack_stands_for_the_topic_of_its_content() -> None:
    """The device is its EUI, the topic names its id; without an EUI both are the id."""
    assert of_things_stack(json.dumps(things_stack_up()).encode()) == Webhook(EUI, "v3/gullies/devices/gully-7/up")
    assert of_things_stack(b'{"end_device_ids":{"device_id":"gully-7"},"location_solved":{}}') == Webhook(
        "gully-7", "v3/-/devices/gully-7/location/solved"
    )


@pytest.mark.parametrize("application", ["", "a/b", "+", "#", "caf\u00e9", "a\nb"])
def test_webhook_of_an_application_no_topic_can_name_is_taken_all_the_same(application: str) -> None:
    """Which application it was says nothing about the device."""
    body = json.dumps(chirpstack_up(deviceInfo=device_info(applicationId=application))).encode()
    webhook = of_chirpstack("up", body)

    assert webhook.topic == f"application/-/device/{EUI}/event/up"


def test_webhook_of_any_bytes_is_a_topic_that_is_understood_or_refused() -> None:
    """20,000 mangled bodies: nothing but BadMessage is raised, and what passes is a device's."""
    random.seed(17)
    bodies = [json.dumps(chirpstack_up()).encode(), as_protobuf("up", chirpstack_up()), json.dumps(things_stack_up()).encode()]
    passed = 0
    for _ in range(20_000):
        body = bytearray(random.choice(bodies))
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(body))
            body[at : at + random.randint(0, 3)] = random.randbytes(random.randint(0, 3))
        with suppress(BadMessage):
            read = random.choice([lambda body: of_chirpstack("up", body), of_things_stack])
            webhook = read(bytes(body))
            assert parse_topic(webhook.topic).reason is None
            passed += 1

    assert passed > 1_000


@pytest.mark.parametrize(
    ("event", "body", "reason"),
    [("up", b"", Reason.PAYLOAD_EMPTY), ("up", b" \n", Reason.PAYLOAD_EMPTY), ("dance", b"{}", Reason.TOPIC_UNKNOWN)],
)
def test_webhook_without_body_or_event_is_refused(event: str, body: bytes, reason: Reason) -> None:
    """The reason is the one that quarantine shows."""
    with pytest.raises(BadMessage) as caught:
        of_chirpstack(event, body)

    assert caught.value.reason is reason
