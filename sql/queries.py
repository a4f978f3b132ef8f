"""Named queries: the files under `sql/queries/` read once into a dictionary."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

_FOLDER = Path(__file__).parent / "queries"
_NAME_LINE = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)$", re.MULTILINE)


def split_queries(text: str) -> dict[str, str]:
    """Cut a query file at its name lines.

    Parameters
    ----------
    text
        A file in which every query is headed by a line `-- name: verb_phrase`.

    Returns
    -------
    dict
        Query text by name, comments kept.
    """
    pieces = _NAME_LINE.split(text)
    names, bodies = pieces[1::2], pieces[2::2]
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


@cache
def all_queries() -> dict[str, str]:
    """Every named query by its name; a name used twice is an error."""
    queries: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        for name, body in split_queries(path.read_text(encoding="utf-8")).items():
            if name in queries:
                raise ValueError(f"the query {name} stands twice under sql/queries/")
            queries[name] = body
    return queries


def query(name: str) -> LiteralString:
    """Give the text of one named query; a `KeyError` says that no file holds that name."""
    # The text comes from our own files, never from a user: that is what LiteralString promises.
    return cast("LiteralString", all_queries()[name])  # type: ignore[redundant-cast]
