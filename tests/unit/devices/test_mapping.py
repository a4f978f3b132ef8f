"""Mapping: paths, units, states and times of outputs, against a slow second version and twenty thousand odd outputs."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.columns import NO_TIME_US, Rows
from devices.mapping import MOST_VALUES, parse_mapping
from devices.reasons import Reason
from tests.unit.devices.examples import DETERMINISTIC, readings_of, refusals_of
from tests.unit.devices.slow_mapping import slow_apply

NOW_US = 1_795_248_000_000_000
EXECUTIONS = 20_000


def mapped(definition: str, output: object) -> list[tuple[str, str, int, float | str]]:
    """Map one output of which nothing is refused: metric, unit, time and value of its readings."""
    rows = Rows()
    parse_mapping(definition).apply(rows, 0, "dev", NOW_US, output)
    assert not rows.rejects
    return [(one.metric, one.unit, one.time_us, one.value) for one in readings_of(rows.columns())]


def values(definition: str, output: object) -> dict[str, float | str]:
    """Map one output: value by metric."""
    return {metric: value for metric, _, _, value in mapped(definition, output)}


def refused(definition: str, output: object) -> list[tuple[int, Reason, str]]:
    """Map one output: what is refused, and how that is told."""
    rows = Rows()
    parse_mapping(definition).apply(rows, 0, "dev", NOW_US, output)
    return [(reject.item, reject.reason, reject.detail) for reject in rows.rejects]


def test_mapping_scale_offset_and_unit_are_those_of_the_line() -> None:
    """A raw number becomes a quantity: value * scale + offset, in the unit named."""
    definition = '[mapping]\nlevel = {metric = "water_level", unit = "cm", scale = -0.1, offset = 400}\nid = "battery_level"'

    assert mapped(definition, {"level": 1230, "id": 7}) == [
        ("water_level", "cm", NOW_US, 277.0),
        ("battery_level", "", NOW_US, 7.0),
    ]


@pytest.mark.parametrize(
    ("value", "number"),
    [("21.50", 21.5), ("-0", 0.0), (" 1e3 ", 1000.0), ("+.5", 0.5), ("7.", 7.0), (True, 1.0), (False, 0.0), (3, 3.0)],
)
def test_mapping_number_in_quotes_or_truth_is_a_number(value: object, number: float) -> None:
    """Dragino sends temperatures as texts; truths are 1 and 0."""
    assert values('[mapping]\nx = "m"', {"x": value}) == {"m": number}


@pytest.mark.parametrize("text", ["1,5", "12 C", "nan", "inf", "1_000", "0x10", "", "٣", "1" * 61, "--1", "1e"])
def test_mapping_other_text_names_a_state(text: str) -> None:
    """What Python's float would take, but no device means as a number, stays a text."""
    assert values('[mapping]\nx = "m"', {"x": text}) == {"m": text}


def test_mapping_scale_is_exact_in_decimals() -> None:
    """A tenth is a tenth: no 25.700000000000003 in anybody's export."""
    assert values(
        '[mapping]\nx = {metric = "m", scale = 0.1}\ny = {metric = "n", offset = -273.15}', {"x": 257, "y": 293.2}
    ) == {"m": 25.7, "n": 20.05}


def test_mapping_states_translate_words_and_numbers_of_the_codec() -> None:
    """Vendors have words and codes of their own; `states` says what they are."""
    definition = '[mapping]\n"*.x" = {metric = "m", scale = 10, states = {Frost = "ice", Trocken = 0, 3 = "snow", true = 5}}'

    assert [value for *_, value in mapped(definition, [{"x": x} for x in ("Frost", "Trocken", 3, 3.0, True, 4, "wet")])] == [
        *("ice", 0.0, "snow", "snow", 5.0, 40.0, "wet")
    ]


def test_mapping_keys_with_dots_and_nested_keys_are_reached() -> None:
    """`pm2.5` is one key in one codec and two in another; both are written the same."""
    definition = '[mapping]\n"pm2.5" = "pm2_5"\n"air.co2" = "co2"'

    assert values(definition, {"pm2.5": 8.3, "air": {"co2": 400}}) == {"pm2_5": 8.3, "co2": 400.0}
    assert values(definition, {"pm2": {"5": 8.3}, "air.co2": 400}) == {"pm2_5": 8.3, "co2": 400.0}


def test_mapping_star_stands_for_positions_of_lists_only() -> None:
    """An exact path goes before a star, and a star matches no key of an object."""
    definition = '[mapping]\n"a.*.t" = "any"\n"a.1.t" = "second"\n"b.*.*" = "deep"'
    output = {"a": [{"t": 1}, {"t": 2}, {"t": 3}], "b": [[4, 5], {"x": 6}]}

    assert [(metric, value) for metric, _, _, value in mapped(definition, output)] == [
        *(("any", 1.0), ("second", 2.0), ("any", 3.0), ("deep", 4.0), ("deep", 5.0))
    ]


def test_mapping_measure_brings_its_unit_unless_the_line_has_one() -> None:
    """`{"value", "unit"}` is one value, whatever else stands in it, and `path` or `path.value` reaches it."""
    output = {"a": {"value": 3600, "unit": "mV", "displayName": "Battery"}, "b": {"value": "21.5", "unit": None}}

    assert mapped('[mapping]\na = "m"\n"b.value" = "n"\n"a.displayName" = "s"', output) == [
        *(("m", "mV", NOW_US, 3600.0), ("s", "", NOW_US, "Battery"), ("n", "", NOW_US, 21.5))
    ]
    assert mapped('[mapping]\na = {metric = "m", unit = "V", scale = 0.001}', output) == [("m", "V", NOW_US, 3.6)]


@pytest.mark.parametrize(
    ("clock", "time", "micros"),
    [
        ('"ts"', "2026-11-21T08:00:00+01:00", 1_795_244_400_000_000),
        ('"ts"', 1_795_248_000, 1_795_248_000_000_000),
        ('"ts"', 1_795_248_000_123, 1_795_248_000_123_000),
        ('{path = "ts", unit = "s"}', "1795248000.5", 1_795_248_000_500_000),
        ('{path = "ts", unit = "ms"}', 1_000, 1_000_000),
        ('{path = "ts", unit = "us"}', 1_795_248_000_123_456, 1_795_248_000_123_456),
        ('{path = "ts", unit = "ns"}', 1_795_248_000_123_456_000, 1_795_248_000_123_456),
        ('{path = "ts", unit = "s"}', 1e30, NO_TIME_US),
        ('"ts"', None, NOW_US),
        ('"elsewhere"', 5, NOW_US),
    ],
)
def test_mapping_time_of_the_output_is_that_of_its_readings(clock: str, time: object, micros: int) -> None:
    """A time is told by its unit or by its size; where there is none, it is the network server's."""
    assert mapped(f'[mapping]\nx = "m"\ntime = {clock}', {"ts": time, "x": 1}) == [("m", "", micros, 1.0)]


def test_mapping_time_in_a_list_is_that_of_the_values_beside_it() -> None:
    """History records bring their own times; what stands outside the list has the message's."""
    definition = '[mapping]\n"log.*.t" = "m"\nnow = "n"\ntime = {path = "log.*.at", unit = "s"}'
    output = {"log": [{"at": 10, "t": 1}, {"at": 20, "t": 2}, {"t": 3}], "now": 4}

    assert [(time, value) for _, _, time, value in mapped(definition, output)] == [
        *((10_000_000, 1.0), (20_000_000, 2.0), (NOW_US, 3.0), (NOW_US, 4.0))
    ]


@pytest.mark.parametrize("clock", ['"ts"', '{path = "ts", unit = "s"}'])
@pytest.mark.parametrize("time", ["noon", True, ""])
def test_mapping_time_that_cannot_be_one_refuses_its_readings(clock: str, time: object) -> None:
    """A reading at a wrong time is worse than none."""
    [(item, reason, detail)] = refused(f'[mapping]\nx = "m"\ntime = {clock}', {"ts": time, "x": 1})

    assert (item, reason) == (1, Reason.TIME_INVALID)
    assert detail.startswith("x: ")


def test_mapping_null_and_unmapped_values_are_left_out_without_a_word() -> None:
    """NaN comes as null, and codecs say more than anybody measures; with no value at all the message is refused."""
    assert values('[mapping]\nx = "m"\ny = "n"', {"x": None, "y": 1, "z": "v2.1"}) == {"n": 1.0}
    [(item, reason, detail)] = refused('[mapping]\nx = "m"', {"x": None, "w": 1})
    assert (item, reason) == (1, Reason.VALUE_MISSING)
    assert "x, w" in detail


@pytest.mark.parametrize("output", [{}, [], None, 5, "text", [5], {"a": {}}, {"a": []}, {"a": None}])
def test_mapping_output_without_values_is_refused(output: object) -> None:
    """No message ends as nothing."""
    assert [(item, reason) for item, reason, _ in refused("", output)] == [(1, Reason.VALUE_MISSING)]
    assert [(item, reason) for item, reason, _ in refused('[mapping]\nx = "m"', output)] == [(1, Reason.VALUE_MISSING)]


def test_mapping_number_beyond_floats_is_refused_alone() -> None:
    """Neither a huge integer nor a scaled one becomes infinite."""
    definition = '[mapping]\n"*" = {metric = "m", scale = 10}'

    assert [item for item, _, _ in refused(definition, [10**400, 1e308, -1e308, "1e999", 1])] == [1, 2, 3, 4]
    assert {reason for _, reason, _ in refused(definition, [10**400, 1e308])} == {Reason.VALUE_NOT_FINITE}


def test_mapping_value_too_deep_is_refused_where_it_is_named() -> None:
    """Nobody nests sixteen objects; what is below is not looked for."""
    output: Any = 1
    for _ in range(17):
        output = {"a": output}
    path = ".".join("a" * 16)

    assert [reason for _, reason, _ in refused(f'[mapping]\n"{path}" = "m"', output)] == [Reason.NOT_READINGS]
    assert [reason for _, reason, _ in refused("", output)] == [Reason.NOT_READINGS]
    assert values(f'[mapping]\n"{path}" = "m"', output["a"]) == {"m": 1.0}


def test_mapping_output_of_very_many_values_is_refused_whole() -> None:
    """A list of a million numbers is no sensor's, and is not gone through."""
    assert len(mapped("", {f"k{i}": 1 for i in range(MOST_VALUES)})) == MOST_VALUES
    assert [reason for _, reason, _ in refused("", {"a": [1] * 10**6})] == [Reason.PAYLOAD_TOO_LARGE]
    assert [reason for _, reason, _ in refused('[mapping]\n"a.5" = "m"', {"a": [[1]] * 10**6})] == [Reason.PAYLOAD_TOO_LARGE]


def test_mapping_without_table_takes_names_and_the_time_beside_them() -> None:
    """As flat JSON: the key is the metric, nested keys joined; `time`, `timestamp` or `ts` is the time."""
    output = {"time": "1970-01-01T00:00:10Z", "pm2.5": 8, "air": {"temperature": {"value": 21, "unit": "Cel"}}, "ts": 5}

    assert mapped("", output) == [
        ("pm2.5", "", 10_000_000, 8.0),
        ("air_temperature", "Cel", 10_000_000, 21.0),
        ("ts", "", 10_000_000, 5.0),
    ]


def test_mapping_without_table_takes_a_list_as_several_outputs() -> None:
    """Each object of the list has its own time, as in The Things Stack's normalized payloads."""
    output = [{"air": {"temperature": 20}, "time": "1970-01-01T00:00:10Z"}, {"air": {"temperature": 21}}]

    assert mapped("", output) == [("air_temperature", "", 10_000_000, 20.0), ("air_temperature", "", NOW_US, 21.0)]


def test_mapping_more_paths_than_are_kept_still_match() -> None:
    """A codec whose keys change with every message must not fill the memory, nor stop being understood."""
    mapping = parse_mapping('[mapping]\n"a.*" = "m"')
    for block in range(30):
        rows = Rows()
        mapping.apply(rows, 0, "dev", NOW_US, {f"k{block}-{i}": 1 for i in range(998)} | {"a": [block]})

        assert [one.value for one in readings_of(rows.columns())] == [block]
    assert len(mapping._targets or ()) <= 11_000  # noqa: SLF001 - the bound is the promise


KEYS = ["a", "b", "value", "unit", "pm2.5", "0", "time", "ts", ""]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["1", "-2.5", "1e3", "x", "", "V", "Cel", "1970-01-01T00:00:10Z", "true"]),
    st.text(max_size=3),
)
outputs = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(KEYS), below, max_size=4),
    max_leaves=12,
)
paths = st.lists(st.sampled_from([*KEYS[:-1], "*"]), min_size=1, max_size=3).map(".".join).filter(lambda path: path != "time")
lines = st.one_of(
    st.sampled_from(["m", "n"]),
    st.fixed_dictionaries(
        {"metric": st.sampled_from(["m", "n"])},
        optional={
            "unit": st.sampled_from(["", "V"]),
            "scale": st.sampled_from([2, 0.1, -1, 0, 1e10]),
            "offset": st.sampled_from([0, 100, -273.15]),
            "states": st.dictionaries(
                st.sampled_from(["x", "1", "0", "true", "V"]), st.sampled_from([0, 2.5, "ice"]), max_size=2
            ),
        },
    ),
)
clocks = st.one_of(
    paths,
    st.fixed_dictionaries({"path": paths}, optional={"unit": st.sampled_from(["s", "ms", "us", "ns"])}),
)
tables = st.tuples(st.dictionaries(paths, lines, min_size=1, max_size=4), st.none() | clocks)


def toml(value: Any) -> str:  # noqa: ANN401 - any TOML
    """Write a value as TOML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {toml(one)}' for key, one in value.items())}}}"
    return json.dumps(value)


def definition_of(table: dict[str, Any], clock: Any) -> str:  # noqa: ANN401 - any TOML
    """Write a mapping as TOML."""
    entries = table if clock is None else {**table, "time": clock}
    return "\n".join(["[mapping]", *(f"{json.dumps(path)} = {toml(line)}" for path, line in entries.items())])


def check_against_slow(definition: str, output: object) -> None:
    """See that both mappings find the same readings and refuse the same."""
    rows = Rows()
    parse_mapping(definition).apply(rows, 3, "dev", NOW_US, output)
    columns = rows.columns()
    slow = slow_apply(definition, NOW_US, output)

    assert [tuple(one)[1:2] + tuple(one)[3:] for one in readings_of(columns)] == slow.readings
    assert [(one.item, one.reason) for one in refusals_of(columns)] == sorted(slow.refusals)
    assert np.isfinite(columns.value).all()


@given(table=tables, output=outputs)
@settings(DETERMINISTIC, max_examples=500)
def test_mapping_random_tables_and_outputs_agree_with_the_slow_version(table: tuple[Any, Any], output: object) -> None:
    """Two readers of one definition, written apart, find the same."""
    check_against_slow(definition_of(*table), output)


@given(output=outputs)
@settings(DETERMINISTIC, max_examples=500)
def test_mapping_random_outputs_by_name_agree_with_the_slow_version(output: object) -> None:
    """The same for outputs whose names are metrics."""
    check_against_slow("", output)


def random_output(chance: Random, depth: int) -> object:
    """Make an output that is odder than those above, and faster."""
    match chance.randrange(9 if depth else 7):
        case 7:
            return {random_key(chance): random_output(chance, depth - 1) for _ in range(chance.randrange(5))}
        case 8:
            return [random_output(chance, depth - 1) for _ in range(chance.randrange(5))]
        case case:
            odd: list[object] = [
                None,
                chance.random() * 1e3,
                chance.getrandbits(chance.choice([1, 70, 2000])),
                "x" * chance.randrange(99),
                f"{chance.gauss(0, 1e5):.2f}",
                chance.choice([True, False]),
                chance.choice(["\x00", "\ud800", "1e999", "٣"]),
            ]
            return odd[case]


def random_key(chance: Random) -> str:
    """Make a key."""
    return chance.choice([*KEYS, *KEYS, "a.b", "*", "x" * 50, "\x00", "\ud800"])


def test_mapping_twenty_thousand_random_outputs_never_raise() -> None:
    """Every output ends as readings or rejects whose items differ."""
    chance = Random(20_261_121)
    definitions = ["", '[mapping]\n"a.*.value" = "m"\n"*.a" = "n"\nb = "o"\ntime = {path = "*.ts", unit = "s"}']
    mappings = [parse_mapping(definition) for definition in definitions]
    for _ in range(EXECUTIONS):
        rows = Rows()
        output = random_output(chance, chance.choice([1, 2, 3, 20]))
        chance.choice(mappings).apply(rows, 0, "dev", NOW_US, output)
        columns = rows.columns()
        items = columns.item.tolist() + [reject.item for reject in columns.rejects]

        assert items, output
        assert len(items) == len(set(items)), output
        assert np.isfinite(columns.value).all(), output
