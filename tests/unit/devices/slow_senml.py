"""SenML decoded the slow, obvious way: one record at a time, plain Python, nothing shared with the code it checks."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devices.columns import NO_TIME_US
from devices.reasons import Reason
from devices.topics import Kind, Source
from tests.unit.devices.examples import Reading, Refusal
from tests.unit.devices.slow_cbor import read_cbor, with_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS = {"bver", "bn", "bt", "bu", "bv", "n", "u", "v", "vs", "vb", "vd", "s", "t"}
NAME = re.compile(r"[A-Za-z0-9][-:./_A-Za-z0-9]*")
URNS = ("urn:dev:mac:", "urn:dev:ow:", "urn:dev:os:", "urn:dev:org:", "urn:dev:ops:")
NUMBERS = {"bt", "bv", "v", "s", "t"}


class Refused(Exception):  # noqa: N818 - an outcome, not an error
    """A message or record that gives no reading."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Base:
    """What the records so far have said about those that follow."""

    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float | None = None
    is_wrong: bool = False
    """Whether one of them could not be read."""


@dataclass
class Outcome:
    """Readings and refusals of a group of messages."""

    readings: list[Reading] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def slow_decode(payloads: Sequence[bytes], sources: Sequence[Source], received_us: Sequence[int]) -> Outcome:
    """Decode packs one after the other, records one after the other."""
    outcome = Outcome()
    for message, payload in enumerate(payloads):
        try:
            records = read_pack(payload)
        except Refused as refused:
            outcome.refusals.append(Refusal(message, 0, refused.reason))
            continue
        is_newer = any(number(record, "bver", 10) > 10 for record in records)
        base = Base()
        for item, record in enumerate(records, 1):
            try:
                one = read_record(record, base, sources[message], received_us[message])
            except Refused as refused:
                outcome.refusals.append(Refusal(message, item, Reason.SENML_VERSION if is_newer else refused.reason))
                continue
            if is_newer:
                outcome.refusals.append(Refusal(message, item, Reason.SENML_VERSION))
            else:
                outcome.readings.append(Reading(message, item, *one))
    return outcome


def read_pack(payload: bytes) -> list[dict[str, object]]:
    """Parse one pack."""
    return checked(with_labels(read_cbor(payload)) if 0x80 <= payload[0] <= 0x9F else read_json(payload))


def read_json(payload: bytes) -> object:
    """Parse JSON."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise Refused(Reason.NOT_UTF8) from None
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(Reason.NOT_JSON) from None


def checked(pack: object) -> list[dict[str, object]]:
    """Let only lists of records pass."""
    if not isinstance(pack, list) or any(not isinstance(record, dict) for record in pack):
        raise Refused(Reason.NOT_READINGS)
    if not pack:
        raise Refused(Reason.PACK_EMPTY)
    return pack


def read_record(
    record: dict[str, object], base: Base, source: Source, received_us: int
) -> tuple[str, str, str, int, float | str]:
    """Resolve one record, moving the base fields on first."""
    wrong = {label for label in LABELS & set(record) if not fits(label, record[label])}
    known = {label: value for label, value in record.items() if label in LABELS - wrong and value is not None}
    base.name = str(known.get("bn", base.name))
    base.time = number(known, "bt", base.time)
    base.unit = str(known.get("bu", base.unit))
    if "bv" in known:
        base.value = number(known, "bv", 0.0)
    base.is_wrong = base.is_wrong or any(label.startswith("b") for label in wrong)
    if wrong:
        raise Refused(Reason.VALUE_NOT_NUMERIC if "v" in wrong else Reason.NOT_READINGS)
    if base.is_wrong:
        raise Refused(Reason.NOT_READINGS)

    value = value_of(known, base)
    name = base.name + str(known.get("n", ""))
    if not NAME.fullmatch(name):
        raise Refused(Reason.NAME_INVALID)
    device, metric = split(name)
    uid = source.uid if source.kind is Kind.DEVICE else uid_in(device)
    seconds = base.time + number(known, "t", 0.0)
    time_us = NO_TIME_US
    if abs(seconds) < 9e11:
        time_us = round(seconds * 1e6)
        if seconds < 268_435_456:
            time_us += received_us
    return uid, metric, str(known.get("u", base.unit)), time_us, value


def fits(label: str, value: object) -> bool:
    """Tell whether a label has a value of its kind; null is an absent base field or value."""
    if value is None:
        return label not in {"n", "t", "bver"}
    if label == "vb":
        return isinstance(value, bool)
    if label in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if label == "bver":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)


def number(known: dict[str, object], label: str, default: float) -> float:
    """Read a number that `fits` has let pass."""
    value = known.get(label, default)
    assert isinstance(value, int | float)
    return float(value)


def value_of(known: dict[str, object], base: Base) -> float | str:
    """Find the one value of a record."""
    given = [label for label in ("v", "vb", "vs", "vd") if label in known]
    if len(given) > 1:
        raise Refused(Reason.VALUE_AMBIGUOUS)
    if given == ["vs"]:
        return str(known["vs"])
    if given == ["vd"]:
        raise Refused(Reason.VALUE_NOT_NUMERIC)
    if given == ["vb"]:
        return 1.0 if known["vb"] else 0.0
    if not given and base.value is None:
        raise Refused(Reason.VALUE_MISSING)
    value = number(known, "v", 0.0) + (base.value or 0.0)
    if not -math.inf < value < math.inf:
        raise Refused(Reason.VALUE_NOT_FINITE)
    return value


def split(name: str) -> tuple[str, str]:
    """Cut a name at its last separator."""
    for at in range(len(name) - 1, -1, -1):
        if name[at] in ":/":
            return name[:at], name[at + 1 :]
    return "", name


def uid_in(device: str) -> str:
    """Read the device part of a name in a gateway's pack."""
    urn = next((urn for urn in URNS if device.startswith(urn)), "")
    device = device.removeprefix(urn)
    device = device.lower()
    if len(device) > 128 or not re.fullmatch(r"[a-z0-9][a-z0-9._:-]*", device):
        raise Refused(Reason.NAME_INVALID)
    hex_digits = device.replace("-", "").replace(":", "")
    if re.fullmatch(r"([0-9a-f]{2}[-:]?){7}[0-9a-f]{2}", device):
        return hex_digits
    return device
