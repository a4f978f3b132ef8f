"""Facts: what is known of every device that tells how well it is, read as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from devices.silence import NEW, WORDS, State, learned_interval_s
from sql.queries import query

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray
    from psycopg import Connection

_KINDS: dict[str, type[np.generic]] = {
    f"NDArray[np.{name}]": kind
    for name, kind in {
        "int16": np.int16,
        "int32": np.int32,
        "int64": np.int64,
        "float64": np.float64,
        "bool_": np.bool_,
    }.items()
}


@dataclass(frozen=True, slots=True)
class Facts:
    """Parallel columns, one row a device, ascending by id; times in seconds since 1970, NaN where there is none."""

    device_id: NDArray[np.int32]
    uid: list[str]
    is_retired: NDArray[np.bool_]
    is_placed: NDArray[np.bool_]
    """Whether it is at a site now."""
    placed_s: NDArray[np.float64]
    """Since when; NaN: since ever."""
    profile_interval_s: NDArray[np.float64]
    is_learned: NDArray[np.bool_]
    """Whether its profile says nothing of how often it speaks."""
    is_safety: NDArray[np.bool_]
    is_in_maintenance: NDArray[np.bool_]
    maintained_s: NDArray[np.float64]
    """When the last maintenance of its site ended."""
    last_s: NDArray[np.float64]
    """Its last arrival."""
    messages: NDArray[np.int64]
    gateway: list[str]
    gateways: NDArray[np.int16]
    state: list[str | None]
    judged_messages: NDArray[np.int64]
    """At the last look."""
    messages_before: NDArray[np.int64]
    judged_s: NDArray[np.float64]
    """Its last arrival at the last look."""
    expected_interval_s: NDArray[np.float64]
    """At the last look; NaN: there was none."""
    gaps_s: list[list[float] | None]
    loss: NDArray[np.float64]
    suppressed_by: list[str | None]
    told: list[str]

    def __len__(self) -> int:
        """Count the devices."""
        return len(self.device_id)

    @property
    def before(self) -> NDArray[np.int8]:
        """State at the last look, `NEW` where there was none."""
        codes = {word: code for code, word in enumerate(WORDS)}
        return np.array([NEW if state is None else codes[state] for state in self.state], np.int8)

    @property
    def aside(self) -> NDArray[np.int8]:
        """Waiting, maintenance or retired, where silence says nothing; `NEW` elsewhere."""
        with np.errstate(invalid="ignore"):
            has_spoken = self.is_placed & ~np.isnan(self.last_s) & ~(self.last_s < self.placed_s)
        aside = np.select(
            [self.is_retired, self.is_in_maintenance, ~has_spoken], [State.RETIRED, State.MAINTENANCE, State.WAITING], NEW
        )
        return aside.astype(np.int8)

    @property
    def new_gap_s(self) -> NDArray[np.float64]:
        """Mean time between the messages since the last look [s], where the interval is learned; NaN where there is none."""
        came = self.messages - self.judged_messages
        with np.errstate(invalid="ignore", divide="ignore"):
            gap_s = (self.last_s - self.judged_s) / came
        return np.where(self.is_learned & (came > 0) & (gap_s > 0), gap_s, np.nan)


def read_facts(connection: Connection, now: datetime) -> Facts:
    """Read the facts of every device."""
    cursor = connection.cursor(binary=True)
    rows = cursor.execute(query("list_silence_facts"), {"now": now}).fetchall()
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in fields(Facts)]
    named: dict[str, Any] = {
        field.name: np.array(column, _KINDS[str(field.type)]) if str(field.type) in _KINDS else column
        for field, column in zip(fields(Facts), columns, strict=True)
    }
    return Facts(**named)


def intervals_s(facts: Facts) -> NDArray[np.float64]:
    """Give how often a message of each device is expected [s]: as its profile says, or as it has been so far."""
    interval_s = facts.profile_interval_s.copy()
    known = facts.is_learned & ~np.isnan(facts.expected_interval_s)
    interval_s[known] = facts.expected_interval_s[known]
    new_gap_s = facts.new_gap_s
    for row in np.flatnonzero(~np.isnan(new_gap_s)).tolist():
        gaps_s = [*(facts.gaps_s[row] or []), float(new_gap_s[row])][-50:]
        interval_s[row] = learned_interval_s(gaps_s, float(facts.profile_interval_s[row]))
    return interval_s
