"""Trials: what a payload would become by a device profile, without storing anything."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.description import example
from api.schemas import Codec, Definition, Port, Script
from devices.codecs import Codecs
from devices.columns import Messages
from devices.doubts import believe_clocks, doubts
from devices.flags import DESCRIPTIONS, Flag
from devices.formats import decode_messages
from devices.frames import Frames
from devices.measures import is_text, measure, sent, sent_text, states_of
from devices.reasons import EXPLANATIONS, Reason
from devices.registry import NONE, Registry, build_registry
from devices.registry import Profile as CodecProfile
from devices.topics import SOURCES
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import AsyncConnection

    from devices.columns import Columns

_UID = "trial"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_CHARACTERS = 16_384
_MOST_LISTED = 1_000


class NewTrial(BaseModel):
    """A payload to be read, and optionally what to read it by instead of what the profile has."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(payload_hex="01755c0367340104686520", port=85))

    payload_hex: str | None = Field(None, max_length=_MOST_CHARACTERS, description="The payload in hex; blanks do not count")
    payload_base64: str | None = Field(None, max_length=_MOST_CHARACTERS, description="Or in base64")
    port: Port = 0
    codec: Codec | None = Field(None, description="Instead of the profile's, to try before it is stored")
    definition: Definition | None = Field(None, description="Instead of the profile's")
    script: Script | None = Field(None, description="Instead of the profile's")

    @model_validator(mode="after")
    def _payload_is_readable(self) -> Self:
        if (self.payload_hex is None) == (self.payload_base64 is None):
            raise ValueError("give payload_hex or payload_base64")
        _ = self.payload
        return self

    @property
    def payload(self) -> bytes:
        """The payload itself."""
        try:
            if self.payload_hex is not None:
                return bytes.fromhex(self.payload_hex)
            return b64decode(self.payload_base64 or "", validate=True)
        except (ValueError, Base64Error) as error:
            raise ValueError(f"the payload cannot be read: {error}") from error


class TrialReading(BaseModel):
    """A reading as it would be stored."""

    item: int = Field(description="Its place in the payload, from 1")
    device: str | None = Field(None, description="Uid of the device, where the message names it")
    metric: str = Field(description="Key of the metric")
    value: float = Field(description="In the unit; of a state its code")
    unit: str
    state: str | None = Field(description="Name of the state, where the codec named one")
    time: datetime = Field(description="As it would be stored")
    flags: int = Field(description="Bits: what is doubtful about it")
    doubts: list[str] = Field(description="The flags in words")


class TrialRefusal(BaseModel):
    """What would go to quarantine."""

    item: int = Field(description="Place of the reading in the payload, from 1; 0: the whole payload")
    reason: str = Field(description="Reason code")
    explanation: str
    detail: str = Field(description="Where and what exactly")


class Trial(BaseModel):
    """What a payload would become."""

    readings: list[TrialReading]
    refused: list[TrialRefusal]
    held: list[str] = Field([], description="Uids of devices that are not registered: their readings would be held")
    more: int = Field(0, description=f"Readings and refusals beyond {_MOST_LISTED:,} of each, which are not listed")


VOCABULARY = ("list_metrics", "list_metric_aliases", "list_metric_states", "list_metric_rules")
"""Queries of what `registry_for` needs to know of metrics."""

_REGISTERED = (*VOCABULARY, "list_profiles", "list_profile_rules", "list_devices", "list_deployments")


class Windows(BaseModel):
    """How far a device's own time is believed."""

    clock_back_s: int = 400 * 86_400
    clock_ahead_s: int = 600


def registry_for(profile: CodecProfile, vocabulary: Mapping[str, Sequence[Any]], windows: Windows | None = None) -> Registry:
    """Register one device of a profile; `vocabulary` has the rows of the queries of that name."""
    clock = windows or Windows()
    return build_registry(
        **vocabulary,
        list_profiles=[(1, *profile, clock.clock_back_s, clock.clock_ahead_s)],
        list_devices=[(1, _UID, 1)],
        list_deployments=[],
        list_series=[],
    )


async def read_vocabulary(connection: AsyncConnection) -> dict[str, Sequence[Any]]:
    """Read the vocabulary as the database has it."""
    return {name: await (await connection.execute(query(name))).fetchall() for name in VOCABULARY}


async def read_registered(connection: AsyncConnection) -> Registry:
    """Read what is registered, for a message to be tried as ingest would take it."""
    rows: dict[str, Any] = {name: await (await connection.execute(query(name))).fetchall() for name in _REGISTERED}
    return build_registry(**rows, list_series=[])


def try_payload(registry: Registry, payload: bytes, port: int, time: datetime) -> Trial:
    """Decode one payload by the registry's one profile. A script may take seconds: not for the event loop."""
    time_us = _microseconds(time)
    frames = Frames(np.zeros(1, np.int32), [_UID], np.array([port], np.int16), [payload], np.array([time_us], np.int64))
    codecs = Codecs()
    try:
        return _trial(codecs.decode(frames, registry), registry, time_us)
    finally:
        codecs.close()


def try_message(registry: Registry, topic: str, payload: bytes, received_at: datetime) -> Trial:
    """Take one message through decode, resolve and check as they are now. A script may take seconds: not for the event loop."""
    received_us = _microseconds(received_at)
    messages = Messages(np.zeros(1, np.int32), [payload], [SOURCES[topic.encode()]], np.array([received_us], np.int64))
    codecs = Codecs()
    try:
        return _trial(decode_messages(messages, registry, codecs), registry, received_us, is_message=True)
    finally:
        codecs.close()


def _trial(columns: Columns, registry: Registry, received_us: int, *, is_message: bool = False) -> Trial:
    """Judge decoded readings as ingest does.

    `is_message`: their devices are those of the registry and may be at no site, or not be registered.
    """
    refused = [_refusal(reject.item, reject.reason, reject.detail) for reject in columns.rejects]
    device = registry.devices(columns.uids)[columns.device]
    metric = registry.metrics(columns.metrics)[columns.metric]
    value, reasons = measure(columns, metric, registry)
    left = device != NONE
    for reason, mask in {Reason.METRIC_UNKNOWN: metric == NONE, **reasons}.items():
        refused += _refusals(columns, np.flatnonzero(left & mask), reason, metric, registry)
        left &= ~mask
    rows = np.flatnonzero(left)
    time_us, flags = _times_and_flags(columns.time_us[rows], value[rows], device[rows], metric[rows], received_us, registry)
    nowhere = is_message & (registry.deployments(device[rows], time_us) == NONE)
    refused += _refusals(columns, rows[nowhere], Reason.NOT_DEPLOYED, metric, registry)
    readings = [
        _reading(
            columns, row, registry, value=float(value[row]), time_us=int(time_us[at]), flags=int(flags[at]), named=is_message
        )
        for at, row in enumerate(rows.tolist())
        if not nowhere[at] and at < _MOST_LISTED
    ]
    return Trial(
        readings=readings,
        refused=sorted(refused, key=lambda refusal: refusal.item)[:_MOST_LISTED],
        held=sorted({columns.uids[which] for which in columns.device[device == NONE].tolist()}),
        more=max(0, len(rows) - _MOST_LISTED) + max(0, len(refused) - _MOST_LISTED),
    )


def _times_and_flags(
    time_us: NDArray[np.int64],
    value: NDArray[np.float64],
    device: NDArray[np.int32],
    metric: NDArray[np.int32],
    received_us: int,
    registry: Registry,
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    arrival = np.full(len(time_us), received_us)
    time_us, flags = believe_clocks(time_us, arrival, registry.clock_back_us[device], registry.clock_ahead_us[device])
    return time_us, flags | doubts(value, metric, time_us, arrival, registry, registry.profiles_of(device))


def _reading(
    columns: Columns, row: int, registry: Registry, *, value: float, time_us: int, flags: int, named: bool
) -> TrialReading:
    metric = registry.metric_position[columns.metrics[columns.metric[row]].lower()]
    return TrialReading(
        item=int(columns.item[row]),
        device=columns.uids[columns.device[row]] if named else None,
        metric=registry.metric_keys[metric],
        value=value,
        unit=registry.metric_units[metric][0],
        state=str(sent(columns, row)) if is_text(columns, row) else None,
        time=_EPOCH + timedelta(microseconds=time_us),
        flags=flags,
        doubts=[DESCRIPTIONS[flag] for flag in Flag if flag & flags],
    )


def _refusals(
    columns: Columns, rows: NDArray[np.intp], reason: Reason, metric: NDArray[np.int32], registry: Registry
) -> Iterator[TrialRefusal]:
    for row in rows.tolist():
        known = states_of(int(metric[row]), registry) if is_text(columns, row) and metric[row] != NONE else ""
        yield _refusal(int(columns.item[row]), reason, sent_text(columns, row) + known)


def _refusal(item: int, reason: Reason, detail: str) -> TrialRefusal:
    return TrialRefusal(item=item, reason=reason.value, explanation=EXPLANATIONS[reason], detail=detail)


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)
