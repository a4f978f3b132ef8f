"""docs/formats.md tells the truth about codecs: its definitions work, its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

from devices.cayenne_lpp import TYPES, CayenneLpp
from devices.codecs import CODECS
from devices.frames import frames_of
from devices.layout_columns import LayoutCodec
from devices.layout_fields import TYPES as NUMBER_TYPES
from tests.unit.devices.examples import readings_of

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
LAYOUTS, _, _CAYENNE_ON = PAGE.partition("\n## Binary layouts\n")[2].partition("\n## Cayenne LPP\n")
CAYENNE = _CAYENNE_ON.partition("\n## ")[0]


def toml_of(section: str) -> str:
    """Give the one definition of a section."""
    (found,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    return str(found)


def test_layout_on_the_page_reads_what_the_page_says() -> None:
    """A frame of each port, as the sentence before the definition describes them."""
    rows = [
        (0, "d", 2, bytes.fromhex("0D4A 0731 01"), 7),
        (1, "d", 3, bytes.fromhex("63467494 0731 63467495 0732"), 7),
        (2, "d", 2, bytes.fromhex("0D4A 0000 00"), 7),
    ]
    columns = LayoutCodec(toml_of(LAYOUTS))(frames_of(rows))

    assert [(one.metric, one.value, one.time_us) for one in readings_of(columns)] == [
        ("battery_voltage", 3.402, 7),
        ("distance_to_surface", 1841.0, 7),
        ("door_open", "open", 7),
        ("distance_to_surface", 1841.0, 0x63467494 * 1_000_000),
        ("distance_to_surface", 1842.0, 0x63467495 * 1_000_000),
        ("battery_voltage", 3.402, 7),
        ("door_open", "closed", 7),
    ]
    assert columns.rejects == []


def test_number_types_on_the_page_are_those_of_the_code() -> None:
    """No type is missing from the page, none is there too many."""
    (line,) = (line for line in LAYOUTS.splitlines() if line.startswith("| `type` |"))

    assert tuple(re.findall(r"`([uif]\d+)`", line)) == NUMBER_TYPES


def test_cayenne_definition_on_the_page_can_be_used() -> None:
    """What a reader copies works."""
    columns = CayenneLpp(toml_of(CAYENNE))(frames_of([(0, "d", 1, bytes.fromhex("0267006405000001670032"), 7)]))

    assert [(one.metric, one.value) for one in readings_of(columns)] == [("soil_temperature", 10.0), ("air_temperature", 5.0)]


def test_cayenne_table_on_the_page_has_every_type() -> None:
    """Numbers of types are those of the code."""
    numbers = re.findall(r"^\| ([\d, ]+) \| `", CAYENNE, re.MULTILINE)

    assert sorted(int(number) for text in numbers for number in text.split(", ")) == sorted(TYPES)


def test_codecs_on_the_page_are_those_of_the_code() -> None:
    """Each codec has its row."""
    rows = re.findall(
        r"^\| `(\w+)` \| ", PAGE.partition("## Frames and their codecs")[2].partition("| reason |")[0], re.MULTILINE
    )

    assert sorted(rows) == sorted(CODECS)
