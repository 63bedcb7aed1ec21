/** HTTP/1.1 and WebSocket as bytes: where a head, a body, a frame ends. Nothing is decoded, nothing is changed. */

/** The head of a request or an answer. */
export class Head {
  /** The head at the beginning of `bytes`, and the `rest` after it; undefined as long as it is not all there. */
  static read(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [start, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    return { head: new Head(start, lines), rest: bytes.subarray(end + 4) };
  }

  constructor(start, lines) {
    this.start = start;
    this.lines = lines;
  }

  /** The value of a field, in lower case; empty without one. */
  field(name) {
    const line = this.lines.find((one) => one.toLowerCase().startsWith(`${name}:`));
    return line
      ? line
          .slice(name.length + 1)
          .trim()
          .toLowerCase()
      : '';
  }

  /** Whether the connection may be used again after this message. */
  get keeps() {
    return this.start.includes('HTTP/1.1') && !this.field('connection').includes('close');
  }

  without(names) {
    const unwanted = (line) => names.some((name) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    return new Head(
      this.start,
      this.lines.filter((line) => !unwanted(line)),
    );
  }

  with(line) {
    return new Head(this.start, [...this.lines, line]);
  }

  toBytes() {
    return Buffer.from([this.start, ...this.lines, '', ''].join('\r\n'), 'latin1');
  }
}

/** Finds the end of a body: by its length, by its chunks, or nowhere but at the connection's end. */
export class Body {
  #chunked;
  #left;
  #line = '';
  #trailer = false;

  /** @param unbounded whether a body without a length goes on until the connection ends, or is none */
  constructor(head, unbounded) {
    const length = head.field('content-length');
    this.#chunked = head.field('transfer-encoding').includes('chunked');
    this.#left = this.#chunked ? 0 : length ? Number(length) : unbounded ? Infinity : 0;
    this.ended = !this.#chunked && this.#left === 0;
    this.bounded = this.#left !== Infinity;
  }

  /** How many of these bytes belong to the body. */
  take(bytes) {
    let at = 0;
    while (at < bytes.length && !this.ended) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        at += step;
        this.#left -= step;
        this.ended = !this.#chunked && this.#left === 0;
      } else {
        this.#ofLine(String.fromCharCode(bytes[at++]));
      }
    }
    return at;
  }

  /** A character of a line between chunks: the size of the next one, or the trailer after the last. */
  #ofLine(character) {
    this.#line += character;
    if (character !== '\n') return;
    const line = this.#line.trim();
    this.#line = '';
    if (this.#trailer) {
      this.ended = line === '';
    } else {
      const size = parseInt(line, 16);
      if (size > 0) this.#left = size + 2;
      else this.#trailer = true;
    }
  }
}

/** Finds the frames in one direction of a WebSocket. */
export class Frames {
  #head = [];
  #left = 0;
  #inside = false;

  /** Cuts bytes into `[piece, begins]`: each piece is of one frame, and `begins` says whether it is its first. */
  *split(bytes) {
    let from = 0;
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        at += step;
        this.#left -= step;
      } else {
        this.#head.push(bytes[at++]);
        const size = payloadOf(this.#head);
        if (size === undefined) continue;
        this.#head = [];
        this.#left = size;
      }
      if (this.#left > 0) continue;
      yield [bytes.subarray(from, at), !this.#inside];
      this.#inside = false;
      from = at;
    }
    if (from === bytes.length) return;
    yield [bytes.subarray(from), !this.#inside];
    this.#inside = true;
  }
}

/** How much follows a frame's head; undefined as long as the head is not all there. */
function payloadOf(head) {
  const short = head[1] & 127;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const mask = head[1] & 128 ? 4 : 0;
  if (head.length < 2 + extra + mask) return undefined;
  return extra ? head.slice(2, 2 + extra).reduce((sum, byte) => sum * 256 + byte, 0) : short;
}
