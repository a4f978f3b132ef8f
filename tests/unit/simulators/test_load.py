"""The load generator sends what it says: whole packets, each message once, at the pace asked for."""

from __future__ import annotations

import pytest

from simulators.load import Load, bursts, payload_of, uid_of


def read_publishes(stream: bytes) -> list[tuple[str, bytes, int]]:
    """Read MQTT 3.1.1 PUBLISH packets of QoS 1, slowly (sections 2.2.3 and 3.3): topic, payload, packet id."""
    found, at = [], 0
    while at < len(stream):
        assert stream[at] == 0x32
        at, length, shift, more = at + 1, 0, 0, True
        while more:
            length, shift, more, at = length | (stream[at] & 0x7F) << shift, shift + 7, stream[at] >= 0x80, at + 1
        body, at = stream[at : at + length], at + length
        end = 2 + int.from_bytes(body[:2], "big")
        found.append((body[2:end].decode(), body[end + 2 :], int.from_bytes(body[end : end + 2], "big")))
    return found


@pytest.mark.parametrize("rate", [0.0, 1000.0, 3.0])
def test_bursts_hold_every_message_once_in_turn(rate: float) -> None:
    """Devices take turns, an interval apart, each with the payload of its device and time, at whatever pace."""
    load = Load("", 0, 1_203, 7, 1_700_000_000, interval_s=5, readings=6, rate=rate)

    sent = list(bursts(load))

    assert sum(count for _, count in sent) == load.messages
    published = read_publishes(b"".join(packets for packets, _ in sent))
    expected = [(number % 7, 1_700_000_000 + number // 7 * 5 + number % 7 % 5) for number in range(load.messages)]
    assert published == [
        (f"hedgerow/v1/{uid_of(device)}/up", payload_of(device, time_s, 6), number + 1)
        for number, (device, time_s) in enumerate(expected)
    ]


def test_bursts_at_a_rate_are_small() -> None:
    """At a thousand messages a second a burst is what is due in 5 ms: latency is not that of a load that comes in lumps."""
    at_rate = [count for _, count in bursts(Load("", 0, 100, 10, 0, rate=1000.0))]
    flat_out = [count for _, count in bursts(Load("", 0, 1_100, 10, 0))]

    assert set(at_rate) == {5}
    assert flat_out == [500, 500, 100]
