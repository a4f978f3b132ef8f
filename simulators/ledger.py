"""The ledger: one file that says of every message what was in it, when it was sent and when it was acknowledged.

One JSON array a line, only ever added to. What a message holds is on disk before it is published, so that whatever the database
holds later is in the ledger, even if the simulator is killed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

import msgspec

from devices.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from simulators.message import Message

VERSION = 1
_CHUNK_BYTES = 4 * 2**20
_LONGEST_LINE_BYTES = 64 * 2**20


class LedgerError(Exception):
    """A file that is no ledger, or one that must not be written to."""


class Opened(msgspec.Struct, array_like=True, tag="ledger"):
    """First line of a ledger."""

    version: int
    opened_us: int
    what: str
    """What was started, in words."""


class Sent(msgspec.Struct, array_like=True, tag="sent"):
    """A message about to be published for the first time; fields as in `Message`."""

    sequence: int
    uid: str
    topic: str
    digest: int
    """Hash of topic and payload, as quarantine and held have it."""
    sent_us: int
    readings: list[tuple[str, int, float]]
    """Metric, time [µs since 1970], value [the metric's own unit]."""
    fault: str
    clock: bool
    reason: str
    refused: int


class Again(msgspec.Struct, array_like=True, tag="again"):
    """A message about to be published once more, because the connection was lost before it was acknowledged."""

    sequence: int
    sent_us: int


class Acknowledged(msgspec.Struct, array_like=True, tag="acknowledged"):
    """A message the broker has taken over."""

    sequence: int
    acknowledged_us: int


Entry = Opened | Sent | Again | Acknowledged

_decoder = msgspec.json.Decoder(Entry)
_encoder = msgspec.json.Encoder()


class Ledger:
    """A ledger being written; lines are collected and go to the file whole, by `flush`.

    Parameters
    ----------
    path
        A new file.
    opened_us
        Now [µs since 1970].
    what
        What was started, in words.
    """

    def __init__(self, path: Path, opened_us: int, what: str) -> None:
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except FileExistsError as error:
            raise LedgerError(f"{path} is there already; a ledger is never written over: give another name") from error
        self._lines: list[Entry] = [Opened(VERSION, opened_us, what)]
        self._next = 1
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def send(self, messages: Sequence[Message], now_us: int) -> range:
        """Note messages about to be published; they are in the file when this returns. Gives their sequence numbers."""
        numbers = range(self._next, self._next + len(messages))
        self._next = numbers.stop
        self._lines += [_sent(number, message, now_us) for number, message in zip(numbers, messages, strict=True)]
        self.flush()
        return numbers

    def send_again(self, sequence: int, now_us: int) -> None:
        """Note a message about to be published once more; it is in the file when this returns."""
        self._lines.append(Again(sequence, now_us))
        self.flush()

    def acknowledge(self, sequence: int, now_us: int) -> None:
        """Note that the broker has taken a message over; in the file with the next flush."""
        self._lines.append(Acknowledged(sequence, now_us))

    def flush(self) -> None:
        """Give all lines to the operating system: from here on they outlive this process."""
        left = memoryview(_encoder.encode_lines(self._lines))
        self._lines.clear()
        while left:
            left = left[os.write(self._file, left) :]

    def close(self) -> None:
        """Write what is left and close the file."""
        self.flush()
        os.close(self._file)
        self._file = -1  # never again: its number may soon be another file's


class NoLedger:
    """Stands for a ledger where none is wanted, in demonstrations that run for ever: nothing is kept."""

    def send(self, messages: Sequence[Message], now_us: int) -> range:  # noqa: ARG002
        """Give numbers without a meaning."""
        return range(len(messages))

    def send_again(self, sequence: int, now_us: int) -> None:
        """Forget it."""

    def acknowledge(self, sequence: int, now_us: int) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Do nothing: nothing was kept."""

    def close(self) -> None:
        """Do nothing: nothing was kept."""


def _sent(number: int, message: Message, now_us: int) -> Sent:
    return Sent(
        sequence=number,
        uid=message.uid,
        topic=message.topic,
        digest=digest_of(message.topic, message.payload),
        sent_us=now_us,
        readings=[tuple(reading) for reading in message.readings],  # type: ignore[misc]  # a Reading has three
        fault=message.fault,
        clock=message.clock,
        reason=message.reason,
        refused=message.refused,
    )


def read_ledger(path: Path, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[list[Entry]]:
    """Read a ledger in pieces, whatever its size.

    A last line that was cut off, because the simulator was killed while it wrote, is left out: its message was not published.

    Raises
    ------
    LedgerError
        When a whole line cannot be read.
    """
    position, rest = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(chunk_bytes):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            if not newline and len(rest) > _LONGEST_LINE_BYTES:
                break
            if newline:
                entries = _decoded(whole, path, position)
                if position == 0:
                    _refuse_stranger(entries, path)
                position += len(whole) + 1
                yield entries
    if position == 0:
        raise LedgerError(f"{path} is no ledger of the simulators")


def _decoded(lines: bytes, path: Path, position: int) -> list[Entry]:
    try:
        return _decoder.decode_lines(lines)
    except msgspec.MsgspecError as error:
        raise LedgerError(f"{path} cannot be read behind byte {position}: {error}") from error


def _refuse_stranger(entries: Sequence[Entry], path: Path) -> None:
    first = entries[0]
    if not isinstance(first, Opened) or first.version != VERSION:
        raise LedgerError(f"{path} is no ledger that this version of the simulators reads")
