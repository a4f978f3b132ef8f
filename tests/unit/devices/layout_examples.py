"""What the tests of layouts share: definitions, frames to decode with them, and columns read back frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.columns import NO_TEXT
from devices.frames import frames_of
from devices.layout_columns import decode
from devices.layout_definition import parse_layout
from tests.unit.devices.slow_layout import Outcome

if TYPE_CHECKING:
    from devices.columns import Columns
    from devices.reasons import Reason

TIME_US = 1_700_000_000_000_000


def decode_all(definition: str, *sent: tuple[int, bytes]) -> Columns:
    """Decode (port, payload) pairs as one group, any floating-point slip an error."""
    rows = [(i, f"dev-{i}", port, payload, TIME_US + i) for i, (port, payload) in enumerate(sent)]
    with np.errstate(all="raise"):
        return decode(parse_layout(definition), frames_of(rows))


def outcomes_of(columns: Columns, count: int) -> list[Outcome]:
    """Read columns back, frame by frame."""
    outcomes = [Outcome() for _ in range(count)]
    for i in range(len(columns)):
        text = NO_TEXT if columns.text is None else int(columns.text[i])
        message = int(columns.message[i])
        assert columns.uids[columns.device[i]] == f"dev-{message}"
        outcomes[message].readings.append(
            (
                int(columns.item[i]),
                columns.metrics[columns.metric[i]],
                columns.units[columns.unit[i]],
                int(columns.time_us[i]),
                float(columns.value[i]) if text == NO_TEXT else columns.texts[text],
            )
        )
    for reject in columns.rejects:
        assert reject.detail
        outcomes[reject.message].refusals.append((reject.item, reject.reason))
    return outcomes


def values_of(definition: str, payload: str, port: int = 1) -> list[float | str]:
    """Decode one frame and give its values alone."""
    return [reading[4] for reading in outcomes_of(decode_all(definition, (port, bytes.fromhex(payload))), 1)[0].readings]


def refusals_of(definition: str, payload: str, port: int = 1) -> list[tuple[int, Reason]]:
    """Decode one frame and give its refusals alone."""
    return outcomes_of(decode_all(definition, (port, bytes.fromhex(payload))), 1)[0].refusals


FIELD = '[[field]]\nmetric = "m"\nat = 0\n'

GROUP = """
[[group]]
at = 1
size = 3
every_s = 60
[[group.field]]
metric = "m"
at = 0
type = "u16"
"""

CHANNELS = """
endian = "little"
channel = [
    {id = "0175", metric = "battery_level", type = "u8"},
    {id = "0367", metric = "air_temperature", type = "i16", scale = 0.1},
    {id = ["ff01", "ff0?"], size = 1},
    {id = "20ce", size = 6, time = {at = 0, type = "u32"}, field = [
        {metric = "air_temperature", at = 4, type = "i16", scale = 0.1},
    ]},
]
"""
