"""Formats: takes messages of any format, gives columns of readings and what was refused; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devices import flat, network_server, senml_columns, senml_plain
from devices.cbor import is_cbor
from devices.codecs import Codecs
from devices.columns import Columns, Messages, Reject, Rows, TooManyRefused, concatenate
from devices.frames import frames_of
from devices.reasons import EXPLANATIONS, Reason
from devices.registry import EMPTY_REGISTRY
from devices.senml import is_pack, parse_any
from devices.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.chirpstack import Encoding
    from devices.registry import Profile, Registry

MOST_PAYLOAD_BYTES = 2**20
_BLANKS = b" \t\r\n"
_JSON_BEGINS = (b'{"', b"[{")
_JSON_ENDS = (b"}", b"]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has."""


def decode_messages(
    messages: Messages, registry: Registry = EMPTY_REGISTRY, codecs: Codecs | None = None, chirpstack: Encoding = "auto"
) -> Columns:
    """Decode messages, each format with as few calls as it allows.

    Nothing is raised for bad data: it stands among the result's rejects, the whole message as item 0.

    Parameters
    ----------
    messages
        In the order of their group.
    registry
        Tells the device profile of each device, and with it the codec of payloads that do not explain themselves.
    codecs
        Codecs made before, to be used again.
    chirpstack
        What ChirpStack sends: JSON, protobuf, or either.
    """
    if max(map(len, messages.payloads)) > MOST_PAYLOAD_BYTES:
        return _decode_carefully(messages, range(len(messages.payloads)), registry, codecs or Codecs(), chirpstack)
    plain, others = senml_plain.decode(messages)
    if plain is None:
        return _decode_carefully(messages, others, registry, codecs or Codecs(), chirpstack)
    if not others:
        return plain
    return concatenate([plain, _decode_carefully(messages, others, registry, codecs or Codecs(), chirpstack)]).in_order()


def _decode_carefully(
    messages: Messages, positions: Sequence[int], registry: Registry, codecs: Codecs, chirpstack: Encoding
) -> Columns:
    """Decode messages that are not plain SenML: tell the formats apart, refuse what has none."""
    rejects: list[Reject] = []
    texts: list[int] = []
    uplinks: list[int] = []
    frames: list[tuple[int, str, int, bytes, int]] = []
    for i in positions:
        source, payload = messages.sources[i], messages.payloads[i]
        profile = registry.profile(source.uid)
        reason = source.reason or _refusal(payload, profile)
        if reason is not None:
            rejects.append(Reject(i, reason, EXPLANATIONS[reason]))
        elif source.kind in network_server.KINDS:
            uplinks.append(i)
        elif source.kind is Kind.DEVICE and _is_frame(payload, profile):
            frames.append((i, source.uid, 0, payload, int(messages.received_us[i])))
        else:
            texts.append(i)
    columns = concatenate(
        [
            decode_self_explaining(messages.take(texts)),
            network_server.decode(messages.take(uplinks), registry, codecs, chirpstack),
            codecs.decode(frames_of(frames), registry),
        ]
    ).in_order()
    columns.rejects.extend(rejects)
    return columns


def decode_self_explaining(messages: Messages) -> Columns:
    """Decode SenML packs and flat objects, in JSON or CBOR, each parsed once; a bad message or value costs only itself."""
    rows = Rows()
    for index, payload, source, received_us in zip(
        messages.index.tolist(), messages.payloads, messages.sources, messages.received_us.tolist(), strict=True
    ):
        parsed = parse_any(payload)
        try:
            if isinstance(parsed, tuple):
                rows.rejects.append(Reject(index, *parsed))
            elif isinstance(parsed, list) and is_pack(parsed):
                senml_columns.decode(rows, index, source, received_us, parsed)
            else:
                flat.decode(rows, index, source.uid, received_us, parsed)
        except TooManyRefused:
            rows.refuse_whole(index)
    return rows.columns()


def _has_codec(profile: Profile | None) -> bool:
    return profile is not None and profile.codec != "auto"


def _refusal(payload: bytes, profile: Profile | None) -> Reason | None:
    if not payload or not (_has_codec(profile) or payload.strip(_BLANKS)):  # 0x20 may be a frame: 32 of something
        return Reason.PAYLOAD_EMPTY
    return Reason.PAYLOAD_TOO_LARGE if len(payload) > MOST_PAYLOAD_BYTES else None


def _is_frame(payload: bytes, profile: Profile | None) -> bool:
    """Tell a frame, which needs a codec, from what explains itself.

    All that a device with a codec sends is a frame, but for JSON: readings that were refused come back from quarantine as that.
    Of any other device it is what is neither text nor CBOR: nobody can say yet that it is broken, so it is not refused whole,
    and held if its device is not registered. That goes for CBOR too that is none: many frames begin like it.
    """
    text = payload.strip(_BLANKS)
    if text[:2] in _JSON_BEGINS and text[-1:] in _JSON_ENDS:
        return False
    if _has_codec(profile):
        return True
    if is_cbor(payload):
        return profile is None and isinstance(parse_any(payload), tuple)
    return text[:2] not in _JSON_BEGINS and (_CONTROL.search(payload) is not None or not _is_utf8(payload))


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
