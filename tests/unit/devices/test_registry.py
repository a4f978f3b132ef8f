"""The registry in memory, against looking everything up row by row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.registry import EMPTY_REGISTRY, NONE, Registry, build_registry
from tests.unit.devices.examples import DETERMINISTIC, devices_with_clocks

METRICS = [
    (3, "air_temperature", "°C", "Cel", -30.0, 45.0),
    (7, "pm2_5", "µg/m³", "ug/m3", None, 1000.0),
    (9, "uptime", "s", "s", 0.0, None),
]
ALIASES = [("temperature", 3), ("temp", 3), ("pm25", 7), ("uptime", 3)]
DEVICES = [(10, "dev-a", 100, 60), (20, "dev-b", 86_400, 0), (35, "dev-c", 1, 1)]


class Deployment(NamedTuple):
    """One row of the query list_deployments."""

    deployment_id: int
    device_id: int
    site_id: int
    channel: str
    from_us: int | None
    to_us: int | None


def registry(deployments: list[Deployment], series: list[tuple[int, int, int, str]] | None = None) -> Registry:
    """Build a registry with the three devices and metrics above."""
    return build_registry(METRICS, ALIASES, [], *devices_with_clocks(DEVICES), deployments, series or [])


def test_devices_known_and_unknown_uids_are_told_apart() -> None:
    """Positions lead to the device's own row; a uid nobody registered has none."""
    found = registry([])

    positions = found.devices(["dev-c", "nobody", "dev-a", "", "DEV-A"])

    assert positions.tolist() == [2, NONE, 0, NONE, NONE]
    assert found.device_ids[positions[[0, 2]]].tolist() == [35, 10]
    assert found.clock_back_us[positions[[0, 2]]].tolist() == [1_000_000, 100_000_000]
    assert found.clock_ahead_us[positions[[0, 2]]].tolist() == [1_000_000, 60_000_000]


def test_metrics_keys_and_aliases_in_any_capitals_are_found() -> None:
    """A key wins over another metric's alias of the same spelling; a misspelt one has no position."""
    found = registry([])

    positions = found.metrics(["air_temperature", "Temperature", "TEMP", "PM25", "uptime", "tempp", ""])

    assert positions.tolist() == [0, 0, 0, 1, 2, NONE, NONE]
    assert found.metric_ids[positions[3]] == 7
    assert found.metric_units[1] == ("µg/m³", "ug/m3")
    assert found.metric_keys[2] == "uptime"


def test_build_registry_open_limits_are_infinite() -> None:
    """Where the vocabulary sets no limit no value is out of range."""
    found = registry([])

    assert found.valid_min.tolist() == [-30.0, -np.inf, 0.0]
    assert found.valid_max.tolist() == [45.0, 1000.0, np.inf]


def test_build_registry_series_stand_at_their_place_and_metric() -> None:
    """Channels of one site are places of their own; series of places nobody is deployed at do not disturb."""
    deployments = [Deployment(1, 10, 5, "", None, None), Deployment(2, 20, 5, "north", None, None)]
    series = [(100, 5, 3, ""), (101, 5, 3, "north"), (102, 5, 7, "north"), (103, 6, 3, ""), (104, 5, 3, "south")]

    found = registry(deployments, series)

    place = {where: i for i, where in enumerate(found.places)}
    assert set(place) == {(5, ""), (5, "north")}
    assert found.series_of[place[5, ""]].tolist() == [100, NONE, NONE]
    assert found.series_of[place[5, "north"]].tolist() == [101, 102, NONE]


def test_build_registry_of_an_empty_store_answers_all_the_same() -> None:
    """Before anything is registered every look-up finds nothing, and none fails."""
    found = EMPTY_REGISTRY

    assert found.devices(["dev-a"]).tolist() == [NONE]
    assert found.metrics(["temperature"]).tolist() == [NONE]
    assert found.deployments(np.empty(0, np.int32), np.empty(0, np.int64)).tolist() == []
    assert registry([]).deployments(np.array([0, 2], np.int32), np.array([0, 0])).tolist() == [NONE, NONE]


def test_deployments_at_the_borders_belong_to_the_later_one() -> None:
    """A deployment holds from its first microsecond up to, not including, its last."""
    found = registry(
        [Deployment(1, 20, 5, "", 1_000, 2_000), Deployment(2, 20, 6, "", 2_000, 3_000), Deployment(3, 20, 7, "", 3_001, None)]
    )
    times = np.array([999, 1_000, 1_999, 2_000, 2_999, 3_000, 3_001, 2**62])

    rows = found.deployments(np.full(len(times), 1, np.int32), times)

    assert rows.tolist() == [NONE, 0, 0, 1, 1, NONE, 2, 2]
    assert [found.places[found.deployment_place[row]] for row in rows[[1, 3, 6]]] == [(5, ""), (6, ""), (7, "")]


@st.composite
def deployment_rows(draw: st.DrawFn) -> list[Deployment]:
    """Draw deployments as the database can hold them: by device and start, never overlapping, ends open or not."""
    rows: list[Deployment] = []
    for device_id, *_ in DEVICES:
        edges = sorted(draw(st.sets(st.integers(0, 60), max_size=8)))
        spans: list[tuple[int | None, int | None]] = []
        is_open = draw(st.tuples(st.booleans(), st.booleans()))
        at = 0
        while at + 1 < len(edges):
            spans.append((edges[at], edges[at + 1]))
            at += draw(st.sampled_from([1, 2]))  # 1: the next one begins at once; 2: after a gap
        if spans and is_open[0]:
            spans[0] = (None, spans[0][1])
        if spans and is_open[1]:
            spans[-1] = (spans[-1][0], None)
        if not spans and all(is_open):
            spans = [(None, None)]
        for start, end in spans:
            site, channel = draw(st.integers(1, 3)), draw(st.sampled_from(["", "north"]))
            rows.append(Deployment(len(rows) + 1, device_id, site, channel, start, end))
    return rows


def slow_place(rows: list[Deployment], device_id: int, time_us: int) -> tuple[int, str] | None:
    """Look through every deployment for the one that holds."""
    for row in rows:
        begun = row.from_us is None or row.from_us <= time_us
        ended = row.to_us is not None and row.to_us <= time_us
        if row.device_id == device_id and begun and not ended:
            return row.site_id, row.channel
    return None


@settings(DETERMINISTIC, max_examples=200)
@given(deployment_rows(), st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 65)), max_size=30))
def test_deployments_random_histories_agree_with_the_slow_look_up(rows: list[Deployment], asked: list[tuple[int, int]]) -> None:
    """With gaps, swaps and open ends every reading finds the place its device was at, or none."""
    found = registry(rows)
    device = np.array([position for position, _ in asked], np.int32)
    time_us = np.array([time for _, time in asked], np.int64)

    answers = found.deployments(device, time_us).tolist()

    places = [None if row == NONE else found.places[found.deployment_place[row]] for row in answers]
    assert places == [slow_place(rows, DEVICES[position][0], time) for position, time in asked]
