"""Golden frames: thirteen frames of real sensors become exactly what they say, and the impossible one is flagged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devices.flags import Flag
from tests.unit.ingest.examples import RECEIVED_US
from tests.unit.ingest.sensors import Stored, state, stored_of

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "payload_golden_vectors.json").read_text(encoding="utf-8")
)

PROFILES = {
    "Milesight EM310-UDL": "milesight-em310-udl",
    "Milesight EM400-MUD": "milesight-em400-mud",
    "Milesight EM500-UDL": "milesight-em500-udl",
    "Milesight EM500-SWL": "milesight-em500-swl",
    "Milesight EM310-TILT": "milesight-em310-tilt",
    "Milesight EM500-SMTC": "milesight-em500-smtc",
    "Milesight EM300-DI": "milesight-em300-di",
    "Milesight AT101": "milesight-at101",
    "Milesight VS350": "milesight-vs350",
    "Milesight EM500-LGT": "milesight-em500-lgt",
    "Parametric TCR": "parametric-tcr",
}

NAMES: dict[str, dict[str, str]] = {
    "": {
        "battery_pct": "battery_level",
        "solar_battery_pct": "battery_level",
        "distance_mm": "distance_to_surface",
        "angle_x": "tilt_x",
        "angle_y": "tilt_y",
        "angle_z": "tilt_z",
        "moisture_pct": "soil_moisture_vwc",
        "ec_uS_cm": "soil_conductivity",
        "temperature_c": "device_temperature",
        "humidity_pct": "relative_humidity",
        "pulse": "pulse_count_cumulative",
        "latitude": "latitude",
        "longitude": "longitude",
        "total_in": "pedestrian_count_in_cumulative",
        "total_out": "pedestrian_count_out_cumulative",
        "period_in": "pedestrian_count_in",
        "period_out": "pedestrian_count_out",
        "illuminance_lux": "illuminance",
        "solar_battery_v": "battery_voltage",
        "left_count": "vehicle_count_left",
        "right_count": "vehicle_count_right",
        "right_avg_kmh": "speed_mean_right",
    },
    "Milesight EM500-SMTC": {"temperature_c": "soil_temperature"},
    "Milesight EM300-DI": {"temperature_c": "air_temperature"},
}
"""Our metric by the vector's word, all of which are in our units; some sensors measure something else by the same word."""

STATES = {
    "position": "device_position",
    "geofence": "geofence_state",
    "motion": "motion_state",
    "temperature_alarm": "temperature_alarm",
    "distance_alarm": "distance_alarm",
}


def model_of(vector: dict[str, Any]) -> str:
    """Name vendor and model of a vector."""
    return next(model for model in PROFILES if vector["device"].startswith(model))


def expected(model: str, decoded: dict[str, Any]) -> dict[str, float]:
    """Write what a vector says in our metrics, units and codes."""
    names = NAMES[""] | NAMES.get(model, {})
    values = {names[word]: float(value) for word, value in decoded.items() if word in names}
    values |= {STATES[word]: state(STATES[word], value.replace("_", " ")) for word, value in decoded.items() if word in STATES}
    if "depth_cm" in decoded:
        values["water_level"] = decoded["depth_cm"] / 100
    if "solar_panel_mw" in decoded:
        values["solar_power"] = decoded["solar_panel_mw"] / 1000
    for axis in decoded.get("alarms", []):
        values[f"tilt_{axis}_alarm"] = 1.0
    for number, (count, speed) in enumerate(decoded.get("right_by_class", [])):
        values[f"vehicle_count_right_class_{number}"] = float(count)
        if count:  # of no vehicles there is no mean
            values[f"speed_mean_right_class_{number}"] = float(speed)
    return values


def is_told(decoded: dict[str, Any], stored: Stored) -> bool:
    """Tell whether a vector speaks of a metric at all: those of Parametric name only some of what is in the frame."""
    return "right_count" not in decoded or stored.metric in expected("Parametric TCR", decoded)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["device"][:40] for vector in VECTORS])
def test_golden_frame_becomes_exactly_what_it_says(vector: dict[str, Any]) -> None:
    """Every value to the last bit, in our unit; every state by its code; records of the past at their own time."""
    model, decoded = model_of(vector), vector["decoded"]
    stored, rejects = stored_of(PROFILES[model], vector["fport"], bytes.fromhex(vector["hex"]))

    assert rejects == []
    now = {one.metric: one.value for one in stored if one.time_us == RECEIVED_US and is_told(decoded, one)}
    assert now == expected(model, decoded)
    past = {one["ts"] * 1_000_000: expected(model, one) for one in decoded.get("history", [])}
    found: dict[int, dict[str, float]] = {}
    for one in stored:
        if one.time_us != RECEIVED_US:
            found.setdefault(one.time_us, {})[one.metric] = one.value
    assert found == past


def test_golden_frames_are_all_there() -> None:
    """Thirteen frames of eleven models."""
    assert len(VECTORS) == 13
    assert {model_of(vector) for vector in VECTORS} == set(PROFILES)


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "TCR" in vector["device"]], ids=["v1", "v2"])
def test_golden_frame_with_an_impossible_temperature_is_flagged(vector: dict[str, Any]) -> None:
    """632.8 °C is kept and marked; nothing else in the frame is."""
    stored, _ = stored_of("parametric-tcr", vector["fport"], bytes.fromhex(vector["hex"]))

    assert [(one.metric, one.value) for one in stored if one.flags] == [("device_temperature", 632.8)]
    assert [one.flags for one in stored if one.flags] == [Flag.OUT_OF_RANGE]
