"""Words for figures that commands print: counts with their noun, sizes in the unit that fits."""

from __future__ import annotations


def count_text(count: int, noun: str) -> str:
    """Say how many: `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size_text(size: float) -> str:
    """Say a size [bytes] in the unit that fits: `8 kB`, `1.5 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
