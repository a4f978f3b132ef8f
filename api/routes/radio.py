"""Radio: how the uplinks of a LoRaWAN device came through the air, and which of them never came."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.database import row_of
from api.dependencies import Connection, Settings
from api.description import problems
from api.errors import Unusable
from api.registration import find_device
from api.schemas import Uid
from api.times import Time
from devices.packet_loss import PacketLoss, packet_loss
from sql.queries import query

router = APIRouter(prefix="/devices", tags=["path"])

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RadioAsked(BaseModel):
    """Which uplinks."""

    model_config = ConfigDict(extra="forbid")

    start: Time | None = Field(None, alias="from", description="Start, included; default: since uplinks are kept")
    end: Time | None = Field(None, alias="to", description="End, not included; default: until now")
    gaps: int = Field(100, ge=0, le=10_000, description="Most gaps in the answer; the newest are given")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("`to` must be later than `from`")
        return self


class Gap(BaseModel):
    """Uplinks that never came, one behind the other."""

    first: int = Field(description="Frame counter of the first one missing")
    last: int = Field(description="Frame counter of the last one missing; below `first` where the counter began again at 0")
    missing: int = Field(description="How many")
    after: datetime = Field(description="When the uplink before them came")
    before: datetime = Field(description="When the uplink behind them came")


class LastUplink(BaseModel):
    """How the last uplink came through the air; null stands for what the network server did not say."""

    time: datetime = Field(description="When the network server had it")
    session: str = Field(description="Device address or session key id: frame counters count within it")
    f_cnt: int = Field(description="Frame counter")
    f_port: int = Field(description="Port; 0: nothing but commands between network and device")
    gateway: str = Field(description="The gateway that heard it best")
    gateways: int = Field(description="How many heard it")
    rssi: float | None = Field(description="At that gateway [dBm]")
    snr: float | None = Field(description="At that gateway [dB]")
    spreading_factor: int | None
    frequency: int | None = Field(description="Hz")
    airtime: float | None = Field(description="How long it was in the air [s]")


class Radio(BaseModel):
    """What became of the uplinks of a device."""

    device: str = Field(description="Uid of the device")
    received: int = Field(description="Uplinks that came, each once")
    repeated: int = Field(description="Copies of them")
    lost: int = Field(description="Uplinks missing between two that came")
    packet_loss: float | None = Field(description="lost of received + lost [%]; null: nothing came")
    runs: int = Field(description="How often the frame counter began again, the first time included: by a join or a reset")
    gaps: list[Gap] = Field(description="The newest, ascending by time")
    gaps_left_out: int = Field(description="How many older gaps there are")
    last: LastUplink | None = Field(description="The last uplink in the time asked for; null: none")


@router.get("/{uid}/radio", summary="Read packet loss and radio of a device", responses=problems(404))
async def read_radio(
    connection: Connection, settings: Settings, uid: Annotated[Uid, Path()], asked: Annotated[RadioAsked, Query()]
) -> Radio:
    """Give how many uplinks of a LoRaWAN device were lost, which, and how the last one came through the air.

    Loss is told from gaps in the frame counter. Joins, resets, counters that pass their largest value, copies and uplinks
    out of order are accounted for. Uplinks are kept as long as raw messages, 30 days.
    """
    await find_device(connection, uid)
    values = {"uid": uid, "start": asked.start, "end": asked.end}
    rows = await (await connection.execute(query("list_frame_counters"), {**values, "limit": settings.max_points})).fetchall()
    if len(rows) > settings.max_points:
        raise Unusable(f"There are more than {settings.max_points:,} uplinks. Shorten the time from `from` to `to`.")
    loss = _loss(rows)
    left_out = max(0, len(loss.gaps) - asked.gaps)
    return Radio(
        device=uid,
        received=loss.received,
        repeated=loss.repeated,
        lost=loss.lost,
        packet_loss=loss.percent,
        runs=loss.runs,
        gaps=[_gap(*gap) for gap in loss.gaps[left_out:]],
        gaps_left_out=left_out,
        last=await row_of(connection, LastUplink, "find_last_uplink", values),
    )


def _loss(rows: Sequence[tuple[str, int, int]]) -> PacketLoss:
    sessions: dict[str, int] = {}
    session = np.array([sessions.setdefault(row[0], len(sessions)) for row in rows], np.int64)
    return packet_loss(session, np.array([row[1] for row in rows], np.int64), np.array([row[2] for row in rows], np.int64))


def _gap(first: int, last: int, missing: int, after_us: int, before_us: int) -> Gap:
    after, before = (_EPOCH + timedelta(microseconds=micros) for micros in (after_us, before_us))
    return Gap(first=first, last=last, missing=missing, after=after, before=before)
