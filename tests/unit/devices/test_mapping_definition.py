"""The `[mapping]` of a profile's TOML: what may be written, and how it is told what may not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from devices.definition_table import DefinitionError
from devices.mapping_definition import Target, TimePath, parse_definition


def test_parse_definition_short_and_long_lines_give_targets() -> None:
    """A metric's name alone is enough."""
    targets, time = parse_definition(
        """
        [mapping]
        temperature = "air_temperature"
        "a.*.b" = {metric = "m", unit = "V", scale = 0.001, offset = -1, states = {on = 1, off = "closed"}}
        time = {path = "a.*.ts", unit = "ms"}
        """
    )

    assert targets == {
        "temperature": Target("air_temperature"),
        "a.*.b": Target("m", "V", Decimal("0.001"), Decimal(-1), {"on": 1.0, "off": "closed"}),
    }
    assert time == TimePath(("a", "*", "ts"), "ms")


def test_parse_definition_without_a_mapping_gives_nothing() -> None:
    """Other tables of a profile's definition belong to its layout."""
    assert parse_definition('[[field]]\nmetric = "m"') == ({}, None)
    assert parse_definition("") == ({}, None)


def test_parse_definition_time_may_be_just_a_path() -> None:
    """Its unit shows in its size."""
    assert parse_definition('[mapping]\na = "m"\ntime = "x.ts"')[1] == TimePath(("x", "ts"))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("", "mapping: has no path of a metric"),
        ('time = "ts"', "mapping: has no path of a metric"),
        ('a = {metric = "m", sclae = 2}', "mapping.a.sclae: is not known here; known are metric, offset, scale, states, unit"),
        ('a = {metric = "m", scale = "2"}', "mapping.a.scale: must be a number, not '2'"),
        ('a = {metric = "m", scale = true}', "mapping.a.scale: must be a number, not True"),
        ('a = {metric = "m", scale = nan}', "mapping.a.scale: must be a number, not 'NaN'"),
        ('a = {metric = "m", offset = 1e99}', "mapping.a.offset: is too large or too small"),
        ('a = {metric = "m", unit = 5}', "mapping.a.unit: must be text, not 5"),
        ("a = {metric = 5}", "mapping.a.metric: must be text, not 5"),
        ('a = {metric = ""}', "mapping.a.metric: is empty"),
        ('a = ""', "mapping.a: must be a path = metric"),
        ("a = 5", "mapping.a: must be a path = metric"),
        ('"" = "m"', 'mapping."": must be a path = metric'),
        ('a = {unit = "V"}', 'mapping.a: has no metric; a path with dots stands in quotes, "a.b" = …'),
        ('a.b = "m"', 'mapping.a: has no metric; a path with dots stands in quotes, "a.b" = …'),
        ('a = {metric = "m", states = [1]}', "mapping.a.states: must be a table, {…}, not [1]"),
        ('a = {metric = "m", states = {x = true}}', "mapping.a.states.x: must be a number, not True"),
        ('a = "m"\ntime = 5', "mapping.time: must be a table, {…}, not 5"),
        ('a = "m"\ntime = {unit = "s"}', "mapping.time.path: is missing"),
        ('a = "m"\ntime = {path = "t", unit = "d"}', "mapping.time.unit: must be s, ms, us or ns, not 'd'"),
        ('a = "m"\ntime = {path = "t", units = "s"}', "mapping.time.units: is not known here"),
        ('a = "m"\na = "n"', "the definition is not TOML: Cannot overwrite a value (at "),
    ],
)
def test_parse_definition_mistake_is_told_with_its_place(lines: str, told: str) -> None:
    """Whoever writes a profile finds the line without reading code."""
    with pytest.raises(DefinitionError) as refusal:
        parse_definition(f"[mapping]\n{lines}")

    assert str(refusal.value).startswith(told)


def test_parse_definition_mapping_that_is_no_table_is_told() -> None:
    """The same for the table itself."""
    with pytest.raises(DefinitionError, match=r"^mapping: must be a table, \{…\}, not 3$"):
        parse_definition("mapping = 3")


def test_time_path_of_too_few_lists_is_none() -> None:
    """A value outside the list has no time in it."""
    path = TimePath(("log", "*", "*", "at"))

    assert path.beside(["3", "4"]) == "log.3.4.at"
    assert path.beside(["3"]) is None
