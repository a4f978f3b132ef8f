"""Events of the watch: what became of devices and gateways, as a kind, a level and a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from api.pages.words import duration_text
from devices.silence import NEW, WORDS, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from api.silence.facts import Facts
    from devices.gateway_silence import Gateway

KINDS = ("first_message", "silent", "offline", "back")
"""Every kind of event that the watch tells."""

_ALARMS = {State.STALE: ("silent", "WARNING"), State.OFFLINE: ("offline", "ERROR")}
_WEIGHT = {State.OK.word: 0, State.STALE.word: 1, State.OFFLINE.word: 2}


class Told(NamedTuple):
    """An event of a device or of a gateway."""

    device_id: int | None
    gateway: str | None
    kind: str
    level: Literal["INFO", "WARNING", "ERROR"]
    detail: str


def device_events(
    facts: Facts,
    silence_s: NDArray[np.float64],
    interval_s: NDArray[np.float64],
    state: NDArray[np.int8],
    suppressed_by: Sequence[str | None],
) -> tuple[list[str], list[Told]]:
    """Tell what has become of devices.

    Gives, for each device, what was told of it last (ok, stale or offline), and the new events. Lateness is no event; the
    silence of a device is none where its gateway explains it.
    """
    told, events = list(facts.told), []
    before = facts.before
    is_quiet = (state == before) & np.array([last == WORDS[code] for last, code in zip(told, state.tolist(), strict=True)])
    for row in np.flatnonzero(~is_quiet).tolist():
        now = State(int(state[row]))
        if event := _event(facts, row, now, State(int(before[row])) if before[row] != NEW else None, suppressed_by[row]):
            text = _sentence(event[0], float(silence_s[row]), float(interval_s[row]), float(facts.loss[row]))
            events.append(Told(int(facts.device_id[row]), suppressed_by[row], *event, text))
        told[row] = _told(told[row], now, suppressed_by[row])
    return told, events


def gateway_event(name: str, gateway: Gateway) -> Told:
    """Tell that a gateway fell silent, or is back."""
    if gateway.is_silent:
        text = (
            f"Gateway {name} is silent: {gateway.devices_late} of the {gateway.devices} devices that only it hears are late at"
            " once. See to the gateway first: its power, its connection."
        )
        return Told(None, name, "silent", "ERROR", text)
    return Told(None, name, "back", "INFO", f"Gateway {name} brings messages again.")


def _event(
    facts: Facts, row: int, now: State, before: State | None, suppressed_by: str | None
) -> tuple[str, Literal["INFO", "WARNING", "ERROR"]] | None:
    told = facts.told[row]
    if now in _ALARMS and suppressed_by is None and _WEIGHT[now.word] > _WEIGHT[told]:
        return _ALARMS[now]  # type: ignore[return-value]  # one of the levels
    if now is State.OK and told != State.OK.word:
        return "back", "INFO"
    if now is State.OK and before is State.WAITING:
        return "first_message", "INFO"
    return None


def _told(told: str, now: State, suppressed_by: str | None) -> str:
    """Give what counts as told from now on."""
    if now in _ALARMS:
        return told if suppressed_by is not None else now.word
    return told if now is State.LATE else State.OK.word


def _sentence(kind: str, silence_s: float, interval_s: float, loss: float) -> str:
    if kind == "first_message":
        return "The first message has come."
    if kind == "back":
        return "Messages come again."
    lost = f", and {round(100 * loss)} of 100 are lost on the way" if loss > 0 else ""
    return f"Nothing for {duration_text(silence_s)}. A message is expected every {duration_text(interval_s)}{lost}."
