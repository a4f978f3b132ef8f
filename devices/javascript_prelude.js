// What a device profile's script finds beside the language itself, and what ties it to devices/javascript_worker.py.
// It runs before the script and keeps its own hold of everything it needs later, for the script may change all it can reach.
(function () {
  'use strict';
  const { stringify, parse } = JSON;
  const { freeze } = Object;
  const [objectPrototype, arrayPrototype] = [Object.prototype, Array.prototype];
  const [text, Time, Bytes, View] = [String, Date, Uint8Array, DataView];
  const [Problem, OutOfMemory, TooDeep] = [Error, InternalError, RangeError];

  delete globalThis.SharedArrayBuffer;
  delete globalThis.Atomics;

  const nothing = function () {};
  globalThis.console = { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing, trace: nothing };

  // The part of Node's Buffer that reads: ChirpStack offers it, so scripts use it.
  class Buffer extends Bytes {
    static from(source, encoding) {
      if (typeof source !== 'string') return new Buffer(source);
      if (encoding === 'hex') return new Buffer((source.match(/[0-9a-f]{2}/gi) || []).map((pair) => parseInt(pair, 16)));
      const characters = encoding === 'base64' ? atob(source) : unescape(encodeURIComponent(source));
      return new Buffer([...characters].map((character) => character.charCodeAt(0)));
    }
    static alloc(length) { return new Buffer(length); }
    static concat(parts) { return new Buffer(parts.flatMap((part) => [...part])); }
    static isBuffer(value) { return value instanceof Buffer; }
    slice(start, end) { return this.subarray(start, end); }
    toString(encoding) {
      if (encoding === 'hex') return this.reduce((hex, byte) => hex + (256 + byte).toString(16).slice(1), '');
      const characters = this.reduce((all, byte) => all + String.fromCharCode(byte), '');
      if (encoding === 'base64') return btoa(characters);
      return ['ascii', 'latin1', 'binary'].includes(encoding) ? characters : decodeURIComponent(escape(characters));
    }
    readUIntBE(at, length) {
      let value = 0;
      for (let i = 0; i < length; i++) value = value * 256 + this.readUInt8(at + i);
      return value;
    }
    readUIntLE(at, length) {
      let value = 0;
      for (let i = length - 1; i >= 0; i--) value = value * 256 + this.readUInt8(at + i);
      return value;
    }
    readIntBE(at, length) { return signed(this.readUIntBE(at, length), length); }
    readIntLE(at, length) { return signed(this.readUIntLE(at, length), length); }
  }
  const signed = (value, length) => (value < 2 ** (8 * length - 1) ? value : value - 2 ** (8 * length));
  const read = (method, littleEndian) => function (at = 0) {
    return new View(this.buffer, this.byteOffset, this.byteLength)[method](at, littleEndian);
  };
  for (const [name, method] of [['UInt8', 'getUint8'], ['Int8', 'getInt8']]) Buffer.prototype['read' + name] = read(method);
  for (const [name, method] of [
    ['UInt16', 'getUint16'], ['Int16', 'getInt16'], ['UInt32', 'getUint32'], ['Int32', 'getInt32'],
    ['BigUInt64', 'getBigUint64'], ['BigInt64', 'getBigInt64'], ['Float', 'getFloat32'], ['Double', 'getFloat64'],
  ]) {
    Buffer.prototype['read' + name + 'BE'] = read(method, false);
    Buffer.prototype['read' + name + 'LE'] = read(method, true);
  }
  for (const name of Object.getOwnPropertyNames(Buffer.prototype)) {
    if (name.includes('UInt')) Buffer.prototype[name.replace('UInt', 'Uint')] = Buffer.prototype[name];
  }
  globalThis.Buffer = Buffer;

  // What was thrown, as a JSON string: # before what leaves the context unfit for use, ! before anything else.
  // null is what the engine throws when it has no memory left even for an error.
  function report(error) {
    try {
      const mark = error === null || error instanceof OutOfMemory || error instanceof TooDeep ? '#' : '!';
      const where = error instanceof Problem && typeof error.stack === 'string' ? '\n' + error.stack : '';
      return stringify(mark + (error === null ? 'the script ran out of memory' : text(error)) + where);
    } catch {
      return '"#the script threw what cannot be written as text"';
    }
  }

  return function bind(decodeUplink, decoder, decode, most) {
    freeze(objectPrototype);
    freeze(arrayPrototype);
    const call = decodeUplink
      ? (bytes, port, time) => decodeUplink({ bytes, fPort: port, recvTime: time, variables: {} })
      : decoder
        ? (bytes, port) => ({ data: decoder(bytes, port) })
        : (bytes, port) => ({ data: decode(port, bytes, {}) });
    function run(bytes, port, milliseconds) {
      try {
        return stringify([call(parse(bytes), port, new Time(milliseconds))]);
      } catch (error) {
        return report(error);
      }
    }
    // Gives the JSON text of a list with what the script returned, or that of a string: what it threw. Nothing is joined to it,
    // for a long text would become a rope, which the engine's Python side cannot take.
    return function (bytes, port, milliseconds) {
      const told = run(bytes, port, milliseconds);
      return told.length > most ? '"#the script returned or threw too long a text"' : told;
    };
  };
})();
