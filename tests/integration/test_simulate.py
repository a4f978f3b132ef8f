"""Tests of simulate through a real broker: pace, order, reconnecting, a bounded end, passwords and TLS."""

from __future__ import annotations

import asyncio
import gc
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from aiomqtt.exceptions import MqttConnectError

from simulators.compose import compose
from simulators.county import make_county
from simulators.faults import Faults
from simulators.ledger import Acknowledged, Again, Ledger, Sent, read_ledger
from simulators.publish import Broker, publishing
from simulators.schedule import at_rate
from simulators.simulate import Options, simulate
from simulators.stream import Course
from tests.integration.simulating import quiet, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulators.publish import Summary
    from tests.servers.mosquitto import Mosquitto

    MakeMosquitto = Callable[..., Mosquitto]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_simulate_every_message_reaches_the_broker_as_the_ledger_says(
    mosquitto: Mosquitto, tmp_path: Path, version: str
) -> None:
    """A subscriber gets each message as often as the ledger has it, faults included, and all are acknowledged."""
    ledger = tmp_path / "a.ledger"
    course = Course(
        rate=2_000, most_messages=2_000, faults=Faults(0.05, 0.05, 0.05, 0.05, 0.1), malformed=("bad_name", "too_deep")
    )
    options = Options(Broker(mosquitto.url, version=version), devices=50, course=course, ledger=ledger)
    arrived: list[str] = []

    async def main() -> Summary:
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
            await client.subscribe("hedgerow/#", qos=1)
            simulating = asyncio.create_task(simulate(options, asyncio.Event(), quiet))
            async for message in client.messages:
                arrived.append(message.topic.value)
                if simulating.done() and len(arrived) >= simulating.result().sent:
                    break
            return await simulating

    summary = asyncio.run(asyncio.wait_for(main(), 60))

    entries = [entry for some in read_ledger(ledger) for entry in some]
    sent = [entry for entry in entries if isinstance(entry, Sent)]
    assert sorted(arrived) == sorted(entry.topic for entry in sent)
    assert {e.sequence for e in sent} == {e.sequence for e in entries if isinstance(e, Acknowledged)}
    assert summary.sent == summary.acknowledged == len(sent) > 2_000
    assert set(summary.faults) == {"duplicate", "late", "out_of_order", "skewed", "bad_name", "too_deep"}


def test_simulate_keeps_the_rate_it_was_given(mosquitto: Mosquitto) -> None:
    """900 messages at 300 a second take three seconds, not fewer and not many more."""
    summary = run(Options(Broker(mosquitto.url), devices=7, course=Course(rate=300, most_messages=900)))

    assert summary.acknowledged == 900
    assert 2.9 < summary.seconds < 6


def test_simulate_natural_intervals_and_history_come_in_order_of_time(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """An hour of history comes at once; then each device sends at its interval, here much faster than life."""
    ledger = tmp_path / "a.ledger"
    run(Options(Broker(mosquitto.url), devices=12, course=Course(times_faster=5_000, duration_s=2, history_h=1), ledger=ledger))

    sent = [entry for some in read_ledger(ledger) for entry in some if isinstance(entry, Sent)]
    times = [entry.readings[0][1] for entry in sent]
    history = [entry for entry, at in zip(sent, times, strict=True) if at < sent[0].sent_us]
    kinds = Counter(device.kind.key for device in make_county(1, 12).devices)
    natural = kinds["traffic"] * 60 + kinds["air"] * 4 + kinds["river"] * 4 + kinds["road"] * 3 + kinds["bin"]
    assert times == sorted(times)
    assert abs(len(history) - natural) <= 12
    assert len(sent) - len(history) > 30


def test_simulate_counters_are_not_made_to_hurry(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A count speaks of its interval: sent more often, its sums would be wrong."""
    ledger = tmp_path / "a.ledger"
    run(Options(Broker(mosquitto.url), devices=12, course=Course(times_faster=5_000, duration_s=2), ledger=ledger))

    sent = [entry for some in read_ledger(ledger) for entry in some if isinstance(entry, Sent)]
    counts = Counter(entry.uid for entry in sent if entry.readings[0][0] == "vehicle_count")
    assert all(number == 1 for number in counts.values())
    assert len(sent) > 30


def test_simulate_endless_stops_when_told_to(mosquitto: Mosquitto) -> None:
    """Told to stop, it waits for what is on its way and ends soon; nothing is left unacknowledged."""
    summary = run(Options(Broker(mosquitto.url), course=Course(rate=500)), stop_after_s=1.5)

    assert 300 < summary.sent == summary.acknowledged
    assert summary.seconds < 5


def test_simulate_stopped_while_its_queue_is_full_sends_what_it_has_noted(mosquitto: Mosquitto) -> None:
    """Noted is sent: with one message on the way at a time the queue is always full when the stop comes."""
    options = Options(Broker(mosquitto.url, in_flight=1), course=Course(rate=100_000, most_messages=30_000))

    summary = run(options, stop_after_s=0.5)

    assert 0 < summary.sent == summary.acknowledged < 30_000


def test_simulate_broker_that_goes_away_and_comes_back_gets_everything(make_mosquitto: MakeMosquitto, tmp_path: Path) -> None:
    """Killed in the middle: what was not acknowledged is sent again and noted as such."""
    broker = make_mosquitto()
    ledger = tmp_path / "a.ledger"
    options = Options(Broker(broker.url), devices=20, course=Course(rate=1_000, most_messages=3_000), ledger=ledger)

    async def main() -> Summary:
        simulating = asyncio.create_task(simulate(options, asyncio.Event(), quiet))
        for _ in range(2):
            await asyncio.sleep(0.7)
            broker.kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(broker.start)
        return await simulating

    summary = asyncio.run(asyncio.wait_for(main(), 60))

    entries = [entry for some in read_ledger(ledger) for entry in some]
    assert summary.acknowledged == summary.sent == 3_000
    assert {e.sequence for e in entries if isinstance(e, Acknowledged)} == set(range(1, 3_001))
    assert sum(isinstance(e, Again) for e in entries) == summary.sent_again


def test_simulate_broker_that_stays_away_does_not_hold_up_the_end(make_mosquitto: MakeMosquitto, tmp_path: Path) -> None:
    """The wait for acknowledgements is bounded, and the ledger says what was not acknowledged."""
    broker = make_mosquitto()
    ledger = tmp_path / "a.ledger"
    options = Options(Broker(broker.url), course=Course(rate=200, most_messages=300), ledger=ledger)

    async def main() -> Summary:
        simulating = asyncio.create_task(simulate(options, stop, quiet))
        await asyncio.sleep(0.5)
        broker.kill()
        await asyncio.sleep(0.5)
        stop.set()
        return await simulating

    stop = asyncio.Event()
    summary = asyncio.run(asyncio.wait_for(main(), 30))

    entries = [entry for some in read_ledger(ledger) for entry in some]
    assert summary.unacknowledged > 0
    assert (
        sum(isinstance(e, Sent) for e in entries) - sum(isinstance(e, Acknowledged) for e in entries) == summary.unacknowledged
    )


def test_publisher_wrong_password_ends_at_once(make_mosquitto: MakeMosquitto) -> None:
    """A slip in user or password is said, not tried again for ever; the right ones work."""
    broker = make_mosquitto(users={"sensors": "a word"})
    course = Course(rate=100, most_messages=50)

    assert run(Options(Broker(broker.url, "sensors", "a word"), course=course)).acknowledged == 50
    with pytest.raises(MqttConnectError):
        run(Options(Broker(broker.url, "sensors", "another word"), course=course))


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves the socket of a failed handshake open
def test_publisher_through_tls_trusts_only_the_certificates_given(make_mosquitto: MakeMosquitto, tmp_path: Path) -> None:
    """With the broker's certificate messages go through; with the system's it ends at once."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on the PATH to make a certificate with")
    make_certificate(tmp_path)
    broker = make_mosquitto(settings=f"certfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem")
    url = broker.url.replace("mqtt://", "mqtts://")
    course = Course(rate=100, most_messages=50)

    trusted = run(Options(Broker(url, ca_file=tmp_path / "cert.pem"), course=course))
    with pytest.raises(aiomqtt.MqttError, match="certificate"):
        run(Options(Broker(url), course=course))
    gc.collect()

    assert trusted.acknowledged == 50


def make_certificate(folder: Path) -> None:
    """Make a certificate for 127.0.0.1 that signs itself."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )


def test_publisher_that_cannot_write_its_ledger_publishes_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """What is in no ledger must not be sent; the error comes out by itself, not wrapped in a group."""
    ledger = Ledger(tmp_path / "a.ledger", 1, "a test")
    ledger.close()
    message = compose(make_county(1, 1), at_rate(1, 1, 0, 1, 1_790_000_000_000_000))[0]

    async def main() -> None:
        async with publishing(Broker(mosquitto.url), ledger, quiet) as publisher:
            await publisher.put([message])

    with pytest.raises(OSError, match="file descriptor"):
        asyncio.run(main())
