"""The statistics that can be asked for: their names, and which make sense of which kind of metric."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from api.errors import Slip, Unusable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from api.readings import Label

_PERCENTILE = re.compile(r"p(100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)")

OF_BUCKETS: Final = ("mean", "min", "max", "sum", "first", "last", "count")
"""Statistics that rollups hold."""
_OF_READINGS: Final = ("rate", "increase", "time_weighted_mean", "fraction")
_OF_EVERY_KIND: Final = frozenset({"min", "max", "first", "last", "count"})
_OF_KIND: Final = {
    "gauge": _OF_EVERY_KIND | {"mean", "sum", "time_weighted_mean", "percentile"},
    "counter": _OF_EVERY_KIND | {"mean", "time_weighted_mean", "percentile", "rate", "increase"},
    "state": _OF_EVERY_KIND | {"fraction"},
}
_INSTEAD: Final = {"gauge": "mean", "counter": "rate or increase", "state": "fraction or last"}


def fraction_of(statistic: str) -> float | None:
    """Give which share of the readings lies below a percentile, from 0 to 1; None where the statistic is none."""
    match = _PERCENTILE.fullmatch(statistic)
    return float(match[1]) / 100 if match else None


def _known(statistic: str) -> str:
    if statistic not in (*OF_BUCKETS, *_OF_READINGS) and fraction_of(statistic) is None:
        raise ValueError(
            f"there is no statistic {statistic[:20]!r}: choose {', '.join(OF_BUCKETS)}, {', '.join(_OF_READINGS)},"
            " or a percentile from p0 to p100, such as p50 or p99.8"
        )
    return statistic


Statistic = Annotated[
    str,
    AfterValidator(_known),
    Field(max_length=20),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": [*OF_BUCKETS, *_OF_READINGS]},
                {"type": "string", "pattern": f"^{_PERCENTILE.pattern}$", "examples": ["p50", "p99.8"]},
            ]
        }
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which statistics a question wants, by what they are made of."""

    of_buckets: Sequence[str]
    percentiles: Sequence[str]
    increases: Sequence[str]
    has_mean_over_time: bool
    has_fraction: bool

    @classmethod
    def of(cls, statistics: Collection[str]) -> Wanted:
        """Sort statistics."""
        return cls(
            [name for name in OF_BUCKETS if name in statistics],
            [name for name in statistics if fraction_of(name) is not None],
            [name for name in ("rate", "increase") if name in statistics],
            "time_weighted_mean" in statistics,
            "fraction" in statistics,
        )

    @property
    def is_over_time(self) -> bool:
        """Whether values hold until the next reading."""
        return self.has_mean_over_time or self.has_fraction

    @property
    def needs_readings(self) -> bool:
        """Whether rollups are not enough."""
        return bool(self.percentiles or self.increases or self.is_over_time)


def makes_sense(statistic: str, kind: str) -> bool:
    """Tell whether a statistic says anything of metrics of a kind."""
    return ("percentile" if fraction_of(statistic) is not None else statistic) in _OF_KIND[kind]


def refuse_senseless(statistics: Sequence[str], labels: Iterable[Label], *, is_named: bool) -> None:
    """Refuse statistics that make no sense of what was asked for.

    Parameters
    ----------
    is_named
        Whether the question named metrics or series. If not, a statistic has to make sense of one of them: of the others it
        is null.

    Raises
    ------
    Unusable
        When a statistic makes no sense, such as the mean of a state.
    """
    kinds = {label.metric: label.kind for label in labels}
    slips = []
    for statistic in statistics:
        bad = [metric for metric, kind in kinds.items() if not makes_sense(statistic, kind)]
        if bad and (is_named or len(bad) == len(kinds)):
            kind = kinds[bad[0]]
            slips.append(
                Slip(
                    "query.stat",
                    f"{statistic} of {bad[0]} makes no sense, it is a {kind}; ask for {_INSTEAD[kind]}, for example",
                )
            )
    if slips:
        text = "; ".join(slip.what for slip in slips)
        raise Unusable(f"{text[0].upper()}{text[1:]}.", *slips)
