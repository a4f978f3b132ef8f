"""Shipped sensors: frames packed here from the vendors' descriptions, one function a sensor, become what was measured."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest

from devices.reasons import Reason
from devices.registry import EMPTY_REGISTRY
from devices.shipped_profiles import load_shipped_profiles
from ingest.decode import decode
from ingest.resolve import resolve
from tests.unit.ingest.examples import RECEIVED_US, device_topic, group
from tests.unit.ingest.sensors import METRICS, registry, state, stored_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devices.columns import Reject

Sent = tuple[str, int, bytes, dict[str, float]]
"""Key of the profile, port, frame, and value by metric."""


def values_of(key: str, port: int, payload: bytes) -> tuple[dict[str, float], list[Reject]]:
    """Give value by metric of one frame."""
    stored, rejects = stored_of(key, port, payload)
    return {one.metric: one.value for one in stored}, rejects


def milesight(*channels: tuple[int, int, bytes]) -> bytes:
    """Pack channels: channel, type, value."""
    return b"".join(bytes((channel, kind)) + value for channel, kind, value in channels)


def climate(battery: int, temperature: float, humidity: float) -> list[tuple[int, int, bytes]]:
    """Pack what Milesight's climate sensors have in common: battery %, tenths of a degree, half per cents."""
    return [
        (0x01, 0x75, bytes([battery])),
        (0x03, 0x67, struct.pack("<h", round(temperature * 10))),
        (0x04, 0x68, bytes([round(humidity * 2)])),
    ]


CLIMATE = {"battery_level": 97.0, "air_temperature": -12.3, "relative_humidity": 88.5}


def em300_th() -> Sent:
    """Air on a frosty night."""
    return "milesight-em300-th", 85, milesight(*climate(97, -12.3, 88.5)), CLIMATE


def em300_mcs() -> Sent:
    """Open a lid."""
    payload = milesight(*climate(97, -12.3, 88.5), (0x06, 0x00, b"\x01"))
    return "milesight-em300-mcs", 85, payload, CLIMATE | {"door_open": state("door_open", "open")}


def em500_co2() -> Sent:
    """Carbon dioxide [ppm] and pressure [0.1 hPa]."""
    payload = milesight(
        *climate(97, -12.3, 88.5), (0x05, 0x7D, struct.pack("<H", 1127)), (0x06, 0x73, struct.pack("<H", 10088))
    )
    return "milesight-em500-co2", 85, payload, CLIMATE | {"co2_ambient": 1127.0, "air_pressure": 1008.8}


def em300_di() -> Sent:
    """Pulses as a running total."""
    payload = milesight(*climate(97, -12.3, 88.5), (0x05, 0xC8, struct.pack("<I", 4_000_000_001)))
    return "milesight-em300-di", 85, payload, CLIMATE | {"pulse_count_cumulative": 4_000_000_001.0}


def ldds75() -> Sent:
    """Battery in the lower 14 bits of its word [mV], distance [mm], interrupt, probe, sensor flag."""
    payload = struct.pack(">HHBhB", 0x8000 | 3402, 1841, 0, 0, 1)
    return "dragino-ldds75", 2, payload, {"battery_voltage": 3.402, "distance_to_surface": 1841.0}


def lse01() -> Sent:
    """Battery [mV], reserved, moisture [0.01 %], temperature [0.01 °C], conductivity [µS/cm], interrupt."""
    payload = struct.pack(">HhHhHB", 3555, 0, 1520, -129, 200, 0)
    return (
        "dragino-lse01",
        2,
        payload,
        {"battery_voltage": 3.555, "soil_moisture_vwc": 15.2, "soil_temperature": -1.29, "soil_conductivity": 200.0},
    )


def lht65() -> Sent:
    """Status in the upper two bits of the battery [mV], temperature [0.01 °C], humidity [0.1 %], an external sensor."""
    payload = struct.pack(">HhHBI", 0xC000 | 3066, -250, 913, 1, 0x7FFF7FFF)
    return "dragino-lht65", 2, payload, {"battery_voltage": 3.066, "air_temperature": -2.5, "relative_humidity": 91.3}


def dl_mbx() -> Sent:
    """Format 2, device id, flags: distance [mm] with trials, battery [mV]."""
    payload = struct.pack(">BHHHHH", 2, 303, 0b11, 1234, 1, 2993)
    return "decentlab-dl-mbx", 1, payload, {"distance_to_surface": 1234.0, "battery_voltage": 2.993}


def dl_mbx_battery_alone() -> Sent:
    """Say by the flags that only the battery follows."""
    return "decentlab-dl-mbx", 1, struct.pack(">BHHH", 2, 303, 0b10, 2993), {"battery_voltage": 2.993}


def dl_mbx_without_echo() -> Sent:
    """No trial succeeded: the distance is none."""
    return "decentlab-dl-mbx", 1, struct.pack(">BHHHHH", 2, 303, 0b11, 0, 0, 2993), {"battery_voltage": 2.993}


def oyster() -> Sent:
    """Position [1e-7 degrees], in trip, heading, speed [km/h], battery [25 mV]; little-endian."""
    payload = struct.pack("<iiBBB", 507_156_000, -24_366_000, 0b0000_0001, 36, 180)
    return (
        "digital-matter-oyster",
        1,
        payload,
        {
            "latitude": 50.7156,
            "longitude": -2.4366,
            "motion_state": state("motion_state", "moving"),
            "ground_speed": 36 / 3.6,
            "battery_voltage": 4.5,
        },
    )


def oyster_without_fix() -> Sent:
    """Fail to get a fix: the position is an old one and not a reading of now."""
    payload = struct.pack("<iiBBB", 507_156_000, -24_366_000, 0b0000_0010, 0, 180)
    return "digital-matter-oyster", 1, payload, {"motion_state": state("motion_state", "stop"), "battery_voltage": 4.5}


def tps110() -> Sent:
    """One byte: the bay is taken."""
    return "bosch-tps110", 2, b"\x01", {"parking_occupied": state("parking_occupied", "occupied")}


def s2120() -> Sent:
    """Packets 1 and 2: temperature, humidity, light, UV, wind; direction, rain [0.001 mm/h], pressure [10 Pa]."""
    payload = struct.pack(">BhBIBH", 1, -55, 91, 6200, 5, 17) + struct.pack(">BHIH", 2, 342, 254, 9987)
    return (
        "seeed-s2120",
        3,
        payload,
        {
            "air_temperature": -5.5,
            "relative_humidity": 91.0,
            "illuminance": 6200.0,
            "uv_index": 0.5,
            "wind_speed": 1.7,
            "wind_direction": 342.0,
            "rainfall_rate": 0.254,
            "air_pressure": 998.7,
        },
    )


def s2120_started() -> Sent:
    """Packet 4: battery, versions, intervals."""
    return "seeed-s2120", 3, struct.pack(">BB4sHH", 4, 100, b"\1\1\1\3", 10, 1440), {"battery_level": 100.0}


def elt_2() -> Sent:
    """Keys of one byte: temperature, humidity, acceleration (passed over), battery [mV], pulses, distance, pressure."""
    payload = b"".join(
        (
            struct.pack(">Bh", 0x01, -31),
            struct.pack(">BB", 0x02, 77),
            b"\x03\x01\x02\x3f",
            struct.pack(">BH", 0x07, 3603),
            struct.pack(">BI", 0x0B, 123_456),
            struct.pack(">BH", 0x0E, 2750),
            struct.pack(">Bi", 0x14, 1_013_250),
        )
    )
    return (
        "elsys-elt-2",
        5,
        payload,
        {
            "air_temperature": -3.1,
            "relative_humidity": 77.0,
            "battery_voltage": 3.603,
            "pulse_count_cumulative": 123_456.0,
            "distance_to_surface": 2750.0,
            "air_pressure": 1013.25,
        },
    )


def pcr2() -> Sent:
    """People from the left, from the right, temperature [0.1 °C]."""
    payload = struct.pack(">BHBHBh", 0x0A, 16, 0x16, 19, 0x01, -102)
    return (
        "parametric-pcr2",
        14,
        payload,
        {"pedestrian_count_left": 16.0, "pedestrian_count_right": 19.0, "device_temperature": -10.2},
    )


def tcr() -> Sent:
    """Count in four speed classes with their mean speeds, from the left and from the right."""
    left, right = [(3, 5), (0, 0), (40, 48), (2, 71)], [(0, 0), (10, 21), (0, 0), (1, 90)]
    payload = struct.pack(">3sHHh", b"\xbe\x02\x02", 12_800, 950, 213)
    values = {"battery_voltage": 12.8, "solar_power": 0.95, "device_temperature": 21.3}
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        payload += struct.pack(">HBHB", *one, *other)
        for side, (count, speed) in (("left", one), ("right", other)):
            values[f"vehicle_count_{side}_class_{number}"] = float(count)
            if count:
                values[f"speed_mean_{side}_class_{number}"] = float(speed)
    values |= {"vehicle_count_left": 45.0, "vehicle_count_right": 11.0}
    values |= {"speed_mean_left": (15 + 40 * 48 + 142) / 45, "speed_mean_right": 300 / 11}
    return "parametric-tcr", 15, payload, values


def cayenne() -> Sent:
    """Send what the generic profile for Cayenne LPP reads."""
    return "cayenne-lpp", 1, bytes.fromhex("03670110"), {"air_temperature": 27.2}


SENT = [
    em300_th, em300_mcs, em500_co2, em300_di, ldds75, lse01, lht65, dl_mbx, dl_mbx_battery_alone, dl_mbx_without_echo,
    oyster, oyster_without_fix, tps110, s2120, s2120_started, elt_2, pcr2, tcr, cayenne,
]  # fmt: skip


@pytest.mark.parametrize("sensor", [sensor() for sensor in SENT], ids=[sensor.__name__ for sensor in SENT])
def test_shipped_sensor_what_was_packed_is_stored(sensor: Sent) -> None:
    """Every value arrives in the metric's own unit, and nothing else does."""
    key, port, payload, expected = sensor
    found, rejects = values_of(key, port, payload)

    assert rejects == []
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[metric], value, rel_tol=1e-15) for metric, value in expected.items()), found


def test_shipped_sensor_joining_tells_nothing_measured() -> None:
    """What a Milesight says of itself when it joins is understood, and seen in quarantine as empty."""
    payload = milesight(
        (0xFF, 0x0B, b"\xff"),
        (0xFF, 0x01, b"\x01"),
        (0xFF, 0x16, bytes(8)),
        (0xFF, 0x09, b"\x01\x00"),
        (0xFF, 0x0A, b"\x01\x01"),
        (0xFF, 0x0F, b"\x00"),
    )
    assert [reject.reason for reject in values_of("milesight-em300-th", 85, payload)[1]] == [Reason.PACK_EMPTY]


def test_shipped_sensor_records_asked_for_have_their_own_times() -> None:
    """An LHT65 that is polled sends records of eleven bytes with their times; an answer of zeros holds none."""
    times = [RECEIVED_US // 1_000_000 - 1200, RECEIVED_US // 1_000_000 - 600]
    payload = b"".join(struct.pack(">hhHBI", 0x7FFF, 2200 + i, 326, 0x41, time) for i, time in enumerate(times))
    stored, rejects = stored_of("dragino-lht65", 2, payload)

    assert rejects == []
    assert [(one.metric, one.value, one.time_us // 1_000_000) for one in stored] == [
        ("air_temperature", 22.0, times[0]),
        ("relative_humidity", 32.6, times[0]),
        ("air_temperature", 22.01, times[1]),
        ("relative_humidity", 32.6, times[1]),
    ]
    assert [reject.reason for reject in stored_of("dragino-lht65", 2, bytes(11))[1]] == [Reason.PACK_EMPTY]


def test_shipped_sensor_before_it_is_registered_is_held_and_read_afterwards() -> None:
    """A raw frame on a device's own topic waits whole for its registration; nothing of it goes to quarantine."""
    key, _, payload, expected = lse01()
    early = group(payload, topics=[device_topic(key)])
    held = resolve(decode(early, EMPTY_REGISTRY), early, EMPTY_REGISTRY)
    later = group(held.held[0].payload, topics=[held.held[0].topic])
    read = resolve(decode(later, registry()), later, registry())

    assert (len(held.batch), list(held.rejects), len(held.held)) == (0, [], 1)
    assert len(read.batch) == len(expected)
    assert (list(read.rejects), list(read.held)) == ([], [])


def test_shipped_sensor_on_another_port_is_refused() -> None:
    """Configuration and status of other ports are not taken for readings."""
    found, rejects = values_of("dragino-lse01", 5, lse01()[2])

    assert found == {}
    assert [(reject.reason, reject.detail) for reject in rejects] == [(Reason.CODEC_FAILED, "port 5: the layout is for 2")]


def named_metrics(definition: str) -> Iterable[str]:
    """List the metrics a definition names."""
    return (line.partition('"')[2].rstrip('"') for line in definition.splitlines() if line.startswith("metric = "))


def test_shipped_profiles_name_metrics_and_states_of_the_vocabulary() -> None:
    """What ships is stored without anybody adding a metric first."""
    keys = {metric.key for metric in METRICS}
    used = {metric for profile in load_shipped_profiles() for metric in named_metrics(profile.definition)}

    assert len(used) > 40
    assert used - keys == set()
