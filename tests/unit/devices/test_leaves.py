"""Leaves: values listed with where they stand, and no more of them than are wanted."""

from __future__ import annotations

from devices.leaves import leaves


def test_leaves_nested_output_is_listed_in_its_order() -> None:
    """Paths have dots, names underlines; positions in lists are kept apart."""
    found = leaves({"a": 1, "b": [{"c": 2}, 3], "d.e": None}, 10)

    assert [(leaf.path, leaf.name, leaf.indices, leaf.value) for leaf in found] == [
        ("a", "a", (), 1),
        ("b.0.c", "b_0_c", ("0",), 2),
        ("b.1", "b_1", ("1",), 3),
        ("d.e", "d.e", (), None),
    ]


def test_leaves_list_is_not_part_of_the_names_in_it() -> None:
    """A list of outputs names the same things again and again."""
    assert [(leaf.path, leaf.name) for leaf in leaves([{"a": 1}, [{"a": 2}]], 10)] == [("0.a", "a"), ("1.0.a", "0_a")]


def test_leaves_measure_has_the_path_of_its_object() -> None:
    """What stands beside value and unit is listed too, marked."""
    found = leaves({"a": {"label": "A", "value": 3, "unit": "V", "more": {"x": 1}}}, 10)

    assert [(leaf.path, leaf.value, leaf.unit, leaf.is_measure, leaf.is_aside) for leaf in found] == [
        ("a", 3, "V", True, False),
        ("a.label", "A", "", False, True),
        ("a.more.x", 1, "", False, True),
    ]


def test_leaves_value_and_unit_of_other_types_are_no_measure() -> None:
    """Only one value with the name of its unit is one."""
    assert [leaf.path for leaf in leaves({"a": {"value": [1], "unit": "V"}, "b": {"value": 1, "unit": 2}}, 10)] == [
        *("a.value.0", "a.unit", "b.value", "b.unit")
    ]


def test_leaves_of_a_long_list_stop_soon_after_the_most() -> None:
    """An output of a million values must not become a million leaves before it is refused."""
    assert len(leaves([1] * 1_000_000, 10)) == 11
    assert len(leaves({"a": [[1, 2, 3]] * 100_000, "b": [1] * 100_000}, 10)) < 20
