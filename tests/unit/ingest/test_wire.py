"""The wire: PUBLISH packets cut out of a buffer, against the library that knows all of MQTT."""

from __future__ import annotations

import mqtt5
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.wire import WireError, puback_bytes, scan

_TOPICS = st.text("abc/é", min_size=1, max_size=40)
_PAYLOADS = st.one_of(st.binary(max_size=300), st.sampled_from([b"x" * 127, b"y" * 128, b"z" * 20_000, b"w" * 2_100_000]))
_PUBLISHES = st.builds(
    mqtt5.PublishPacket,
    _TOPICS,
    _PAYLOADS,
    qos=st.just(mqtt5.QoS.AT_LEAST_ONCE),
    packet_id=st.integers(1, 65_535),
    duplicate=st.booleans(),
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(_PUBLISHES, max_size=8), st.integers(0, 5))
def test_scan_whole_packets_gives_what_the_library_gives(packets: list[mqtt5.PublishPacket], cut: int) -> None:
    """Topics, payloads, packet ids and DUP marks are those of the packets; a packet that is not whole is left."""
    written = [packet.write() for packet in packets]
    buffer = b"".join(written)
    shortened = buffer[: len(buffer) - cut]
    whole = packets if not cut or not packets else packets[:-1]

    scanned = scan(shortened)

    assert scanned.topics == [packet.topic.encode() for packet in whole]
    assert scanned.payloads == [packet.payload for packet in whole]
    assert scanned.packet_ids.tolist() == [packet.packet_id for packet in whole]
    assert scanned.duplicate.tolist() == [packet.duplicate for packet in whole]
    assert scanned.others == []
    assert scanned.used == sum(map(len, written[: len(whole)]))


def test_scan_packets_of_other_shapes_are_handed_on_whole() -> None:
    """PINGRESP, SUBACK, QoS 0 and a PUBLISH with properties are given as they are, in order, between plain ones."""
    plain = mqtt5.PublishPacket("a/b", b"1", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7).write()
    with_property = mqtt5.PublishPacket(
        "a/b", b"2", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=8, content_type="text/plain"
    ).write()
    unasked = mqtt5.PublishPacket("a/b", b"3").write()
    ping = mqtt5.PingRespPacket().write()

    scanned = scan(ping + plain + with_property + unasked + plain)

    assert scanned.payloads == [b"1", b"1"]
    assert scanned.others == [ping, with_property, unasked]


@pytest.mark.parametrize("buffer", [b"", b"\x32", b"\x32\x80", b"\x32\x80\x80", b"\x32\x05\x00"])
def test_scan_bytes_missing_uses_nothing(buffer: bytes) -> None:
    """Half a header or half a packet waits for the rest."""
    assert scan(buffer).used == 0


def test_scan_malformed_remaining_length_raises() -> None:
    """A fifth byte of length does not exist in MQTT."""
    with pytest.raises(WireError):
        scan(b"\x32\xff\xff\xff\xff\x01")


def test_scan_topic_longer_than_its_packet_is_handed_on() -> None:
    """A packet whose topic would reach beyond its end is not read as a message."""
    lying = b"\x32\x06\xff\xff" + b"abcd"

    scanned = scan(lying)

    assert scanned.payloads == []
    assert scanned.others == [lying]


def test_puback_bytes_are_what_the_library_writes() -> None:
    """Each PUBACK says Success in its shortest form, in order."""
    ids = np.array([1, 255, 256, 65_535], np.uint16)

    assert puback_bytes(ids) == b"".join(mqtt5.PubAckPacket(int(number)).write() for number in ids)
