"""What the pure steps are measured on: a registry of ten thousand devices, and a full group of messages of each format."""

from __future__ import annotations

import base64
import json
import struct
from functools import cache
from random import Random
from typing import TYPE_CHECKING

import cbor2
import mqtt5
import numpy as np

from devices.frames import Frames
from devices.registry import Registry, build_registry
from devices.shipped_profiles import load_shipped_profiles
from devices.topics import chirpstack_topic, device_topic
from devices.vocabulary import load_vocabulary, shipped_rules
from ingest.message import Group
from simulators.load import MEASURED, METRICS, READINGS, base_of, payload_of, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MESSAGES = 8_000
"""Of a group: the most that go through the path together, unless a setting says otherwise."""

DEVICES = 10_000
RECEIVED_US = 1_795_248_000_000_000
_TIME_S = RECEIVED_US // 1_000_000 - 60

_BACK_S, _AHEAD_S = 400 * 86_400, 600
_SENML_NAME, _SENML_UNIT, _SENML_VALUE, _SENML_BASE_TIME = 0, 1, 2, -3

FIXED, TLV, CAYENNE = "dragino-lse01", "milesight-em300-th", "cayenne-lpp"
"""Device profiles: a fixed layout, a layout of channels and types, Cayenne LPP."""

_random = Random(1)  # noqa: S311 - seeded figures need no secrecy


@cache
def registry() -> Registry:
    """Give a registry of devices of a load, and as many of each of the profiles."""
    metrics = load_vocabulary()
    metric_id = {metric.key: number for number, metric in enumerate(metrics, 1)}
    metric_id |= {alias: metric_id[metric.key] for metric in metrics for alias in metric.aliases}
    shipped = [profile for profile in load_shipped_profiles() if profile.key in (FIXED, TLV, CAYENNE)]
    kinds = ["", *(profile.key for profile in shipped)]
    owners = [(kind, device) for kind in range(len(kinds)) for device in range(DEVICES)]
    return build_registry(
        [(metric_id[m.key], m.key, m.unit, m.unit_senml, m.valid_min, m.valid_max) for m in metrics],
        [(alias, metric_id[metric.key]) for metric in metrics for alias in metric.aliases],
        [(metric_id[metric.key], label, code) for metric in metrics for code, label in metric.states],
        [
            (0, "generic", "auto", "", "", _BACK_S, _AHEAD_S),
            *((number, *profile.profile, _BACK_S, _AHEAD_S) for number, profile in enumerate(shipped, 1)),
        ],
        [(number, uid(kinds[kind], device), kind) for number, (kind, device) in enumerate(owners, 1)],
        [(number, number, number, "", None, None) for number in range(1, len(owners) + 1)],
        [
            (site * READINGS + place, site, metric_id[metric], "")
            for site in range(1, DEVICES + 1)
            for place, metric in enumerate(METRICS)
        ],
        list_metric_rules=shipped_rules(),
    )


def uid(kind: str, device: int) -> str:
    """Name a device of a profile; of a load where there is none."""
    return f"{kind}-{device:05d}" if kind else uid_of(device)


@cache
def senml_json() -> Group:
    """Give packs of five readings, as the load generator makes them, of devices in no order."""
    return _group([payload_of(device, _TIME_S) for device in _senders()], [device_topic(uid_of(n)) for n in _senders()])


@cache
def senml_cbor() -> Group:
    """Give the same packs in CBOR, with the labels of RFC 8428, section 6."""
    return _group([_cbor_pack(device) for device in _senders()], [device_topic(uid_of(device)) for device in _senders()])


@cache
def _senders() -> list[int]:
    return _random.sample(range(DEVICES), MESSAGES)


def _cbor_pack(device: int) -> bytes:
    base = base_of(device * 7 + _TIME_S)
    records: list[dict[int, object]] = [
        {_SENML_NAME: metric, _SENML_UNIT: unit, _SENML_VALUE: (base - shift) / divisor}
        for metric, unit, shift, divisor in MEASURED[:READINGS]
    ]
    records[0] = {_SENML_BASE_TIME: _TIME_S, **records[0]}
    return cbor2.dumps(records)


@cache
def frames(kind: str) -> Frames:
    """Give binary payloads of devices of a profile, with all values drawn at random."""
    payloads = [_PAYLOADS[kind]() for _ in range(MESSAGES)]
    return Frames(
        np.arange(MESSAGES, dtype=np.int32),
        [uid(kind, device) for device in range(MESSAGES)],
        np.zeros(MESSAGES, np.int16),
        payloads,
        np.full(MESSAGES, RECEIVED_US),
    )


@cache
def framed(kind: str) -> Group:
    """Give the same payloads as messages on the topics of their devices."""
    found = frames(kind)
    return _group(found.payloads, [device_topic(name) for name in found.uids])


@cache
def chirpstack_json() -> Group:
    """Give uplinks of a network server around payloads of the layout of channels and types, heard by two gateways."""
    found = frames(TLV)
    topics = [chirpstack_topic("1f0c", name, "up") for name in found.uids]
    return _group([_uplink(name, payload) for name, payload in zip(found.uids, found.payloads, strict=True)], topics)


def _uplink(name: str, payload: bytes) -> bytes:
    info = {"applicationId": "1f0c", "deviceProfileName": "EM300-TH", "deviceName": name, "devEui": name}
    heard = [{"gatewayId": f"00800000a000{n:04x}", "rssi": -60 - n, "snr": 7.5, "crcStatus": "CRC_OK"} for n in range(2)]
    modulation = {"lora": {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}}
    return json.dumps(
        {
            "deduplicationId": f"{_random.getrandbits(128):032x}",
            "time": "2026-11-21T07:59:00.250Z",
            "deviceInfo": info,
            "devAddr": "01020304",
            "adr": True,
            "dr": 5,
            "fCnt": _random.randrange(2**16),
            "fPort": 85,
            "confirmed": False,
            "data": base64.b64encode(payload).decode(),
            "rxInfo": heard,
            "txInfo": {"frequency": 868100000, "modulation": modulation},
        },
        separators=(",", ":"),
    ).encode()


def stream() -> bytes:
    """Give what the broker sends for as many packs of five readings."""
    group = senml_json()
    qos = mqtt5.QoS.AT_LEAST_ONCE
    return b"".join(
        mqtt5.PublishPacket(topic.decode(), payload=payload, qos=qos, packet_id=packet_id).write()
        for topic, payload, packet_id in zip(group.topics, group.payloads, group.packet_ids.tolist(), strict=True)
    )


def fresh(group: Group) -> Group:
    """Give a group as if it had just arrived: nothing is known of its messages yet."""
    return Group(group.topics, group.payloads, group.received_us, group.packet_ids, group.epochs, group.may_be_repeated)


def _group(payloads: Sequence[bytes], topics: Sequence[str]) -> Group:
    count = len(payloads)
    return Group(
        [topic.encode() for topic in topics],
        payloads,
        RECEIVED_US + np.arange(count),
        np.arange(1, count + 1).astype(np.uint16),
        np.ones(count, np.int64),
        np.zeros(count, bool),
    )


def _soil() -> bytes:
    battery, moisture, temperature = _random.randrange(2800, 3700), _random.randrange(6000), _random.randrange(3000)
    return struct.pack(">HHHHHB", battery, 0, moisture, temperature, _random.randrange(900), 0)


def _air() -> bytes:
    temperature, humidity = _random.randrange(-100, 350), _random.randrange(200)
    return struct.pack("<BBBBBhBBB", 1, 0x75, _random.randrange(101), 3, 0x67, temperature, 4, 0x68, humidity)


def _cayenne() -> bytes:
    temperature, humidity, pressure = _random.randrange(-100, 350), _random.randrange(200), _random.randrange(9500, 10500)
    light = _random.randrange(2**16)
    return struct.pack(">BBhBBBBBHBBH", 1, 103, temperature, 2, 104, humidity, 3, 115, pressure, 4, 101, light)


_PAYLOADS: dict[str, Callable[[], bytes]] = {FIXED: _soil, TLV: _air, CAYENNE: _cayenne}
