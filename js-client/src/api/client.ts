import type { FootbridgeError } from '../core/problem.js';
import { failure } from '../core/problem.js';
import type { Outgoing } from '../core/streams.js';
import type { Problem, TransportName } from '../core/wire.js';
import { isBytes } from '../core/bytes.js';
import { opOf } from '../core/wire.js';
import { Commands } from '../hub/commands.js';
import type { ProcedureHandler } from '../hub/procedures.js';
import { Procedures } from '../hub/procedures.js';
import { Subscriptions } from '../hub/subscriptions.js';
import type { Platform } from '../net/environment.js';
import { environment } from '../net/environment.js';
import type { Token } from '../session/opening.js';
import { withToken } from '../session/opening.js';
import type { SessionConfig, State, Stats } from '../session/session.js';
import { Session } from '../session/session.js';
import type { Gap } from './channel.js';
import { Channel } from './channel.js';
import { Emitter } from './emitter.js';
import type { Callback } from './promised.js';
import { promised } from './promised.js';

/** How to connect. */
export interface ConnectOptions extends Platform {
  /** Who we are: a token, or a function that gets one, at once or later, whenever a session is opened. */
  token?: Token;
  /** An application endpoint, such as `/echo`, instead of the hub. */
  endpoint?: string;
  /** Subprotocols for the application endpoint. */
  protocols?: string[];
  /** Send cookies to another origin too. Default false. */
  credentials?: boolean;
  /** Milliseconds that a transport has to show that it works, before the next is tried. Default 4000. */
  tryMs?: number;
  /** Bytes that may wait to be received by the server, before `overflow`. Default 1 MiB. */
  outboxBytes?: number;
  /** Insist on this transport, as `debug.force` does. */
  transport?: TransportName;
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
  /** For people who want to see it work, and for tests. */
  readonly debug: Debug;

  private events = new Emitter<ClientEvents>();
  private live: Session;
  private commands: Commands;
  private subscriptions: Subscriptions;
  private procedures: Procedures;
  private channels: { [name: string]: Channel } = {};
  private config: SessionConfig;
  private stopListening: () => void;

  /** @internal */
  constructor(url: string | undefined, options: ConnectOptions) {
    const env = environment(options);
    const config = (this.config = {
      env,
      url: absolute(url, env.location),
      token: options.token,
      endpoint: options.endpoint,
      protocols: options.protocols,
      credentials: !!options.credentials,
      tryMs: options.tryMs || 4000,
      outboxBytes: options.outboxBytes || 1 << 20,
    });
    const session = new Session(config, {
      opening: () => this.subscriptions.opening(),
      begun: (welcome) =>
        this.commands.begun(() => {
          this.subscriptions.begun(welcome.subscribed);
          this.procedures.begun();
        }),
      lost: (problem, undelivered) => this.lost(problem, undelivered),
      message: (value) => this.received(value),
      resumed: () => this.events.emit('resume', { session: this.session! }),
      state: (state) => this.events.emit('state', state),
      transport: (name) => this.events.emit('transport', name),
      reconnecting: (attempt, delay, problem) =>
        this.events.emit('reconnect', { attempt, delay, code: problem.code }),
      ended: (problem) => this.ended(problem),
    });
    this.live = session;
    this.commands = new Commands(session, config.outboxBytes);
    this.subscriptions = new Subscriptions(this.commands);
    this.procedures = new Procedures(this.commands, (error) => this.events.emit('error', error));
    this.debug = {
      force: (transport) => session.force(transport),
      drop: () => session.drop(),
      stats: session.stats,
    };
    this.stopListening = listen(env, session);
    if (options.transport) session.force(options.transport);
    session.open();
  }

  /** Where the client stands. */
  get state(): State {
    return this.live.state;
  }

  /** The transport that the session stands on, null before the first. */
  get transport(): TransportName | null {
    return this.live.transport;
  }

  /** The session's id, undefined while there is none. Whoever knows it can act as this session. */
  get session(): string | undefined {
    return this.live.welcome && this.live.welcome.session;
  }

  /** Who we are, as the server understood our token. */
  get user(): unknown {
    return this.live.welcome && this.live.welcome.user;
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
    return (this.channels[name] =
      this.channels[name] ||
      new Channel(name, this.commands, this.subscriptions, (gap) => this.events.emit('gap', gap)));
  }

  /**
   * Calls a procedure. Ends with the error `interrupted` if the session is lost before the answer: then nobody
   * knows whether it was carried out.
   */
  call<T = any>(
    procedure: string,
    data?: unknown,
    options?: CallOptions,
    callback?: Callback<T>,
  ): Promise<T> {
    const timeout = options && options.timeout;
    return promised(
      (done) =>
        this.commands.send(
          'call',
          { procedure, data: data === undefined ? null : data, timeout },
          'interrupt',
          done,
        ),
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
          this.commands.send('auth', { token: value }, 'repeat', (refused) => {
            if (!refused && token) this.config.token = token;
            done(refused);
          });
        }),
      callback,
    );
  }

  /**
   * On an application endpoint: sends a text or binary message.
   *
   * @throws FootbridgeError `overflow` if too much waits already, `too_large`, `closed`
   */
  send(message: string | ArrayBuffer | Uint8Array): void {
    if (typeof message === 'string') this.live.offer(JSON.stringify(message));
    else this.live.offer(new Uint8Array(message as ArrayBuffer));
  }

  /** Ends the session, here and on the server. */
  close(): void {
    this.live.close();
    this.settle(failure('closed', 'the client was closed'));
  }

  private received(value: any): void {
    if (typeof value === 'string' || isBytes(value)) return this.events.emit('message', value);
    switch (opOf(value)) {
      case 'reply':
        return this.commands.reply(value);
      case 'message':
        return this.subscriptions.message(value);
      case 'presence':
        return this.subscriptions.presence(value);
      case 'gap':
        return this.subscriptions.gap(value);
      case 'unsubscribed':
        return this.subscriptions.unsubscribed(value);
      case 'invoke':
        return this.procedures.invoke(value);
    }
  }

  private lost(problem: Problem, undelivered: Outgoing[]): void {
    this.commands.lost();
    this.subscriptions.lost();
    this.procedures.lost();
    this.events.emit('reset', {
      code: problem.code,
      undelivered: this.config.endpoint
        ? undelivered.map((message) => message.bytes || (JSON.parse(message.text!) as string))
        : [],
    });
  }

  private ended(problem: Problem): void {
    const error = failure(problem.code, problem.message);
    this.settle(error);
    this.events.emit('error', error);
  }

  private settle(error: FootbridgeError): void {
    this.stopListening();
    this.subscriptions.end(error);
    this.procedures.end(error);
    this.commands.end(error);
  }
}

/** Opens a session: with the server that the page came from, or with the one at `url`. */
export function connect(url?: string | ConnectOptions, options?: ConnectOptions): Client {
  return url && typeof url === 'object'
    ? new Client(undefined, url)
    : new Client(url as string | undefined, options || {});
}

/** The server's address without a slash at its end. */
function absolute(url: string | undefined, location: { protocol: string; host: string } | undefined): string {
  const origin = location ? location.protocol + '//' + location.host : '';
  const given = (url || '').replace(/^ws/, 'http').replace(/\/+$/, '');
  if (/^https?:/.test(given)) return given;
  if (!origin) throw failure('url', 'outside of a page, connect needs the url of the server');
  return origin + given;
}

/** Listens to what the page is told: that the network is back, and that the page goes away. */
function listen(env: ReturnType<typeof environment>, session: Session): () => void {
  const add = env.addEventListener;
  const remove = env.removeEventListener;
  if (!env.document || !add || !remove) return () => undefined;
  const online = () => session.hurry();
  const hide = (event: { persisted?: boolean }) => {
    if (!event.persisted) session.leave();
  };
  // Called on the global object, as browsers demand.
  add.call(window, 'online', online);
  add.call(window, 'pagehide', hide);
  return () => {
    remove.call(window, 'online', online);
    remove.call(window, 'pagehide', hide);
  };
}
