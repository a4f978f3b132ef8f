"""Digest: the number a message is known by, wherever it is met again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def digest_of(topic: str, payload: bytes) -> int:
    """Hash a topic and a payload to a signed 64-bit number."""
    unsigned = xxhash.xxh3_64_intdigest(payload, xxhash.xxh3_64_intdigest(topic.encode()))
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned


def digests_of(topics: Sequence[bytes], payloads: Sequence[bytes]) -> NDArray[np.int64]:
    """Hash many messages at once, topics in UTF-8; shape (len(payloads),)."""
    hashes = map(xxhash.xxh3_64_intdigest, payloads, map(xxhash.xxh3_64_intdigest, topics))
    return np.fromiter(hashes, np.uint64, len(payloads)).view(np.int64)
