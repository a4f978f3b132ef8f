"""Events of ChirpStack of every kind, made from the documented field tables, in both encodings."""

from __future__ import annotations

import json
from typing import Any

from chirpstack_api.integration import integration_pb2
from google.protobuf.json_format import Parse

from tests.unit.devices.network_examples import chirpstack_up, device_info

STATUS = {
    "deduplicationId": "c0a9a2aa-95d4-4ee4-8f9c-24f3f0a1d8a5",
    "time": "2026-11-21T08:00:00.123456789+00:00",
    "deviceInfo": device_info(),
    "margin": -4,
    "externalPowerSource": False,
    "batteryLevelUnavailable": False,
    "batteryLevel": 92.4,
}
LOCATION = {
    "deduplicationId": "0d3a5a55-1d6b-4c63-a6a5-5f1bd3c5b7a1",
    "time": "2026-11-21T08:00:00.123456789+00:00",
    "deviceInfo": device_info(),
    "location": {"latitude": 50.7156, "longitude": -2.4366, "altitude": 61.5, "source": "GEO_RESOLVER_TDOA", "accuracy": 40.0},
}
BASE = {"time": "2026-11-21T08:00:00.123456789+00:00", "deviceInfo": device_info()}
SLIP = "ReferenceError: batt is not defined"
LOG = {
    **BASE,
    "level": "ERROR",
    "code": "UPLINK_CODEC",
    "description": SLIP,
    "context": {"deduplication_id": "3b6a1a02-1f5e-4c6b-9a0f-1f0f6f1b2c3d"},
}
JOIN = {**BASE, "deduplicationId": "77", "devAddr": "01ab23cd", "regionConfigId": "eu868"}
ACK = {**BASE, "deduplicationId": "78", "queueItemId": "q-1", "acknowledged": True, "fCntDown": 12}
TXACK = {**BASE, "downlinkId": 4711, "queueItemId": "q-1", "fCntDown": 12, "gatewayId": "b827ebfffe0a1b2c"}
INTEGRATION = {**BASE, "deduplicationId": "79", "integrationName": "loracloud", "eventType": "modem", "object": {"a": 1}}

KINDS = {
    "up": integration_pb2.UplinkEvent,
    "status": integration_pb2.StatusEvent,
    "location": integration_pb2.LocationEvent,
    "log": integration_pb2.LogEvent,
    "join": integration_pb2.JoinEvent,
    "ack": integration_pb2.AckEvent,
    "txack": integration_pb2.TxAckEvent,
}
GOLDEN: dict[str, dict[str, Any]] = {
    "up": chirpstack_up(),
    "status": STATUS,
    "location": LOCATION,
    "log": LOG,
    "join": JOIN,
    "ack": ACK,
    "txack": TXACK,
}


def as_protobuf(event: str, written: dict[str, Any]) -> bytes:
    """Write an event as ChirpStack does with `json=false`, by the schema's own library."""
    binary: bytes = Parse(json.dumps(written), KINDS[event]()).SerializeToString()
    return binary
