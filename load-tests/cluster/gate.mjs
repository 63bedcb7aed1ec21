// A TCP proxy that can be a bad network: it holds bytes back, cuts connections, loses answers.

import { connect, createServer } from 'node:net';

export class Gate {
  #server;
  #lines = new Set();
  #held = false;

  /** The chance that a connection is cut at the moment when an answer begins to come back on it. */
  losing = 0;

  /** How many connections were cut. */
  cuts = 0;

  constructor(port, targetPort, random) {
    Object.assign(this, { port, targetPort, random });
  }

  start() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(this.port, '127.0.0.1', resolve);
    });
  }

  stop() {
    this.cutAll();
    this.#server?.close();
  }

  /** Breaks every connection that there is. */
  cutAll() {
    for (const line of this.#lines) line.cut();
  }

  /** Passes nothing on until `release`, as if every packet were lost; connections stay. */
  hold() {
    this.#held = true;
    for (const line of this.#lines) line.hold();
  }

  release() {
    this.#held = false;
    for (const line of this.#lines) line.release();
  }

  #accept(near) {
    const far = connect({ port: this.targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    let asked = false;
    const line = {
      cut: () => {
        if (!this.#lines.delete(line)) return;
        this.cuts++;
        line.end();
      },
      end: () => {
        this.#lines.delete(line);
        for (const socket of [near, far]) socket.destroyed || socket.resetAndDestroy();
      },
      hold: () => [near, far].forEach((socket) => socket.pause()),
      release: () => [near, far].forEach((socket) => socket.resume()),
    };
    this.#lines.add(line);

    const pass = (from, to, seen) => {
      from.on('data', (piece) => {
        if (!seen()) return line.cut();
        if (to.destroyed || to.write(piece)) return;
        from.pause();
        to.once('drain', () => this.#held || from.resume());
      });
      from.on('end', () => to.end());
      from.on('error', line.end);
      from.on('close', () => {
        to.end(); // what is still to be written is given the time to leave
        if (near.destroyed && far.destroyed) this.#lines.delete(line);
      });
    };
    pass(near, far, () => (asked = true));
    pass(far, near, () => {
      const lost = asked && this.losing > 0 && this.random() < this.losing;
      asked = false;
      return !lost;
    });
    if (this.#held) line.hold();
  }
}
