"""Fault lines: on which line of a definition or script the thing stands that an error message names; pure."""

from __future__ import annotations

import re

_AT_LINE = re.compile(r"at line (\d+), column")
_IN_SCRIPT = re.compile(r"<input>:(\d+)")
_ENTRY = re.compile(r"(\w+) (\d+)(?: \([^)]*\))?(?:\.(\w+))?(?=[.:])")
_KEY = re.compile(r"([\w.-]+): ")


def line_of(text: str, fault: str) -> int | None:
    """Find the line that an error message is about.

    Parameters
    ----------
    text
        The definition (TOML) or the script (JavaScript).
    fault
        What `devices.codecs.fault_of` says of it.

    Returns
    -------
    int or None
        From 1; None where the message names no place, or one that is not there.
    """
    lines = text.splitlines()
    if found := _AT_LINE.search(fault) or _IN_SCRIPT.search(fault):
        return min(int(found[1]), max(1, len(lines)))
    if "at end of document" in fault:
        return max(1, len(lines))
    if found := _ENTRY.match(fault):
        return _line_of_entry(lines, found[1], int(found[2]), found[3])
    return _line_of_path(lines, found[1].split(".")) if (found := _KEY.match(fault)) else None


def _line_of_entry(lines: list[str], name: str, number: int, key: str | None) -> int | None:
    """Find the n-th `[[name]]`, and in it the line of a key where there is one."""
    headers = [at for at, line in enumerate(lines, 1) if line.strip().startswith(f"[[{name}]]")]
    if number > len(headers):
        return None
    start = headers[number - 1]
    return _line_of_key(lines, key, start) or start if key else start


def _line_of_path(lines: list[str], path: list[str]) -> int | None:
    """Find the line of `table.key`: within `[table]`, or by its first part alone."""
    headers = (at for at, line in enumerate(lines, 1) if line.strip().strip("[]").strip() == path[0] and "[" in line)
    start = next(headers, None)
    if start is None:
        return _line_of_key(lines, path[0], 0)
    return (_line_of_key(lines, path[1], start) if len(path) > 1 else None) or start


def _line_of_key(lines: list[str], key: str, after: int) -> int | None:
    """Find the line that sets a key, behind a line and before the next table."""
    pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    for at, line in enumerate(lines[after:], after + 1):
        if line.lstrip().startswith("["):
            return None
        if pattern.match(line):
            return at
    return None
