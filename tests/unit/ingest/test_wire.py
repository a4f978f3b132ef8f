"""The wire: packets cut out of bytes, against reading them one byte after the other and against the library."""

from __future__ import annotations

from typing import NamedTuple

import mqtt5
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.wire import WireError, puback_bytes, scan
from tests.unit.devices.examples import DETERMINISTIC


class Publish(NamedTuple):
    """One PUBLISH packet to write."""

    topic: str
    payload: bytes
    packet_id: int
    is_duplicate: bool = False

    def write(self) -> bytes:
        """Write the packet with the library."""
        packet = mqtt5.PublishPacket(
            self.topic, self.payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self.packet_id, duplicate=self.is_duplicate
        )
        return bytes(packet.write())


def plain(topic: str, payload: bytes, packet_id: int, *, is_duplicate: bool = False) -> bytes:
    """Write a PUBLISH of QoS 1 without properties by hand (MQTT 5, section 3.3)."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + packet_id.to_bytes(2, "big") + b"\x00" + payload
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)[0], rest % 128
        length += bytes([digit | (128 if rest else 0)])
        if not rest:
            return bytes([0x3A if is_duplicate else 0x32]) + length + body


OTHERS = [
    bytes.fromhex("d000"),  # PINGRESP
    bytes.fromhex("9004000100 01"),  # SUBACK
    bytes.fromhex("e000"),  # DISCONNECT
    bytes.fromhex("3007 0001 74 00 6162 63"),  # PUBLISH of QoS 0
    bytes.fromhex("320a 0001 74 0005 02 0101 6162"),  # PUBLISH of QoS 1 with a property
    bytes.fromhex("3307 0001 74 0005 00 61"),  # PUBLISH of QoS 1, retained
    bytes.fromhex("3406 0001 74 0005 00"),  # PUBLISH of QoS 2
    bytes.fromhex("3200"),  # shorter than any PUBLISH
    bytes.fromhex("3204 ffff 0000"),  # a topic longer than its packet
    bytes.fromhex("3205 0001 74 0005"),  # no room for properties
]

publishes = st.builds(
    Publish,
    topic=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00#+"), min_size=1, max_size=12),
    payload=st.binary(max_size=20) | st.sampled_from([b"x" * size for size in (110, 127, 128, 129, 200, 16_384)]),
    packet_id=st.integers(1, 65_535),
    is_duplicate=st.booleans(),
)


@pytest.mark.parametrize("size", [0, 1, 117, 118, 119, 16_373, 16_374, 16_375, 2_097_141, 2_097_142])
def test_scan_payload_around_every_length_of_the_length_is_cut_right(size: int) -> None:
    """The remaining length takes one to four bytes; the next packet begins right behind."""
    first, second = plain("t/u", b"p" * size, 258), plain("v", b"q", 3, is_duplicate=True)

    scanned = scan(first + second)

    assert scanned.topics == [b"t/u", b"v"]
    assert [len(payload) for payload in scanned.payloads] == [size, 1]
    assert scanned.packet_ids.tolist() == [258, 3]
    assert scanned.duplicate.tolist() == [False, True]
    assert scanned.others == []
    assert scanned.used == len(first + second)


def test_scan_our_own_bytes_are_those_of_the_library() -> None:
    """What these tests write by hand is what MQTT 5 says."""
    for publish in (Publish("t", b"", 1), Publish("hedgerow/v1/ä/up", b"x" * 300, 65_535, is_duplicate=True)):
        assert publish.write() == plain(*publish[:3], is_duplicate=publish.is_duplicate)


@settings(DETERMINISTIC, max_examples=200)
@given(st.lists(publishes | st.sampled_from(OTHERS), max_size=8), st.data())
def test_scan_random_packets_cut_anywhere_come_out_whole(packets: list[Publish | bytes], data: st.DataObject) -> None:
    """However the network cuts the stream, feeding the rest again gives the same packets in the same order."""
    stream = b"".join(packet if isinstance(packet, bytes) else packet.write() for packet in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    found: list[Publish] = []
    others: list[bytes] = []
    buffer = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer += stream[start:end]
        scanned = scan(buffer)
        found += [
            Publish(topic.decode(), payload, packet_id, is_duplicate)
            for topic, payload, packet_id, is_duplicate in zip(
                scanned.topics, scanned.payloads, scanned.packet_ids.tolist(), scanned.duplicate.tolist(), strict=True
            )
        ]
        others += scanned.others
        buffer = buffer[scanned.used :]

    assert buffer == b""
    assert found == [packet for packet in packets if isinstance(packet, Publish)]
    assert others == [packet for packet in packets if isinstance(packet, bytes)]


@settings(DETERMINISTIC, max_examples=300)
@given(st.binary(max_size=40))
def test_scan_any_bytes_are_cut_without_loss_or_refused(buffer: bytes) -> None:
    """Nonsense raises only the one error that ends a connection, and never reads past what is there."""
    try:
        scanned = scan(buffer)
    except WireError:
        return

    assert 0 <= scanned.used <= len(buffer)
    assert len(scanned.topics) == len(scanned.payloads) == len(scanned.packet_ids) == len(scanned.duplicate)
    assert scan(buffer[: scanned.used]).used == scanned.used


@pytest.mark.parametrize("start", [b"\x32\xff\xff\xff\xff", b"\xd0\x80\x80\x80\x80\x01"])
def test_scan_malformed_length_is_an_error(start: bytes) -> None:
    """Nothing behind it can be trusted."""
    with pytest.raises(WireError):
        scan(plain("t", b"x", 1) + start)


def test_scan_incomplete_packet_waits() -> None:
    """At every cut inside a packet nothing is taken yet."""
    packet = plain("topic", b"x" * 200, 7)

    for cut in range(len(packet)):
        scanned = scan(packet[:cut])
        assert (scanned.used, scanned.payloads, scanned.others) == (0, [], [])


def test_puback_bytes_are_those_of_the_library() -> None:
    """Four bytes each, in order."""
    ids = [1, 2, 255, 256, 65_535]

    assert puback_bytes(np.array(ids, np.uint16)) == b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in ids)
    packet, _ = mqtt5.read(memoryview(puback_bytes(np.array([513], np.uint16))))
    assert isinstance(packet, mqtt5.PubAckPacket)
    assert packet.packet_id == 513
