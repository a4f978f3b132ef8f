"""What an answer tells besides its rows: its format and its tag."""

from __future__ import annotations

import numpy as np
import pytest

from api.aggregate.answer import choose_format, is_known, tag_of
from api.aggregate.table import Column


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html, application/xhtml+xml", "json"),
        ("text/csv", "csv"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("application/json, text/csv;q=0.9", "json"),
        ("application/vnd.apache.arrow.stream;q=0.7, text/csv;q=0.2", "arrow"),
        ("text/csv;q=0", "json"),
        ("TEXT/CSV; q=nonsense, ;;,", "json"),
    ],
)
def test_format_is_the_one_the_client_likes_best(accept: str, expected: str) -> None:
    """The header Accept weighs our formats; JSON where it names none of them."""
    assert choose_format(accept) == expected


def test_tag_changes_with_every_part_of_an_answer() -> None:
    """Another value, name, text, kind or format is another tag; the same is the same."""
    columns = [Column("time", "time", np.array([1, 2])), Column("site", "text", np.array([0, 0]), ["weir"])]
    others = [
        [Column("time", "time", np.array([1, 3])), columns[1]],
        [Column("when", "time", np.array([1, 2])), columns[1]],
        [columns[0], Column("site", "text", np.array([0, 0]), ["mill"])],
        [Column("time", "whole", np.array([1, 2])), columns[1]],
        columns[:1],
    ]
    tags = {tag_of(one, "json") for one in (columns, *others)} | {tag_of(columns, "csv")}

    assert len(tags) == len(others) + 2
    assert tag_of(columns, "json") == tag_of(list(columns), "json")


def test_known_answers_are_recognised_weak_or_strong_among_others() -> None:
    """The comparison of If-None-Match is weak, over a list, and a star knows everything."""
    assert is_known('W/"a"', 'W/"a"')
    assert is_known('W/"a"', '"b", "a"')
    assert is_known('W/"a"', "*")
    assert not is_known('W/"a"', '"ab"')
    assert not is_known('W/"a"', "")
