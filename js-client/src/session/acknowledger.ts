import type { Streams } from '../core/streams.js';

/** The server is told at the latest after so many messages … */
const MESSAGES = 64;
/** … or this time, whichever comes first … */
const MS = 5000;
/** … or when this share of what it buffers for us came down. */
const SHARE = 4;

/** Says when the server is to be told how far we received. */
export class Acknowledger {
  private bytes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private streams: Streams,
    private tell: () => void,
  ) {}

  /** A message of this size came down; the server buffers `buffer` bytes. */
  received(size: number, buffer: number): void {
    this.bytes += size;
    const news = this.streams.received - this.streams.acknowledged;
    if (news >= MESSAGES || this.bytes > buffer / SHARE) {
      this.now();
    } else if (this.timer === undefined) {
      this.timer = setTimeout(() => this.now(), MS);
    }
  }

  /** The connection ended: the next one says where we are by itself. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.bytes = 0;
  }

  private now(): void {
    this.stop();
    this.tell();
  }
}
