"""Simulate: a county of devices that register themselves, send their history if asked, and then send as time passes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulators.county import KINDS, make_county
from simulators.feed import feed
from simulators.ledger import Ledger, NoLedger
from simulators.publish import now_us, publishing
from simulators.register import NewDevice, NewProfile, register
from simulators.stream import Course, stream

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from simulators.county import County
    from simulators.publish import Broker, Publisher, Summary
    from simulators.register import Api


@dataclass(frozen=True, slots=True)
class Options:
    """What to simulate."""

    broker: Broker
    api: Api | None = None
    """Where the devices register; None: they do not."""
    devices: int = 24
    seed: int = 1
    course: Course = field(default_factory=Course)
    ledger: Path | None = None
    """Where to note what was sent; None: nowhere."""


async def simulate(
    options: Options,
    stop: asyncio.Event,
    say: Callable[[str], None] = print,
    watch: Callable[[Publisher], None] = lambda _publisher: None,
) -> Summary:
    """Simulate to the end of the course, or until `stop` is set; then wait for what is on its way.

    Parameters
    ----------
    say
        Called with a line about what happens.
    watch
        Called once with the publisher, whose counters move from then on.
    """
    county = make_county(options.seed, options.devices)
    if options.api is not None:
        new = await register(options.api, _profiles(county), _registrations(county))
        say(f"{options.devices} devices are registered, {new} of them new")
    notes = NoLedger() if options.ledger is None else Ledger(options.ledger, now_us(), f"simulate, seed {options.seed}")
    began = time.monotonic()
    try:
        async with publishing(options.broker, notes, say) as publisher:
            watch(publisher)
            await feed(stream(county, options.course, now_us()), publisher, stop, say)
    finally:
        notes.close()
    return publisher.summary(time.monotonic() - began)


def _profiles(county: County) -> list[NewProfile]:
    """Give the profiles of the kinds there are, so that the console knows when a device is late."""
    there = {device.kind for device in county.devices}
    return [NewProfile(_profile_key(kind.key), f"{kind.name} (simulated)", kind.interval_s) for kind in KINDS if kind in there]


def _registrations(county: County) -> list[NewDevice]:
    return [
        NewDevice(
            uid=device.uid,
            name=device.name,
            latitude=device.latitude,
            longitude=device.longitude,
            profile=_profile_key(device.kind.key),
            domain=device.kind.domain,
        )
        for device in county.devices
    ]


def _profile_key(kind: str) -> str:
    return f"simulated-{kind}"
