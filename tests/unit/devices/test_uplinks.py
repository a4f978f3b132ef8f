"""Uplinks of network servers: which of them our codecs read, which their own codec has read, which nobody can."""

from __future__ import annotations

from devices.reasons import Reason
from devices.registry import EMPTY_REGISTRY
from tests.unit.devices.examples import Refusal, readings_of, refusals_of
from tests.unit.devices.network_examples import chirpstack_up, decode_chirpstack, registry_of, values_of


def test_encrypted_payload_is_set_aside_and_its_radio_kept() -> None:
    """With joinServerContext `data` is still encrypted: it is refused as a reading, the radio is known all the same."""
    context = {"sessionKeyId": "AYuT3kW5l2Y9Qy==", "appSKey": {"kekLabel": "k", "aesKey": "AAEC"}}
    columns = decode_chirpstack("up", chirpstack_up(joinServerContext=context, object=None))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.ENCRYPTED)]
    assert set(values_of(columns)) == {"rssi", "snr", "spreading_factor", "gateway_count", "frame_counter"}
    assert [reading.item for reading in readings_of(columns)] == [2, 3, 4, 5, 6]


def test_up_without_object_and_codec_is_refused_as_having_no_codec() -> None:
    """A frame nobody can read is set aside; its radio is stored."""
    columns = decode_chirpstack("up", chirpstack_up(object=None))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.CODEC_MISSING)]
    assert "frame_counter" in values_of(columns)


def test_up_of_a_profile_with_a_codec_goes_to_it_though_there_is_an_object() -> None:
    """Our own codec is what the profile asks for; the object is read only where there is no frame for it."""
    registry = registry_of(codec="none-such")
    columns = decode_chirpstack("up", chirpstack_up(), registry)
    without_frame = decode_chirpstack("up", chirpstack_up(data=""), registry)

    assert refusals_of(columns) == [Refusal(0, 1, Reason.CODEC_MISSING)]
    assert "temperature" not in values_of(columns)
    assert values_of(without_frame)["temperature"] == 27.2


def test_up_on_port_0_is_between_network_and_device() -> None:
    """MAC commands are nothing for a codec: the radio is all there is."""
    columns = decode_chirpstack("up", chirpstack_up(fPort=0, object=None))

    assert columns.rejects == []
    assert "frame_counter" in values_of(columns)


def test_mapping_that_cannot_be_used_refuses_the_object() -> None:
    """A definition with a slip costs the object's readings, not the radio's, and says what is wrong."""
    columns = decode_chirpstack("up", chirpstack_up(), registry_of(definition="[mapping"))

    assert refusals_of(columns) == [Refusal(0, 1, Reason.CODEC_BROKEN)]
    assert "frame_counter" in values_of(columns)


def test_up_with_a_mapping_goes_through_it() -> None:
    """Names and units of the network server's codec become metrics by the profile's table."""
    registry = registry_of(definition='[mapping]\n"TempC_SHT" = "air_temperature"\n')
    columns = decode_chirpstack("up", chirpstack_up(object={"TempC_SHT": "27.2", "other": 1}), registry)

    assert values_of(columns)["air_temperature"] == 27.2
    assert columns.rejects == []


def test_up_of_an_unregistered_device_is_not_decoded_and_not_refused() -> None:
    """It will be held whole: its radio readings alone say that there is something."""
    columns = decode_chirpstack("up", chirpstack_up(object=None), EMPTY_REGISTRY)

    assert columns.rejects == []
    assert set(values_of(columns)) == {"rssi", "snr", "spreading_factor", "gateway_count", "frame_counter"}
