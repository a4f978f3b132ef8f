"""The process that runs JavaScript: confined, gone when its parent is, and not believed when it answers nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from devices.javascript_process import LostError, Process
from devices.javascript_wire import Frame, Request

ROOT = Path(__file__).parents[3]
GENEROUS_S = 10.0
GOOD = "function decodeUplink(input) { return {data: {good: input.bytes[0]}}; }"


def test_process_is_confined() -> None:
    """No environment of ours, no files or processes to be opened, a bounded address space, its own session."""
    process = Process()
    limits = {line[:26].strip(): line[26:47].strip() for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines()}
    most = int(limits["Max address space"])
    own = psutil.Process(process.pid)

    assert (limits["Max open files"], limits["Max processes"], limits["Max core file size"]) == ("0", "0", "0")
    assert int(limits["Max cpu time"]) < 10
    assert most < 400 * 2**20
    assert own.environ() == {"TZ": "UTC"}
    assert os.getsid(process.pid) == process.pid
    assert own.net_connections() == []
    assert own.open_files() == []
    process.end()


def test_process_answer_of_long_outputs_comes_in_several() -> None:
    """What a request makes of few bytes is bounded: the outcomes that are there are given, the others are asked for again."""
    script = "function decodeUplink() { return {data: {text: 'x'.repeat(60000)}}; }"
    process = Process()
    answer = process.ask(Request("name", script, [Frame(b"x", 1, 0)] * 250))

    assert 15 <= len(answer.outcomes) <= 20
    assert {len(outcome.output) for outcome in answer.outcomes} == {60_000 + len('{"data":{"text":""}}')}
    process.end()


def test_process_request_that_takes_long_is_answered_with_what_is_done() -> None:
    """A fraction of a second of processor time, and ingest hears of it."""
    script = "function decodeUplink() { while (true); }"
    process = Process()
    answer = process.ask(Request("name", script, [Frame(b"x", 1, 0)] * 250))

    assert 2 <= len(answer.outcomes) <= 10
    assert 0.1 < answer.cpu_s < 1
    process.end()


@pytest.mark.parametrize("script", [GOOD, "function decodeUplink() { while (true); }"])
def test_process_ends_when_its_parent_is_killed(script: str) -> None:
    """Idle or in the middle of a script: a dead ingest leaves no process behind."""
    program = (
        "import sys\n"
        "from devices.javascript_sandbox import Sandbox\nfrom devices.javascript_wire import Frame\n"
        "sandbox = Sandbox()\n"
        f"list(sandbox.run('a', {GOOD!r}, [Frame(b'x', 1, 0)]))\n"
        "print(sandbox.pid, flush=True)\n"
        f"list(sandbox.run('b', {script!r}, [Frame(b'x', 1, 0)] * 100000))\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert psutil.pid_exists(worker)
        parent.kill()
    deadline = time.monotonic() + GENEROUS_S
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    "answer",
    [
        *(b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", b"\x00", b""),
        b"\x00\x00\x00\x0c\x93\x90\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa0",
        b"\x00\x00\x00\x12\x93\x92\x92\xa1{\xa0\x92\xa1{\xa0\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa0",
    ],
    ids=["too long", "no message", "cut off", "nothing", "no outcome", "too many outcomes"],
)
def test_process_answer_that_cannot_be_used_ends_it(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parent believes nothing of a process that runs foreign programs."""
    ready = b"\x00\x00\x00\x0c\x93\x90\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa0"
    program = f"import os\nfor answer in ({ready!r}, {answer!r}): os.read(0, 99); os.write(0, answer)"
    monkeypatch.setattr("devices.javascript_process._COMMAND", (sys.executable, "-c", program))
    process = Process()
    with pytest.raises(LostError):
        process.ask(Request("name", GOOD, [Frame(b"x", 1, 0)]))

    assert not psutil.pid_exists(process.pid)
