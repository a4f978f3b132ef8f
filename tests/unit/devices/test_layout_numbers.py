"""Numbers in layouts: sign, byte order, bits and scale at their edges, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.devices.layout_examples import FIELD, values_of
from tests.unit.devices.random_layouts import INT_TYPES, OFFSETS, SCALES

if TYPE_CHECKING:
    from decimal import Decimal


@pytest.mark.parametrize(
    ("definition", "payload", "value"),
    [
        ('type = "u8"', "ff", 255.0),
        ('type = "i8"', "ff", -1.0),
        ('type = "i8"', "80", -128.0),
        ('type = "u16"', "0102", 258.0),
        ('type = "u16"\nendian = "little"', "0102", 513.0),
        ('type = "i16"', "8000", -32768.0),
        ('type = "i16"', "7fff", 32767.0),
        ('type = "u24"', "010203", 66051.0),
        ('type = "u24"\nendian = "little"', "010203", 197121.0),
        ('type = "i24"', "800000", -8388608.0),
        ('type = "i24"\nendian = "little"', "ffffff", -1.0),
        ('type = "u32"', "ffffffff", 4294967295.0),
        ('type = "i32"', "80000000", -2147483648.0),
        ('type = "i32"\nendian = "little"', "00000080", -2147483648.0),
        ('type = "f32"', "41b80000", 23.0),
        ('type = "f32"\nendian = "little"', "0000b841", 23.0),
        ('type = "f64"', "4037000000000000", 23.0),
        ('type = "f64"\nendian = "little"', "0000000000003740", 23.0),
        ('type = "i16"\nscale = 0.1', "0101", 25.7),
        ('type = "i16"\nscale = 0.1', "ff7e", -13.0),
        ('type = "u16"\nscale = 0.1\noffset = -40', "0101", -14.3),
        ('type = "i32"\nscale = 0.0000001', "1fdbb1f6", 53.4491638),
        ('type = "u32"\nscale = 0.001', "ffffffff", 4294967.295),
        ('type = "u8"\nbits = 0', "01", 1.0),
        ('type = "u8"\nbits = 7', "7f", 0.0),
        ('type = "u8"\nbits = "7-4"', "a5", 10.0),
        ('type = "u8"\nbits = "3-0"', "a5", 5.0),
        ('type = "i8"\nbits = "3-0"', "0f", -1.0),
        ('type = "u16"\nbits = "13-0"', "cd4a", 3402.0),
        ('type = "u16"\nbits = "13-0"\nendian = "little"', "4acd", 3402.0),
        ('type = "u32"\nbits = "31-31"', "80000000", 1.0),
    ],
)
def test_decode_number_of_each_type_has_its_exact_value(definition: str, payload: str, value: float) -> None:
    """Sign, byte order, bits and scale, at the edges; decimals are the nearest number there is."""
    assert values_of(FIELD + definition, payload) == [value]


@settings(DETERMINISTIC, max_examples=500)
@given(st.sampled_from(INT_TYPES), st.binary(min_size=4, max_size=4), st.sampled_from(SCALES[:-1]), st.sampled_from(OFFSETS))
def test_decode_random_whole_number_is_the_nearest_to_its_decimal(
    kind: str, data: bytes, scale: Decimal, offset: Decimal
) -> None:
    """Scaled and shifted, a whole number is the floating-point number next to the exact decimal: 257 tenths are 25.7."""
    raw = int.from_bytes(data[: int(kind[1:]) // 8], "big", signed=kind[0] == "i")
    definition = f'{FIELD}type = "{kind}"\nscale = {scale:f}\noffset = {offset:f}'

    assert values_of(definition.replace("scale = 3\n", "scale = 3.0\n"), data.hex()) == [
        float(Fraction(raw) * Fraction(scale) + Fraction(offset))
    ]
