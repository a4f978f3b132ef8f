"""Cayenne LPP: the description's own examples, what a profile says of channels, the slow decoder, hostile bytes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.cayenne_lpp import TYPES, CayenneLpp
from devices.definition_table import DefinitionError
from devices.frames import frames_of
from devices.reasons import Reason
from devices.units import conversion
from devices.vocabulary import load_vocabulary
from tests.unit.devices.examples import DETERMINISTIC
from tests.unit.devices.layout_examples import outcomes_of
from tests.unit.devices.slow_cayenne import slow_decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.devices.slow_layout import Outcome

TIME_US = 1_700_000_000_000_000
METRICS = {metric.key: metric for metric in load_vocabulary()}


def decode(payloads: Sequence[bytes], definition: str = "") -> list[Outcome]:
    """Decode frames together, any floating-point slip an error."""
    rows = [(i, f"dev-{i}", 1, payload, TIME_US) for i, payload in enumerate(payloads)]
    with np.errstate(all="raise"):
        return outcomes_of(CayenneLpp(definition)(frames_of(rows)), len(payloads))


def named(payload: str, definition: str = "") -> dict[str, float | str]:
    """Decode one frame and give value by metric."""
    (outcome,) = decode([bytes.fromhex(payload)], definition)
    assert outcome.refusals == []
    return {metric: value for _, metric, _, _, value in outcome.readings}


@pytest.mark.parametrize(
    ("payload", "readings"),
    [
        ("03 67 0110 05 67 00ff", {"air_temperature": 27.2, "temperature_5": 25.5}),
        ("06 71 04d2 fb2e 0000", {"acceleration_x": 12.1014061, "acceleration_y": -12.1014061, "acceleration_z": 0.0}),
        ("01 88 06765f f2960a 0003e8", {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0}),
        ("01 67 ffd7", {"air_temperature": -4.1}),
        ("02 68 64 03 73 2792 04 65 0064", {"relative_humidity": 50.0, "air_pressure": 1013.0, "illuminance": 100.0}),
        ("01 82 000004d2", {"distance_to_surface": 1.234}),
        ("00 00 01 ff 02 ff9c", {"digital_input_0": 1.0, "analog_input_255": -1.0}),
    ],
)  # fmt: skip
def test_decode_examples_have_their_values(payload: str, readings: dict[str, float]) -> None:
    """Sign, scale and byte order as in the description of the format."""
    assert named(payload) == readings


def test_decode_readings_have_units_and_items_in_the_order_of_the_payload() -> None:
    """The unit is what the format means, so that it is converted to the metric's own; items count all values."""
    (outcome,) = decode([bytes.fromhex("07 67 0100 01 88 000001 000002 000003 02 67 0200")])

    assert outcome.readings == [
        (1, "air_temperature", "Cel", TIME_US, 25.6),
        (2, "latitude", "lat", TIME_US, 0.0001),
        (3, "longitude", "lon", TIME_US, 0.0002),
        (4, "altitude", "m", TIME_US, 0.03),
        (5, "temperature_2", "", TIME_US, 51.2),
    ]


DEFINITION = """
[temperature]
1 = "air_temperature"
2 = { metric = "soil_temperature" }
9 = false
[analog_input]
3 = { metric = "water_level", unit = "cm", scale = 50, offset = -2.5 }
[digital_input]
4 = { metric = "door_open", states = { 0 = "closed", 1 = "open" } }
[unix_time]
5 = "uptime"
"""


def test_decode_definition_says_what_each_channel_is() -> None:
    """Metric, unit, scale, offset and states by name and channel; false leaves a channel out."""
    readings = named("01 67 0064 02 67 0032 09 67 0001 03 02 0064 04 00 01 05 85 0000000a 06 68 64", DEFINITION)

    assert readings == {
        "air_temperature": 10.0,
        "soil_temperature": 5.0,
        "water_level": 47.5,
        "door_open": "open",
        "uptime": 10.0,
        "relative_humidity": 50.0,
    }


def test_decode_channel_left_out_once_does_not_shift_the_others() -> None:
    """A name with a table has no usual metric: a second probe alone in a frame is not taken for the first."""
    assert named("02 67 0032", '[temperature]\n1 = "air_temperature"') == {"temperature_2": 5.0}


def test_decode_frame_of_left_out_channels_is_not_lost() -> None:
    """Nothing wanted, nothing broken: refused as empty."""
    assert decode([bytes.fromhex("09670001")], DEFINITION)[0].refusals == [(1, Reason.PACK_EMPTY)]


def test_decode_unknown_type_ends_the_frame() -> None:
    """There is no length to step over it: what came before is kept."""
    first, second = decode([bytes.fromhex("01670064 0299aabb 03670001"), bytes.fromhex("01670064")])

    assert [reading[4] for reading in first.readings] == [10.0]
    assert first.refusals == [(2, Reason.FRAME_INCOMPLETE)]
    assert second.refusals == []


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("x", "the definition is not TOML"),
        ('[temperatur]\n1 = "a"', "temperatur: is no name of a value; there are accelerometer_x"),
        ("temperature = 3", "temperature: must be a table"),
        ('[temperature]\n256 = "a"', "temperature.256: must be a channel, 0 to 255"),
        ('[temperature]\none = "a"', "temperature.one: must be a channel, 0 to 255"),
        ("[temperature]\n1 = true", "temperature.1: must be a metric, a table"),
        ("[temperature]\n1 = {}", "temperature.1.metric: is missing"),
        ('[temperature]\n1 = {metric = "a", scal = 1}', "temperature.1.scal: is not known here"),
        ('[temperature]\n1 = {metric = "a", scale = 0}', "temperature.1.scale: must not be 0"),
        ('[temperature]\n1 = "water_level"', "temperature.1.unit: 'Cel' cannot become m, the unit of water_level"),
        ('[temperature]\n1 = {metric = "a", states = {}}', "temperature.1.states: must be a table such as"),
    ],
)
def test_definition_tells_what_is_wrong_and_where(definition: str, told: str) -> None:
    """The text begins with the place."""
    with pytest.raises(DefinitionError) as error:
        CayenneLpp(definition)

    assert str(error.value).startswith(told)


def test_types_usual_metrics_are_in_the_vocabulary_in_units_that_fit() -> None:
    """A usual metric that could not be stored would be worse than none."""
    for values in TYPES.values():
        for value in values:
            if value.metric:
                metric = METRICS[value.metric]
                assert conversion(value.unit, metric.unit, metric.unit_senml) is not None, value.name


pieces = st.tuples(st.integers(0, 4), st.sampled_from([*TYPES, 99, 255]), st.binary(max_size=9)).map(
    lambda piece: bytes(piece[:2]) + piece[2]
)
payloads = st.lists(pieces, max_size=6).map(b"".join) | st.binary(max_size=30)


@settings(DETERMINISTIC, max_examples=400)
@given(st.lists(payloads, min_size=1, max_size=10))
def test_decode_random_frames_agree_with_the_slow_decoder(sent: list[bytes]) -> None:
    """Whatever bytes: the same readings, to the last bit, and the same refusals, frame by frame."""
    for outcome, payload in zip(decode(sent), sent, strict=True):
        readings, refusals = slow_decode(payload)
        assert [(item, metric, unit, value) for item, metric, unit, _, value in outcome.readings] == readings
        assert outcome.refusals == refusals


def test_decode_twenty_thousand_payloads_never_raise_or_vanish() -> None:
    """Every frame ends as readings or as a reject, each item once, with a definition and without."""
    chance = random.Random(20_261_122)
    kinds = [*TYPES, 98, 254]
    for number in range(200):
        sent = [
            b"".join(
                bytes([chance.choice((1, 2, 3, 9, 255)), chance.choice(kinds)])
                + chance.randbytes(chance.choice((1, 2, 2, 4, 6, 9)))
                for _ in range(chance.randrange(6))
            )
            for _ in range(100)
        ]
        for outcome in decode(sent, DEFINITION if number % 2 else ""):
            items = [reading[0] for reading in outcome.readings] + [item for item, _ in outcome.refusals]
            assert items
            assert len(items) == len(set(items))
