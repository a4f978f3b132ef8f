"""What the tests of JavaScript codecs share: scripts of the three shapes, hostile ones, and frames for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.frames import frames_of
from devices.javascript import JavaScriptCodec
from devices.registry import Profile

if TYPE_CHECKING:
    from devices.columns import Columns
    from devices.frames import Frames
    from devices.javascript_sandbox import Sandbox

TIME_US = 1_795_248_000_123_456
"""2026-11-21T08:00:00.123456Z."""

BIN_TS013 = """
// A bin: port 2 is a level report, port 3 a report of its lid.
var PORTS = {2: level, 3: lid};
function level(bytes) {
  var raw = (bytes[2] << 8) | bytes[3];
  return {
    data: {
      fill: raw === 0xffff ? NaN : raw / 100,
      temperature: ((bytes[1] << 24) >> 24).toFixed(1),
      battery: {value: 2000 + bytes[0] * 10, unit: 'mV', displayName: 'Battery'},
    },
    warnings: bytes[0] < 50 ? ['battery low'] : [],
  };
}
function lid(bytes) { return {data: {lid: {open: bytes[0] === 1}, state: ['closed', 'open'][bytes[0]]}}; }
function decodeUplink(input) {
  var decode = PORTS[input.fPort];
  if (!decode) return {errors: ['unknown FPort ' + input.fPort]};
  return decode(input.bytes);
}
"""
BIN_MAPPING = """
[mapping]
fill = "fill_level"
temperature = {metric = "air_temperature", unit = "Cel"}
battery = "battery_voltage"
"lid.open" = "door_open"
"""

RIVER_TTN2 = """
function Decoder(bytes, port) {
  var decoded = {};
  if (port === 1) { decoded.level = ((bytes[0] << 8) + bytes[1]) / 1000; decoded.alarm = (bytes[2] & 0x80) !== 0; }
  return decoded;
}
"""
SOIL_CHIRPSTACK3 = """
function Decode(fPort, bytes, variables) {
  return {port: fPort, moisture: bytes[0] / 2, temp: (bytes[1] << 24 >> 24), extra: Object.keys(variables).length};
}
"""


def codec(sandbox: Sandbox, script: str, definition: str = "", key: str = "sensor") -> JavaScriptCodec:
    """Make the codec of a profile."""
    return JavaScriptCodec(Profile(key, "javascript", definition, script), sandbox)


def frames(*payloads: str, port: int = 1) -> Frames:
    """Make frames of payloads in hexadecimal, one a message, of one device."""
    return frames_of([(i, "dev-1", port, bytes.fromhex(payload), TIME_US) for i, payload in enumerate(payloads)])


def returned(sandbox: Sandbox, value: str, payload: str = "0102ff", port: int = 1) -> Columns:
    """Decode a frame by a script that returns the value of an expression."""
    return codec(sandbox, f"function decodeUplink(input) {{ return {value}; }}", key="returned")(frames(payload, port=port))


HOSTILE = {
    "endless loop": "while (true);",
    "endless loop that catches": "while (true) { try { while (true); } catch (error) {} }",
    "endless loop that goes on at last": "try { while (true); } finally { while (true); }",
    "array that grows": "var a = []; while (true) a.push('something' + a.length);",
    "typed arrays that grow": "var a = []; while (true) a.push(new Uint8Array(1 << 20));",
    "text that grows": "var a = 'x'; while (true) a += a;",
    "deep recursion": "(function f() { f(); })();",
    "recursion through getters": "var o = {get a() { return this.a; }}; return {data: o};",
    "catastrophic regular expression": "/(a+)+$/.test('a'.repeat(40) + 'b');",
    "sort without end": "var a = Array.from({length: 200000}, (_, i) => -i); while (true) a.sort((x, y) => x - y);",
    "comparison without end": "[3, 2, 1].sort(function () { while (true); });",
    "huge list": "return {data: new Array(300000).fill(1)};",
    "huge text": "return {data: {a: 'x'.repeat(20000000)}};",
    "sparse list": "var a = []; a[4294967294] = 1; return {data: a};",
    "huge join": "return {data: {a: new Array(10000000).join('ab')}};",
    "replacement that grows": "return {data: {a: 'a'.repeat(1000000).replace(/a/g, '$&$&$&')}};",
    "deep object": "var a = {}, b = a; for (var i = 0; i < 5000; i++) { b.a = {}; b = b.a; } return {data: a};",
    "circular object": "var a = {}; a.a = a; return {data: a};",
    "toJSON without end": "return {data: {toJSON() { while (true); }}};",
    "toJSON that nests": "var f = function () { return {a: {toJSON: f}}; }; return {data: {toJSON: f}};",
    "getter without end": "return {data: {get a() { while (true); }}};",
    "proxy without end": "return {data: new Proxy({}, {ownKeys() { while (true); }, get() { while (true); }})};",
    "proxy of endless keys": "return new Proxy({}, {get(_, k) { return k === 'toJSON' ? undefined : new Proxy({}, this); }});",
    "thrown object whose text has no end": "throw {toString() { while (true); }};",
    "thrown proxy": "throw new Proxy({}, {getPrototypeOf() { while (true); }, get() { while (true); }});",
    "errors whose text has no end": """
        Error.prototype.toString = InternalError.prototype.toString = function () { while (true); };
        while (true);""",
    "stack trace without end": "Error.prepareStackTrace = function () { while (true); }; null.x;",
    "thrown symbol": "throw Symbol('x');",
    "thrown nothing": "throw undefined;",
    "thrown half of a character": "throw '\\ud800';",
    "huge error": "throw 'x'.repeat(20000000);",
    "numbers that grow": "var a = 3n; while (true) a = a * a;",
    "big integer": "return {data: {a: 1n}};",
    "native call that takes long": "while (true) btoa('x'.repeat(1000000));",
    "normalisation": "var s = '\\u0344'.repeat(1000000); while (true) s.normalize('NFD');",
    "promise": "return Promise.resolve({data: {ok: 1}});",
    "async function": "return (async () => ({data: {ok: 1}}))();",
    "generator": "return (function* () { while (true) yield 1; })();",
    "generator spread": "return {data: [...(function* () { while (true) yield 1; })()]};",
    "iterator of all arrays": "return {data: {ok: Math.max(...{[Symbol.iterator]: () => ({next: () => ({value: 1})})})}};",
    "half of a character": "return {data: {a: '\\ud800'}};",
    "parse bomb": "JSON.parse('['.repeat(1000000));",
    "constructor of functions": "return {data: Function('while (true);')()};",
    "eval without end": "eval('while (true);');",
    "wait": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    "module": "import('fs').then(null); return import('os');",
}
"""What a frame on port 1 does to its script; on other ports it returns `{ok: 1}`."""


def hostile(body: str) -> str:
    """Make a script that is hostile on port 1 only."""
    return f"function decodeUplink(input) {{ if (input.fPort === 1) {{ {body} }} return {{data: {{ok: 1}}}}; }}"
