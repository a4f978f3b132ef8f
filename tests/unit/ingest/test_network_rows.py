"""What network servers say besides readings: who it is kept for, who it is held for, and the rows it becomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from devices.reasons import Reason
from devices.registry import build_registry
from devices.topics import chirpstack_topic, things_stack_topic
from ingest.decode import decode
from ingest.network_rows import event_rows, radio_rows
from ingest.resolve import resolve
from tests.unit.devices.examples import devices_with_clocks
from tests.unit.devices.network_examples import EUI, TIME_US, chirpstack_up, things_stack_up
from tests.unit.ingest.examples import METRICS, RECEIVED_US, group

if TYPE_CHECKING:
    from ingest.message import Group
    from ingest.resolve import Resolved

_STRANGER = "70b3d57ed0001234"
_JOIN = {"time": "2026-11-21T08:00:00.123456Z", "deviceInfo": {"devEui": EUI}, "devAddr": "01ab23cd"}
_REGISTRY = build_registry(
    METRICS,
    [("temperature", 3)],
    [],
    *devices_with_clocks([(10, EUI, 4_000_000_000, 4_000_000_000)]),
    [(1, 10, 1, "", None, None)],
    [],
)


def resolved(*messages: tuple[str, str, dict[str, Any]]) -> tuple[Group, Resolved]:
    """Carry ChirpStack's events (uid, event, content) up to the store."""
    payloads = [json.dumps(content).encode() for _, _, content in messages]
    sent = group(*payloads, topics=[chirpstack_topic("7", uid, event) for uid, event, _ in messages])
    return sent, resolve(decode(sent, _REGISTRY), sent, _REGISTRY)


def test_radio_and_events_of_registered_devices_become_rows_keyed_like_their_messages() -> None:
    """Device, arrival and digest are those of the archive; a join has no reading and is archived all the same."""
    sent, result = resolved((EUI, "up", chirpstack_up()), (EUI, "join", _JOIN), (_STRANGER, "up", chirpstack_up()))
    radio, events = radio_rows(sent, result), event_rows(sent, result)

    assert radio == {
        "device_ids": [10],
        "received_us": [RECEIVED_US],
        "digests": [int(sent.digests[0])],
        "time_us": [TIME_US],
        "session": ["01ab23cd"],
        "f_cnt": [1042],
        "f_port": [85],
        "gateway": ["b827ebfffe3d4e5f"],
        "gateways": [2],
        "rssi": [-97.0],
        "snr": [6.25],
        "spreading_factor": [7],
        "frequency": [868_300_000],
        "airtime": [0.051456],
    }
    assert events == {
        "device_ids": [10],
        "received_us": [RECEIVED_US + 1_000_000],
        "digests": [int(sent.digests[1])],
        "time_us": [TIME_US],
        "kind": ["join"],
        "level": ["INFO"],
        "code": [""],
        "detail": ["joined as device address 01ab23cd"],
    }
    assert result.archived.tolist() == [True, True, False]


def test_events_of_unregistered_devices_are_held_whole() -> None:
    """A message with nothing but an event waits as readings do."""
    sent, result = resolved((_STRANGER, "join", _JOIN))

    assert [(held.uid, held.payload) for held in result.held] == [(_STRANGER, sent.payloads[0])]
    assert result.events == []
    assert event_rows(sent, result) is None


def test_message_of_the_things_stack_is_held_for_its_eui() -> None:
    """The topic names a device id; who registers the device knows its EUI."""
    content = {**things_stack_up(), "end_device_ids": {"device_id": "gully-7", "dev_eui": _STRANGER.upper()}}
    sent = group(json.dumps(content).encode(), topics=[things_stack_topic("a@b", "gully-7", "up")])
    result = resolve(decode(sent, _REGISTRY), sent, _REGISTRY)

    assert [held.uid for held in result.held] == [_STRANGER]
    assert radio_rows(sent, result) is None


def test_refused_reading_of_a_network_server_is_replayed_by_its_whole_message() -> None:
    """Its topic understands nothing else."""
    _, result = resolved((EUI, "up", chirpstack_up(object={"nonsense": 1})))

    unknown = [(reject.item, reject.payload) for reject in result.rejects if reject.reason is Reason.METRIC_UNKNOWN]
    assert unknown[0] == (1, None)


def test_figures_no_column_holds_are_not_known() -> None:
    """An RSSI beyond all floats of four bytes or one that is no number is null; gateways end at the column's largest."""
    many = [{"rssi": 1e300, "snr": 1.0}, *[{}] * 40_000]
    nonsense = [{"rssi": -97, "snr": "NaN"}]
    sent, result = resolved((EUI, "up", chirpstack_up(rxInfo=many)), (EUI, "up", chirpstack_up(rxInfo=nonsense)))
    rows = radio_rows(sent, result)

    assert rows is not None
    assert (rows["rssi"], rows["snr"], rows["gateways"]) == ([None, -97.0], [1.0, None], [32_767, 1])


def test_groups_without_radio_have_no_rows_of_it() -> None:
    """Devices that are no LoRaWAN devices cost nothing."""
    sent = group(b'[{"n":"temperature","v":1}]')
    result = resolve(decode(sent, _REGISTRY), sent, _REGISTRY)

    assert result.radio is None
    assert radio_rows(sent, result) is None
    assert event_rows(sent, result) is None
