"""What scanned codes say: stickers, EUIs and links, read alike on the server and in the browser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devices.tr005 import ScanError, read_scan

_ROOT = Path(__file__).parents[3]
_ESBUILD = _ROOT / "web" / "node_modules" / ".bin" / "esbuild"
_EXAMPLES: list[dict[str, Any]] = json.loads((_ROOT / "tests" / "data" / "scan_texts.json").read_text(encoding="utf-8"))
_READ_ALL = """
import { readFileSync } from "node:fs";
const { readScan } = await import(process.argv[1]);
const texts = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map(readScan)));
"""


def answers_of(example: dict[str, Any]) -> dict[str, Any]:
    """Give what either reader should say of an example."""
    return example.get("says") or {"problem": example["problem"]}


def test_examples_cover_stickers_euis_links_and_refusals() -> None:
    """The shared table is no empty promise."""
    assert len(_EXAMPLES) >= 40
    assert sum("problem" in example for example in _EXAMPLES) >= 15


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda example: example["text"][:40])
def test_scan_of_the_shared_table_says_what_stands_there(example: dict[str, Any]) -> None:
    """Every code of the table is read, or refused, as the table says."""
    try:
        said: dict[str, Any] = read_scan(example["text"])._asdict()
    except ScanError as error:
        said = {"problem": str(error)}

    assert said == answers_of(example)


def test_scan_in_the_browser_says_the_same(tmp_path: Path) -> None:
    """The console's own reader, which works without a signal, agrees with the server's on every code."""
    if not _ESBUILD.exists():
        missing = "the console's tools are not there: run 'npm ci' in web/"
        if "chromium" in os.environ.get("HEDGEROW_TEST_REQUIRE", ""):
            pytest.fail(missing)
        pytest.skip(missing)
    module = tmp_path / "scan_text.mjs"
    source = _ROOT / "web" / "src" / "scan_text.ts"
    subprocess.run([_ESBUILD, source, "--format=esm", f"--outfile={module}", "--log-level=error"], check=True, timeout=60)

    done = subprocess.run(
        ["node", "--input-type=module", "--eval", _READ_ALL, module],
        input=json.dumps([example["text"] for example in _EXAMPLES]),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stderr == ""
    assert json.loads(done.stdout) == [answers_of(example) for example in _EXAMPLES]
