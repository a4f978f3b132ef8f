"""Histories of many actions in any order, against a slow obvious version that keeps every minute of every device."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.api.test_actions import BEGIN, at, register, unplaced, wrong_latest

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

MINUTES = 24
PLACES = [("north", ""), ("south", ""), ("south", "b"), ("east", ""), ("west", "")]


@dataclass
class Oracle:
    """The slow obvious version: for every device and minute, the place and the number of its deployment."""

    devices: list[str]
    prefix: str
    where: dict[str, list[tuple[tuple[str, str], int] | None]] = field(default_factory=dict)
    stored: set[tuple[str, int]] = field(default_factory=set)
    count: int = 0

    def end(self, device: str, minute: int) -> int:
        """Until when a device put somewhere at a minute stays there."""
        slots = self.where[device]
        here = slots[minute]
        if here is None:
            return next((later for later in range(minute, MINUTES) if slots[later] is not None), MINUTES)
        return next((later for later in range(minute, MINUTES) if slots[later] != here), MINUTES)

    def taken(self, place: tuple[str, str], first: int, last: int, devices: list[str]) -> bool:
        """Whether another device is at a place."""
        others = [slots for device, slots in self.where.items() if device not in devices]
        return any((slots[minute] or (None,))[0] == place for slots in others for minute in range(first, last))

    def fill(self, device: str, first: int, last: int, place: tuple[str, str] | None) -> None:
        """Put a device somewhere."""
        self.count += 1
        self.where[device][first:last] = [place and (place, self.count)] * (last - first)

    def put(self, device: str, minute: int, place: tuple[str, str]) -> bool:
        """Install or move a device, if that can be."""
        here = self.where[device][minute]
        end = self.end(device, minute)
        if (here and here[0] == place) or self.taken(place, minute, end, [device]):
            return False
        self.fill(device, minute, end, place)
        return True

    def swap(self, device: str, old: str, minute: int) -> bool:
        """Put a device in the place of another, if that can be."""
        left = self.where[old][minute]
        if left is None:
            return False
        gone = self.end(old, minute)
        end = min(gone, self.end(device, minute))
        if self.taken(left[0], minute, end, [device, old]):
            return False
        if self.where[device][minute]:
            self.fill(device, minute, self.end(device, minute), None)
        self.fill(old, minute, gone, None)
        self.fill(device, minute, end, left[0])
        return True

    def take(self, device: str, minute: int) -> bool:
        """Recall a device, if it is somewhere."""
        if self.where[device][minute] is None:
            return False
        self.fill(device, minute, self.end(device, minute), None)
        return True

    def expected(self) -> tuple[set[tuple[str, str, int, float]], set[tuple[str, int]]]:
        """Give what every line must hold, and what must wait."""
        lines, waiting = set(), set()
        for device, minute in self.stored:
            here = self.where[device][minute]
            if here is None:
                waiting.add((device, minute))
            else:
                lines.add((self.prefix + here[0][0], here[0][1], minute, self.value(device, minute)))
        return lines, waiting

    def value(self, device: str, minute: int) -> float:
        """Give the value that only this device has at this minute."""
        return float(self.devices.index(device) * 1000 + minute)


def ingest(api: Api, oracle: Oracle, readings: list[tuple[str, int]]) -> None:
    """Store readings where their devices are, as ingest does; those of devices that are nowhere it refuses."""
    new = [key for key in readings if key not in oracle.stored and oracle.where[key[0]][key[1]] is not None]
    oracle.stored.update(new)
    rows = [
        (*here[0], minute, oracle.value(device, minute)) for device, minute in new if (here := oracle.where[device][minute])
    ]
    sites = [oracle.prefix + row[0] for row in rows]
    channels, minutes, values = [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]
    given = (
        " FROM unnest(%s::text[], %s::text[], %s::int[], %s::float8[]) r (code, channel, minute, value) JOIN site USING (code)"
    )
    api.execute(
        f"INSERT INTO series (site_id, metric_id, channel) SELECT DISTINCT site_id, 1, channel {given} ON CONFLICT DO NOTHING",
        *(sites, channels, minutes, values),
    )
    api.execute(
        "WITH made AS (INSERT INTO reading SELECT series_id, %s::timestamptz + minute * interval '1 minute', value, 0"  # noqa: S608
        f" {given} JOIN series se USING (site_id, channel) WHERE metric_id = 1 RETURNING *)"
        " INSERT INTO latest SELECT DISTINCT ON (series_id) *, time FROM made ORDER BY series_id, time DESC"
        " ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, value = excluded.value WHERE excluded.time > latest.time",
        *(BEGIN, sites, channels, minutes, values),
    )


def found(api: Api, prefix: str) -> tuple[list[tuple[str, str, int, float]], list[tuple[str, int]]]:
    """Give what the lines hold and what waits."""
    held = api.execute(
        "SELECT code, channel, time, value FROM reading JOIN series USING (series_id) JOIN site USING (site_id)"
        " WHERE starts_with(code, %s)",
        prefix,
    )
    lines = [(site, channel, int((time - BEGIN).total_seconds() // 60), value) for site, channel, time, value in held]
    return lines, [(uid, minute) for uid, minute, _ in unplaced(api) if uid.startswith(prefix)]


def choose(chance: random.Random, oracle: Oracle) -> tuple[dict[str, Any], bool]:
    """Choose an action and tell whether it can be; the oracle has it then."""
    device, old = chance.sample(oracle.devices, 2)
    minute = chance.randrange(MINUTES)
    site, channel = place = chance.choice(PLACES)
    kind = chance.choice(["move", "move", "swap", "swap", "recall"])
    asked: dict[str, Any] = {"kind": kind, "device": device, "at": at(minute)}
    if kind == "swap":
        return asked | {"old_device": old}, oracle.swap(device, old, minute)
    if kind == "recall":
        return asked, oracle.take(device, minute)
    asked |= {"kind": "install" if oracle.where[device][minute] is None else "move"}
    return asked | {"site": oracle.prefix + site, "channel": channel}, oracle.put(device, minute, place)


@pytest.mark.parametrize("seed", range(2))
def test_history_in_any_order_leaves_every_reading_where_its_device_was(api: Api, seed: int) -> None:
    """Installs, moves, swaps and recalls at random past times, some undone, as readings come in: none is lost or twice."""
    chance = random.Random(seed)
    prefix = f"r{seed}-"
    oracle = Oracle([f"{prefix}d{number}" for number in range(4)], prefix)
    for site in ("north", "south", "east", "west"):
        api.post("/api/v1/sites", code=prefix + site, name=site)
    for device in oracle.devices:
        register(api, device, f"{prefix}home-{device}")
        oracle.where[device] = [((f"home-{device}", ""), 0)] * MINUTES
    every = [(device, minute) for device in oracle.devices for minute in range(MINUTES)]
    done = 0
    for step in range(24):
        ingest(api, oracle, chance.sample(every, 12))
        before = {device: list(slots) for device, slots in oracle.where.items()}
        asked, can_be = choose(chance, oracle)
        answer = api.post("/api/v1/actions", **asked)
        assert answer.status_code == (201 if can_be else 409), (asked, answer.text)
        done += can_be
        if can_be and chance.random() < 0.3:
            undone = api.of("engineer").post(f"/api/v1/actions/{answer.json()['id']}/undo")
            assert undone.status_code == 200, (asked, undone.text)
            oracle.where = before
        if step % 6 == 5:
            lines, waiting = found(api, prefix)
            assert (set(lines), set(waiting)) == oracle.expected(), asked
            assert (len(lines), len(waiting)) == (len(set(lines)), len(set(waiting)))
            assert wrong_latest(api) == []
    assert done > 5
