"""What programs use is counted with all that they start."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from hedgerow.bench.usage import cpu_s, memory_mib, memory_watched

_BUSY = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"
_PARENT = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {child!r}])
print("done", flush=True)
sys.stdin.read()
"""


def test_cpu_of_a_process_counts_children_that_have_ended() -> None:
    """A server's short-lived processes are part of what it took."""
    program = _PARENT.format(child=_BUSY.format(seconds=0.3))
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        used = cpu_s(process.pid)
        assert memory_mib(process.pid) > 1
        assert memory_mib(process.pid, "VmHWM") >= memory_mib(process.pid)
        process.communicate(b"")

    assert used is not None
    assert used >= 0.3
    assert cpu_s(process.pid) is None
    assert memory_mib(process.pid) == 0.0


def test_cpu_of_no_process_is_unknown() -> None:
    """A server on another machine has no figures rather than zeros."""
    assert cpu_s(None) is None


def test_memory_watched_samples_all_along() -> None:
    """The list grows while the block runs."""
    with memory_watched(os.getpid) as samples:
        time.sleep(0.5)

    assert len(samples) >= 2
    assert all(sample.mib > 1 for sample in samples)
