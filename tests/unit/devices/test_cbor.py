"""CBOR of every form into plain values, and payloads made to cost much that must cost little."""

from __future__ import annotations

import math
import resource
import time
import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.cbor import MOST_CBOR_BYTES, is_cbor, parse_cbor
from devices.reasons import Reason
from devices.senml import PLAIN_ERRORS, Record, parse_any, parse_pack, parse_plain_cbor
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.devices.slow_cbor import Broken, Tagged, read_cbor, with_labels, write_cbor

GENEROUS_S = 5.0
GENEROUS_BYTES = 24 * 2**20


def test_parse_cbor_example_of_the_rfc_gives_its_records() -> None:
    """The pack of RFC 8428, section 6."""
    payload = bytes.fromhex(
        "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c746167"
        "6501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccc"
        "cccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb"
        "3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"
    )

    assert parse_pack(payload) == [
        Record(bn="urn:dev:ow:10e2073a0108006:", bt=1276020076.001, bu="A", bver=5, n="voltage", u="V", v=120.1),
        *[Record(n="current", t=t, v=v) for t, v in zip(range(-5, 1), [1.2, 1.3, 1.4, 1.5, 1.6, 1.7], strict=True)],
    ]


@pytest.mark.parametrize(
    ("first", "expected"), [(0x7F, False), (0x80, True), (0x9F, True), (0xA0, True), (0xBF, True), (0xC0, False)]
)
def test_is_cbor_arrays_and_maps_are_told_by_their_first_byte(first: int, expected: bool) -> None:  # noqa: FBT001 - a case
    """No JSON text begins with these, blanks and byte order mark included."""
    assert is_cbor(bytes([first, 0])) is expected
    assert not is_cbor(b"")


@pytest.mark.parametrize("text", [b"[]", b" [", b"{}", b"\t{", b"\xef\xbb\xbf[]", b"1", b'"a"', b"null"])
def test_parse_any_text_is_read_as_json(text: bytes) -> None:
    """Whatever is no CBOR array or map is JSON or nothing."""
    outcome = parse_any(text)

    assert not isinstance(outcome, tuple) or outcome[0] is Reason.NOT_JSON


def test_parse_cbor_labels_are_those_of_senml() -> None:
    """Integers of table 4 become labels; other integers and texts stay what they are, as texts."""
    labels = ["-8", "-7", "bs", "bv", "bu", "bt", "bn", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd", "9", "10"]

    assert parse_cbor(write_cbor([{**dict.fromkeys(range(-8, 11), 0), "ext": 1, "ext_": 2}], Random(0))) == [
        {**dict.fromkeys(labels, 0), "ext": 1, "ext_": 2}
    ]


def test_parse_cbor_data_value_is_what_json_has_for_it() -> None:
    """Bytes become base64url text without padding."""
    assert parse_cbor(write_cbor([{8: b"\xff\xfe\x00"}, {8: b""}, {8: b"\x00"}], Random(0))) == [
        {"vd": "__4A"},
        {"vd": ""},
        {"vd": "AA"},
    ]


@pytest.mark.parametrize(
    ("exponent", "mantissa", "number"),
    [
        (-2, 27315, 273.15),
        (-1, -5, -0.5),
        (3, 7, 7000.0),
        (0, 0, 0.0),
        (-1, 2**70, 2**70 / 10),
        (308, 1, 1e308),
        (309, 1, math.inf),
        (309, -1, -math.inf),
        (-324, 5, 5e-324),
        (-400, 1, 0.0),
        (-700, 2**1000, 0.0),
        (10**9, 1, math.inf),
        (10**9, 0, 0.0),
        (-(10**9), 1, 0.0),
        (2**64 - 1, -1, -math.inf),
        (-(2**64), 2**1000, 0.0),
        (2**200, 1, math.inf),
        (-(2**200), 1, 0.0),
    ],
)
def test_parse_cbor_decimal_fraction_is_rounded_once_and_never_computed_out(
    exponent: int, mantissa: int, number: float
) -> None:
    """As exact as a float can be; exponents that nobody could write out are zero or infinite at once."""
    began = time.perf_counter()

    assert parse_cbor(write_cbor([Tagged(4, [exponent, mantissa])], Random(1))) == [number]
    assert time.perf_counter() - began < GENEROUS_S


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (2**64, 2**64),
        (-(2**64) - 1, -(2**64) - 1),
        (2**1023, 2**1023),
        (2**1024, math.inf),
        (-(2**1024), -math.inf),
        (2**300_000, math.inf),
    ],
    ids=lambda number: f"{math.log2(abs(number)):.0f} bits" if isinstance(number, int) else "",
)
def test_parse_cbor_big_integer_is_a_number_or_infinite(number: int, expected: float) -> None:
    """Up to the largest float it is exact."""
    assert parse_cbor(write_cbor([number], Random(0))) == [expected]


@pytest.mark.parametrize(
    ("payload", "number"), [("f93c00", 1.0), ("f90001", 2**-24), ("f97bff", 65504.0), ("f98000", 0.0), ("fa47c35000", 1e5)]
)
def test_parse_cbor_short_floats_are_exact(payload: str, number: float) -> None:
    """Halves and singles, subnormal ones too."""
    assert parse_cbor(b"\x81" + bytes.fromhex(payload)) == [number]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("81", Reason.NOT_CBOR),
        ("9c00", Reason.NOT_CBOR),
        ("9f01", Reason.NOT_CBOR),
        ("8001", Reason.NOT_CBOR),
        ("80ff", Reason.NOT_CBOR),
        ("81ff", Reason.NOT_CBOR),
        ("bf01ff", Reason.NOT_CBOR),
        ("81f818", Reason.NOT_CBOR),
        ("817f4161ff", Reason.NOT_CBOR),
        ("81a202010202", Reason.NOT_CBOR),
        ("81a20201f9400002", Reason.NOT_CBOR),
        ("81a20001f402", Reason.NOT_CBOR),
        ("8161ff", Reason.NOT_UTF8),
        ("8163eda080", Reason.NOT_UTF8),
        ("81a1f901", Reason.NOT_CBOR),
        ("81a1f9400001", Reason.NOT_READINGS),
        ("81a1f401", Reason.NOT_READINGS),
        ("81a1416101", Reason.NOT_READINGS),
        ("81a18001", Reason.NOT_READINGS),
        ("81a1a001", Reason.NOT_READINGS),
        ("81a1d8238000", Reason.NOT_READINGS),
        ("81a20201617602", Reason.NOT_READINGS),
        ("a10001", Reason.NOT_READINGS),
        ("a1f600", Reason.NOT_READINGS),
    ],
)
def test_parse_cbor_invalid_payload_gives_the_reason(payload: str, reason: Reason) -> None:
    """Cut off, going on, ambiguous keys: refused with a detail for people; a key like 2.0 or true is no label."""
    outcome = parse_cbor(bytes.fromhex(payload))

    assert isinstance(outcome, tuple)
    assert outcome[0] is reason
    assert 0 < len(outcome[1]) <= 200


@pytest.mark.parametrize(("depth", "is_read"), [(2, True), (32, True), (33, False), (3000, False)])
@pytest.mark.parametrize("opening", [b"\x81", b"\x9f", b"\xa1\x00", b"\xd9\x03\xe7"])
def test_parse_cbor_nesting_ends_at_32(depth: int, is_read: bool, opening: bytes) -> None:  # noqa: FBT001 - a case
    """Arrays, maps and tags count alike; far fewer than would fill the stack."""
    levels = depth - 1
    payload = b"\x81" + opening * levels + b"\x00" + (b"\xff" * levels if opening == b"\x9f" else b"")

    outcome = parse_cbor(payload)

    assert isinstance(outcome, list) is is_read
    assert is_read or (isinstance(outcome, tuple) and outcome[0] is Reason.TOO_DEEP)


def test_parse_cbor_no_tag_but_those_of_numbers_and_times_is_acted_upon() -> None:
    """No regular expression is compiled, no e-mail read, no reference followed, whatever tags the library comes to know."""
    insides = [0, "a+", b"\x01\x02\x03\x04", [1, 2], [0, 0]]
    kinds = {
        type(value)
        for tag in [*range(5, 300), 1004, 43_000, *range(55_790, 55_810)]
        for inside in insides
        for value in parse_cbor(b"\x81" + write_cbor(Tagged(tag, inside), Random(0)))  # type: ignore[attr-defined]
    }

    assert {kind.__name__ for kind in kinds} == {"CBORTag"}


def colliding_keys(count: int) -> list[list[int]]:
    """Make pairs of integers that all have one hash in CPython: its tuple hash undone."""
    size, first, second, start = 2**64, 11400714785074694791, 14029467366897019727, 2870177450012600261
    undo_first, undo_second = pow(first, -1, size), pow(second, -1, size)
    goal = 12_345 * undo_first % size
    goal = (goal >> 31 | goal << 33) % size
    pairs = []
    for one in range(1, 10 * count):
        state = (start + one * second) % size
        state = (state << 31 | state >> 33) % size * first % size
        other = (goal - state) * undo_second % size
        if other < 2**61 - 1:
            pairs.append([one, other])
        if len(pairs) == count:
            break
    return pairs


def many_colliding_keys() -> bytes:
    """Fill the greatest payload with a map whose keys all have one hash."""
    pairs = colliding_keys(4_400)
    assert len({hash(tuple(pair)) for pair in pairs}) == 1
    body = b"".join(write_cbor(pair, Random(0)) + b"\x00" for pair in pairs)
    return b"\x81\xb9" + len(pairs).to_bytes(2, "big") + body


HOSTILE = {
    "exponent of a thousand millions": bytes.fromhex("81a200616102c4821a3b9aca0001"),
    "negative exponent": bytes.fromhex("81a200616102c4823a3b9aca0001"),
    "exponent of 2**64": bytes.fromhex("81a200616102c4821bffffffffffffffff01"),
    "binary exponent": bytes.fromhex("81a200616102c5821a3b9aca0001"),
    "big mantissa": b"\x81\xc4\x82\x00\xc2\x59\xff\x00" + b"\xff" * 0xFF00,
    "big exponent": b"\x81\xc4\x82\xc2\x59\xff\x00" + b"\xff" * 0xFF00 + b"\x01",
    "big integer": b"\x81\xc2\x59\xff\x00" + b"\xff" * 0xFF00,
    "array of 2**64": b"\x9b" + b"\xff" * 8,
    "array of 2**40": b"\x9b\x00\x00\x01\x00\x00\x00\x00\x00",
    "map of 2**32": b"\x81\xba\xff\xff\xff\xff",
    "bytes of 2**31": b"\x81\x5a\x7f\xff\xff\xff",
    "text of 2**63": b"\x81\x7b\x7f" + b"\xff" * 7,
    "arrays in arrays": b"\x81" * MOST_CBOR_BYTES,
    "endless arrays in arrays": b"\x9f" * MOST_CBOR_BYTES,
    "maps as keys": b"\x81" + b"\xa1" * (MOST_CBOR_BYTES - 1),
    "tags in tags": b"\x81" + b"\xc4" * (MOST_CBOR_BYTES - 1),
    "records without anything": b"\x9f" + b"\xa0" * (MOST_CBOR_BYTES - 2) + b"\xff",
    "records with a value alone": b"\x9f" + b"\xa1\x02\x01" * ((MOST_CBOR_BYTES - 2) // 3) + b"\xff",
    "one metric again and again": b"\x9f" + b"\xa2\x00aa\x02\x01" * ((MOST_CBOR_BYTES - 2) // 6) + b"\xff",
    "keys of one hash": many_colliding_keys(),
    "shared references": b"\x9f" + b"\xd8\x1c\x81\xd8\x1d\x00" * 10_000 + b"\xff",
    "text references": b"\xd9\x01\x00\x82\x79\x27\x10" + b"a" * 10_000 + b"\xd8\x19\x00" * 5_000,
    "regular expression": b"\x81\xd8\x23\x78\x20" + b"(a+)+" * 6 + b"$a",
    "text in no parts": b"\x81\x7f" + b"\x60" * (MOST_CBOR_BYTES - 3) + b"\xff",
    "larger than is read": b"\x9f" + b"\xa0" * (16 * MOST_CBOR_BYTES) + b"\xff",
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_parse_cbor_hostile_payload_costs_little(payload: bytes) -> None:
    """Time and memory stay in proportion to what was sent, down to the records."""
    tracemalloc.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    try:
        parse_pack(payload)
        with pytest.raises(PLAIN_ERRORS):
            parse_plain_cbor(b"\x81" + payload)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert time.perf_counter() - began < GENEROUS_S
    assert most < GENEROUS_BYTES
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 4 * GENEROUS_BYTES


scalars = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-30, 30),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=5),
    st.builds(lambda exponent, mantissa: Tagged(4, [exponent, mantissa]), st.integers(-400, 400), st.integers(-(2**80), 2**80)),
)
keys = st.one_of(st.integers(-8, 10), st.sampled_from(["a", "b_", "", "ä"]))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


def same(one: object, other: object) -> bool:
    """Tell whether two values are equal, NaN and the kind of number included."""
    return repr(one) == repr(other)


@settings(DETERMINISTIC, max_examples=300)
@given(st.lists(st.dictionaries(keys, values, max_size=4) | scalars, max_size=4), st.integers(0, 2**32))
def test_parse_cbor_any_value_agrees_with_the_slow_reader(array: list[object], seed: int) -> None:
    """Whatever form each item has, both read the same values."""
    payload = write_cbor(array, Random(seed))

    assert same(parse_cbor(payload), with_labels(read_cbor(payload)))


@settings(DETERMINISTIC, max_examples=500)
@given(st.binary(max_size=12), st.sampled_from([b"\x81", b"\x82", b"\x9f", b"\xa1", b"\xbf"]))
def test_parse_cbor_any_bytes_are_valid_where_the_slow_reader_says_so(rest: bytes, first: bytes) -> None:
    """Neither takes for CBOR what the other refuses; keys that are no labels apart."""
    outcome = parse_cbor(first + rest)
    try:
        read_cbor(first + rest)
    except (Broken, UnicodeDecodeError, RecursionError):
        assert isinstance(outcome, tuple)
    else:
        assert not isinstance(outcome, tuple) or outcome[0] is Reason.NOT_READINGS
