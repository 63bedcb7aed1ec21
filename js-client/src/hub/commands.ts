/**
 * Commands to the hub and the wait for their answers. A command outlives the session that carried it: when that is
 * lost, each is settled in the way that its kind allows. What the server cannot do at the moment is sent again later,
 * where that is safe, in the order in which it was sent first; what follows waits for it.
 */
import { Backoff } from '../core/backoff.js';
import { each, merged } from '../core/lists.js';
import { timer } from '../core/clock.js';
import type { FootbridgeError } from '../core/problem.js';
import { failure, failureOf } from '../core/problem.js';
import { own } from '../core/table.js';
import type { Session } from '../session/session.js';

/**
 * What becomes of an unanswered command when its session is lost. `repeat`: it is sent again, which is safe because
 * it only reads or carries a key. `interrupt`: it ends with that error, since nobody knows whether it happened.
 * `done`: it wanted to end something of the session's, and that ended. `forget`: whoever sent it sends a new one.
 */
export type OnLoss = 'repeat' | 'interrupt' | 'done' | 'forget';

/** Called once with the data of the answer, or with an error. */
export type Done = (error: FootbridgeError | null, data?: any) => void;

/** The longest wait before what the server could not do is sent again. */
const AGAIN_MS = 5000;
const SOON_MS = 100;
/** The most characters of commands that go along with an opening. */
const OPENING_CHARACTERS = 1 << 15;

interface Pending {
  text: string;
  sent: boolean;
  onLoss: OnLoss;
  done: Done;
}

export class Commands {
  private lastId = 0;
  /** Unanswered commands in the order of their ids, which is the order of their sending. */
  private pending: { [id: string]: Pending } = {};
  private live = false;
  private waitingBytes = 0;
  /** Something waits to be sent again. */
  private again = false;
  private later = timer();
  private backoff = new Backoff(300, AGAIN_MS);

  constructor(
    private session: Session,
    private bound: number,
  ) {}

  /**
   * Sends a command, or keeps it for the session that is being opened.
   *
   * @param limitMs the longest that it may take before it ends with `timeout`, wherever it is then
   */
  send(op: string, fields: { [name: string]: unknown }, onLoss: OnLoss, done: Done, limitMs?: number): void {
    const id = ++this.lastId;
    let text: string;
    try {
      text = JSON.stringify(merged({ op, id }, fields));
    } catch (error) {
      return done(failure('malformed', (error as Error).message));
    }
    if (limitMs !== undefined) {
      const limit = timer();
      const answer = done;
      done = (error, data) => {
        limit.stop();
        answer(error, data);
      };
      limit.after(limitMs, () => this.refuse(id, failure('timeout', 'no answer came in time')));
    }
    this.pending[id] = { text, sent: false, onLoss, done };
    if (this.live && !(this.again && onLoss === 'repeat')) this.offer(id, false);
    else if (this.session.state === 'closed') this.refuse(id, failure('closed', 'the client is closed'));
    else if ((this.waitingBytes += text.length) > this.bound) {
      this.waitingBytes -= text.length;
      this.refuse(id, failure('overflow', 'too much waits for the session to open'));
    }
  }

  /** The answer to a command. One to a command that was settled otherwise is ignored. */
  reply({
    id,
    data,
    error,
  }: {
    id: number;
    data?: unknown;
    error?: { code?: string; message?: string };
  }): void {
    const command = own(this.pending, id as unknown as string);
    if (!command) return;
    if (error && error.code === 'unavailable' && /repeat|forget/.test(command.onLoss)) {
      command.sent = false;
      if (!this.again) this.sendAgainIn(this.backoff.next());
      return;
    }
    delete this.pending[id];
    if (error) return command.done(failureOf(error));
    this.backoff.reset();
    command.done(null, data);
  }

  /** Sends something that has no answer. */
  tell(text: string): void {
    this.session.offer(text);
  }

  /** What may go along with the opening of a session: the first commands that wait, as long as they may be repeated. */
  opening(): string[] {
    const texts: string[] = [];
    let room = OPENING_CHARACTERS;
    for (const id in this.pending) {
      const { text, onLoss } = this.pending[id]!;
      room -= text.length;
      if (onLoss !== 'repeat' || room < 0) break;
      texts.push(text);
    }
    return texts;
  }

  /**
   * A session begins: what waits is sent now, what was unanswered in the last one is sent again.
   *
   * @param gone how many of those that wait went along with the opening
   * @param first sends the commands that must come before those
   */
  begun(gone: number, first: () => void): void {
    this.live = true;
    this.waitingBytes = 0;
    for (const id in this.pending) {
      if (gone-- > 0) this.pending[id]!.sent = true;
    }
    first();
    this.flush();
  }

  /** The session is no more. */
  lost(): void {
    this.stop();
    const settled: Pending[] = [];
    for (const id in this.pending) {
      const command = this.pending[id]!;
      // One that is forgotten may also wait to be sent again.
      if ((command.sent || command.onLoss === 'forget') && command.onLoss !== 'repeat')
        settled.push(this.take(id));
      command.sent = false;
    }
    each(settled, ({ onLoss, done }) => {
      if (onLoss === 'done') done(null);
      if (onLoss === 'interrupt') done(failure('interrupted', 'the session was lost before the answer came'));
    });
  }

  /** Settles everything with an error, for good. */
  end(error: FootbridgeError): void {
    const all = this.pending;
    this.pending = {};
    this.stop();
    for (const id in all) all[id]!.done(error);
  }

  private stop(): void {
    this.live = this.again = false;
    this.later.stop();
  }

  private sendAgainIn(ms: number): void {
    this.again = true;
    this.later.after(ms, () => {
      // What is still under way may come back too, and would then be behind what was sent after it.
      for (const id in this.pending) {
        const { sent, onLoss } = this.pending[id]!;
        if (sent && onLoss === 'repeat') return this.sendAgainIn(SOON_MS);
      }
      this.again = false;
      this.flush();
    });
  }

  private flush(): void {
    this.waitingBytes = 0;
    for (const id in this.pending) {
      if (!this.pending[id]!.sent) this.offer(id, true);
    }
  }

  private offer(id: number | string, again: boolean): void {
    const command = this.pending[id]!;
    try {
      this.session.offer(command.text, again);
      command.sent = true;
    } catch (error) {
      this.refuse(id, error as FootbridgeError);
    }
  }

  private refuse(id: number | string, error: FootbridgeError): void {
    this.take(id).done(error);
  }

  private take(id: number | string): Pending {
    const command = this.pending[id]!;
    delete this.pending[id];
    return command;
  }
}
