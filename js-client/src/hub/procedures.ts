/** Procedures that this client offers to others: it takes their invocations and sends the results. */
import type { FootbridgeError } from '../core/problem.js';
import { each } from '../core/lists.js';
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
  private handlers: { [procedure: string]: ProcedureHandler } = {};
  private waiting: { [procedure: string]: Done[] } = {};
  private live = false;
  /** Counts sessions: a result belongs to the session in which the call came. */
  private era = 0;

  constructor(
    private commands: Commands,
    private report: (error: FootbridgeError) => void,
  ) {}

  register(procedure: string, handler: ProcedureHandler, done: Done): void {
    const known = this.handlers[procedure] && !this.waiting[procedure];
    this.handlers[procedure] = handler;
    if (known) return done(null);
    if (this.waiting[procedure]) {
      this.waiting[procedure]!.push(done);
      return;
    }
    this.waiting[procedure] = [done];
    if (this.live) this.ask(procedure);
  }

  unregister(procedure: string, done: Done): void {
    if (!this.handlers[procedure]) return done(null);
    delete this.handlers[procedure];
    delete this.waiting[procedure];
    if (!this.live) return done(null);
    this.commands.send('unregister', { procedure }, 'done', done);
  }

  /** A session begins: it must learn what we offer. */
  begun(): void {
    this.live = true;
    this.era++;
    for (const procedure in this.handlers) this.ask(procedure);
  }

  /** The session is no more. */
  lost(): void {
    this.live = false;
    this.era++;
  }

  /** Ends all of them with an error, for good. */
  end(error: FootbridgeError): void {
    const all = this.waiting;
    this.handlers = {};
    this.waiting = {};
    this.lost();
    for (const procedure in all) each(all[procedure]!, (done) => done(error));
  }

  /** Somebody calls. */
  invoke(invoke: Invoke): void {
    const era = this.era;
    const result = (outcome: { data?: unknown; error?: { code: string; message?: string } }) => {
      if (era !== this.era) return;
      const text = (o: typeof outcome) =>
        JSON.stringify({ op: 'result', invocation: invoke.invocation, data: o.data, error: o.error });
      try {
        this.commands.tell(text(outcome));
      } catch (error) {
        this.report(error as FootbridgeError);
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

    const handler = this.handlers[invoke.procedure];
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
      const waiting = this.waiting[procedure];
      delete this.waiting[procedure];
      if (error) {
        delete this.handlers[procedure];
        if (!waiting) this.report(error);
      }
      each(waiting || [], (done) => done(error));
    });
  }
}
