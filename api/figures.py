"""Figures in Prometheus' text format: those of ingest from the database, those of requests from this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from api.routes.path import Status
    from api.silence.summary import Silence

# A second line for every counter, which nobody here asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_COUNTERS = {
    "messages": "Messages received from the broker",
    "messages_redelivered": "Deliveries that the broker repeated",
    "messages_quarantined": "Messages put into quarantine",
    "messages_held": "Messages of devices not registered at the time",
    "readings_stored": "Readings stored",
    "readings_duplicate": "Readings that were there already",
    "readings_conflicting": "Duplicate readings with another value",
    "readings_quarantined": "Readings put into quarantine",
    "sessions_lost": "Times the broker had forgotten our session",
    "restarts": "Times an ingest worker was started again after it had died",
    "identity_conflicts": "Times another process was found to use a worker's identity",
}
_GAUGES = {
    "queue_messages": "Messages received and not acknowledged yet",
    "quarantine_rows": "Messages and readings in quarantine",
    "held_messages": "Messages of devices that are not registered",
    "devices": "Devices registered",
    "series": "Series",
}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Figures:
    """The figures of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "hedgerow_http_requests", "Requests answered", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "hedgerow_http_request_seconds",
            "How long answers took [s]",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answer(self, status: Status, silence: Silence) -> Response:
        """Write all figures down, those of ingest and of silence as the database has them."""
        of_database = CollectorRegistry()
        of_database.register(_OfIngest(status))
        of_database.register(_OfSilence(silence))
        text = generate_latest(of_database) + generate_latest(self._registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


class _OfIngest:
    """Hands Prometheus' client what the database says."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"hedgerow_{name}", text, getattr(status, name))
        values = status.model_dump() | {"quarantine_rows": status.quarantine, "held_messages": status.held}
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"hedgerow_{name}", text, values[name])
        if status.lag_ms is not None:
            yield GaugeMetricFamily(
                "hedgerow_ingest_lag_seconds", "From received to committed, last batch [s]", status.lag_ms / 1000
            )
        silent = GaugeMetricFamily("hedgerow_ingest_silent_seconds", "Since a worker's last word [s]", labels=["worker"])
        connected = GaugeMetricFamily("hedgerow_ingest_connected", "Whether it is connected", labels=["worker"])
        for worker in (worker for worker in status.workers if worker.state != "retired"):
            silent.add_metric([worker.worker], worker.silent_s)
            connected.add_metric([worker.worker], worker.connected)
        yield from (silent, connected)


class _OfSilence:
    """Hands Prometheus' client how many devices are how well: one line a state, however many devices there are."""

    def __init__(self, silence: Silence) -> None:
        self._silence = silence

    def collect(self) -> Iterator[Metric]:
        silence = self._silence
        states = GaugeMetricFamily("hedgerow_devices_by_state", "Devices by how well they are", labels=["state"])
        for state, count in silence.devices.items():
            states.add_metric([state], count)
        yield states
        yield GaugeMetricFamily("hedgerow_devices_suppressed", "Silent devices whose gateway is silent", silence.suppressed)
        yield GaugeMetricFamily("hedgerow_gateways_silent", "Gateways that bring nothing", silence.gateways_silent)
        yield GaugeMetricFamily(
            "hedgerow_hearing", "Whether Hedgerow can hear at all (1), else states stand still (0)", not silence.outage
        )
        if silence.looked_s is not None:
            yield GaugeMetricFamily(
                "hedgerow_silence_looked_seconds", "Since the last look at all devices [s]", silence.looked_s
            )
