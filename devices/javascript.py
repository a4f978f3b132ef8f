"""JavaScript codecs: `decodeUplink` of TS013, or one of the two older shapes, turns frames into readings.

TS013-1.0.0 is the LoRa Alliance's payload codec API. The older shapes are `Decoder(bytes, port)` of The Things Network 2 and
`Decode(fPort, bytes, variables)` of ChirpStack 3. What a script returns becomes readings by the profile's mapping.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from devices.columns import Columns, Reject, Rows
from devices.javascript_process import LostError
from devices.javascript_sandbox import BrokenScriptError, Sandbox, SuspendedError
from devices.javascript_wire import Frame, Request
from devices.mapping import parse_mapping
from devices.reasons import Reason

if TYPE_CHECKING:
    from devices.frames import Frames
    from devices.javascript_wire import Outcome
    from devices.registry import Profile

MOST_SCRIPT_CHARACTERS = 262_144

_MOST_DETAIL = 300


class _Result(msgspec.Struct):
    """What a script returns."""

    data: object = None
    errors: object = None
    warnings: object = None


_results = msgspec.json.Decoder(_Result)


class _FailedError(Exception):
    """A frame that its script could not decode, and why."""


class JavaScriptCodec:
    """Decodes the frames of one device profile by its script.

    Parameters
    ----------
    profile
        Its script, and the mapping in its definition.
    sandbox
        Where the script runs.

    Raises
    ------
    ValueError
        When the mapping is wrong, with its place, or the script is no text that can be run.
    """

    def __init__(self, profile: Profile, sandbox: Sandbox) -> None:
        if refusal := _refusal(profile.script):
            raise ValueError(refusal)
        self._script = profile.script
        self._name = f"{profile.key} {blake2b(profile.script.encode(), digest_size=8).hexdigest()}"
        self._mapping = parse_mapping(profile.definition)
        self._sandbox = sandbox

    def __call__(self, frames: Frames) -> Columns:
        """Decode frames; each that fails is refused by itself, and so are all of a script that cannot be used."""
        rows = Rows()
        messages, times_us = frames.message.tolist(), frames.time_us.tolist()
        inputs = list(map(Frame, frames.payloads, frames.ports.tolist(), (frames.time_us / 1000).tolist()))
        done = 0
        try:
            for outcome in self._sandbox.run(self._name, self._script, inputs):
                try:
                    self._mapping.apply(rows, messages[done], frames.uids[done], times_us[done], _data(outcome))
                except _FailedError as error:
                    _refuse(rows, messages[done : done + 1], Reason.CODEC_FAILED, str(error))
                done += 1
        except BrokenScriptError as error:
            _refuse(rows, messages[done:], Reason.CODEC_BROKEN, str(error))
        except (SuspendedError, LostError) as error:
            _refuse(rows, messages[done:], Reason.CODEC_FAILED, f"the script {error}")
        return rows.columns()


def check_script(script: str) -> str | None:
    """Tell what is wrong with a script, by loading it in a sandbox of its own; None where nothing is."""
    if refusal := _refusal(script):
        return refusal
    sandbox = Sandbox()
    try:
        sandbox.ask(Request("check", script, []))
    except BrokenScriptError as error:
        return str(error)
    except LostError as error:
        return f"the script {error}"
    finally:
        sandbox.close()
    return None


def _refusal(script: str) -> str | None:
    if len(script) > MOST_SCRIPT_CHARACTERS:
        return f"the script is longer than {MOST_SCRIPT_CHARACTERS:,} characters"
    try:
        script.encode()
    except UnicodeEncodeError:
        return "the script is no valid Unicode text"
    return None


def _data(outcome: Outcome) -> object:
    """Give what a script says it has read.

    Raises
    ------
    _FailedError
        When it says it has failed, or what it returned is not what TS013 asks for.
    """
    if outcome.error:
        raise _FailedError(outcome.error)
    try:
        result = _results.decode(outcome.output)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise _FailedError(f"what the script returned cannot be read: {error}") from error
    if result.errors:
        raise _FailedError(f"the script reports: {_told(result.errors)}")
    if not isinstance(result.data, dict | list):
        warnings = f"; it warns: {_told(result.warnings)}" if result.warnings else ""
        raise _FailedError(f"the script returned no data{warnings}")
    return result.data


def _told(texts: object) -> str:
    return "; ".join(map(str, texts)) if isinstance(texts, list) else str(texts)


def _refuse(rows: Rows, messages: list[int], reason: Reason, detail: str) -> None:
    printable = "".join(c if c.isprintable() else " " for c in detail[:_MOST_DETAIL])
    rows.rejects.extend(Reject(message, reason, printable, item=1) for message in messages)
