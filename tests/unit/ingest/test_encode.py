"""The bytes of binary COPY, read back by a parser that goes field by field."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import EMPTY_BATCH
from ingest.encode import POSTGRES_EPOCH_US, encode_latest, encode_readings, encode_uplinks
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.ingest.examples import RECEIVED_US, Row, batch_of


def fields_of(data: bytes) -> list[list[bytes]]:
    """Read what COPY … (FORMAT binary) would read (PostgreSQL documentation, COPY, "Binary Format")."""
    assert data[:11] == b"PGCOPY\n\xff\r\n\x00"
    flags, extension = struct.unpack_from(">ii", data, 11)
    assert (flags, extension) == (0, 0)
    at, found = 19, []
    while (count := struct.unpack_from(">h", data, at)[0]) != -1:
        at += 2
        row = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", data, at)
            assert length >= 0, "no field is null"
            row.append(data[at + 4 : at + 4 + length])
            assert len(row[-1]) == length
            at += 4 + length
        found.append(row)
    assert data[at:] == b"\xff\xff"
    return found


def unpacked(formats: str, row: list[bytes]) -> list[object]:
    """Unpack the fields of a row, one format letter each."""
    assert len(row) == len(formats)
    return [struct.unpack(f">{letter}", field)[0] for letter, field in zip(formats, row, strict=True)]


any_rows = st.builds(
    Row,
    series=st.integers(-(2**31), 2**31 - 1),
    time_us=st.integers(-(2**61), 2**61),
    value=st.floats(),
    flags=st.integers(-(2**15), 2**15 - 1),
    metric=st.just(0),
    received_us=st.integers(-(2**61), 2**61),
)


@DETERMINISTIC
@given(st.lists(any_rows, max_size=10))
def test_encode_readings_any_batch_is_read_back(rows: list[Row]) -> None:
    """Every value, to the last bit, in its own field; times count from 2000."""
    found = [unpacked("iqdh", fields) for fields in fields_of(encode_readings(batch_of(rows)))]

    assert [repr(one) for one in found] == [
        repr([row.series, row.time_us - POSTGRES_EPOCH_US, row.value, row.flags]) for row in rows
    ]


@DETERMINISTIC
@given(st.lists(any_rows, max_size=10))
def test_encode_latest_any_batch_is_read_back(rows: list[Row]) -> None:
    """As readings, with the arrival behind."""
    found = [unpacked("iqdhq", fields) for fields in fields_of(encode_latest(batch_of(rows)))]

    assert [repr(one) for one in found] == [
        repr([row.series, row.time_us - POSTGRES_EPOCH_US, row.value, row.flags, row.received_us - POSTGRES_EPOCH_US])
        for row in rows
    ]


@DETERMINISTIC
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**31 - 1),
            st.integers(0, 2**52),
            st.integers(-(2**63), 2**63 - 1),
            st.text(max_size=20),
            st.binary(max_size=50),
        ),
        max_size=8,
    )
)
def test_encode_uplinks_any_messages_are_read_back(messages: list[tuple[int, int, int, str, bytes]]) -> None:
    """Topics and payloads of any length, empty ones too, keep their neighbours apart."""
    encoded = encode_uplinks(
        np.array([message[0] for message in messages], np.int32),
        np.array([message[1] for message in messages], np.int64),
        np.array([message[2] for message in messages], np.int64),
        [message[3].encode() for message in messages],
        [message[4] for message in messages],
    )

    found = [[*unpacked("iqq", fields[:3]), fields[3].decode(), fields[4]] for fields in fields_of(encoded)]

    assert found == [
        [device, received_us - POSTGRES_EPOCH_US, digest, topic, payload]
        for device, received_us, digest, topic, payload in messages
    ]


@pytest.mark.parametrize("encode", [encode_readings, encode_latest])
def test_encode_empty_batch_is_a_copy_of_no_rows(encode: object) -> None:
    """Header and trailer alone are valid."""
    assert callable(encode)
    assert fields_of(encode(EMPTY_BATCH)) == []


def test_encode_readings_known_row_has_the_known_bytes() -> None:
    """A row written down by hand, so that parser and encoder cannot be wrong together."""
    row = Row(258, 946_684_800_000_001, 1.0, 513, received_us=RECEIVED_US)

    assert encode_readings(batch_of([row]))[19:-2].hex(" ", 2) == (
        "0004 0000 0004 0000 0102 0000 0008 0000 0000 0000 0001 0000 0008 3ff0 0000 0000 0000 0000 0002 0201"
    )
