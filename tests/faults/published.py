"""Messages that a fault test writes by hand, or lets wait until ingest comes; all with a ledger."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from devices.topics import device_topic
from simulators.ledger import Ledger
from simulators.message import Message, Reading
from simulators.publish import Broker, now_us, publishing
from simulators.simulate import Options, simulate
from tests.faults.harness import SEED, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.stream import Course
    from simulators.verify import Figures
    from tests.faults.harness import Trial

_IN_FLIGHT = 1_000


def temperature(uid: str, time_s: float, value: float) -> Message:
    """Write a message with one reading, of which all is well."""
    payload = b'[{"bt":%.6f,"n":"temperature","u":"Cel","v":%r}]' % (time_s, value)
    return Message(uid, device_topic(uid), payload, (Reading("air_temperature", round(time_s * 1e6), value),))


def publish(trial: Trial, messages: Sequence[Message]) -> None:
    """Publish messages in their order, until every one is acknowledged; the trial knows their ledger."""
    path = trial.folder / f"{len(trial.ledgers)}.ledger"
    trial.ledgers.append(path)

    async def main() -> None:
        with Ledger(path, now_us(), "by hand") as ledger:
            async with publishing(Broker(trial.mqtt_url, in_flight=_IN_FLIGHT), ledger, print) as publisher:
                await publisher.put(messages)
                assert await publisher.drained(60)

    asyncio.run(main())


def drain_rate(trial: Trial, course: Course) -> float:
    """Publish a course while ingest is away, then let it come; gives messages a second from its first transaction on."""
    trial.ingest.stop()
    path = trial.folder / f"{len(trial.ledgers)}.ledger"
    trial.ledgers.append(path)
    options = Options(
        Broker(trial.mqtt_url, in_flight=_IN_FLIGHT), devices=trial.devices, seed=SEED, course=course, ledger=path
    )
    sent = asyncio.run(simulate(options, asyncio.Event(), lambda _line: None)).sent
    before = trial.messages_stored()
    trial.ingest.start()
    wait_until(lambda: trial.messages_stored() > before, "the first transaction")
    first, began = trial.messages_stored() - before, time.monotonic()
    wait_until(lambda: trial.messages_stored() >= before + sent, "everything is stored", 600)
    return (sent - first) / max(time.monotonic() - began, 1e-3)


def assert_all_accounted_for(trial: Trial, figures: Figures) -> None:
    """Everything published is stored once, or in quarantine, and ingest was not disturbed."""
    trial.assert_clean(figures)
    log = trial.ingest.log.read_text(encoding="utf-8")
    assert "CRITICAL" not in log
    assert "Traceback" not in log
