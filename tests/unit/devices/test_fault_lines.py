"""Fault lines: every kind of place that a codec's error message names is found in the text."""

from __future__ import annotations

import pytest

from devices.codecs import fault_of
from devices.fault_lines import line_of
from devices.registry import Profile

LAYOUT = "# two bytes\nport = 3\n\n[[field]]\nmetric = 'a'\nat = 0\ntype = 'u8'\n[[field]]\nmetric = 'b'\nat = 1\ntype = 'zz'\n"


@pytest.mark.parametrize(
    ("codec", "definition", "script", "line"),
    [
        ("layout", LAYOUT, "", 11),
        ("layout", LAYOUT.replace("type = 'zz'\n", ""), "", 8),
        ("layout", "a = 1\nb == 2\n", "", 2),
        ("layout", "a = 1\nx = [", "", 2),
        ("layout", "port = 1\n[tlv]\nx = 1\n", "", 2),
        ("auto", "# m\n[mapping]\ny = 'a'\nx = 3\n", "", 4),
        ("cayenne_lpp", "[temperature]\n2 = 3\n", "", 2),
        ("cayenne_lpp", "\nwarmth = 1\n", "", 2),
        ("layout", "", "", None),
        ("javascript", "", "function decodeUplink(input) {\n  var x = ;\n}", 2),
        ("javascript", "", "var a = 1;\n\nnosuch();\n", 3),
        ("javascript", "", "function f() {}", None),
    ],
)
def test_line_of_fault_is_found(codec: str, definition: str, script: str, line: int | None) -> None:
    """What the codec says is wrong is found on the line where a person must mend it."""
    found = fault_of(Profile("k", codec, definition, script))

    assert found is not None
    part, what = found
    assert line_of({"definition": definition, "script": script}[part], what) == line


def test_line_of_an_entry_that_is_not_there_is_none() -> None:
    """A message about another text names no line of this one."""
    assert line_of("[[field]]\n", "field 7 (x).at: is missing") is None
