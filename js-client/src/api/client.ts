import { isBytes } from '../core/bytes.js';
import { each } from '../core/lists.js';
import type { FootbridgeError } from '../core/problem.js';
import { failure } from '../core/problem.js';
import type { Outgoing } from '../core/streams.js';
import type { Problem, TransportName } from '../core/wire.js';
import { Table } from '../core/table.js';
import { opOf, parse } from '../core/wire.js';
import { Commands } from '../hub/commands.js';
import type { ProcedureHandler } from '../hub/procedures.js';
import { Procedures } from '../hub/procedures.js';
import { Subscriptions } from '../hub/subscriptions.js';
import type { Kit, Platform } from '../net/kit.js';
import { root } from '../core/root.js';
import type { Token } from '../session/opening.js';
import { withToken } from '../session/opening.js';
import type { Session, SessionConfig, SessionListener, Share, State, Stats } from '../session/session.js';
import { createSession } from '../session/session.js';
import type { Gap } from './channel.js';
import { Channel } from './channel.js';
import { Emitter } from './emitter.js';
import { attend } from './page.js';
import type { Callback } from './promised.js';
import { promised } from './promised.js';

/** Seconds that the server waits for a callee, unless the caller says otherwise. */
const CALL_SECONDS = 10;
/** How much later the server's word that a call timed out may come. */
const LATE_MS = 3000;

/** How to connect. */
export interface ConnectOptions extends Platform {
  /** Who we are: a token, or a function that gets one, at once or later, whenever a session is opened. */
  token?: Token;
  /** An application endpoint, such as `/echo`, instead of the hub. */
  endpoint?: string;
  /** Subprotocols for the application endpoint. */
  protocols?: string[];
  /** Milliseconds that a transport has to show that it works, before the next is tried. Default 4000. */
  tryMs?: number;
  /**
   * Milliseconds after which a connection that has gone silent is left for another, while somebody looks at the page;
   * twice in this time the server is asked for a sign of life. Default 4000.
   */
  silenceMs?: number;
  /** Bytes that may wait to be received by the server, before `overflow`. Default 1 MiB. */
  outboxBytes?: number;
  /** Insist on this transport, as `debug.force` does. */
  transport?: TransportName;
  /** Share one connection with the other tabs that do so: what the function `tabs` returns. */
  tabs?: Share;
}

/** A connection was lost and a new attempt is planned. */
export interface Reconnect {
  /** Attempts since the last connection that held. */
  attempt: number;
  /** Milliseconds until the attempt. */
  delay: number;
  /** Why the connection was lost. */
  code: string;
}

/** A session was lost and a new one follows; what channels missed they recover, or report as a gap. */
export interface Reset {
  /** Why. */
  code: string;
  /**
   * On an application endpoint: messages that the server may not have received, in order. They are not sent again,
   * since the new session is a new conversation.
   */
  undelivered: Array<string | Uint8Array>;
}

/** The events of a client. */
export interface ClientEvents {
  /** The state changed. */
  state: State;
  /** The session stands on this transport now. */
  transport: TransportName;
  /** A connection was lost; a new attempt is planned. */
  reconnect: Reconnect;
  /** The session went on over a new connection: nothing was lost or repeated. */
  resume: { session: string };
  /** The session was lost. */
  reset: Reset;
  /** A channel missed messages for good. */
  gap: Gap;
  /** On an application endpoint: a text or binary message. */
  message: string | Uint8Array;
  /** Something went wrong that no call could report; after it the client may be closed. */
  error: FootbridgeError;
}

/** Options of a call. */
export interface CallOptions {
  /** Seconds to wait for the answer, as the server counts them. */
  timeout?: number;
}

/** For people who want to see it work, and for tests. */
export interface Debug {
  /** Moves the session to this transport and keeps it there; null lets it choose again. */
  force(transport: TransportName | null): void;
  /** Breaks the connection abruptly, without telling the session, as a network would. */
  drop(): void;
  /** What was counted since the client was made. */
  readonly stats: Readonly<Stats>;
}

/** A session with a Footbridge server that outlives its connections. Made by `connect`. */
export class Client {
  /** Where the client stands; only to be read, like the following. */
  state: State = 'connecting';
  /** The transport that the session stands on, null before the first. */
  transport: TransportName | null = null;
  /** The session's id, undefined while there is none. Whoever knows it can act as this session. */
  session: string | undefined;
  /** Who we are, as the server understood our token. */
  user: unknown;
  /** For people who want to see it work, and for tests. */
  readonly debug: Debug;

  private events = new Emitter<ClientEvents>();
  private live: Session;
  private commands: Commands;
  private subscriptions: Subscriptions;
  private procedures: Procedures;
  private channels = new Table<Channel>();
  private config: SessionConfig;
  private stopListening: () => void;

  /** @internal */
  constructor(kit: Kit, url: string | undefined, options: ConnectOptions) {
    const config: SessionConfig = (this.config = {
      kit,
      url: absolute(url),
      token: options.token,
      endpoint: options.endpoint,
      protocols: options.protocols,
      tryMs: options.tryMs || 4000,
      silenceMs: options.silenceMs || 4000,
      outboxBytes: options.outboxBytes || 1 << 20,
    });
    const { events } = this;
    const listener: SessionListener = {
      opening: () => ({ subscribe: this.subscriptions.opening(), messages: this.commands.opening() }),
      begun: (welcome, gone) => {
        this.session = welcome.session;
        this.user = welcome.user;
        this.commands.begun(gone, () => {
          this.subscriptions.begun(welcome.subscribed);
          this.procedures.begun();
        });
      },
      lost: (problem, undelivered) => this.lost(problem, undelivered),
      message: (value) => this.received(value),
      resumed: () => events.emit('resume', { session: this.session! }),
      state: (state) => events.emit('state', (this.state = state)),
      transport: (name) => events.emit('transport', (this.transport = name)),
      reconnecting: (attempt, delay, problem) =>
        events.emit('reconnect', { attempt, delay, code: problem.code }),
      ended: (problem) => {
        const error = failure(problem.code, problem.message);
        this.settle(error);
        events.emit('error', error);
      },
    };
    const create = (own: SessionListener) => createSession(config, own);
    const share = options.endpoint ? undefined : options.tabs;
    const session: Session = share ? share(config.url, create, listener) : create(listener);
    this.live = session;
    this.commands = new Commands(session, config.outboxBytes);
    this.subscriptions = new Subscriptions(this.commands);
    this.procedures = new Procedures(this.commands, (error) => events.emit('error', error));
    this.debug = {
      force: (transport) => session.force(transport),
      drop: () => session.drop(),
      stats: session.stats,
    };
    if (options.transport) session.force(options.transport);
    this.stopListening = attend(session);
    // What the application says at once goes along with the opening.
    setTimeout(() => session.state === 'closed' || session.open(), 0);
  }

  /** Calls the handler at each event of this name, until `off`. */
  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): this {
    this.events.on(name, handler);
    return this;
  }

  /** Removes a handler; without one, all of this name. */
  off<Name extends keyof ClientEvents>(name: Name, handler?: (event: ClientEvents[Name]) => void): this {
    this.events.off(name, handler);
    return this;
  }

  /** The channel of this name; always the same object. */
  channel(name: string): Channel {
    return (
      this.channels.get(name) ||
      this.channels.set(
        name,
        new Channel(name, this.commands, this.subscriptions, (gap) => this.events.emit('gap', gap)),
      )
    );
  }

  /**
   * Calls a procedure. Ends with the error `interrupted` if the session is lost before the answer: then nobody
   * knows whether it was carried out. Ends with `timeout` if the server says so, or at the latest a few seconds after
   * that, also while there is no connection.
   */
  call<T = any>(
    procedure: string,
    data: unknown = null,
    options: CallOptions = {},
    callback?: Callback<T>,
  ): Promise<T> {
    const { timeout } = options;
    const limit = (timeout === undefined ? CALL_SECONDS : timeout) * 1000 + LATE_MS;
    return promised(
      (done) => this.commands.send('call', { procedure, data, timeout }, 'interrupt', done, limit),
      callback,
    );
  }

  /** Offers a procedure to all who may call it. Several clients that offer the same share its calls. */
  register(procedure: string, handler: ProcedureHandler, callback?: Callback<void>): Promise<void> {
    return promised((done) => this.procedures.register(procedure, handler, (error) => done(error)), callback);
  }

  /** Offers a procedure no longer. */
  unregister(procedure: string, callback?: Callback<void>): Promise<void> {
    return promised((done) => this.procedures.unregister(procedure, (error) => done(error)), callback);
  }

  /**
   * Shows the server a fresh token before the old one expires, and keeps it for sessions to come; without one, asks
   * the function given to `connect`.
   */
  authenticate(token?: Token, callback?: Callback<void>): Promise<void> {
    return promised(
      (done) =>
        withToken(token || this.config.token, (error, value) => {
          if (error) return done(failure('token', error.message));
          this.commands.send('auth', { token: value }, 'repeat', (refused, answer) => {
            if (!refused) {
              if (token) this.config.token = token;
              this.user = answer && answer.user;
            }
            done(refused);
          });
        }),
      callback,
    );
  }

  /**
   * On an application endpoint: sends a text or binary message.
   *
   * @throws FootbridgeError `overflow` if too much waits already, `too_large`, `closed`, `malformed` without an endpoint
   */
  send(message: string | ArrayBuffer | Uint8Array): void {
    if (!this.config.endpoint)
      throw failure('malformed', 'send is for application endpoints; publish to a channel');
    this.live.offer(
      typeof message === 'string' ? JSON.stringify(message) : new Uint8Array(message as ArrayBuffer),
    );
  }

  /** Ends the session, here and on the server. */
  close(): void {
    this.live.close();
    this.settle(failure('closed', 'the client was closed'));
  }

  private received(value: any): void {
    const { subscriptions } = this;
    if (typeof value === 'string' || isBytes(value)) return this.events.emit('message', value);
    switch (opOf(value)) {
      case 'reply':
        return this.commands.reply(value);
      case 'message':
        return subscriptions.message(value);
      case 'presence':
        return subscriptions.presence(value);
      case 'gap':
        return subscriptions.gap(value);
      case 'unsubscribed':
        return subscriptions.unsubscribed(value);
      case 'invoke':
        return this.procedures.invoke(value);
    }
  }

  private lost({ code }: Problem, outgoing: Outgoing[]): void {
    const undelivered: Array<string | Uint8Array> = [];
    this.session = undefined;
    this.commands.lost();
    this.subscriptions.lost();
    this.procedures.lost();
    if (this.config.endpoint) each(outgoing, ({ bytes, text }) => undelivered.push(bytes || parse(text!)));
    this.events.emit('reset', { code, undelivered });
  }

  private settle(error: FootbridgeError): void {
    this.stopListening();
    this.session = undefined;
    this.subscriptions.end(error);
    this.procedures.end(error);
    this.commands.end(error);
  }
}

/** Makes the function that applications connect with. */
export function connector(kitFor: (platform: Platform) => Kit) {
  return (url?: string | ConnectOptions, options: ConnectOptions = {}): Client => {
    if (url && typeof url === 'object') {
      options = url;
      url = undefined;
    }
    return new Client(kitFor(options), url as string | undefined, options);
  };
}

/** The server's address without a slash at its end. */
function absolute(url: string = ''): string {
  const { location } = root;
  const given = url.replace(/^ws/, 'http').replace(/\/+$/, '');
  if (/^https?:/.test(given)) return given;
  if (!location) throw failure('url', 'outside of a page, connect needs the url of the server');
  return location.protocol + '//' + location.host + given;
}
