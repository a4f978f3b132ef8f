"""Payloads that are nearly right: seeds with splinters put in, cut off and doubled, the same in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.devices.slow_cbor import Tagged, read_cbor, write_cbor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

SENML_JSON = (
    b'[{"n":"temperature","v":1}]',
    (
        b'[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},'
        b'{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"vb":true},{"n":"x","vs":"text"},{"n":"y","vd":"aGk=","s":5}]'
    ),
)
FLAT_JSON = (
    b'{"time":"2024-06-15T12:00:00Z","pm2_5":8.3,"temperature":-1.5e1,"door":true,"x":null,"y":"z","l":[1,{"a":2}]}',
    b'[{"ts":1718452800123,"temperature":21.5},{"ts":1718452800123456789,"temperature":22}]',
)
SENML_CBOR = (
    b"\x81\xa2\x00ktemperature\x02\x01",
    (
        b"\x9f\xa7\x21x\x1burn:dev:ow:10e2073a0108006:\x22\xfb\x41\xd3\x03\xa1\x5b\x00\x10\x62\x23aA\x20\x05\x00gvoltage\x01aV"
        b"\x02\xfb\x40\x5e\x06\x66\x66\x66\x66\x66\xa3\x00gcurrent\x06\x24\x02\xf9\x3e\x00\xbf\x00ax\x03dopen\xff"
        b"\xa3\x00ay\x08Chi!\x05\x05\xa2\x00az\x02\xc4\x82\x21\x19\x6a\xb3\xa3\x00ab\x04\xf5eother\x83\x01\x02\xa1\x61a\x01\xff"
    ),
)
FLAT_CBOR = (
    b"\xa4dtime\xc1\x1afm\x84\x00epm2_5\xf9H&ddoor\xf5ax\xf6",
    b"\x82\xa2btst2024-06-15T12:00:00ZktemperatureaC\xa1ay\xc2I\x01\x00\x00\x00\x00\x00\x00\x00\x00",
)
TOPICS = (
    b"hedgerow/v1/dev-1/up",
    b"hedgerow/v1/gw/00-24-BE-FF-FE-80-4F-F1/up",
    b"application/a/device/0024befffe804ff1/event/up",
)
TIMES = (b"2024-06-15T12:00:00.123456789+01:00", b"20240615T120000Z", b"2024-W24-6", b"1718452800")
STATES = (b"0 dry|1 moist|2 very wet", b"Very-Wet", b" on_supply ")

TEXT_SPLINTERS = (
    *(bytes([one]) for one in b'[]{}",:0123456789.-+eE\\ntu_\x00\xff\n /|#TZW'),
    *(b"\xc3\xa9", b"1e999", b"-1e308", b"NaN", b"null", b"true", b'"bn":', b'"bt":', b'"bv":1e308,', b'"v":', b'"t":-1e300,'),
    *(b'"n":""', b'"bver":11,', b'"a_":1,', b"\\ud800", b"\\u0000", b"9" * 30, b"9" * 400, b"9" * 5000, b"[" * 30, b"[" * 990),
    *(
        b"]" * 990,
        b"[" * 3000,
        b'{"a":' * 500,
        b'"time":',
        b'"ts":',
        b'"2024-02-30"',
        b'"vs":',
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
    ),
    *(b"-" * 300, b"gw/", b"/../", b"%s", b"24:00", b":60"),
)
BINARY_SPLINTERS = (
    *(bytes([one]) for one in range(256)),
    *(b"\xf9\x7e\x00", b"\xf9\x7c\x00", b"\xf9\xfc\x00", b"\xfb" + b"\xff" * 8, b"\x1b" + b"\xff" * 8, b"\x3b" + b"\xff" * 8),
    *(b"\xc4\x82\x1a\x3b\x9a\xca\x00\x01", b"\xc4\x82\x3b" + b"\xff" * 8 + b"\x01", b"\xc4\x80", b"\xc2\x41\x01", b"\xc3\x40"),
    *(b"\xc2\x59\x01\x00" + b"\xff" * 256, b"\xc5\x82\x01\x02", b"\xd8\x1c\x81\xd8\x1d\x00", b"\xd9\x01\x00", b"\xd8\x19\x00"),
    *(b"\xd8\x23ba+", b"\xd8\x24ba:", b"\xd8\x25\x40", b"\xc0aT", b"\xc1\xf9\x7e\x00", b"\xd9\xd9\xf7", b"\xdb" + b"\xff" * 8),
    *(b"\x9f", b"\xbf", b"\x7f", b"\x5f", b"\xff", b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x7b" + b"\xff" * 8),
    *(b"\x81" * 40, b"\xa1" * 40, b"\xc1" * 40, b"\x81" * 5000, b"\xa0" * 5000, b"\x00" * 5000, b"\xa1\x00\x61a", b"\x20\x0b"),
    *(
        b"bx_\x01",
        b"dtime",
        b"\x61\xff",
        b"\x63\xed\xa0\x80",
        b"\x61\x00",
        b"\xf7",
        b"\xf8\xff",
        b"\xe0",
        b"\x1c",
        b"\x80",
        b"\xa0",
    ),
)


def mutated(chance: Random, seeds: Sequence[bytes], splinters: Sequence[bytes], start: bytes = b"") -> bytes:
    """Make a payload: bytes at random behind `start`, or a seed that is nearly right."""
    if chance.random() < 0.1:
        return start + chance.randbytes(chance.randrange(60))
    payload = bytearray(chance.choice(seeds))
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(payload) + 1)
        match chance.randrange(5):
            case 0:
                payload[at : at + chance.choice([1, 1, 2, 10])] = b""
            case 1:
                payload[at:at] = chance.choice(splinters)
            case 2:
                payload[at : at + 1] = chance.choice(splinters)
            case 3:
                begin = chance.randrange(len(payload) + 1)
                payload[at:at] = payload[begin : begin + chance.randrange(40)]
            case _:
                payload[at:] = b""
    return bytes(payload)


NASTY: tuple[object, ...] = (
    *(0, -1, 11, 2**28, 2**53 + 1, 2**64, -(2**64), 2**1023, 2**1024, 1e308, -1e300, float("nan"), float("inf"), True, None),
    *("", "a", "a b", "urn:dev:mac:0024befffe804ff1:", "\x00", "x" * 300, "a_", "2024-06-15", b"", b"\xff\x00", [], {}, [[]]),
    *(Tagged(4, [-2, 27315]), Tagged(4, [10**9, 1]), Tagged(4, [-(10**9), 2**2000]), Tagged(4, []), Tagged(4, ["a", 1])),
    *(Tagged(5, [1, 1]), Tagged(1, 1.5), Tagged(0, "2024-06-15T12:00:00Z"), Tagged(2, 5), Tagged(35, "a+"), Tagged(999, [1])),
)
LABELS: tuple[object, ...] = (*range(-7, 10), "n", "v", "time", "ts", "x_", "pm2_5", 2**40, -(2**63))


def rewritten(chance: Random, seeds: Sequence[bytes], splinters: Sequence[bytes], start: bytes = b"") -> bytes:
    """Make a CBOR payload that is valid more often than not: a seed with some labels and values changed, in other forms."""
    if chance.random() < 0.3:
        return mutated(chance, seeds, splinters, start)
    value = read_cbor(chance.choice(seeds))
    maps = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        chance.choice(maps)[chance.choice(LABELS)] = chance.choice(NASTY)
    payload = write_cbor(value, chance)
    return mutated(chance, [payload], splinters) if chance.random() < 0.2 else payload
