"""Codecs: what turns the frames of a device profile into readings; each is made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from devices.cayenne_lpp import CayenneLpp
from devices.columns import Columns, Reject, Rows, concatenate
from devices.javascript import JavaScriptCodec
from devices.javascript_sandbox import Sandbox
from devices.layout_columns import LayoutCodec
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


def make_codec(profile: Profile) -> Codec | None:
    """Make the codec of a profile; None where its messages explain themselves.

    Raises
    ------
    ValueError
        When its definition or script cannot be used; the text names the place.
    """
    return _MAKERS[profile.codec](profile, Sandbox()) if profile.codec in _MAKERS else None


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
