"""`hedgerow bench latency`: from publishing to the answer of the API, while messages flow at an even rate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.bench import probes
from hedgerow.bench.database import SLOWED_MS, BenchError, commit_ms, empty_tables, register, stored_readings
from hedgerow.bench.flood import load_for, outcome, sending, wait_until_stored
from hedgerow.bench.probes import probing
from simulators.load import METRICS, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from hedgerow.bench.probes import Latencies
    from hedgerow.bench.servers import Servers

POLL_S = 0.005
_AROUND_S = 2.0
"""How long messages flow before the first probe, and after the last one."""


@dataclass(frozen=True, slots=True)
class Result:
    """Figures with commits as they are, or slowed."""

    slowed_ms: float
    """By how much each commit was slowed [ms]."""
    commit_ms: float
    """What a commit took [ms]."""
    messages: int
    readings: int
    """Stored, probes included: all that were sent."""
    rate: float
    """Messages a second that were sent."""
    cores_busy: Mapping[str, float | None]
    """Of each program, while the messages flowed."""
    latencies: Latencies


def bench_latency(servers: Servers, rate: float, seconds: float, devices: int, say: Callable[[str], None]) -> list[Result]:
    """Measure with commits as fast as the disk makes them, and slowed.

    Parameters
    ----------
    servers
        Whose database is empty.
    rate
        Messages of five readings in a second.
    seconds
        For how long probes are sent [s].
    devices
        From which the messages come.
    say
        Called with one line per step.
    """
    with servers.database.connect() as connection:
        register(connection, [*map(uid_of, range(devices)), *probes.DEVICES], METRICS)
    client = servers.start_api()
    return [_measure(servers, client, slowed, (rate, seconds, devices), say) for slowed in (0.0, SLOWED_MS)]


def _measure(
    servers: Servers,
    client: httpx.Client,
    slowed_ms: float,
    wanted: tuple[float, float, int],
    say: Callable[[str], None],
) -> Result:
    rate, seconds, devices = wanted
    with servers.database.connect(slowed_ms) as connection:
        took_ms = commit_ms(connection)
        series = probes.probe_series(connection)
        servers.start_ingest(slowed_ms)
        empty_tables(connection)
        messages, interval_s = round(rate * (seconds + 2 * _AROUND_S)), max(1, round(devices / rate))
        load = load_for(servers.broker, messages, devices, int(time.time()), interval_s=interval_s, rate=rate)
        before, cpu_before, began = stored_readings(connection), servers.cpu_s(), time.perf_counter()
        say(f"{rate:,.0f} messages/s, commits {f'slowed by {slowed_ms:g} ms' if slowed_ms else 'as they are'} …")
        with sending(load) as sender:
            time.sleep(_AROUND_S)
            with probing(servers.broker, client, series, POLL_S) as sent_probes:
                time.sleep(seconds)
            sent = outcome(sender)
        target = messages * load.readings + len(sent_probes.sent_s)
        wait_until_stored(connection, before + target)
        stored = stored_readings(connection) - before
        busy = _busy(cpu_before, servers.cpu_s(), time.perf_counter() - began)
    if stored != target:
        raise BenchError(f"{target:,} readings were sent and {stored:,} stored")
    rate = sent.messages / (sent.ended_s - sent.began_s)
    return Result(slowed_ms, took_ms, messages, stored, rate, busy, sent_probes.latencies(POLL_S))


def _busy(before: Mapping[str, float | None], after: Mapping[str, float | None], seconds: float) -> dict[str, float | None]:
    used = {name: (before[name], now) for name, now in after.items()}
    return {name: None if was is None or now is None else (now - was) / seconds for name, (was, now) in used.items()}
