"""JavaScript codecs: the three shapes, the rules of TS013 for what they return, and twenty thousand odd frames."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest

from devices.codecs import Codecs
from devices.frames import frames_of
from devices.javascript import MOST_SCRIPT_CHARACTERS, JavaScriptCodec, check_script
from devices.javascript_sandbox import Sandbox
from devices.reasons import Reason
from devices.registry import Profile, build_registry
from ingest.decode import decode
from tests.unit.devices.examples import readings_of, refusals_of
from tests.unit.devices.javascript_examples import (
    BIN_MAPPING,
    BIN_TS013,
    RIVER_TTN2,
    SOIL_CHIRPSTACK3,
    TIME_US,
    codec,
    frames,
    returned,
)
from tests.unit.ingest.examples import group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devices.columns import Columns

EXECUTIONS = 20_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests of the module."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


def values(columns: Columns) -> dict[str, float | str]:
    """Value by metric of columns without rejects."""
    assert not columns.rejects
    return {one.metric: one.value for one in readings_of(columns)}


def detail(columns: Columns) -> str:
    """Give the text of the one failed frame of columns without readings."""
    assert not len(columns)
    [reject] = columns.rejects
    assert (reject.item, reject.reason) == (1, Reason.CODEC_FAILED)
    return reject.detail


def test_codec_ts013_script_gives_readings_by_its_mapping(sandbox: Sandbox) -> None:
    """Numbers in quotes, measures, NaN as nothing, warnings as no failure; the time is the network server's."""
    columns = codec(sandbox, BIN_TS013, BIN_MAPPING)(frames("a0f61388", "0a05ffff", port=2))

    assert not columns.rejects
    assert [(one.message, one.metric, one.unit, one.value) for one in readings_of(columns)] == [
        (0, "fill_level", "", 50.0),
        (0, "air_temperature", "Cel", -10.0),
        (0, "battery_voltage", "mV", 3600.0),
        (1, "air_temperature", "Cel", 5.0),
        (1, "battery_voltage", "mV", 2100.0),
    ]
    assert {one.time_us for one in readings_of(columns)} == {TIME_US}


def test_codec_script_reports_errors_the_frame_alone_is_refused(sandbox: Sandbox) -> None:
    """`errors` that is not empty means that nothing else may be used."""
    decode = codec(sandbox, BIN_TS013, BIN_MAPPING)
    columns = decode(frames_of([(0, "a", 3, b"\x01", 1), (5, "b", 9, b"\x01", 2), (7, "c", 3, b"\x00", 3)]))

    assert [(one.message, one.uid, one.metric, one.value) for one in readings_of(columns)] == [
        (0, "a", "door_open", 1.0),
        (7, "c", "door_open", 0.0),
    ]
    assert [(reject.message, reject.reason, reject.detail) for reject in columns.rejects] == [
        (5, Reason.CODEC_FAILED, "the script reports: unknown FPort 9")
    ]


def test_codec_ttn2_shape_is_called_with_bytes_first(sandbox: Sandbox) -> None:
    """`Decoder(bytes, port)` returns the data itself."""
    assert values(codec(sandbox, RIVER_TTN2)(frames("04d280"))) == {"level": 1.234, "alarm": 1.0}


def test_codec_chirpstack3_shape_is_called_with_the_port_first(sandbox: Sandbox) -> None:
    """`Decode(fPort, bytes, variables)` returns the data itself; there are no variables."""
    columns = codec(sandbox, SOIL_CHIRPSTACK3)(frames("64f6", port=7))

    assert values(columns) == dict(port=7.0, moisture=50.0, temp=-10.0, extra=0.0)  # noqa: C408 - names as they are


@pytest.mark.parametrize(
    "script",
    [
        "function Decode() { return 1; } function Decoder() { return 2; } function decodeUplink() { return {data: {a: 3}}; }",
        "const decodeUplink = () => ({data: {a: 3}}); function Decoder() { return {a: 2}; }",
        "'use strict'; let decodeUplink = function () { return {data: {a: 3}}; };",
        "a = 3; decodeUplink = function () { return {data: {a: a}}; };",
        "class Sensor { static a = 3; } var decodeUplink = (input) => ({data: {a: Sensor?.a ?? 0}});",
        "function Decode() { return {a: 2}; } function Decoder() { return {a: 3}; }",
    ],
)
def test_codec_script_with_several_shapes_the_newest_counts(sandbox: Sandbox, script: str) -> None:
    """Vendors leave the older functions beside the newer, and declare them in every way there is."""
    assert values(codec(sandbox, script)(frames("00"))) == {"a": 3.0}


def test_codec_input_has_bytes_port_time_and_variables(sandbox: Sandbox) -> None:
    """What TS013 promises: an array of whole numbers, the port, a Date; and ChirpStack's variables."""
    seen = """{data: {
        array: Array.isArray(input.bytes), sum: input.bytes.reduce((a, b) => a + b),
        port: input.fPort, keys: Object.keys(input).join(),
        year: input.recvTime.getFullYear(), ms: input.recvTime.getTime(), local: input.recvTime.getHours(),
    }}"""

    assert values(returned(sandbox, seen, "0102ff", port=77)) == {
        "array": 1.0,
        "sum": 258.0,
        "port": 77.0,
        "keys": "bytes,fPort,recvTime,variables",
        "year": 2026.0,
        "ms": TIME_US // 1000,
        "local": 8.0,
    }


@pytest.mark.parametrize(
    "value", ["{data: {a: 1}, errors: []}", "{data: {a: 1}, errors: null, warnings: ['low']}", "{data: {a: 1}, errors: ''}"]
)
def test_codec_empty_errors_and_any_warnings_are_none(sandbox: Sandbox, value: str) -> None:
    """Empty lists mean none, and warnings fail nothing."""
    assert values(returned(sandbox, value)) == {"a": 1.0}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("undefined", "what the script returned cannot be read"),
        ("null", "what the script returned cannot be read"),
        ("5", "what the script returned cannot be read"),
        ("[1]", "what the script returned cannot be read"),
        ("{}", "the script returned no data"),
        ("{warnings: ['unknown port']}", "the script returned no data; it warns: unknown port"),
        ("{data: null}", "the script returned no data"),
        ("{data: 'text'}", "the script returned no data"),
        ("{data: () => 1}", "the script returned no data"),
        ("{data: {a: 1}, errors: ['one', 'two']}", "the script reports: one; two"),
        ("{data: {a: 1}, errors: 'one'}", "the script reports: one"),
        ("{data: {a: 1}, errors: [{code: 5}]}", "the script reports: {'code': 5}"),
        ("{errors: ['line\\nfeed \\u0000']}", "the script reports: line feed  "),
        ("input.nothing.there", "TypeError: cannot read property 'there' of undefined at decodeUplink (<input>:1:"),
        ("(() => { throw new Error('bad length'); })()", "Error: bad length at "),
        ("(() => { throw 'bad length'; })()", "bad length"),
    ],
)
def test_codec_return_value_against_the_rules_fails_the_frame(sandbox: Sandbox, value: str, told: str) -> None:
    """What is seen in the field: no return, no data, only warnings, errors of many kinds, exceptions; told in few words."""
    assert detail(returned(sandbox, value)).startswith(told)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "null", "undefined", "() => 1"])
def test_codec_value_that_is_none_is_left_out(sandbox: Sandbox, value: str) -> None:
    """JSON has no such values: they are missing."""
    assert values(returned(sandbox, f"{{data: {{a: {value}, b: 1}}}}")) == {"b": 1.0}


def test_codec_date_and_list_in_data_are_mapped_like_any(sandbox: Sandbox) -> None:
    """A history in data, with times as Dates."""
    script = "function decodeUplink(i) { return {data: {log: [{t: 1, at: new Date(5000)}, {t: 2, at: new Date(6000)}]}}; }"
    columns = codec(sandbox, script, '[mapping]\n"log.*.t" = "m"\ntime = "log.*.at"')(frames("00"))

    assert [(one.time_us, one.value) for one in readings_of(columns)] == [(5_000_000, 1.0), (6_000_000, 2.0)]


def test_codec_broken_script_refuses_all_its_frames_as_broken(sandbox: Sandbox) -> None:
    """They can be replayed when it is mended; the engine's words and the line are told."""
    columns = codec(sandbox, "\nfunction decodeUplink(input) { return {data: ; }")(frames("00", "01"))

    assert [(one.message, one.item, one.reason) for one in refusals_of(columns)] == [
        (0, 1, Reason.CODEC_BROKEN),
        (1, 1, Reason.CODEC_BROKEN),
    ]
    assert columns.rejects[0].detail.startswith("SyntaxError: unexpected token in expression: ';' at <input>:2:")


def test_codec_with_a_wrong_mapping_or_too_long_a_script_is_not_made(sandbox: Sandbox) -> None:
    """What can be told before any frame comes is told then."""
    with pytest.raises(ValueError, match=r"mapping\.a: must be a path = metric"):
        codec(sandbox, BIN_TS013, "[mapping]\na = 5")
    with pytest.raises(ValueError, match="longer than 262,144 characters"):
        codec(sandbox, "/" * (MOST_SCRIPT_CHARACTERS + 1))


def test_codec_no_frames_give_no_columns_and_start_nothing() -> None:
    """A process is there when a script has to be run, not before."""
    sandbox = Sandbox()

    assert len(codec(sandbox, BIN_TS013)(frames())) == 0
    assert sandbox.pid is None


def test_codec_thousands_of_frames_keep_their_order(sandbox: Sandbox) -> None:
    """Every frame gets its own outcome, whatever requests they went in."""
    many = frames_of([(3 * i, f"dev-{i % 50}", i % 7, i.to_bytes(3), i) for i in range(3000)])
    script = "function Decoder(b, port) { if (port === 3) throw 'three'; return {m: (b[0] << 16) + (b[1] << 8) + b[2]}; }"
    columns = codec(sandbox, script)(many)

    expected = [(3 * i, f"dev-{i % 50}", i, float(i)) for i in range(3000) if i % 7 != 3]
    assert [(one.message, one.uid, one.time_us, one.value) for one in readings_of(columns)] == expected
    assert [reject.message for reject in columns.rejects] == [3 * i for i in range(3000) if i % 7 == 3]


def test_check_script_tells_what_is_wrong_or_nothing() -> None:
    """What the API says before it stores a profile."""
    assert check_script(BIN_TS013) is None
    assert check_script(RIVER_TTN2) is None
    assert check_script(SOIL_CHIRPSTACK3) is None
    assert (check_script("function f( {") or "").startswith("SyntaxError: ")
    assert (check_script("null.x") or "").startswith("TypeError: cannot read property 'x' of null at <eval> (<input>:1:")
    assert (check_script("var decodeUplink = 5;") or "").startswith("there is no function decodeUplink(input)")
    assert (check_script("") or "").startswith("there is no function decodeUplink(input)")
    assert check_script("while (true);") == "the script took more than 50 ms of processor time"
    assert check_script("throw {toString() { while (true); }};") == (
        "the script took more processor time than the engine can be stopped in"
    )
    assert check_script("/" * (MOST_SCRIPT_CHARACTERS + 1)) == "the script is longer than 262,144 characters"


def test_check_script_that_is_no_text_of_unicode_is_refused() -> None:
    """Half a character cannot reach the engine."""
    assert check_script("var a = '\ud800';") == "the script is no valid Unicode text"


def test_codec_twenty_thousand_random_frames_end_as_readings_or_rejects(sandbox: Sandbox) -> None:
    """Random bytes through a script with errors of its own: none vanishes, none disturbs another."""
    chance = Random(20_261_121)
    rows = [
        (i, f"dev-{i % 9}", chance.randrange(5), chance.randbytes(chance.choice([0, 1, 4, 4, 30, 300])), TIME_US)
        for i in range(EXECUTIONS)
    ]
    script = BIN_TS013.replace("return decode(", "if (input.bytes.length > 250) input.nothing.there; return decode(")
    columns = JavaScriptCodec(Profile("fuzz", "javascript", BIN_MAPPING, script), sandbox)(frames_of(rows))

    told = [one.message for one in readings_of(columns)] + [reject.message for reject in columns.rejects]
    assert set(told) == set(range(EXECUTIONS))
    assert {reject.reason for reject in columns.rejects} == {Reason.CODEC_FAILED}
    sound = {message for message, _, port, payload, _ in rows if port in {2, 3} and len(payload) <= 250}
    assert {one.message for one in readings_of(columns)} == sound


def test_decode_frames_of_a_javascript_profile_whichever_way_they_come() -> None:
    """Bare on the device's topic and in a network server's uplink, beside plain readings of other devices."""
    uid = "0004a30b00f1c2d3"
    registry = build_registry([], [], [], [(1, "bin", "javascript", BIN_MAPPING, BIN_TS013, 0, 0)], [(1, uid, 1)], [], [])
    uplink = {
        "deduplicationId": "d",
        "time": "2026-11-21T08:00:00.123456+00:00",
        "deviceInfo": {"devEui": uid},
        "fCnt": 1,
        "devAddr": "01020304",
        "fPort": 3,
        "data": "AQ==",
        "object": {"ignored": 1},
    }
    payloads = [b'[{"n":"temperature","v":1}]', b"\x01", json.dumps(uplink).encode()]
    topics = ["hedgerow/v1/dev-1/up", f"hedgerow/v1/{uid}/up", f"application/a/device/{uid}/event/up"]
    codecs = Codecs()
    columns = decode(group(*payloads, topics=topics), registry, codecs)
    codecs.close()

    assert [(one.message, one.uid, one.metric, one.value) for one in readings_of(columns) if one.metric != "frame_counter"] == [
        (0, "dev-1", "temperature", 1.0),
        (2, uid, "door_open", 1.0),
    ]
    assert [(reject.message, reject.reason) for reject in columns.rejects] == [(1, Reason.CODEC_FAILED)]
    assert columns.rejects[0].detail == "the script reports: unknown FPort 0"
