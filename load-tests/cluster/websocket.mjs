// A WebSocket client (RFC 6455) on a plain socket, with the browser's interface: Node.js 20 has none of its own. It is
// strict, since it stands for all others: what breaks the protocol ends the connection and is told in `broken`.

import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

function frame(opcode, payload) {
  const mask = randomBytes(4);
  const length = payload.length;
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const bytes = Buffer.alloc(6 + size + length);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0x80 | (size === 0 ? length : size === 2 ? 126 : 127);
  if (size === 2) bytes.writeUInt16BE(length, 2);
  if (size === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  mask.copy(bytes, 2 + size);
  for (let i = 0; i < length; i++) bytes[6 + size + i] = payload[i] ^ mask[i & 3];
  return bytes;
}

export class WebSocket {
  readyState = 0;
  binaryType = 'arraybuffer';
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  /** What the server did that RFC 6455 does not allow. */
  broken;

  #socket;
  #bytes = Buffer.alloc(0);
  #message;
  #said;

  constructor(url, protocols = []) {
    const { hostname, port, host, pathname, search } = new URL(url);
    const key = randomBytes(16).toString('base64');
    this.#said = { code: 1006, reason: '' };
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => {
      const head = [`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, 'Upgrade: websocket'];
      head.push('Connection: Upgrade', `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13');
      if (protocols.length > 0) head.push(`Sec-WebSocket-Protocol: ${protocols.join(', ')}`);
      this.#socket.write(`${head.join('\r\n')}\r\n\r\n`);
    });
    this.#socket.on('error', (error) => this.onerror?.(error));
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => {
      this.readyState = 3;
      this.onclose?.(this.#said);
    });
    const accept = createHash('sha1')
      .update(key + GUID)
      .digest('base64');
    this.#socket.on('data', (piece) => {
      this.#bytes = Buffer.concat([this.#bytes, piece]);
      if (this.readyState === 0 && !this.#shakeHands(accept)) return;
      while (!this.#socket.destroyed && this.#next());
    });
  }

  #shakeHands(accept) {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.#bytes.subarray(0, end).toString('latin1');
    this.#bytes = this.#bytes.subarray(end + 4);
    this.status = Number(head.split(' ')[1]);
    const given = /^sec-websocket-accept: *(\S+)/im.exec(head)?.[1];
    if (this.status !== 101 || given !== accept) {
      if (this.status === 101) this.broken = 'a wrong Sec-WebSocket-Accept';
      this.#socket.destroy();
      return false;
    }
    this.readyState = 1;
    this.onopen?.({});
    return true;
  }

  /** Takes one frame from what has come; false if it is not all there. */
  #next() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    let length = bytes[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (bytes.length < 4) return false;
      length = bytes.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return false;
      length = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    if (bytes[1] & 0x80 || bytes[0] & 0x70) return this.#fail('a masked frame or a reserved bit');
    if (bytes.length < at + length) return false;
    this.#bytes = bytes.subarray(at + length);
    this.#take(bytes[0] & 0x0f, !!(bytes[0] & 0x80), bytes.subarray(at, at + length));
    return true;
  }

  #take(opcode, last, payload) {
    if (opcode === PING) return this.#put(PONG, payload);
    if (opcode === PONG) return undefined;
    if (opcode === CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#said = { code, reason: payload.subarray(2).toString() };
      this.#put(CLOSE, payload.subarray(0, 2));
      this.readyState = 2;
      return this.#socket.end();
    }
    if ((opcode === 0) !== !!this.#message || opcode > BINARY)
      return this.#fail(`a frame of opcode ${opcode}`);
    if (opcode !== 0) this.#message = { opcode, parts: [] };
    this.#message.parts.push(payload);
    if (!last) return undefined;
    const { opcode: kind, parts } = this.#message;
    this.#message = undefined;
    const whole = Buffer.concat(parts);
    const data = kind === TEXT ? whole.toString() : new Uint8Array(whole).buffer;
    return this.onmessage?.({ data });
  }

  #fail(what) {
    this.broken = what;
    this.#socket.destroy();
    return false;
  }

  #put(opcode, payload) {
    if (this.readyState === 1) this.#socket.write(frame(opcode, payload));
  }

  send(data) {
    this.#put(typeof data === 'string' ? TEXT : BINARY, Buffer.from(data));
  }

  /** Says goodbye and leaves at once: whoever closes here does not wait for the answer. Again does nothing. */
  close(code = 1000) {
    if (this.readyState > 1) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#put(CLOSE, payload);
    this.readyState = 2;
    this.#socket.destroySoon();
    // The other side may be stopped and never close its end.
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  /** Breaks the connection without a word. */
  destroy() {
    this.onmessage = this.onclose = this.onerror = null;
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
  }
}
