"""How a file of named queries is cut into queries."""

from __future__ import annotations

import pytest

from sql.queries import all_queries, query, split_queries

TEXT = """-- What the file is about.

-- name: read_one
-- One row.
SELECT 1;

-- name: read_two
SELECT 2
  FROM two;
"""


def test_split_queries_two_queries_gives_both_by_name() -> None:
    """A query reaches from its name line to the next one; what stands before the first belongs to none."""
    expected = {"read_one": "-- One row.\nSELECT 1;", "read_two": "SELECT 2\n  FROM two;"}

    assert split_queries(TEXT) == expected


def test_query_unknown_name_raises_key_error() -> None:
    """A slip in a query's name is an error at once."""
    with pytest.raises(KeyError, match="no_such_query"):
        query("no_such_query")


def test_query_known_name_gives_its_text() -> None:
    """What `query` gives is what stands in the file."""
    name, text = next(iter(all_queries().items()))

    assert query(name) == text
