"""Lists: what every page that shows a list to search and filter shares, its empty choices and its pagination."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping


def empty_is_none(value: object) -> object:
    """Read the empty choice of a form as no choice."""
    return None if isinstance(value, str) and not value.strip() else value


def pagination(path: str, filters: Mapping[str, str], page: int, matching: int, most: int) -> dict[str, object] | None:
    """Give what the pagination component needs: neighbours, first and last; nothing where one page is enough.

    Parameters
    ----------
    path, filters
        Address of the list, and what narrows it.
    page
        The one shown, counted from 1.
    matching, most
        Things that fit, and how many of them stand on one page.
    """
    last = max(1, -(-matching // most))
    if last == 1:
        return None

    def address(number: int) -> str:
        return f"{path}?{urlencode({**filters, 'page': number})}"

    shown = sorted({1, *range(page - 1, page + 2), last} & set(range(1, last + 1)))
    items = [
        [{"ellipsis": True}] * (number - before > 1) + [{"number": number, "href": address(number), "current": number == page}]
        for before, number in zip([0, *shown], shown, strict=False)
    ]
    return {
        "items": list(chain.from_iterable(items)),
        "previous": {"href": address(page - 1)} if 1 < page <= last else None,
        "next": {"href": address(page + 1)} if page < last else None,
    }
