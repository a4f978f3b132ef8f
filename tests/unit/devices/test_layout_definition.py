"""Layout definitions: what is wrong with one is told with its place, in words its writer can act on."""

from __future__ import annotations

import random

import pytest

from devices.definition_table import DefinitionError
from devices.layout_definition import parse_layout
from devices.shipped_profiles import load_shipped_profiles

F = '[[field]]\nmetric = "m"\nat = 0\ntype = "u8"\n'
C = '[[channel]]\nid = "01"\nmetric = "m"\ntype = "u8"\n'
G = '[[group]]\nat = 0\nevery_s = 60\n[[group.field]]\nmetric = "m"\nat = 0\ntype = "u8"\n'


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("field = [", "the definition is not TOML: "),
        ("field = " + "[" * 5000, "the definition is not TOML: "),
        ("x" * 300_000, "the definition is longer than 200,000 characters"),
        ("", "the layout has no field: "),
        ("[[channel]]\nid = '01'\nsize = 1", "the layout has no field: "),
        ("field = 3", "field: must be written [[field]]"),
        ("field = {metric = 'm'}", "field: must be written [[field]]"),
        ("ports = 3\n" + F, "ports: is not known here; known are "),
        ("port = 0\n" + F, "port: must be a whole number from 1 to 255, not 0"),
        ("port = [2, 256]\n" + F, "port: must be a whole number from 1 to 255, not 256"),
        ("port = '2'\n" + F, "port: must be a whole number from 1 to 255, not '2'"),
        ("port = true\n" + F, "port: must be a whole number from 1 to 255, not True"),
        ("length = 5000\n" + F, "length: must be a whole number from 1 to 4096, not 5000"),
        ("starts = 'be0'\n" + F, "starts: must be pairs of hex digits"),
        ("starts = 'xx'\n" + F, "starts: must be pairs of hex digits"),
        ("starts = ''\n" + F, "starts: must be pairs of hex digits"),
        ("endian = 'middle'\n" + F, "endian: must be big or little, not 'middle'"),
        ("[[field]]\nat = 0\ntype = 'u8'", "field 1.metric: is missing"),
        ("[[field]]\nmetric = ''\nat = 0\ntype = 'u8'", "field 1 ().metric: must be the key or an alias"),
        ("[[field]]\nmetric = 'm'\ntype = 'u8'", "field 1 (m).at: is missing"),
        ("[[field]]\nmetric = 'm'\nat = -1\ntype = 'u8'", "field 1 (m).at: must be a whole number from 0 to 4096, not -1"),
        ("[[field]]\nmetric = 'm'\nat = 0", "field 1 (m).type: is missing"),
        ("[[field]]\nmetric = 'm'\nat = 0\ntype = 'u64'", "field 1 (m).type: must be u8, u16, "),
        (F + F.replace('"u8"', '"uint8"').replace('"m"', '"n"'), "field 2 (n).type: must be u8, u16, "),
        (F + "scal = 2", "field 1 (m).scal: is not known here; known are "),
        (F + "scale = 0", "field 1 (m).scale: must not be 0"),
        (F + "scale = '0.1'", "field 1 (m).scale: must be a number, not '0.1'"),
        (F + "scale = nan", "field 1 (m).scale: must be a number, not 'NaN'"),
        (F + "scale = 1e99", "field 1 (m).scale: is too large or too small"),
        (F + "offset = 1e-99", "field 1 (m).offset: is too large or too small"),
        (F + "offset = true", "field 1 (m).offset: must be a number, not True"),
        (F + "unit = 3", "field 1 (m).unit: must be text, not 3"),
        (F + "bits = 8", "field 1 (m).bits: must be one bit, 3, or bits from high to low"),
        (F + "bits = '0-7'", "field 1 (m).bits: must be one bit, 3, or bits from high to low"),
        (F + "bits = '7..0'", "field 1 (m).bits: must be one bit, 3, or bits from high to low"),
        (F.replace("u8", "f32") + "bits = 1", "field 1 (m).bits: must be one bit, 3, or bits from high to low"),
        (F + "missing = 0.5", "field 1 (m).missing: must be a whole number"),
        (F.replace("u8", "f32") + "missing = 'nan'", "field 1 (m).missing: must be a number, nan, or a list"),
        (F + "states = {}", "field 1 (m).states: must be a table such as"),
        (F + "states = {open = 1}", "field 1 (m).states.open: must be a raw number such as 0 or 0x10"),
        (F + "states = {0 = []}", "field 1 (m).states.0: must be a number, not []"),
        (F + "states = {0 = 'a'}\nscale = 2", "field 1 (m).states: goes with whole numbers, without scale or offset"),
        (F + "when = 3", "field 1 (m).when: must be a table, {…}, not 3"),
        (F + "when = {at = 0, type = 'u8'}", "field 1 (m).when.is: must be a whole number or a list of them; or write not"),
        (F + "when = {at = 0, type = 'u8', is = 1, not = 2}", "field 1 (m).when.not: is not known here; known are "),
        ("[[field]]\nmetric = 'm'\nsum = []", "field 1 (m).sum: must be a list of 1 to 64 whole numbers"),
        (F + "sum = [{at = 0, type = 'u8'}]", "field 1 (m).sum: stands without at, type, bits"),
        ("[[field]]\nmetric = 'm'\nsum = [{at = 0, type = 'f32'}]", "field 1 (m).sum: must be a list of 1 to 64 whole numbers"),
        ("[[field]]\nmetric = 'm'\nmean = [{at = 0, type = 'u8'}]", "field 1 (m), mean 1.weight: is missing"),
        (
            "[[field]]\nmetric = 'm'\nmean = [{at = 0, type = 'u32', weight = {at = 0, type = 'u32'}}]",
            "field 1 (m).mean: its numbers are too large together",
        ),
        (F + F, "field: m stands there twice; only one could be stored"),
        (F.replace('"m"', '"temperature"') + "unit = 'm'", "field 1 (temperature).unit: 'm' cannot become °C"),
        ("time = {at = 0}\n" + F, "time.type: is missing"),
        ("time = {at = 0, type = 'u32'}\nage = {at = 0, type = 'u8'}\n" + F, "age: stands beside time"),
        (C + F, "channel: stands alone: a variant has channels, or fields and groups"),
        (C + C, "channel 2 (01).id: stands there twice"),
        (C + C.replace('"01"', '"0?"'), "channel 2 (0?).id: stands there twice"),
        (C + C.replace('"01"', '"0175"'), "channel 2 (0175).id: must be two or four hex digits"),
        (C.replace('"01"', "[]"), "channel 1.id: must be two or four hex digits"),
        (C.replace('"01"', "['02', 3]"), "channel 1.id: must be two or four hex digits"),
        (C.replace('"01"', '"????"'), 'channel 1 (????).id: may be 64 at most, each with 2 "?" at most'),
        (C.replace('"01"', str(["01"] * 65)), 'channel 1.id: may be 64 at most, each with 2 "?" at most'),
        ("[[channel]]\nid = '01'", "channel 1 (01).size: is missing: write metric and type"),
        (C.replace("u8", "u16") + "size = 1", "channel 1 (01).size: is 1, but its fields need 2 bytes"),
        (C + "[[channel.field]]\nmetric = 'n'\nat = 0\ntype = 'u8'", "channel 1 (01).metric: stands beside [[channel.field]]"),
        (C + "name = 'x'", "channel 1 (01).name: is not known here; known are "),
        (G.replace("every_s = 60\n", ""), "group 1: its records need a time of their own: write time, age or every_s"),
        (G.replace("at = 0\ntype", "at = 9\ntype").replace("every", "size = 2\nevery"), "group 1.size: is 2, but"),
        ("[[group]]\nat = 0\nevery_s = 1", "group 1.field: is missing"),
        (G.replace("60", "-60"), "group 1.every_s: must be a number of seconds from 0 on"),
        (G.replace("every", "newest = 'left'\nevery"), "group 1.newest: must be first or last, not 'left'"),
        ("[[variant]]\nname = 'old'\n[[variant.field]]\nmetric = 'm'\nat = 0", "variant 1 (old), field 1 (m).type: is missing"),
        ("port = 2\n[[variant]]\n" + F.replace("field", "variant.field"), "port: is not known here; known are endian, variant"),
    ],
)  # fmt: skip
def test_parse_layout_tells_what_is_wrong_and_where(definition: str, told: str) -> None:
    """The text begins with the place: which table, by its number and name, and which key."""
    with pytest.raises(DefinitionError) as error:
        parse_layout(definition)

    assert str(error.value).startswith(told)


def test_parse_layout_too_many_fields_are_refused() -> None:
    """A layout is written by people: beyond a thousand fields something is wrong."""
    with pytest.raises(DefinitionError, match="1001 fields, more than 1,000"):
        parse_layout("".join(F.replace('"m"', f'"m{number}"') for number in range(1001)))


def test_parse_layout_metric_nobody_knows_is_allowed() -> None:
    """A council may add metrics of its own; whether there is one is seen when a reading comes."""
    assert parse_layout(F.replace('"m"', '"bats_per_hour"')).variants[0].fixed.fields[0].metric == "bats_per_hour"


def test_parse_layout_definitions_with_splinters_raise_nothing_else() -> None:
    """Twenty thousand definitions that are nearly right: a layout or a DefinitionError, never anything else."""
    chance = random.Random(20_261_122)
    seeds = [profile.definition for profile in load_shipped_profiles() if profile.definition] + [F, C, G]
    splinters = ["-1", "0", "'x'", "[]", "{}", "nan", "1e400", "true", "[[field]]", "\n", '"', "= ", "metric", "9" * 30, "\x00"]
    parsed = refused = 0
    for _ in range(20_000):
        words = chance.choice(seeds[-3:] if chance.random() < 0.9 else seeds).split(" ")
        for _ in range(chance.choice((1, 1, 2))):
            words[chance.randrange(len(words))] = chance.choice(splinters)
        try:
            parsed += bool(parse_layout(" ".join(words)))
        except DefinitionError:
            refused += 1

    assert parsed > 100
    assert parsed + refused == 20_000
