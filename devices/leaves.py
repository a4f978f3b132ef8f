"""Leaves: the single values of an output that nests objects and lists, and where each of them stands."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

DEEPEST = 16
"""Objects and lists within one another beyond this are not looked into."""

_MEASURE = {"value", "unit"}


class Leaf(msgspec.Struct, gc=False):
    """One value and where it stands."""

    path: str
    """Keys and positions in lists, joined with dots."""
    name: str
    """The same joined with underlines, without the position in a list that is the output itself."""
    indices: tuple[str, ...]
    """The positions in lists among them."""
    value: object
    """No list or object, unless it lies too deep."""
    unit: str = ""
    is_measure: bool = False
    """Whether it came as `{"value": 3.6, "unit": "V"}`; its path is that of the object."""
    is_aside: bool = False
    """Whether it stood beside those two."""


class _Place(NamedTuple):
    """Where an object or list stands."""

    path: str = ""
    """With the dot that joins it to a key."""
    name: str = ""
    """With such an underline."""
    indices: tuple[str, ...] = ()
    depth: int = 0

    def at(self, key: str) -> _Place:
        return _Place(f"{self.path}{key}.", f"{self.name}{key}_", self.indices, self.depth + 1)

    def at_index(self, key: str) -> _Place:
        return _Place(f"{self.path}{key}.", f"{self.name}{key}_" if self.depth else "", (*self.indices, key), self.depth + 1)


def leaves(output: object, most: int) -> list[Leaf]:
    """List the values of an output in its order; of one that has more than `most`, at least one more than that."""
    found: list[Leaf] = []
    _gather(output, _Place(), found, most)
    return found


def _gather(value: object, place: _Place, found: list[Leaf], most: int) -> None:
    if isinstance(value, dict) and place.depth < DEEPEST:
        if place.depth and _is_measure(value):
            _gather_measure(value, place, found, most)
        else:
            _gather_keys(value, place, found, most)
    elif isinstance(value, list) and place.depth < DEEPEST:
        for index, one in enumerate(value):
            if len(found) > most:
                break
            _gather(one, place.at_index(str(index)), found, most)
    else:
        found.append(Leaf(place.path[:-1], place.name[:-1], place.indices, value))


def _gather_keys(value: dict[str, object], place: _Place, found: list[Leaf], most: int) -> None:
    path, name, indices, _ = place
    for key, one in value.items():
        if isinstance(one, dict | list):
            _gather(one, place.at(key), found, most)
        else:  # by far the most: without the detour through `_gather`
            found.append(Leaf(path + key, name + key, indices, one))


def _gather_measure(value: dict[str, Any], place: _Place, found: list[Leaf], most: int) -> None:
    found.append(Leaf(place.path[:-1], place.name[:-1], place.indices, value["value"], value["unit"] or "", is_measure=True))
    first = len(found)
    _gather_keys({key: one for key, one in value.items() if key not in _MEASURE}, place, found, most)
    for leaf in found[first:]:
        leaf.is_aside = True


def _is_measure(value: dict[str, object]) -> bool:
    """Tell `{"value": 3.6, "unit": "V"}`, whatever else stands in it."""
    return value.keys() >= _MEASURE and isinstance(value["unit"], str | None) and not isinstance(value["value"], dict | list)
