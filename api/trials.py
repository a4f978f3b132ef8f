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
from devices.columns import NO_TEXT, NO_TIME_US
from devices.frames import Frames
from devices.reasons import EXPLANATIONS, Reason
from devices.registry import NONE, Registry, build_registry
from devices.registry import Profile as CodecProfile
from devices.states import plain_label
from devices.units import conversion
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import AsyncConnection

    from devices.columns import Columns

_UID = "trial"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_CHARACTERS = 16_384


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
    metric: str = Field(description="Key of the metric")
    value: float = Field(description="In the unit; of a state its code")
    unit: str
    state: str | None = Field(description="Name of the state, where the codec named one")
    time: datetime | None = Field(description="Null: a time no clock can mean; it would be stored at its arrival")


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


VOCABULARY = ("list_metrics", "list_metric_aliases", "list_metric_states")
"""Queries of what `registry_for` needs to know of metrics."""


def registry_for(profile: CodecProfile, vocabulary: Mapping[str, Sequence[Any]]) -> Registry:
    """Register one device of a profile; `vocabulary` has the rows of the queries of that name."""
    return build_registry(
        **vocabulary, list_profiles=[(1, *profile, 0, 0)], list_devices=[(1, _UID, 1)], list_deployments=[], list_series=[]
    )


async def read_vocabulary(connection: AsyncConnection) -> dict[str, Sequence[Any]]:
    """Read the vocabulary as the database has it."""
    return {name: await (await connection.execute(query(name))).fetchall() for name in VOCABULARY}


def try_payload(registry: Registry, payload: bytes, port: int, time: datetime) -> Trial:
    """Decode one payload by the registry's one profile. A script may take seconds: not for the event loop."""
    time_us = (time - _EPOCH) // timedelta(microseconds=1)
    frames = Frames(np.zeros(1, np.int32), [_UID], np.array([port], np.int16), [payload], np.array([time_us], np.int64))
    codecs = Codecs()
    try:
        columns = codecs.decode(frames, registry)
    finally:
        codecs.close()
    trial = Trial(readings=[], refused=[])
    for reject in columns.rejects:
        _refuse(trial, reject.item, reject.reason, reject.detail)
    for row in range(len(columns)):
        _add(trial, columns, row, registry)
    trial.refused.sort(key=lambda refusal: refusal.item)
    return trial


def _add(trial: Trial, columns: Columns, row: int, registry: Registry) -> None:
    item, name, sent_unit = int(columns.item[row]), columns.metrics[columns.metric[row]], columns.units[columns.unit[row]]
    metric = int(registry.metrics([name])[0])
    if metric == NONE:
        _refuse(trial, item, Reason.METRIC_UNKNOWN, name)
        return
    unit, _ = registry.metric_units[metric]
    factor = conversion(sent_unit, *registry.metric_units[metric])
    if factor is None:
        _refuse(trial, item, Reason.UNIT_MISMATCH, f"{name} in {sent_unit}")
        return
    text = None if columns.text is None or columns.text[row] == NO_TEXT else columns.texts[columns.text[row]]
    if text is None:
        value = columns.value[row] * factor[0] + factor[1]
    else:
        value = registry.state_codes.get((metric, plain_label(text)), np.nan)
    if not np.isfinite(value):
        _refuse(
            trial,
            item,
            Reason.VALUE_NOT_FINITE if text is None else Reason.STATE_UNKNOWN,
            f"{name}: {value if text is None else text}",
        )
        return
    trial.readings.append(
        TrialReading(
            item=item,
            metric=registry.metric_keys[metric],
            value=float(value),
            unit=unit,
            state=text,
            time=_time(int(columns.time_us[row])),
        )
    )


def _time(time_us: int) -> datetime | None:
    try:
        return None if time_us == NO_TIME_US else _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return None


def _refuse(trial: Trial, item: int, reason: Reason, detail: str) -> None:
    trial.refused.append(TrialRefusal(item=item, reason=reason.value, explanation=EXPLANATIONS[reason], detail=detail))
