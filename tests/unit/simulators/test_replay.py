"""Tests of simulators/replay.py: rows become messages that ingest reads back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devices.units import conversion
from ingest.decode import decode
from ingest.message import Message as Arrived
from ingest.message import group_of
from simulators.message import Reading
from simulators.replay import message_of, uid_for
from simulators.table import Column, parse_column

IN_2002_US, IN_1901_US = 1_009_843_200_000_000, -2_164_800_000_000_000


def read_back(time_us: int, values: list[tuple[Column, float]]) -> list[Reading]:
    """Let ingest decode the message of one row, and convert its units."""
    message = message_of("replay-test", time_us, values)
    columns = decode(group_of([Arrived(message.topic, message.payload, 1_790_000_000_000_000, 1, 1, False)]))
    assert columns.rejects == []
    readings = []
    for i, (column, _value) in enumerate(values):
        factors = conversion(columns.units[columns.unit[i]], column.metric.unit, column.metric.unit_senml)
        assert factors is not None
        value = float(columns.value[i] * factors[0] + factors[1])
        readings.append(Reading(columns.metrics[columns.metric[i]], int(columns.time_us[i]), value))
    assert readings == list(message.readings)
    return readings


@pytest.mark.parametrize("time_us", [IN_2002_US, IN_1901_US, 268_435_455_999_999, 268_435_456_000_000, 4_102_444_800_000_000])
def test_message_of_a_row_is_read_back_exactly(time_us: int) -> None:
    """Times of any century and values with many digits arrive to the last bit; SenML cannot say times before July 1978."""
    values = [(parse_column("no2=no2"), 6.500366666666667), (parse_column("ws=wind_speed"), 0.1 + 0.2)]

    assert read_back(time_us, values) == [("no2", time_us, 6.500366666666667), ("wind_speed", time_us, 0.1 + 0.2)]


def test_message_of_a_row_random_values_are_read_back_exactly() -> None:
    """Units that are converted give bit for bit what the ledger says."""
    column = parse_column("t=air_temperature:degF")
    for value in np.random.default_rng(4).normal(50, 20, 200).tolist():
        assert read_back(IN_2002_US, [(column, value)]) == [("air_temperature", IN_2002_US, column.stored(value))]


def test_uid_for_a_file_is_a_uid() -> None:
    """Whatever a file is called, a device can be named for it."""
    assert uid_for(Path("/data/UK NO2 (hourly).CSV.gz")) == "replay-uk-no2-hourly-"
