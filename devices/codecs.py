"""Codecs: what turns the frames of a device profile into readings; each is made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from devices.columns import Columns, Reject, Rows, concatenate
from devices.reasons import EXPLANATIONS, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devices.frames import Frames
    from devices.registry import Profile, Registry


Codec: TypeAlias = "Callable[[Frames], Columns]"

_MAKERS: dict[str, Callable[[Profile], Codec]] = {}
"""What makes the codec of a profile, by the codec's name."""


class Codecs:
    """The codecs of all device profiles. Not thread-safe."""

    def __init__(self) -> None:
        self._made: dict[Profile, Codec] = {}

    def decode(self, frames: Frames, registry: Registry) -> Columns:
        """Decode frames, those of one device profile together.

        A frame without a codec gives a reject of its first reading: it is held until its device is registered.
        """
        by_profile: dict[Profile | None, list[int]] = {}
        for position, uid in enumerate(frames.uids):
            by_profile.setdefault(registry.profile(uid), []).append(position)
        return concatenate([self._decode(profile, frames.take(at)) for profile, at in by_profile.items()]).in_order()

    def _decode(self, profile: Profile | None, frames: Frames) -> Columns:
        if profile is None or profile.codec not in _MAKERS:
            return _without_codec(frames.message.tolist())
        if profile not in self._made:
            self._made[profile] = _MAKERS[profile.codec](profile)
        return self._made[profile](frames)

    def close(self) -> None:
        """Let go of what codecs hold on to."""


def _without_codec(messages: Sequence[int]) -> Columns:
    explanation = EXPLANATIONS[Reason.CODEC_MISSING]
    return Rows([Reject(message, Reason.CODEC_MISSING, explanation, item=1) for message in messages]).columns()
