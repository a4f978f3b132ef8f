"""Rows of what network servers say besides readings, the radio of uplinks and events of devices, for one INSERT each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.message import Group
    from ingest.resolve import Resolved

_LARGEST_FLOAT4 = 3.4e38


def radio_rows(group: Group, resolved: Resolved) -> Mapping[str, Sequence[object]] | None:
    """Give the columns of the table uplink_radio by name; None where no message says anything of the radio."""
    radio = resolved.radio
    if radio is None or not len(radio):
        return None
    columns = {
        name: list(values)
        for name, values in zip(radio.receptions[0]._fields, zip(*radio.receptions, strict=True), strict=True)
    }
    for name in ("rssi", "snr", "airtime"):
        columns[name] = [_float4(value) for value in columns[name]]
    columns["gateways"] = [min(count, 2**15 - 1) for count in columns["gateways"]]
    return {**_keys(group, resolved, radio.message.tolist()), "time_us": radio.time_us.tolist(), **columns}


def event_rows(group: Group, resolved: Resolved) -> Mapping[str, Sequence[object]] | None:
    """Give the columns of the table device_event by name; None where there are no events."""
    events = resolved.events
    if not events:
        return None
    named = {name: [getattr(event, name) for event in events] for name in ("time_us", "kind", "level", "code", "detail")}
    return {**_keys(group, resolved, [event.message for event in events]), **named}


def _keys(group: Group, resolved: Resolved, messages: list[int]) -> dict[str, list[int]]:
    return {
        "device_ids": resolved.device_ids[messages].tolist(),
        "received_us": group.received_us[messages].tolist(),
        "digests": group.digests[messages].tolist(),
    }


def _float4(value: float | None) -> float | None:
    """Give what PostgreSQL's float4 can hold; what is no number is not known."""
    return value if value is not None and abs(value) < _LARGEST_FLOAT4 else None
