/** Procedures that this client offers to others: it takes their invocations and sends the results. */
import type { FootbridgeError } from '../core/problem.js';
import { failure } from '../core/problem.js';
import { each } from '../core/lists.js';
import { Table } from '../core/table.js';
import type { Commands, Done } from './commands.js';

/** About an invocation. */
export interface Invocation {
  procedure: string;
  /** Who called. */
  user: unknown;
}

/**
 * Answers a call with a value, or a promise of one. What it throws is the caller's error; a `code` property of it
 * is kept.
 */
export type ProcedureHandler = (data: any, invocation: Invocation) => unknown;

interface Invoke {
  invocation: unknown;
  procedure: string;
  data: unknown;
  user: unknown;
}

export class Procedures {
  private handlers = new Table<ProcedureHandler>();
  private waiting = new Table<Done[]>();
  private live = false;
  private over?: FootbridgeError;
  /** Counts sessions: a result belongs to the session in which the call came. */
  private era = 0;

  constructor(
    private commands: Commands,
    private report: (error: FootbridgeError) => void,
  ) {}

  register(procedure: string, handler: ProcedureHandler, done: Done): void {
    if (this.over) return done(this.over);
    const known = this.handlers.get(procedure);
    const waiting = this.waiting.get(procedure);
    this.handlers.set(procedure, handler);
    if (waiting) {
      waiting.push(done);
    } else if (known) {
      done(null);
    } else {
      this.waiting.set(procedure, [done]);
      if (this.live) this.ask(procedure);
    }
  }

  unregister(procedure: string, done: Done): void {
    if (!this.handlers.get(procedure)) return done(null);
    const waiting = this.waiting.get(procedure) || [];
    this.handlers.drop(procedure);
    this.waiting.drop(procedure);
    each(waiting, (one) => one(failure('unsubscribed', 'unregistered before it stood')));
    if (!this.live) return done(null);
    this.commands.send('unregister', { procedure }, 'done', done);
  }

  /** A session begins: it must learn what we offer. */
  begun(): void {
    this.live = true;
    this.era++;
    this.handlers.each((_, procedure) => this.ask(procedure));
  }

  /** The session is no more. */
  lost(): void {
    this.live = false;
    this.era++;
  }

  /** Ends all of them with an error, for good. */
  end(error: FootbridgeError): void {
    const all = this.waiting;
    this.over = error;
    this.handlers = new Table();
    this.waiting = new Table();
    this.lost();
    all.each((waiting) => each(waiting, (done) => done(error)));
  }

  /** Somebody calls. */
  invoke(invoke: Invoke): void {
    const era = this.era;
    const result = (outcome: { data?: unknown; error?: { code: string; message?: string } }) => {
      if (era !== this.era) return;
      const { invocation } = invoke;
      const { data, error } = outcome;
      try {
        this.commands.tell(JSON.stringify({ op: 'result', invocation, data, error }));
      } catch (fault) {
        if (error) this.report(fault as FootbridgeError);
        else failed(fault);
      }
    };
    const failed = (error: any) =>
      result({
        error: {
          code: (error && error.code) || 'failed',
          message: String((error && error.message) || error),
        },
      });
    const succeeded = (data: unknown) => result({ data: data === undefined ? null : data });

    const handler = this.handlers.get(invoke.procedure);
    if (!handler) return failed({ code: 'no_callee', message: 'no longer registered' });
    try {
      const answer: any = handler(invoke.data, { procedure: invoke.procedure, user: invoke.user });
      if (answer && typeof answer.then === 'function') answer.then(succeeded, failed);
      else succeeded(answer);
    } catch (error) {
      failed(error);
    }
  }

  private ask(procedure: string): void {
    this.commands.send('register', { procedure }, 'forget', (error) => {
      const waiting = this.waiting.get(procedure);
      this.waiting.drop(procedure);
      if (error) {
        this.handlers.drop(procedure);
        if (!waiting) this.report(error);
      }
      each(waiting || [], (done) => done(error));
    });
  }
}
