/**
 * The heart of the client: a session is two numbered streams, and both sides count. Message n of a direction is
 * the n-th since the session opened, so the number need not travel. This does the counting of both streams and
 * keeps what the server may not have yet; it does no I/O and knows of no transport, which is why a message
 * survives any change of transport: whichever comes next asks here what to send and what was received.
 */

/** A message going up: its JSON text, or the bytes of a binary message, and its size in bytes. */
export interface Outgoing {
  text?: string;
  bytes?: Uint8Array;
  size: number;
}

/** What a numbered message coming down is: the one expected, one we already have, or one past a hole. */
export type Arrival = 'next' | 'repeat' | 'hole';

export class Streams {
  /** Down: how many messages were received. */
  received = 0;
  /** Down: how many the server was told that we received. */
  acknowledged = 0;
  /** Up: how many the server told us that it received; all above waits here, in order, until it does. */
  confirmed = 0;
  /** Up: the bytes of what waits. */
  waiting = 0;

  private outbox: Outgoing[] = [];

  /** Up: how many messages were numbered so far, confirmed or not. */
  sent(): number {
    return this.confirmed + this.outbox.length;
  }

  /** Whether a message of this size fits under the bound; a single one always fits into an empty outbox. */
  fits(size: number, bound: number): boolean {
    return !this.waiting || this.waiting + size <= bound;
  }

  /** Numbers a message and keeps it until it is confirmed. */
  push(message: Outgoing): void {
    this.outbox.push(message);
    this.waiting += message.size;
  }

  /**
   * The server says that it received this many of our messages. An older word than one heard before says nothing
   * new. False if the number exceeds what was sent: then the two sides do not speak of the same session.
   */
  confirm(received: number): boolean {
    if (received > this.sent()) return false;
    for (; this.confirmed < received; this.confirmed++) this.waiting -= this.outbox.shift()!.size;
    return true;
  }

  /** Like `confirm`, when a connection starts: there the server may not know less than it once confirmed either. */
  resume(received: number): boolean {
    return received >= this.confirmed && this.confirm(received);
  }

  /** Takes note of the down message with this number. Only a `next` one counts and may be handed on. */
  take(number: number): Arrival {
    if (number <= this.received) return 'repeat';
    if (number > this.received + 1) return 'hole';
    this.received = number;
    return 'next';
  }

  /** The messages above `after`, as many as fit in `bytes`, at least one if there is one. */
  above(after: number, bytes: number): Outgoing[] {
    const messages: Outgoing[] = [];
    for (let i = after - this.confirmed; i < this.outbox.length; i++) {
      const message = this.outbox[i]!;
      bytes -= message.size + 1;
      if (messages.length && bytes < 0) break;
      messages.push(message);
    }
    return messages;
  }

  /** Takes back the first message that waits; what follows moves up. Only for one that the server cannot have. */
  drop(): Outgoing {
    const message = this.outbox.shift()!;
    this.waiting -= message.size;
    return message;
  }

  /** Starts both counts anew and gives back the messages that were never confirmed. */
  rebase(confirmed: number, received: number): Outgoing[] {
    const undelivered = this.outbox;
    this.outbox = [];
    this.waiting = 0;
    this.confirmed = confirmed;
    this.received = this.acknowledged = received;
    return undelivered;
  }
}
