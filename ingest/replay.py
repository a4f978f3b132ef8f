"""Replay: takes messages that were ingested before, gives what some devices said in them as the path reads it now; pure."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from devices.columns import Reject, Rows
from devices.reasons import Reason
from devices.topics import Kind
from ingest.decode import decode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from devices.codecs import Codecs
    from devices.columns import Columns
    from devices.registry import Registry
    from ingest.message import Group
    from ingest.portions import Portion

log = logging.getLogger(__name__)


def decode_again(
    portion: Portion, uids: Collection[str] | None, registry: Registry, codecs: Codecs
) -> Iterator[tuple[Portion, Group, Columns]]:
    """Decode messages and keep what is of the devices named; None: of every device.

    A message on which we fail ourselves is refused alone, for the store must get all others: then the portion comes in pieces.
    """
    group = portion.group()
    try:
        columns = decode(group, registry, codecs)
    except Exception as error:
        if len(portion.kept) > 1:
            for half in portion.halves():
                yield from decode_again(half, uids, registry, codecs)
            return
        log.exception("a message could not be decoded again")
        columns = Rows([Reject(0, Reason.NOT_PROCESSED, repr(error))]).columns()
    yield portion, group, columns if uids is None else of_devices(columns, group, uids)


def of_devices(columns: Columns, group: Group, uids: Collection[str]) -> Columns:
    """Leave out readings of other devices, and rejects of messages that are of another device or of many."""
    rejects = [reject for reject in columns.rejects if _owner(columns, group, reject.message) in uids]
    wanted = np.array([uid in uids for uid in columns.uids], bool)
    kept = columns if wanted.all() else columns.take(wanted[columns.device])
    return replace(kept, rejects=rejects)


def _owner(columns: Columns, group: Group, message: int) -> str:
    source = group.sources[message]
    return columns.owners.get(message, "" if source.kind is Kind.GATEWAY else source.uid)
