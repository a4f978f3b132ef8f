"""Malformed messages among good ones: each in quarantine with its reason, every good one stored, nothing restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from simulators.malformed import MALFORMED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.path import WholePath

_MESSAGES = 2_200
_SHARE = 0.5


def test_malformed_of_all_kinds_end_in_quarantine_with_the_right_reason(whole_path: WholePath, tmp_path: Path) -> None:
    """At least 1,000 malformed messages of 20 kinds are set aside with the right reason; the others are stored."""
    pid = whole_path.ingest.pid
    ledger = tmp_path / "run.ledger"

    whole_path.hedgerow(
        "simulate",
        "--devices",
        "60",
        "--rate",
        "2000",
        "--count",
        str(_MESSAGES),
        "--malformed",
        str(_SHARE),
        "--ledger",
        str(ledger),
    )
    figures = whole_path.verify(ledger)

    assert figures["ok"]
    assert figures["malformed"] >= 1_000
    assert figures["quarantined"] >= 1_000
    assert figures["stored"] == figures["readings"] > 0
    assert len(MALFORMED) >= 20
    assert _reasons(whole_path) >= {str(reason) for _, reason in MALFORMED.values()}
    assert whole_path.ingest.pid == pid
    assert "CRITICAL" not in whole_path.ingest.log.read_text(encoding="utf-8")


def _reasons(path: WholePath) -> set[str]:
    with psycopg.connect(path.database) as connection:
        return {row[0] for row in connection.execute("SELECT DISTINCT reason FROM quarantine").fetchall()}
