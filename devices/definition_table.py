"""Tables of a device profile's TOML: read with their types checked, so that what is wrong is told with its place."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_NOTHING: Any = object()
_MOST_CHARACTERS = 200_000


class DefinitionError(ValueError):
    """A definition that cannot be used; the text names the place."""


class Table:
    """One table of the definition; every key must be asked for before `close`."""

    def __init__(self, place: str, values: dict[str, Any]) -> None:
        self.place = place
        self._values = values
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, key: str, what: str) -> DefinitionError:
        """Say what is wrong with a key."""
        where = f"{self.place}.{key}" if self.place and key else self.place or key
        return DefinitionError(f"{where}: {what}" if where else what)

    def get(self, key: str, default: Any = _NOTHING) -> Any:  # noqa: ANN401 - any TOML
        """Give the value of a key as it is."""
        self._asked.add(key)
        if key not in self._values and default is _NOTHING:
            raise self.error(key, "is missing")
        return self._values.get(key, default)

    def text(self, key: str, default: str = _NOTHING, among: Collection[str] = ()) -> str:
        """Give a text."""
        text = self.get(key, default)
        if not isinstance(text, str) or (among and text not in among):
            raise self.error(key, f"must be {one_of(among) if among else 'text'}, not {_shown(text)}")
        return text

    def whole(self, key: str, default: int = _NOTHING, *, least: int = 0, most: int) -> int:
        """Give a whole number within limits; `default` where the key is not there."""
        if key not in self and default is not _NOTHING:
            self._asked.add(key)
            return default
        return self._whole(key, self.get(key, default), least, most)

    def wholes(self, key: str, *, least: int = 0, most: int) -> tuple[int, ...]:
        """Give a whole number or a list of them, within limits; none where the key is not there."""
        numbers = self.get(key, [])
        return tuple(self._whole(key, number, least, most) for number in (numbers if isinstance(numbers, list) else [numbers]))

    def exact(self, key: str, default: int) -> Fraction:
        """Give a number as the decimal it was written as."""
        number = self.get(key, default)
        if isinstance(number, bool) or not isinstance(number, int | Decimal) or not Decimal(number).is_finite():
            raise self.error(key, f"must be a number, not {_shown(number)}")
        if number and not -50 < Decimal(number).adjusted() < 50:
            raise self.error(key, "is too large or too small")
        return Fraction(number)

    def table(self, key: str) -> Table:
        """Give a table."""
        values = self.get(key)
        if not isinstance(values, dict):
            raise self.error(key, f"must be a table, {{…}}, not {_shown(values)}")
        return Table(f"{self.place}.{key}" if self.place else key, values)

    def tables(self, key: str, *, named: str = "") -> Iterator[Table]:
        """Give a list of tables, none where the key is not there; `named` is a key of theirs that helps to find them."""
        values = self.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise self.error(key, f"must be written [[{key}]]")
        for number, one in enumerate(values, start=1):
            name = one.get(named)
            place = f"{key} {number} ({name})" if isinstance(name, str) else f"{key} {number}"
            yield Table(f"{self.place}, {place}" if self.place else place, one)

    def __iter__(self) -> Iterator[str]:
        """Give all keys, of a table in which they are names of things."""
        self._asked.update(self._values)
        return iter(self._values)

    def close(self) -> None:
        """Refuse keys nobody asked for: a slip of the pen must not go unnoticed."""
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, f"is not known here; known are {', '.join(sorted(self._asked))}")

    def _whole(self, key: str, number: object, least: int, most: int) -> int:
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise self.error(key, f"must be a whole number from {least} to {most}, not {_shown(number)}")
        return number


def read_definition(definition: str) -> Table:
    """Read the TOML of a definition.

    Raises
    ------
    DefinitionError
        When it is no TOML, with line and column.
    """
    if len(definition) > _MOST_CHARACTERS:
        raise DefinitionError(f"the definition is longer than {_MOST_CHARACTERS:,} characters")
    try:
        return Table("", tomllib.loads(definition, parse_float=Decimal))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DefinitionError(f"the definition is not TOML: {error}") from error


def one_of(names: Collection[str]) -> str:
    """List what may be written."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _shown(value: object) -> str:
    return repr(str(value) if isinstance(value, Decimal) else value)[:60]
