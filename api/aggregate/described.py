"""How aggregates are described to those who ask: a point of the long form, and the headers of an answer."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.aggregate.encode import MEDIA_TYPES
from api.description import array_of


class Bucket(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Statistics of one series over one bucket of time: those that were asked for, null where there is none."""

    time: Annotated[datetime, Meta(description="Start of the bucket, UTC; with `hour_ending` its end")]
    site: Annotated[str, Meta(description="Code of the site")]
    metric: Annotated[str, Meta(description="Key of the metric")]
    unit: Annotated[str, Meta(description="Unit of the metric")]
    n: Annotated[int, Meta(description="How many readings the statistics are of")]
    n_expected: Annotated[
        int | None, Meta(description="How many there should be; null: nobody was to measure, or less often than a bucket lasts")
    ]
    data_capture: Annotated[float | None, Meta(description="n / n_expected, at most 1")]
    flags: Annotated[int, Meta(description="All flags seen, of readings that do not count too")]
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    sum: float | None = None
    first: float | None = None
    last: float | None = None
    count: int | None = None
    increase: Annotated[float | None, Meta(description="Of a counter, in its unit; wraps and resets are seen through")] = None
    rate: Annotated[float | None, Meta(description="The increase per hour")] = None
    time_weighted_mean: float | None = None
    channel: Annotated[str, Meta(description="Only where a site has several of the metric")] = ""
    status: Annotated[str, Meta(description="How far all of the bucket is checked, as `with_status` asked for")] = ""
    filled: Annotated[bool, Meta(description="Whether the statistics are made up, as `fill` asked for")] = False


_HEADERS = {
    "Hedgerow-Every": "Width of the buckets: what was asked for, what `auto` chose, or what a cap raised it to",
    "Hedgerow-Every-Asked": "Width that was asked for",
    "Hedgerow-Complete-Until": "Everything that had reached Hedgerow by then is counted; `null`: ingest is not running",
    "ETag": "Changes with the answer: send it back as If-None-Match",
}

EXAMPLE = {
    "time": "2026-11-21T08:00:00Z",
    "site": "high-street",
    "metric": "no2",
    "unit": "µg/m³",
    "mean": 18.4,
    "n": 4,
    "n_expected": 4,
    "data_capture": 1.0,
    "flags": 0,
}


def aggregate_answers() -> dict[int | str, dict[str, Any]]:
    """Declare what an aggregate answers with."""
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()}
    answers = array_of(Bucket, EXAMPLE)
    answers[200]["headers"] = headers
    answers[200]["content"] |= {
        MEDIA_TYPES["csv"]: {"schema": {"type": "string"}},
        MEDIA_TYPES["arrow"]: {"schema": {"type": "string", "format": "binary"}},
    }
    answers[304] = {"description": "Nothing has changed since `If-None-Match`", "headers": headers}
    return answers
