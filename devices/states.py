"""States: the names of a state metric's codes, as the vocabulary writes them and as devices spell them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TRUTHS = {"false": 0, "no": 0, "off": 0, "true": 1, "yes": 1, "on": 1}
"""What every metric of unit `bool` understands besides its own labels."""

_SEPARATORS = re.compile(r"[-_\s]+")


def parse_states(text: str) -> tuple[tuple[int, str], ...]:
    """Read code and label of each state from `0 dry|1 moist`; an empty text has none.

    Raises
    ------
    ValueError
        When an entry is not a whole number, a blank and a label.
    """
    entries = [entry.partition(" ") for entry in text.split("|")] if text else []
    if not all(label.strip() for _, _, label in entries):
        raise ValueError(f"{text[:60]!r} has a state without a label")
    return tuple((int(code), label.strip()) for code, _, label in entries)


def plain_label(label: str) -> str:
    """Write a label so that its spellings are equal, whatever capitals, blanks, `-` and `_` they have."""
    return _SEPARATORS.sub(" ", label).strip().lower()


def codes_by_label(states: Iterable[tuple[int, str, int]], booleans: Iterable[int]) -> dict[tuple[int, str], int]:
    """Arrange states for look-up.

    Parameters
    ----------
    states
        Metric, label and code of each state.
    booleans
        The metrics of unit `bool`: they know `true`, `yes`, `on` and their opposites too.

    Returns
    -------
    dict
        Code by metric and plain label.
    """
    codes = {(metric, word): code for metric in booleans for word, code in _TRUTHS.items()}
    return codes | {(metric, plain_label(label)): code for metric, label, code in states}


def labels_of(metric: int, codes: Mapping[tuple[int, str], int]) -> list[str]:
    """List the plain labels that a metric understands, by code."""
    return [label for code, label in sorted((code, label) for (one, label), code in codes.items() if one == metric)]
