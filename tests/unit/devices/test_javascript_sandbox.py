"""Sandbox: hostile scripts end within limits, cost nobody else anything and reach nothing; the process may die at any time."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from devices.frames import frames_of
from devices.javascript_accounts import Accounts
from devices.javascript_sandbox import MOST_FRAMES, MOST_PAYLOAD_BYTES, Sandbox, SuspendedError
from devices.javascript_wire import Frame, Outcome
from devices.reasons import Reason
from tests.unit.devices.examples import readings_of
from tests.unit.devices.javascript_examples import HOSTILE, TIME_US, codec, frames, hostile

if TYPE_CHECKING:
    from collections.abc import Iterator

GENEROUS_S = 10.0
"""On a busy machine; 0.1 s of processor time and a new process, twice, is what the worst of them cost."""
MOST_RESIDENT_BYTES = 80 * 2**20
GOOD = "function decodeUplink(input) { return {data: {good: input.bytes[0]}}; }"


def patient() -> Accounts:
    """Make accounts that forgive everything: their clock runs a day ahead at each look."""
    days = itertools.count()
    return Accounts(clock=lambda: next(days) * 86_400.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests of the module that do not count what scripts owe."""
    sandbox = Sandbox(patient())
    yield sandbox
    sandbox.close()


def frame(byte: int = 1) -> Frame:
    """Make a frame of one byte."""
    return Frame(bytes([byte]), 1, TIME_US / 1000)


@pytest.mark.parametrize("attack", HOSTILE)
def test_sandbox_hostile_script_ends_and_costs_its_own_frames_only(sandbox: Sandbox, attack: str) -> None:
    """Within limits of time and memory the bad frame is refused, the others of its request and the next script are decoded."""
    mixed = frames_of([(0, "a", 2, b"\x01", 1), (1, "b", 1, b"\x01", 1), (2, "c", 2, b"\x01", 1)])
    codec(sandbox, GOOD, key="good")(frames("07"))
    began = time.monotonic()
    columns = codec(sandbox, hostile(HOSTILE[attack]), key=attack)(mixed)
    lasted = time.monotonic() - began

    assert [(one.message, one.metric, one.value) for one in readings_of(columns)] == [(0, "ok", 1.0), (2, "ok", 1.0)]
    assert [(reject.message, reject.reason) for reject in columns.rejects] == [(1, Reason.CODEC_FAILED)]
    assert 0 < len(columns.rejects[0].detail) <= 300
    assert [one.value for one in readings_of(codec(sandbox, GOOD, key="good")(frames("07")))] == [7.0]
    assert lasted < GENEROUS_S
    assert sandbox.pid is not None
    assert psutil.Process(sandbox.pid).memory_info().rss < MOST_RESIDENT_BYTES


def test_sandbox_scripts_find_no_host(sandbox: Sandbox) -> None:
    """No files, network, processes, timers, modules, and none of our own objects."""
    names = (
        *("require", "process", "module", "exports", "std", "os", "fetch", "XMLHttpRequest", "WebSocket", "Worker", "Deno"),
        *("setTimeout", "setInterval", "load", "print", "scriptArgs", "WebAssembly", "SharedArrayBuffer", "Atomics", "gc"),
        *("bind", "run", "report", "stringify", "python", "__dirname", "navigator", "window", "global"),
    )
    script = "function decodeUplink() { return {data: {found: NAMES.filter((name) => name in globalThis).join()}}; }"
    [reading] = readings_of(codec(sandbox, script.replace("NAMES", str(list(names))))(frames("00")))

    assert reading.value == ""


def test_sandbox_scripts_find_the_stubs_that_field_scripts_use(sandbox: Sandbox) -> None:
    """A console that says nothing, and the reading half of Node's Buffer, which ChirpStack offers."""
    script = """
    function decodeUplink(input) {
      console.log('x'); console.warn(input); console.error('y'); console.info(1); console.debug(2);
      var b = Buffer.from(input.bytes), s = b.slice(1, 3);
      return {data: {
        hex: b.toString('hex'), base64: b.toString('base64'), ascii: b.slice(0, 3).toString('ascii'),
        utf8: Buffer.from('é').length, text: Buffer.from('é').toString(),
        u8: b.readUInt8(3), i8: b.readInt8(3), u16be: b.readUInt16BE(2), u16le: b.readUint16LE(2), i16be: b.readInt16BE(3),
        u32be: b.readUInt32BE(0), i32le: b.readInt32LE(4), u24be: b.readUIntBE(0, 3), i24le: b.readIntLE(1, 3),
        float: Buffer.from('40490fdb', 'hex').readFloatBE(0), double: Buffer.from('QAkh+1RELRg=', 'base64').readDoubleBE(0),
        slice: s.readUInt16BE(0), length: Buffer.concat([s, b]).length, is: Buffer.isBuffer(b) && !Buffer.isBuffer([1]),
        empty: Buffer.alloc(3)[2], plain: b[1] + b.length,
      }};
    }"""
    found = {one.metric: one.value for one in readings_of(codec(sandbox, script)(frames("616263fe01020380")))}

    texts = {"hex": "616263fe01020380", "base64": "YWJj/gECA4A=", "ascii": "abc", "text": "é", "utf8": 2.0}
    wholes = {"u8": 254.0, "i8": -2.0, "u16be": 0x63FE, "u16le": 0xFE63, "i16be": -511.0, "u24be": 0x616263, "i24le": -105630.0}
    others = {
        "u32be": 0x616263FE,
        "i32le": -2147286527.0,
        "float": pytest.approx(3.14159274),
        "double": pytest.approx(3.141592654),
    }
    parts = {"slice": 0x6263, "length": 10.0, "is": 1.0, "empty": 0.0, "plain": 106.0}
    assert found == texts | wholes | others | parts


def test_sandbox_what_one_script_changes_no_other_finds(sandbox: Sandbox) -> None:
    """Globals, prototypes and built-in functions are a script's own; two profiles with one script have two of them."""
    spoiler = """
    globalThis.secret = 1; Math.round = () => 42; JSON.stringify = () => 'spoilt'; JSON.parse = null; Date = null;
    Object.prototype.secret = 2; Array.prototype.map = () => 'spoilt'; String.prototype.slice = null; Error = null;
    var count = 0;
    function decodeUplink(input) { return {data: {count: ++count}}; }"""
    victim = """
    function decodeUplink() {
      return {data: {sum: Math.round(2.5) + [1].map((x) => x)[0], secret: typeof secret, own: ({}).secret}};
    }"""
    one, two = codec(sandbox, spoiler, key="one"), codec(sandbox, spoiler, key="two")

    assert [reading.value for reading in readings_of(one(frames("00", "00")))] == [1.0, 2.0]
    assert [reading.value for reading in readings_of(codec(sandbox, victim)(frames("00")))] == [4.0, "undefined"]
    assert [reading.value for reading in readings_of(two(frames("00")))] == [1.0]


def test_sandbox_prototypes_cannot_be_changed_by_a_frame(sandbox: Sandbox) -> None:
    """What one frame does to them would spoil the next one of another device."""
    script = """function decodeUplink(input) {
      Object.prototype.extra = 1; Array.prototype.push = null; Object.prototype.toJSON = () => 5; delete Array.prototype.pop;
      return {data: {extra: ({}).extra, push: typeof [].push, pop: typeof [].pop}};
    }"""

    assert [one.value for one in readings_of(codec(sandbox, script)(frames("00", "00")))] == ["function"] * 4


def test_sandbox_context_is_new_after_errors(sandbox: Sandbox) -> None:
    """After a limit at once, after an exception with the next request: nothing half done is found by another frame."""
    script = """var count = 0;
    function decodeUplink(input) {
      count++;
      if (input.bytes[0] === 1) while (true);
      if (input.bytes[0] === 2) throw 'two';
      return {data: {count: count}};
    }"""
    decode = codec(sandbox, script)

    assert [one.value for one in readings_of(decode(frames("00", "00", "01", "00", "00")))] == [1.0, 2.0, 1.0, 2.0]
    assert [one.value for one in readings_of(decode(frames("00", "02", "00")))] == [3.0, 5.0]
    assert [one.value for one in readings_of(decode(frames("00")))] == [1.0]


def test_sandbox_script_that_hoards_memory_loses_it(sandbox: Sandbox) -> None:
    """A context that grows from frame to frame is let go of before it fills the process."""
    script = """var hoard = [];
    function decodeUplink(input) { hoard.push(new Uint8Array(1 << 20).fill(1)); return {data: {held: hoard.length}}; }"""
    decode = codec(sandbox, script)
    held = [readings_of(decode(frames("00", "00")))[-1].value for _ in range(20)]

    assert max(map(float, held)) < 10
    assert sandbox.pid is not None
    assert psutil.Process(sandbox.pid).memory_info().rss < MOST_RESIDENT_BYTES


def test_sandbox_script_has_so_much_memory_and_no_more(sandbox: Sandbox) -> None:
    """Twenty mebibytes are there, forty are not."""
    script = """function decodeUplink(input) {
      for (var i = 0, held = []; i < input.bytes[0]; i++) held.push(new Uint8Array(1 << 20));
      return {data: {held: held.length}};
    }"""
    columns = codec(sandbox, script)(frames("14", "28", "14"))

    assert [(one.message, one.value) for one in readings_of(columns)] == [(0, 20.0), (2, 20.0)]
    assert columns.rejects[0].detail.startswith("InternalError: out of memory at decodeUplink ")


def test_sandbox_more_scripts_than_contexts_are_kept_all_decode(sandbox: Sandbox) -> None:
    """The oldest contexts go, for all together would fill the process; their scripts are loaded again when they are needed."""
    script = "var held = new Uint8Array(1 << 20).fill(1); function decodeUplink() { return {data: {n: 12345}}; }"
    codecs = [codec(sandbox, script.replace("12345", str(i)), key=f"k{i}") for i in range(100)]
    for _ in range(2):
        assert [readings_of(decode(frames("00")))[0].value for decode in codecs] == [float(i) for i in range(100)]

    assert sandbox.pid is not None
    assert psutil.Process(sandbox.pid).memory_info().rss < MOST_RESIDENT_BYTES


def test_sandbox_many_frames_and_large_ones_go_in_several_requests(sandbox: Sandbox) -> None:
    """However many frames there are, one request holds few of them."""
    sizes = [1] * (3 * MOST_FRAMES) + [MOST_PAYLOAD_BYTES // 3] * 5 + [MOST_PAYLOAD_BYTES + 1] + [1] * 3
    script = "function decodeUplink(input) { return {data: {size: input.bytes.length}}; }"
    outcomes = list(sandbox.run("sizes", script, [Frame(bytes(size), 1, 0) for size in sizes]))

    assert [outcome.output for outcome in outcomes] == [f'{{"data":{{"size":{size}}}}}' for size in sizes]


def test_sandbox_process_killed_between_requests_is_started_again(sandbox: Sandbox) -> None:
    """The next frame does not notice."""
    decode = codec(sandbox, GOOD)
    for _ in range(3):
        assert len(decode(frames("01"))) == 1
        assert sandbox.pid is not None
        os.kill(sandbox.pid, signal.SIGKILL)

    assert [one.value for one in readings_of(decode(frames("09")))] == [9.0]


def test_sandbox_process_killed_in_the_middle_of_a_batch_loses_nothing(sandbox: Sandbox) -> None:
    """Every frame of the batch is decoded, in its order, by the process that comes after."""
    script = "function decodeUplink(input) { for (var i = 0; i < 20000; i++); return {data: {n: input.bytes[0]}}; }"
    decode = codec(sandbox, script)
    decode(frames("00"))
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while not done.wait(0.3) and len(killed) < 3:
            if (pid := sandbox.pid) is not None and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    sent = [bytes([i % 256]) for i in range(1500)]
    columns = decode(frames_of([(i, "dev", 1, payload, TIME_US) for i, payload in enumerate(sent)]))
    done.set()
    killer.join()

    assert killed
    assert not columns.rejects
    assert [one.value for one in readings_of(columns)] == [float(payload[0]) for payload in sent]


def test_sandbox_process_that_is_stopped_is_given_up() -> None:
    """One that neither answers nor ends is killed at the deadline, and another does the work."""
    sandbox = Sandbox(patient())
    decode = codec(sandbox, GOOD)
    decode(frames("01"))
    stopped = sandbox.pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    columns = decode(frames("02"))

    assert [one.value for one in readings_of(columns)] == [2.0]
    assert sandbox.pid != stopped
    assert not psutil.pid_exists(stopped)
    sandbox.close()


def test_sandbox_process_that_does_not_start_refuses_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the engine, say, no frame is lost: all go to quarantine with the reason."""
    monkeypatch.setattr("devices.javascript_process._COMMAND", ("false",))
    sandbox = Sandbox()
    columns = codec(sandbox, GOOD)(frames("01", "02"))

    assert [reject.message for reject in columns.rejects] == [0, 1]
    assert {reject.reason for reject in columns.rejects} == {Reason.CODEC_FAILED}
    assert columns.rejects[0].detail == (
        "the script cannot run: the process for it does not start: ended the process that runs it (status 1)"
    )
    assert sandbox.pid is None
    sandbox.close()


def test_sandbox_script_that_wastes_time_is_suspended_and_comes_back() -> None:
    """Its frames are refused at once, other scripts go on; after a minute it has another try."""
    now = 0.0
    sandbox = Sandbox(Accounts(clock=lambda: now))
    bad = codec(sandbox, hostile("while (true);"), key="bad")
    columns = bad(frames_of([(i, "dev", 1, b"\x01", 1) for i in range(1000)]))
    details = [reject.detail for reject in columns.rejects]

    assert len(details) == 1000
    assert details[0] == "the script took more than 50 ms of processor time"
    assert details[-1] == "the script takes too much time, so it is suspended for 60 s; replay later"
    assert sum("took" in detail for detail in details) < 20
    assert len(codec(sandbox, GOOD, key="good")(frames("01"))) == 1
    assert len(bad(frames("01", port=2))) == 0
    now = 61.0
    assert len(bad(frames("01", port=2))) == 1
    sandbox.close()


def test_sandbox_script_whose_outputs_cost_much_is_suspended() -> None:
    """Time that ingest itself spends on what a script returns is on the script's account too, and so bounds its readings."""
    sandbox = Sandbox(Accounts(clock=lambda: 0.0))
    outcomes = sandbox.run("wordy", GOOD, [frame()] * 100_000)
    handled: list[Outcome] = []

    def handle_all() -> None:
        for outcome in outcomes:
            handled.append(outcome)
            until = time.thread_time() + 0.003
            while time.thread_time() < until:
                pass

    with pytest.raises(SuspendedError):
        handle_all()

    assert len(handled) == MOST_FRAMES
    sandbox.close()


def test_sandbox_slow_script_decodes_as_long_as_it_owes_little() -> None:
    """A frame may take a quarter of a millisecond for ever; one that takes longer now and then is let off."""
    sandbox = Sandbox(Accounts(clock=lambda: 0.0))
    script = "function decodeUplink(input) { for (var i = 0; i < input.bytes[0] * 1000; i++); return {data: {ok: 1}}; }"

    assert len(codec(sandbox, script)(frames(*["05"] * 500, *["ff"] * 10, *["05"] * 500))) == 1010
    sandbox.close()


def test_sandbox_close_ends_the_process_and_a_later_frame_starts_another() -> None:
    """Nothing is left behind."""
    sandbox = Sandbox()
    decode = codec(sandbox, GOOD)
    decode(frames("01"))
    first = sandbox.pid
    assert first is not None
    sandbox.close()
    sandbox.close()

    assert not psutil.pid_exists(first)
    assert len(decode(frames("01"))) == 1
    assert sandbox.pid not in {None, first}
    sandbox.close()
