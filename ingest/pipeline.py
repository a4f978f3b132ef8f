"""The path of a reading on one page: receive ─► collect ─► decode ─► resolve ─► check ─► encode ─► store ─► acknowledge.

Three threads: the session's own receives; one makes groups into what is to be written; one writes and acknowledges. Between
the last two stands a short queue, so that decoding and the database work at the same time and memory stays bounded.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from devices.codecs import Codecs
from devices.reasons import Reason
from ingest.acknowledge import acknowledge
from ingest.collect import collect
from ingest.decode import decode
from ingest.prepared import Prepared, prepare, refusal_of
from ingest.recent import Recent, carried_over
from ingest.resolve import resolve
from ingest.store import Outdated, Overtaken, Refused, Stopped, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.deliveries import Deliveries
    from ingest.message import Group
    from ingest.registrar import Registrar
    from ingest.session import Session
    from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_WAIT_S = 0.2
_LATEST_WAIT_S = 0.02
_ON_THE_WAY = 2
"""Prepared groups between the two threads: enough that neither waits for the other."""


class Pipeline:
    """Carries messages from a session to the store until it is told to stop."""

    def __init__(
        self,
        settings: IngestSettings,
        session: Session,
        registrar: Registrar,
        store: Store,
        deliveries: Deliveries,
        stopping: threading.Event,
        recent: Recent | None = None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._registrar = registrar
        self._store = store
        self._deliveries = deliveries
        self._prepared: queue.Queue[Prepared | None] = queue.Queue(_ON_THE_WAY)
        self._stopping = stopping
        self._writer_failed = False
        self._codecs = Codecs()
        self._codecs_lock = threading.Lock()
        self._recent = recent or Recent()

    def run(self) -> bool:
        """Work until told to stop, then finish what has been collected; tell whether the writer lived to the end."""
        writer = threading.Thread(target=self._write_all, name="store")
        writer.start()
        try:
            while not self._stopping.is_set():
                for group in self._collect():
                    for prepared in self._process_surely(group):
                        self._prepared.put(prepared)
        except Stopped:
            log.warning("stopped while the store was away; what is not acknowledged stays at the broker")
        finally:
            self._prepared.put(None)
            writer.join()
            self._codecs.close()
        return not self._writer_failed

    def _collect(self) -> list[Group]:
        groups = self._registrar.released_groups()
        group = collect(
            self._session.arrivals,
            self._settings.group_messages,
            self._settings.group_bytes,
            timeout_s=0 if groups else _WAIT_S,
        )
        if group is not None:
            self._deliveries.stamp(group)
            groups.append(group)
        return groups

    def _process_surely(self, group: Group) -> Iterator[Prepared]:
        """Process a group; a message on which we fail ourselves goes to quarantine and stops nobody."""
        try:
            yield self.process(group)
        except Stopped:
            raise
        except Exception as error:
            if len(group) > 1:
                for half in group.halves():
                    yield from self._process_surely(half)
                return
            log.exception("a message could not be processed, it goes to quarantine")
            yield refusal_of(group, repr(error), Reason.NOT_PROCESSED)

    def process(self, group: Group, before: Prepared | None = None) -> Prepared:
        """Turn a group into what is to be written: the pure middle of the path.

        Parameters
        ----------
        group
            The messages.
        before
            What it, or the group it is half of, had become, which is not stored: flags by what came before stand there.
        """
        registry = self._registrar.registry  # one for all steps: positions mean nothing in another
        # What was held may have come by another source or a webhook: there each message tells its own encoding.
        encoding = "auto" if group.held else self._settings.chirpstack_encoding
        with self._codecs_lock:  # the writer decodes too, when it looks for what the store refuses
            columns = decode(group, registry, self._codecs, encoding)
        resolved = resolve(columns, group, registry)
        while resolved.missing:
            registry = self._registrar.with_series(registry, resolved.missing, self._stopping.is_set)
            resolved = resolve(columns, group, registry)
        batch, spikes = self._recent.check(resolved.batch, registry)
        if before is not None:
            batch, spikes = carried_over(batch, spikes, before.batch, before.spikes)
        prepared = prepare(group, resolved, batch, archive=self._settings.archive, registry_version=registry.version)
        return replace(prepared, spikes=spikes) if spikes.series else prepared

    def _write_all(self) -> None:
        try:
            while (prepared := self._next_prepared()) is not None:
                self._write_or_leave(prepared)
                self._store.write_latest()
            self._store.write_latest(all_of_it=True)
        except Exception:
            # Nothing of this group is acknowledged: the broker has it still. Going on would hide a defect.
            log.exception("the writer failed; the program ends and the broker keeps what is not acknowledged")
            self._writer_failed = True
            self._stopping.set()
            self._drop_rest()
        finally:
            self._store.close()

    def _next_prepared(self) -> Prepared | None:
        """Wait for the next group; between groups last values are written when they are due."""
        while True:
            try:
                return self._prepared.get(timeout=_LATEST_WAIT_S)
            except queue.Empty:
                self._store.write_latest()

    def _write_or_leave(self, prepared: Prepared) -> None:
        try:
            self._write(prepared)
        except Stopped:
            log.warning("stopped while the store was away; %d messages stay at the broker", len(prepared.group))
            return
        if prepared.group.held:
            self._registrar.held_are_stored(len(prepared.group))

    def _write(self, prepared: Prepared) -> None:
        try:
            self._store.write(prepared)
        except Outdated:
            self._registrar.reload(self._stopping.is_set)
            self._write(self.process(prepared.group, prepared))
            return
        except (Refused, Overtaken) as error:
            if len(prepared.group) > 1:
                for half in prepared.group.halves():
                    self._write(self.process(half, prepared))
            elif isinstance(error, Refused):
                log.error("the store refused a message, it goes to quarantine: %s", error)  # noqa: TRY400
                self._write(refusal_of(prepared.group, str(error)))
            return
        self._registrar.clocks.add(prepared.clocks)
        self._registrar.arrivals.add(prepared.heard)
        if not prepared.group.held:
            acknowledge(prepared.group, self._session)

    def _drop_rest(self) -> None:
        while self._prepared.get() is not None:
            pass
