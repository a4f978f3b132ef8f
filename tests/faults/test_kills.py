"""Killed in a flood: nothing acknowledged is lost, nothing is counted twice; and the proof that this test can fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

from tests.servers.up import Up, running_up

if TYPE_CHECKING:
    from pathlib import Path

_MESSAGES = 20_000
_RATE = 1_000
_KILLS_OF_INGEST = 5


def _simulate(up: Up, ledger: Path, messages: int = _MESSAGES) -> subprocess.Popen[bytes]:
    command = ["simulate", "--devices", "100", "--rate", str(_RATE), "--count", str(messages), "--ledger", str(ledger)]
    return subprocess.Popen(
        [sys.executable, "-m", "hedgerow", *command, "--data-dir", str(up.data_dir)], stdout=subprocess.DEVNULL
    )


def _verify(up: Up, ledger: Path, wait_s: int = 20) -> tuple[int, dict[str, int]]:
    command = ["verify", str(ledger), "--data-dir", str(up.data_dir), "--wait", str(wait_s)]
    done = subprocess.run([sys.executable, "-m", "hedgerow", *command], capture_output=True, text=True, check=False)
    line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    print(line)
    figures: dict[str, int] = json.loads(line)
    return done.returncode, figures


def _wait_for(up: Up, ledger: Path, bytes_written: int) -> None:
    give_up = time.monotonic() + 60
    while not ledger.exists() or ledger.stat().st_size < bytes_written:
        assert time.monotonic() < give_up, up.output.read_text(encoding="utf-8")
        time.sleep(0.05)


def test_flood_with_kills_of_ingest_and_postgres_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """20,000 messages at 1,000/s, five kills of ingest and one of PostgreSQL: lost, duplicate, phantom, wrong are all 0."""
    ledger = tmp_path / "run.ledger"
    with running_up(tmp_path / "data") as up:
        with _simulate(up, ledger) as flood:
            _wait_for(up, ledger, 100_000)
            for number in range(_KILLS_OF_INGEST):
                if number == 2:
                    up.kill("postgres")
                up.kill("ingest")
                time.sleep(0.5)
            assert flood.poll() is None, "the flood ended before the last kill"
            assert flood.wait(120) == 0
        code, figures = _verify(up, ledger)

    assert code == 0
    assert figures["acknowledged"] == _MESSAGES
    assert figures["stored"] == figures["readings"] > _MESSAGES
    assert (figures["lost"], figures["duplicate"], figures["phantom"], figures["wrong"]) == (0, 0, 0, 0)


def test_flood_acknowledged_on_arrival_loses_messages(tmp_path: Path) -> None:
    """The same harness with acknowledgement on arrival finds lost readings: it can fail."""
    ledger = tmp_path / "run.ledger"
    with running_up(tmp_path / "data", environment={"HEDGEROW_AUTO_ACKNOWLEDGE": "true"}) as up:
        with _simulate(up, ledger, _MESSAGES // 4) as flood:
            _wait_for(up, ledger, 100_000)
            store = psutil.Process(up.pids["postgres"])
            backends = [store, *store.children(recursive=True)]
            for process in backends:  # the store hangs while messages are acknowledged and wait
                process.suspend()
            time.sleep(1.0)
            ingest = up.pids["ingest"]
            os.kill(ingest, signal.SIGKILL)
            for process in backends:
                process.resume()
            assert flood.wait(120) == 0
        code, figures = _verify(up, ledger, wait_s=3)

    assert code == 1
    assert figures["lost"] > 0
