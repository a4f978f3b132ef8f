"""The yardstick copies what the load generator sends: its rows are those that the payloads say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from devices.flags import Flag
from hedgerow.bench.raw_copy import COPY_ROWS, encode, readings_of
from ingest.encode import HEADER, READING_ROW, TRAILER
from simulators.load import Load, payload_of


@pytest.mark.parametrize(("interval_s", "readings"), [(1, 5), (300, 6), (7, 2)])
def test_readings_of_a_load_are_what_its_payloads_say(interval_s: int, readings: int) -> None:
    """Series, time and value of every reading equal what a slow reader of the JSON finds, in the order of sending."""
    load = Load("", 0, 25, 10, 1_700_000_000, interval_s=interval_s, readings=readings)
    series = np.arange(100, 100 + 10 * readings, dtype=np.int32).reshape(10, readings)

    found = readings_of(load, series, load.start_s + 100 * 86_400)

    expected = []
    for number in range(load.messages):
        turn, device = divmod(number, load.devices)
        time_s = load.start_s + turn * interval_s + device % interval_s
        records = json.loads(payload_of(device, time_s, readings))
        expected += [(series[device, i], records[0]["bt"] * 1_000_000, record["v"]) for i, record in enumerate(records)]
    assert list(zip(found.series.tolist(), found.time_us.tolist(), found.value.tolist(), strict=True)) == expected
    assert set(found.flags.tolist()) == {Flag.LATE}


def test_readings_of_a_load_that_comes_at_once_are_not_late() -> None:
    """The flag is the one that the path would give."""
    load = Load("", 0, 4, 2, 1_700_000_000)

    assert not readings_of(load, np.zeros((2, 5), np.int32), load.start_s).flags.any()


def test_encoded_batches_hold_every_row_once_sorted_by_key() -> None:
    """A batch has as many rows as a full group, each batch in the order of its key."""
    devices = 3_000
    load = Load("", 0, 9_000, devices, 1_700_000_000)
    series = np.random.default_rng(1).permutation(devices * 5).astype(np.int32).reshape(devices, 5)

    batches = [
        np.frombuffer(data[len(HEADER) : -len(TRAILER)], READING_ROW)
        for data in encode(readings_of(load, series, load.start_s))
    ]

    assert [len(batch) for batch in batches] == [COPY_ROWS, 45_000 - COPY_ROWS]
    for batch in batches:
        keys = batch["series"].astype(np.int64) << 32 | (batch["time"] - batch["time"].min())
        assert (np.diff(keys) > 0).all()
    assert len(np.unique(np.concatenate(batches)[["series", "time"]])) == 45_000
