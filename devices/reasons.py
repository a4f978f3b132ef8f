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
    Reason.STORE_REFUSED: "The database refused the data; the detail says why.",
    Reason.NOT_PROCESSED: "Hedgerow failed on this message; the detail says where. Please report it, then replay.",
}
