"""The tables of `hedgerow bench drain` and `hedgerow bench latency`."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from hedgerow.bench.probes import DEVICES, PER_S
from hedgerow.bench.report import Report, number, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.bench.drain import Drained
    from hedgerow.bench.latency import Result
    from hedgerow.bench.probes import Latencies
    from hedgerow.bench.usage import Sample

DRAIN_MESSAGES, DRAIN_S = 1_440_000, 30.0
"""A day of 5,000 sensors is to be stored in this time [s]."""
DRAIN_LIVE_P99_S = 1.0
LATENCY_P50_S, LATENCY_P99_S = 0.12, 0.3
MOST_MIB = 256

_AT_MOST = "\N{LESS-THAN OR EQUAL TO}"
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_SHOWN_SAMPLES = 12


def drain_report(drained: Drained, machine: Mapping[str, str]) -> Report:
    """Lay out a drain."""
    live = drained.live
    wanted_s = DRAIN_S if drained.messages == DRAIN_MESSAGES else None
    at_most_s = f"{_AT_MOST} {wanted_s:g}" if wanted_s else ""
    rows = [
        ("sensors", number(drained.sensors), ""),
        ("hours, a message every 5 minutes", number(drained.hours, 2), ""),
        ("messages in the broker", number(drained.messages), ""),
        ("readings stored", number(drained.readings), ""),
        ("memory of the broker with them [MiB]", number(drained.broker_mib), ""),
        ("",),
        (
            "from the start of ingest until all are stored [s]",
            number(drained.seconds, 2),
            at_most_s,
        ),
        ("  of these until the first are stored", number(drained.first_s, 2), ""),
        ("readings/s", number(drained.readings_per_s), ""),
        ("peak memory of ingest [MiB]", number(drained.peak_mib), f"{_AT_MOST} {MOST_MIB}"),
        *((f"CPU of {name} [s]", number(used, 2), "") for name, used in drained.cpu_s.items()),
        ("",),
        ("live messages meanwhile", number(len(live.seconds)), ""),
        *_latency_rows(live, {"p99": DRAIN_LIVE_P99_S}),
        ("  p99 of those sent since the first were stored [ms]", number(drained.live_since_first.ms_at(0.99), 1), ""),
    ]
    notes = [
        f"Memory of ingest over time [s: MiB]: {_over_time(drained.memory)}",
        "The clock starts with the ingest process, before it has loaded its first module.",
        *_probe_notes(live.poll_s),
    ]
    return Report("drain", machine, ["", "", "to reach"], rows, notes, [_drain_figures(drained, wanted_s)])


def latency_report(results: Sequence[Result], machine: Mapping[str, str]) -> Report:
    """Lay out latencies side by side, with commits as they are and slowed."""
    goals = {"p50": LATENCY_P50_S, "p99": LATENCY_P99_S}
    columns = [_latency_rows(result.latencies, goals) for result in results]
    rows: list[tuple[str, ...]] = [
        ("messages/s", *(number(result.rate) for result in results), ""),
        ("one small commit [ms]", *(number(result.commit_ms, 3) for result in results), ""),
        ("probes", *(number(len(result.latencies.seconds)) for result in results), ""),
        ("",),
        *((cells[0][0], *(cell[1] for cell in cells), cells[0][2]) for cells in zip(*columns, strict=True)),
        ("",),
        *(
            (f"cores busy: {name}", *(number(result.cores_busy[name], 2) for result in results), "")
            for name in results[0].cores_busy
        ),
    ]
    headings = ["", *(f"commits +{r.slowed_ms:g} ms" if r.slowed_ms else "commits as they are" for r in results), "to reach"]
    notes = _probe_notes(results[0].latencies.poll_s)
    return Report("latency", machine, headings, rows, notes, [_latency_figures(result) for result in results])


def _latency_rows(latencies: Latencies, goals: Mapping[str, float]) -> list[tuple[str, str, str]]:
    return [
        (
            f"publish \N{RIGHTWARDS ARROW} visible, {name} [ms]",
            number(latencies.ms_at(share), 1),
            f"{_AT_MOST} {goals[name] * 1000:g}" if name in goals else "",
        )
        for name, share in _SHARES.items()
    ]


def _probe_notes(poll_s: float) -> list[str]:
    return [
        (
            f"Live messages: {PER_S} a second from {len(DEVICES)} devices of their own, each timed from before it is handed to"
            " the MQTT client until GET /api/v1/readings has answered with it. The API is asked every"
            f" {poll_s * 1000:g} ms while one is missing, and nothing is subtracted for that. They are sent on schedule,"
            " however slow the path is."
        ),
        "Every message sent is stored, once: what was sent, the counters and the table were compared.",
    ]


def _over_time(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    places = range(0, len(samples), ceil(len(samples) / _SHOWN_SAMPLES))
    return ", ".join(f"{samples[at].second:.1f}: {samples[at].mib:.0f}" for at in places)


def _drain_figures(drained: Drained, wanted_s: float | None) -> dict[str, object]:
    return {
        "sensors": drained.sensors,
        "hours": drained.hours,
        "messages": drained.messages,
        "readings_stored": drained.readings,
        "queue_seconds": rounded(drained.queue_s),
        "broker_mib": rounded(drained.broker_mib, 1),
        "seconds": rounded(drained.seconds),
        "seconds_to_reach": wanted_s,
        "first_stored_seconds": rounded(drained.first_s),
        "readings_per_s": rounded(drained.readings_per_s, 0),
        "cpu_s": {name: rounded(used) for name, used in drained.cpu_s.items()},
        "ingest_peak_mib": rounded(drained.peak_mib, 1),
        "ingest_mib_over_time": [list(sample) for sample in drained.memory],
        "live_messages": len(drained.live.seconds),
        **_latency_fields(drained.live),
        "visible_p99_ms_since_first_stored": rounded(drained.live_since_first.ms_at(0.99), 1),
    }


def _latency_figures(result: Result) -> dict[str, object]:
    return {
        "commit_slowed_ms": result.slowed_ms,
        "commit_ms": rounded(result.commit_ms),
        "messages": result.messages,
        "messages_per_s": rounded(result.rate, 1),
        "readings_stored": result.readings,
        "live_messages": len(result.latencies.seconds),
        **_latency_fields(result.latencies),
        "cores_busy": {name: rounded(busy) for name, busy in result.cores_busy.items()},
    }


def _latency_fields(latencies: Latencies) -> dict[str, object]:
    shares = {f"visible_{name}_ms": rounded(latencies.ms_at(share), 1) for name, share in _SHARES.items()}
    return {**shares, "poll_ms": latencies.poll_s * 1000}
