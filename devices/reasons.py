"""Reasons: why a message or reading went to quarantine, as a code and as a sentence a person can act on."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes, fixed for ever: they are stored and shown."""

    TOPIC_UNKNOWN = "topic_unknown"
    UID_INVALID = "uid_invalid"
    PAYLOAD_EMPTY = "payload_empty"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_CBOR = "not_cbor"
    NOT_PROTOBUF = "not_protobuf"
    TOO_DEEP = "too_deep"
    NOT_READINGS = "not_readings"
    PACK_EMPTY = "pack_empty"
    SENML_VERSION = "senml_version"
    SENML_LABEL = "senml_label"
    NAME_INVALID = "name_invalid"
    VALUE_MISSING = "value_missing"
    VALUE_AMBIGUOUS = "value_ambiguous"
    VALUE_NOT_NUMERIC = "value_not_numeric"
    VALUE_NOT_FINITE = "value_not_finite"
    TIME_INVALID = "time_invalid"
    METRIC_UNKNOWN = "metric_unknown"
    UNIT_MISMATCH = "unit_mismatch"
    STATE_UNKNOWN = "state_unknown"
    CODEC_MISSING = "codec_missing"
    CODEC_BROKEN = "codec_broken"
    CODEC_FAILED = "codec_failed"
    FRAME_INCOMPLETE = "frame_incomplete"
    ENCRYPTED = "encrypted"
    SIMULATED = "simulated"
    NETWORK_CODEC_FAILED = "network_codec_failed"
    NOT_DEPLOYED = "not_deployed"
    NOT_KEPT = "not_kept"
    STORE_REFUSED = "store_refused"
    NOT_PROCESSED = "not_processed"


EXPLANATIONS: dict[Reason, str] = {
    Reason.TOPIC_UNKNOWN: "The topic has no form Hedgerow knows. Publish to hedgerow/v1/{device_uid}/up.",
    Reason.UID_INVALID: "The device uid in the topic or name has characters that are not allowed.",
    Reason.PAYLOAD_EMPTY: "The message has no content.",
    Reason.PAYLOAD_TOO_LARGE: "The message is larger than 1 MiB, or is CBOR of more than 64 KiB.",
    Reason.NOT_UTF8: "The message is not valid UTF-8 text.",
    Reason.NOT_JSON: "The message is not valid JSON: often it was cut off on the way.",
    Reason.NOT_CBOR: "The message begins like CBOR and is not valid: often it was cut off on the way.",
    Reason.NOT_PROTOBUF: "The message is neither JSON nor the protobuf message its topic names.",
    Reason.TOO_DEEP: "The message is nested too deeply.",
    Reason.NOT_READINGS: "The message is JSON or CBOR, but neither a SenML pack nor an object of metrics.",
    Reason.PACK_EMPTY: "The message holds no readings.",
    Reason.SENML_VERSION: "The SenML version is newer than the one Hedgerow understands (10).",
    Reason.SENML_LABEL: "The pack has a label ending in '_' that must be understood and is not.",
    Reason.NAME_INVALID: "The reading has no name, or one with characters that SenML does not allow.",
    Reason.VALUE_MISSING: "The reading has no value.",
    Reason.VALUE_AMBIGUOUS: "The reading has more than one value.",
    Reason.VALUE_NOT_NUMERIC: "The value is text or data where this metric needs a number.",
    Reason.VALUE_NOT_FINITE: "The value is infinite or not a number.",
    Reason.TIME_INVALID: "The time could not be understood.",
    Reason.METRIC_UNKNOWN: "The metric is not in the vocabulary. Check its spelling or add it.",
    Reason.UNIT_MISMATCH: "The unit does not fit the metric.",
    Reason.STATE_UNKNOWN: "The text is none of the states of this metric.",
    Reason.CODEC_MISSING: "The payload is binary and the device's profile has no codec for it: choose a profile that has.",
    Reason.CODEC_BROKEN: "The codec of the device's profile cannot be used; the detail says why. Mend it, then replay.",
    Reason.CODEC_FAILED: "The codec could not read this payload; the detail says why.",
    Reason.FRAME_INCOMPLETE: "The payload ends early or has an unknown part; what came before is stored.",
    Reason.ENCRYPTED: "The payload is still encrypted: let the network server decrypt it.",
    Reason.SIMULATED: "The message was simulated at the network server's console: it is no reading of the device.",
    Reason.NETWORK_CODEC_FAILED: "The network server's codec failed on a message: its readings are missing. Mend it there.",
    Reason.NOT_DEPLOYED: "The device was at no site at the time of the reading.",
    Reason.NOT_KEPT: "The reading is older than readings of this metric are kept: only the statistics of that time are left.",
    Reason.STORE_REFUSED: "The database refused the data; the detail says why.",
    Reason.NOT_PROCESSED: "Hedgerow failed on this message; the detail says where. Please report it, then replay.",
}


ADVICE: dict[Reason, str] = {
    Reason.TOPIC_UNKNOWN: "Set the topic in the device, or at its network server, to one that the documentation lists.",
    Reason.UID_INVALID: "Use letters, digits and . _ : - in the device's uid, beginning with a letter or digit.",
    Reason.PAYLOAD_EMPTY: "Check that the device sends readings and not just a sign of life.",
    Reason.PAYLOAD_TOO_LARGE: "Have the device send fewer readings in one message.",
    Reason.NOT_UTF8: "If the payload is binary, choose a device profile whose codec reads it.",
    Reason.NOT_JSON: "Compare what came with what the device should send; a buffer that is too short cuts it off.",
    Reason.NOT_CBOR: "Compare what came with what the device should send; a buffer that is too short cuts it off.",
    Reason.NOT_PROTOBUF: "In ChirpStack, set the integration's encoding to JSON or protobuf, as it is set here.",
    Reason.TOO_DEEP: "Send a flat object of metrics, or SenML.",
    Reason.NOT_READINGS: 'Send SenML or an object such as {"pm2_5": 8.3}. For binary frames choose a profile with a codec.',
    Reason.PACK_EMPTY: "Check that the device has sensors connected and has readings to send.",
    Reason.SENML_VERSION: "Set the device to SenML version 10.",
    Reason.SENML_LABEL: "Leave the label out in the device's settings.",
    Reason.NAME_INVALID: "Give the reading the key of a metric, such as pm2_5, as its name.",
    Reason.VALUE_MISSING: "A sensor that is broken or still warming up often has no value: look at its connections.",
    Reason.VALUE_AMBIGUOUS: "Send one value a reading.",
    Reason.VALUE_NOT_NUMERIC: "Send a number, or map the text to a state in the device profile.",
    Reason.VALUE_NOT_FINITE: "A sensor that is broken or not connected often gives this: look at its connections.",
    Reason.TIME_INVALID: "Set the device's clock; send times as seconds since 1970, or leave them out.",
    Reason.METRIC_UNKNOWN: "Correct the name in the device or in its profile, or have the metric added to the vocabulary.",
    Reason.UNIT_MISMATCH: "Correct the unit in the device or in its profile.",
    Reason.STATE_UNKNOWN: "Send one of the states that the detail lists, or have this one added to the metric.",
    Reason.CODEC_MISSING: "Choose the profile of this make and model; then replay the message from quarantine.",
    Reason.CODEC_BROKEN: "Try the profile with this payload on the page of device profiles, mend it, then replay.",
    Reason.CODEC_FAILED: "Check that the profile is the one of this make, model and firmware; try it with this payload.",
    Reason.FRAME_INCOMPLETE: "Check that the profile is the one of this make, model and firmware; try it with this payload.",
    Reason.ENCRYPTED: "Enter the right AppSKey, or let the device join again, at the network server.",
    Reason.SIMULATED: "Nothing is to be done: switch the device on to see a message of its own.",
    Reason.NETWORK_CODEC_FAILED: "Mend the codec at the network server, or choose a profile here that decodes the frame.",
    Reason.NOT_DEPLOYED: "Install the device at its site from the time of these readings on; then replay them.",
    Reason.NOT_KEPT: "The statistics of that time are closed. Was it not so long ago, mend the device's clock.",
    Reason.STORE_REFUSED: "Tell whoever runs Hedgerow; the message is kept and can be replayed.",
    Reason.NOT_PROCESSED: "Tell whoever runs Hedgerow; the message is kept and can be replayed.",
}
"""What an engineer can do about a refused message, in a sentence."""
