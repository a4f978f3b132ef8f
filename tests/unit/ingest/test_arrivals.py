"""Arrivals: every message of a registered device counts for it once, whatever becomes of its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.topics import chirpstack_topic, device_topic
from ingest.arrivals import Arrivals, Heard, heard_in
from ingest.decode import decode
from ingest.resolve import resolve
from tests.unit.ingest.examples import GATEWAY, KNOWN, OTHER, RECEIVED_US, group, registry

if TYPE_CHECKING:
    from ingest.message import Group

SECOND_US = 1_000_000
UPLINK = (
    b'{"deduplicationId":"7b1f","time":"2026-11-21T08:00:00Z","deviceInfo":{"devEui":"%s"},"devAddr":"00189440","fCnt":7,"fPort":2,'
    b'"data":"AQ==","object":{"pm2_5":8},"rxInfo":[{"gatewayId":"a840","rssi":-60,"snr":9},{"gatewayId":"b111","rssi":-110,"snr":-5}]}'
)


def heard(messages: Group) -> list[tuple[int, int]]:
    """Tell device id and arrival [s after the first message] of everything heard in a group."""
    found = heard_in(messages, resolve(decode(messages, registry()), messages, registry()))
    return [(int(one), int(at - RECEIVED_US) // SECOND_US) for one, at in zip(found.device, found.received_us, strict=True)]


def test_heard_counts_refused_messages_and_leaves_out_unregistered_devices() -> None:
    """A message that is no JSON proves that its device lives; one of a stranger is nobody's."""
    messages = group(b"{", b'{"pm2_5": 8}', b'{"pm2_5": 8}')
    strangers = group(b'{"pm2_5": 8}', topics=[device_topic("not-registered")])

    assert [at for _, at in heard(messages)] == [0, 1, 2]
    assert heard(strangers) == []


def test_heard_leaves_out_what_the_broker_sends_again() -> None:
    """A delivery that is repeated was heard before."""
    messages = group(b'{"pm2_5": 8}', b'{"pm2_5": 9}')
    messages.repeated[0] = True

    assert [at for _, at in heard(messages)] == [1]


def test_heard_of_a_gateways_pack_counts_each_device_once_and_names_the_gateway() -> None:
    """A pack speaks for the devices in it, by way of the gateway of its topic and of no other."""
    pack = b'[{"bn":"%s:","n":"pm2_5","v":1},{"n":"temperature","v":2},{"bn":"%s:","n":"pm2_5","v":3}]' % (
        KNOWN.encode(),
        OTHER.encode(),
    )
    messages = group(pack, topics=[GATEWAY])
    found = heard_in(messages, resolve(decode(messages, registry()), messages, registry()))

    assert len(found.device) == len(set(found.device.tolist())) == 2
    assert set(found.gateways.values()) == {(messages.sources[0].uid, 1)}


def test_heard_of_a_network_server_names_the_best_gateway_and_how_many_heard_it() -> None:
    """The gateway with the best signal stands for an uplink; two heard it."""
    messages = group(UPLINK % KNOWN.encode(), topics=[chirpstack_topic("app", KNOWN, "up")])
    found = heard_in(messages, resolve(decode(messages, registry()), messages, registry()))

    assert list(found.gateways.values()) == [("a840", 2)]


def test_arrivals_taken_are_summed_by_device_and_wait_no_longer() -> None:
    """Messages add up, the last arrival counts whatever the order, and a gateway stays known within one turn."""
    arrivals = Arrivals()
    arrivals.add(Heard(np.array([7, 3, 7], np.int32), np.array([50, 20, 40], np.int64), {7: ("gw", 1)}))
    arrivals.add(Heard(np.array([3], np.int32), np.array([10], np.int64)))

    taken = arrivals.take()

    assert taken == {"devices": [3, 7], "last_us": [20, 50], "messages": [2, 2], "gateway": ["", "gw"], "gateways": [0, 1]}
    assert arrivals.take()["devices"] == []


def test_arrivals_put_back_are_taken_again_with_what_has_come_since() -> None:
    """What the store did not take waits again: messages add up, the last arrival and the newer gateway stand."""
    arrivals = Arrivals()
    arrivals.add(Heard(np.array([7, 3], np.int32), np.array([50, 20], np.int64), {7: ("gw", 1), 3: ("old", 1)}))
    not_written = arrivals.take()
    arrivals.add(Heard(np.array([3, 9], np.int32), np.array([60, 70], np.int64), {3: ("new", 2)}))

    arrivals.put_back(not_written)

    assert arrivals.take() == {
        "devices": [3, 7, 9],
        "last_us": [60, 50, 70],
        "messages": [2, 1, 1],
        "gateway": ["new", "gw", ""],
        "gateways": [2, 1, 0],
    }
    arrivals.put_back(arrivals.take())
    assert arrivals.take()["devices"] == []
