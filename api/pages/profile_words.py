"""Device profiles in words: what a codec is called, which metrics a profile gives, what changed between two versions; pure."""

from __future__ import annotations

import difflib
import tomllib
from typing import TYPE_CHECKING, NamedTuple

from devices.shipped_profiles import ShippedProfile, load_shipped_profiles, shipped_digests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from api.profile_schemas import Profile, ProfileVersion

CODECS = {
    "auto": "None: messages explain themselves",
    "cayenne_lpp": "Cayenne LPP",
    "layout": "Binary layout",
    "javascript": "JavaScript",
}
"""By name, in the order of a choice."""

ACCURACY = {"": "Not said", "reference": "Reference", "indicative": "Indicative"}

_MOST_DIFF_LINES = 400
_KINDS = {"+": "added", "-": "removed", "@": "place"}


class DiffLine(NamedTuple):
    """One line of a comparison, its sign in front."""

    kind: str
    """added, removed, place, or empty: the same in both."""
    text: str


class Step(NamedTuple):
    """A version, and what changed from it to the next."""

    version: ProfileVersion
    changes: Sequence[DiffLine]
    """From the version before; empty for the first."""


def metrics_of(definition: str, known: Collection[str]) -> list[str]:
    """List the metrics that a definition names, each once; of one that is no TOML none."""
    try:
        table = tomllib.loads(definition)
    except tomllib.TOMLDecodeError:
        return []
    return list(dict.fromkeys(text for text in _texts(table) if text in known))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def steps_of(versions: Sequence[ProfileVersion]) -> list[Step]:
    """Pair each version, newest first, with what it changed in the one before it."""
    before: list[ProfileVersion | None] = [*versions[1:], None]
    return [Step(new, diff_of(old, new) if old else []) for new, old in zip(versions, before, strict=True)]


def diff_of(old: ProfileVersion, new: ProfileVersion) -> list[DiffLine]:
    """Compare two versions line by line, with two lines round each change."""
    lines: list[DiffLine] = []
    if old.codec != new.codec:
        lines += [DiffLine("removed", f"-codec: {CODECS[old.codec]}"), DiffLine("added", f"+codec: {CODECS[new.codec]}")]
    for name in ("definition", "script"):
        was, is_now = getattr(old, name).splitlines(), getattr(new, name).splitlines()
        found = list(difflib.unified_diff(was, is_now, lineterm="", n=2))[2:]  # without the names of two files
        if found:
            lines += [DiffLine("place", name.capitalize()), *(DiffLine(_KINDS.get(line[:1], ""), line) for line in found)]
    if len(lines) > _MOST_DIFF_LINES:
        more = len(lines) - _MOST_DIFF_LINES
        return [*lines[:_MOST_DIFF_LINES], DiffLine("place", f"… and {more:,} more lines")]
    return lines


def built_in(profile: Profile) -> str:
    """Say whether a profile came with Hedgerow: `shipped`, `changed` (and so never brought up to date), or empty."""
    if profile.key not in {one.key for one in load_shipped_profiles()}:
        return ""
    told = {name: getattr(profile, name) for name in ShippedProfile.__dataclass_fields__}
    return "shipped" if ShippedProfile(**told).digest in shipped_digests() else "changed"
