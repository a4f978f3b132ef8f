"""The pipeline: a message on which we fail ourselves stops nobody."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from devices.reasons import Reason
from ingest import pipeline as module
from ingest.decode import decode
from ingest.pipeline import Pipeline
from ingest.settings import IngestSettings
from tests.unit.ingest.examples import group, registry

if TYPE_CHECKING:
    import pytest

    from devices.columns import Columns
    from ingest.deliveries import Deliveries
    from ingest.message import Group
    from ingest.registrar import Registrar
    from ingest.session import Session
    from ingest.store import Store


def _pipeline() -> Pipeline:
    registrar = cast("Registrar", SimpleNamespace(registry=registry()))
    nobody = SimpleNamespace()
    return Pipeline(
        IngestSettings(database_url=""),
        cast("Session", nobody),
        registrar,
        cast("Store", nobody),
        cast("Deliveries", nobody),
        threading.Event(),
    )


def test_pipeline_message_that_breaks_a_step_goes_to_quarantine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours costs one message its place, never the path: the others of its group are stored."""

    def broken(messages: Group, *_: object) -> Columns:
        if b"poison" in messages.payloads:
            raise ZeroDivisionError("a defect")
        return decode(messages)

    monkeypatch.setattr(module, "decode", broken)
    good = b'[{"n":"temperature","v":1}]'

    made = list(_pipeline()._process_surely(group(good, good, b"poison", good)))  # noqa: SLF001

    assert sum(one.reading_count for one in made) == 3
    refused = [row for one in made for row in one.quarantine]
    assert [(row["reason"], row["payload"]) for row in refused] == [(Reason.NOT_PROCESSED, b"poison")]
    assert "a defect" in str(refused[0]["detail"])
    assert sum(one.counts["messages"] for one in made) == 4
