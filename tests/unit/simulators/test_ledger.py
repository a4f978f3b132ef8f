"""Tests of simulators/ledger.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devices.digest import digest_of
from simulators.compose import spoil
from simulators.ledger import Acknowledged, Again, Ledger, LedgerError, Opened, Sent, read_ledger
from simulators.message import Message, Reading

ROOT = Path(__file__).parents[3]
GOOD = Message("dev-1", "hedgerow/v1/dev-1/up", b"{}", (Reading("no2", 1_790_000_000_123_456, 0.1 + 0.2),))
BAD = spoil(GOOD, "unknown_metric")


def entries_of(path: Path, chunk_bytes: int = 4_096) -> list[Opened | Sent | Again | Acknowledged]:
    """Read a ledger whole."""
    return [entry for some in read_ledger(path, chunk_bytes) for entry in some]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a ledger that is not there yet."""
    return tmp_path / "a.ledger"


def test_ledger_everything_written_is_read_back(path: Path) -> None:
    """Every fact of a message survives the file, values to the last bit."""
    with Ledger(path, 5, "a test") as ledger:
        numbers = ledger.send([GOOD, BAD], 10)
        ledger.acknowledge(numbers[0], 11)
        ledger.send_again(numbers[1], 12)

    opened, good, bad, acknowledged, again = entries_of(path)

    assert opened == Opened(1, 5, "a test")
    assert isinstance(good, Sent)
    assert (good.sequence, good.uid, good.topic, good.sent_us) == (1, "dev-1", GOOD.topic, 10)
    assert [Reading(*reading) for reading in good.readings] == list(GOOD.readings)
    assert good.digest == digest_of(GOOD.topic, GOOD.payload)
    assert isinstance(bad, Sent)
    assert (bad.fault, bad.reason, bad.refused, bad.readings) == ("unknown_metric", "metric_unknown", 1, [])
    assert [acknowledged, again] == [Acknowledged(1, 11), Again(2, 12)]


def test_ledger_read_in_small_pieces_is_the_same(path: Path) -> None:
    """Lines that lie across the border of two pieces stay whole."""
    with Ledger(path, 5, "a test") as ledger:
        for number in ledger.send([GOOD] * 500, 10):
            ledger.acknowledge(number, 11)

    assert entries_of(path, chunk_bytes=7) == entries_of(path, chunk_bytes=1_000_000)
    assert len(entries_of(path)) == 1_001


def test_ledger_sent_messages_are_in_the_file_before_they_are_published(path: Path) -> None:
    """What a killed simulator may have published is known: nothing waits in its memory."""
    ledger = Ledger(path, 5, "a test")
    ledger.send([GOOD], 10)
    ledger.acknowledge(1, 11)

    before_flush = entries_of(path)
    ledger.flush()

    assert [type(entry) for entry in before_flush] == [Opened, Sent]
    assert [type(entry) for entry in entries_of(path)] == [Opened, Sent, Acknowledged]
    ledger.close()


def test_ledger_cut_in_its_last_line_is_readable_up_to_there(path: Path) -> None:
    """A line cut off anywhere is left out, and every line before it is read."""
    with Ledger(path, 5, "a test") as ledger:
        ledger.send([GOOD, BAD], 10)
    whole = path.read_bytes()
    last_line = whole.rstrip(b"\n").rindex(b"\n") + 1

    for length in range(last_line, len(whole)):
        path.write_bytes(whole[:length])
        assert [type(entry) for entry in entries_of(path)] == [Opened, Sent]


def test_ledger_of_a_killed_process_is_readable(path: Path) -> None:
    """After kill -9 in the middle of writing, everything up to the last flush is there."""
    program = (
        "import sys, pathlib, itertools\n"
        "from simulators.ledger import Ledger\n"
        "from simulators.message import Message, Reading\n"
        "message = Message('dev-1', 't', b'{}', (Reading('no2', 1, 2.5),) * 50)\n"
        "ledger = Ledger(pathlib.Path(sys.argv[1]), 5, 'killed')\n"
        "for i in itertools.count():\n"
        "    ledger.send([message] * 10, i)\n"
        "    if i == 20: print('written', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()

    entries = entries_of(path)

    assert [entry.sequence for entry in entries[1:] if isinstance(entry, Sent)] == list(range(1, len(entries)))
    assert len(entries) > 210


def test_ledger_that_is_there_is_not_written_over(path: Path) -> None:
    """A ledger is evidence: a second run needs another name."""
    Ledger(path, 5, "first").close()

    with pytest.raises(LedgerError, match="there already"):
        Ledger(path, 6, "second")

    assert entries_of(path) == [Opened(1, 5, "first")]


@pytest.mark.parametrize(
    "content", [b"", b"date,no2\n", b'["sent",1]\n', b'["ledger",2,5,"of tomorrow"]\n', b'["acknowledged",1,5]\n', b"\x00" * 99]
)
def test_read_ledger_something_else_is_refused(path: Path, content: bytes) -> None:
    """A file that is no ledger, or a later version's, is said to be so."""
    path.write_bytes(content)

    with pytest.raises(LedgerError):
        entries_of(path)


def test_read_ledger_damaged_in_the_middle_says_where(path: Path) -> None:
    """A whole line that cannot be read is an error, never left out in silence."""
    with Ledger(path, 5, "a test") as ledger:
        ledger.send([GOOD], 10)
    with path.open("ab") as file:
        file.write(b'["sent",gibberish]\n["acknowledged",1,11]\n')

    with pytest.raises(LedgerError, match="cannot be read"):
        entries_of(path)
