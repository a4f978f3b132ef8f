"""The carried vocabulary is well formed: it is data that people edit."""

from __future__ import annotations

import re
from collections import Counter
from typing import get_args

import pytest

from devices.model import Kind, Metric
from devices.states import plain_label
from devices.vocabulary import load_vocabulary

METRICS = load_vocabulary()
SENML_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def test_load_vocabulary_holds_every_domain() -> None:
    """Traffic, air quality and assets are there, with what is measured around them."""
    assert {"traffic", "air_quality", "asset", "weather", "water", "location", "radio", "power", "device"} == {
        metric.domain for metric in METRICS
    }
    assert len(METRICS) > 90


def test_load_vocabulary_spellings_are_unique_over_keys_and_aliases() -> None:
    """No word means two metrics."""
    spellings = Counter(word for metric in METRICS for word in (metric.key, *metric.aliases))

    assert [word for word, count in spellings.items() if count > 1] == []


@pytest.mark.parametrize("metric", METRICS, ids=[metric.key for metric in METRICS])
def test_load_vocabulary_metric_is_well_formed(metric: Metric) -> None:
    """Spellings can be looked up in lower case and sent in SenML; limits are in order; texts are there."""
    for word in (metric.key, *metric.aliases):
        assert SENML_NAME.fullmatch(word)
    assert metric.kind in get_args(Kind)
    assert metric.valid_min is None or metric.valid_max is None or metric.valid_min < metric.valid_max
    assert metric.max_step_per_min is None or metric.max_step_per_min > 0
    assert metric.kind == "state" or metric.unit
    assert metric.description.strip() == metric.description != ""
    assert all("\x00" not in text for text in (metric.description, metric.unit, metric.unit_senml))


@pytest.mark.parametrize("metric", METRICS, ids=[metric.key for metric in METRICS])
def test_load_vocabulary_states_are_those_of_state_metrics(metric: Metric) -> None:
    """Every state metric names all its codes, each once and within its valid range; no other metric has any."""
    codes = [code for code, _ in metric.states]
    labels = {plain_label(label) for _, label in metric.states}

    assert bool(codes) == (metric.kind == "state")
    if codes:
        assert metric.valid_min is not None
        assert metric.valid_max is not None
        assert codes == list(range(int(metric.valid_min), int(metric.valid_max) + 1))
        assert len(labels) == len(codes)


@pytest.mark.parametrize(
    ("alias", "key"),
    [
        ("temperature", "air_temperature"),
        ("humidity", "relative_humidity"),
        ("pm25", "pm2_5"),
        ("pm2.5", "pm2_5"),
        ("battery", "battery_level"),
        ("pressure", "air_pressure"),
        ("co2", "co2_ambient"),
        ("nox", "nox_as_no2"),
    ],
)
def test_load_vocabulary_everyday_words_are_aliases(alias: str, key: str) -> None:
    """What a sensor out of the box says is understood."""
    assert [metric.key for metric in METRICS if alias in metric.aliases] == [key]


def test_load_vocabulary_micro_sign_is_the_same_everywhere() -> None:
    """MICRO SIGN and GREEK SMALL LETTER MU look alike and must not mix."""
    assert not [metric.key for metric in METRICS if "\N{GREEK SMALL LETTER MU}" in metric.unit + metric.unit_senml]


def test_load_vocabulary_keys_are_no_time_keys() -> None:
    """A metric named like the time of a flat object could never be sent."""
    assert not {"time", "timestamp", "ts"} & {word for metric in METRICS for word in (metric.key, *metric.aliases)}


def test_load_vocabulary_is_read_once() -> None:
    """Every caller gets the same immutable table."""
    assert load_vocabulary() is METRICS
    assert isinstance(METRICS, tuple)
