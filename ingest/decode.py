"""Decode: takes a group of messages, gives columns of readings and what was refused; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devices.columns import Messages
from devices.formats import decode_messages
from devices.registry import EMPTY_REGISTRY

if TYPE_CHECKING:
    from devices.chirpstack import Encoding
    from devices.codecs import Codecs
    from devices.columns import Columns
    from devices.registry import Registry
    from ingest.message import Group


def decode(
    group: Group, registry: Registry = EMPTY_REGISTRY, codecs: Codecs | None = None, chirpstack: Encoding = "auto"
) -> Columns:
    """Decode a group; what the parameters mean is said of `devices.formats.decode_messages`."""
    messages = Messages(np.arange(len(group), dtype=np.int32), group.payloads, group.sources, group.received_us)
    return decode_messages(messages, registry, codecs, chirpstack)
