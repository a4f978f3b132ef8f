"""The HTTP answer of an aggregate: in the format asked for, with its tag, compressed where the client takes zstd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xxhash
import zstandard
from starlette.responses import Response

from api.aggregate.encode import MEDIA_TYPES, to_arrow, to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.datastructures import Headers

    from api.aggregate.encode import Format
    from api.aggregate.table import Column

_SMALLEST = 1024  # bytes; less fits one packet anyway
_LEVEL = 1


def choose_format(accept: str) -> Format:
    """Give the format a client likes best by its header Accept; JSON where it names none of ours."""
    by_type = {media_type: name for name, media_type in MEDIA_TYPES.items()}
    liked = [_weighed(one) for one in accept.split(",")]
    known = [(weight, by_type[name]) for name, weight in liked if name in by_type and weight > 0]
    return max(known, key=lambda one: one[0])[1] if known else "json"


def answer(columns: Sequence[Column], form: Format, told: Mapping[str, str], asked: Headers) -> Response:
    """Make the answer.

    Parameters
    ----------
    told
        Headers that say more of the answer; an Arrow stream has them in its schema too.
    asked
        The headers of the request.
    """
    tag = tag_of(columns, form)
    headers = {**told, "ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}
    if is_known(tag, asked.get("if-none-match", "")):
        return Response(None, 304, headers)
    body = _ENCODERS[form](columns, told)
    media_type = MEDIA_TYPES[form] + ("; charset=utf-8" if form == "csv" else "")
    weights = dict(map(_weighed, asked.get("accept-encoding", "").split(",")))
    if weights.get("zstd", 0) > 0 and len(body) >= _SMALLEST:
        headers["Content-Encoding"] = "zstd"
        body = zstandard.compress(body, _LEVEL)
    return Response(body, 200, headers, media_type)


def tag_of(columns: Sequence[Column], form: Format) -> str:
    """Give a tag that changes with whatever the columns hold; weak, for it may be sent compressed."""
    digest = xxhash.xxh3_128(form.encode())
    for column in columns:
        digest.update(f"\0{column.name}\0{column.kind}\0".encode())
        digest.update("\0".join(column.texts).encode())
        digest.update(column.values.tobytes())
    return f'W/"{digest.hexdigest()}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Tell whether a client has the answer already (the weak comparison of RFC 9110)."""
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag.removeprefix("W/") in known or "*" in known


def _weighed(entry: str) -> tuple[str, float]:
    """Read one entry of a header such as `text/csv;q=0.5`; a weight that is none counts as 0."""
    name, *parameters = (part.strip() for part in entry.lower().split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


_ENCODERS = {"json": lambda columns, _: to_json(columns), "csv": lambda columns, _: to_csv(columns), "arrow": to_arrow}
