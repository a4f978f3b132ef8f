"""Tests of what pages load of the built scripts: the right files, and not too much of them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from api.pages.built import FOLDER, find_built

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 350_000  # bytes of JavaScript, gzipped, of the whole console
_MOST_OF_REGISTER = 120_000


def test_find_built_follows_imports_and_tells_what_comes_later(tmp_path: Path) -> None:
    """A page gets its own styles and those of what its script imports; what is loaded later is told apart."""
    manifest = {
        "src/register.ts": {
            "file": "assets/register-1.js",
            "isEntry": True,
            "imports": ["_frame-2.js"],
            "dynamicImports": ["scan"],
        },
        "_frame-2.js": {"file": "assets/frame-2.js", "css": ["assets/frame-3.css"]},
        "scan": {"file": "assets/scan-4.js", "imports": ["_frame-2.js"], "css": ["assets/scan-5.css"]},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    built = find_built(tmp_path)

    assert built is not None
    assert list(built) == ["register"]
    assert built["register"].script == "/static/assets/register-1.js"
    assert built["register"].styles == ("/static/assets/frame-3.css",)
    assert set(built["register"].later) == {
        "/static/assets/frame-2.js",
        "/static/assets/scan-4.js",
        "/static/assets/scan-5.css",
    }


def test_find_built_before_the_build_gives_nothing(tmp_path: Path) -> None:
    """Without npm there is nothing to load, and pages say so."""
    assert find_built(tmp_path) is None


def test_bundles_keep_within_their_budget(capsys: pytest.CaptureFixture[str]) -> None:
    """All JavaScript together, and all that the register page may ever load, stay small enough for one bar of signal."""
    built = find_built()
    if built is None:
        pytest.skip("the console is not built")
    worker = {FOLDER / "offline.js"}
    of_register = worker | {_file(address) for address in built["register"].all if address.endswith(".js")}
    everything = worker | {_file(address) for assets in built.values() for address in assets.all if address.endswith(".js")}
    sizes = {path: len(gzip.compress(path.read_bytes(), 9)) for path in everything}
    with capsys.disabled():
        print(f"\nJavaScript, gzipped: {sum(sizes.values()):,} bytes; register: {sum(sizes[path] for path in of_register):,}")

    assert len(of_register) > 3
    assert sum(sizes.values()) <= _MOST
    assert sum(sizes[path] for path in of_register) <= _MOST_OF_REGISTER


def _file(address: str) -> Path:
    return FOLDER / address.removeprefix("/static/")
