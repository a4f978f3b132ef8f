"""Codecs: what turns the frames of a device profile into readings; each is made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from devices.cayenne_lpp import CayenneLpp
from devices.columns import Columns, Reject, Rows, concatenate
from devices.javascript import JavaScriptCodec, check_script
from devices.javascript_sandbox import Sandbox
from devices.layout_columns import LayoutCodec
from devices.mapping import parse_mapping
from devices.reasons import EXPLANATIONS, Reason
from devices.registry import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devices.frames import Frames
    from devices.registry import Profile, Registry


Codec: TypeAlias = "Callable[[Frames], Columns]"

_MAKERS: dict[str, Callable[[Profile, Sandbox], Codec]] = {
    "cayenne_lpp": lambda profile, _: CayenneLpp(profile.definition),
    "layout": lambda profile, _: LayoutCodec(profile.definition),
    "javascript": JavaScriptCodec,
}
"""What makes the codec of a profile, by the codec's name; raises ValueError, naming the place, where it cannot."""


_DEFINITIONS: dict[str, Callable[[str], object]] = {
    "auto": parse_mapping,
    "cayenne_lpp": CayenneLpp,
    "layout": LayoutCodec,
    "javascript": parse_mapping,
}
"""What reads the definition of a profile, by the codec's name; raises ValueError as the makers do."""

CODECS = tuple(_DEFINITIONS)
"""Names of all codecs; `auto` is none: its messages explain themselves."""


def fault_of(profile: Profile) -> tuple[str, str] | None:
    """Tell which part of a profile cannot be used, `definition` or `script`, and what is wrong and where; None: nothing is.

    A script is loaded in a process of its own: this may take a second.
    """
    try:
        _DEFINITIONS[profile.codec](profile.definition)
    except ValueError as error:
        return "definition", str(error)
    if profile.codec == "javascript" and (wrong := check_script(profile.script)):
        return "script", wrong
    return None


class Codecs:
    """The codecs of all device profiles. Not thread-safe."""

    def __init__(self) -> None:
        self._made: dict[Profile, Codec] = {}
        self._sandbox = Sandbox()  # starts nothing before a script is run

    def decode(self, frames: Frames, registry: Registry) -> Columns:
        """Decode frames, those of one device profile together.

        A frame that cannot be read gives a reject of its first reading: of an unregistered device it is held, and what else
        its message says is stored. A codec that cannot be made refuses its frames, and nobody else's.
        """
        parts = [self._decode(profile, part, registry) for profile, part in _by_profile(frames, registry)]
        return parts[0] if len(parts) == 1 else concatenate(parts).in_order()

    def _decode(self, profile: Profile | None, frames: Frames, registry: Registry) -> Columns:
        if profile is None or profile.codec not in _MAKERS:
            return _refused(frames, Reason.CODEC_MISSING, EXPLANATIONS[Reason.CODEC_MISSING])
        if profile not in self._made:
            self._forget(registry)
            self._made[profile] = _made(profile, self._sandbox)
        return self._made[profile](frames)

    def _forget(self, registry: Registry) -> None:
        """Let go of codecs that no profile has any more."""
        present = set(registry.profiles)
        self._made = {profile: codec for profile, codec in self._made.items() if profile in present}

    def close(self) -> None:
        """Let go of what codecs hold on to; those used again take hold of it again."""
        self._sandbox.close()


def _by_profile(frames: Frames, registry: Registry) -> Iterator[tuple[Profile | None, Frames]]:
    """Part frames by the profile of their devices."""
    which = np.append(registry.device_profile, NONE)[registry.devices(frames.uids)]  # an unregistered one's is the last: none
    if len(frames) and (which == which[0]).all():
        yield _profile(registry, which[0]), frames
        return
    for index in np.unique(which).tolist():
        yield _profile(registry, index), frames.take(np.flatnonzero(which == index).tolist())


def _profile(registry: Registry, index: int) -> Profile | None:
    return None if index == NONE else registry.profiles[index]


def _made(profile: Profile, sandbox: Sandbox) -> Codec:
    try:
        return _MAKERS[profile.codec](profile, sandbox)
    except ValueError as error:
        detail = f"device profile {profile.key}: {error}"
        return lambda frames: _refused(frames, Reason.CODEC_BROKEN, detail)


def _refused(frames: Frames, reason: Reason, detail: str) -> Columns:
    return Rows([Reject(message, reason, detail, item=1) for message in frames.message.tolist()]).columns()
