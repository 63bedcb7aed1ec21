import { each, keep } from '../core/lists.js';
import { failure } from '../core/problem.js';
import { randomKey } from '../core/random.js';
import type { Position } from '../core/wire.js';
import type { Commands } from '../hub/commands.js';
import type { Subscribed, SubscribeOptions, Subscriptions } from '../hub/subscriptions.js';
import type { FootbridgeError } from '../core/problem.js';
import { guarded } from '../core/guarded.js';
import { Emitter } from './emitter.js';
import type { Callback } from './promised.js';
import { promised } from './promised.js';

/** A message of a channel. */
export interface Message<T = any> {
  channel: string;
  /** Its place in the channel's one order. */
  offset: number;
  data: T;
  /** Who published it, if the publisher is known. */
  user?: unknown;
  /** When it was published, in milliseconds since 1970. */
  time: number;
}

/** Takes the messages of a channel, in order. */
export type MessageHandler<T = any> = (message: Message<T>) => void;

/** One who is present in a channel. */
export interface Member {
  /** A public id, never the session's. */
  member: string;
  user?: unknown;
  info?: unknown;
}

/** Who joined and left a channel, and how many are there now. One is never told of oneself. */
export interface PresenceChange {
  channel: string;
  joined: Member[];
  left: Member[];
  /**
   * Only where the server cannot say who came and went, such as after this client had been slow: who is present now,
   * in place of all that was known; as many as the server names at a time.
   */
  members?: Member[];
  /** How many sessions there are. */
  count: number;
  /** How many users these belong to; each anonymous session counts as one. */
  users: number;
}

/** Who is present in a channel. */
export interface Presence {
  members: Member[];
  /** How many sessions there are. */
  count: number;
  /** How many users these belong to; each anonymous session counts as one. */
  users: number;
}

/** Part of a channel's history; `epoch` and `offset` are the channel's top. */
export interface History<T = any> {
  epoch: string;
  offset: number;
  messages: Message<T>[];
}

/** Where a published message ended up. */
export interface Published {
  epoch: string;
  offset: number;
}

/** Messages between the last one delivered and `offset` are lost to this client: reload what you show. */
export interface Gap {
  channel: string;
  epoch: string;
  /** The next message is the one after this. */
  offset: number;
}

/** How to publish. */
export interface PublishOptions {
  /** The idempotency key; by default a random one. The same key counts once, however often it is sent. */
  key?: string;
}

/** What part of a history to read. */
export interface HistoryOptions {
  /** After this position; without it, the last messages. */
  since?: Position;
  limit?: number;
}

/** The events of a channel. */
export interface ChannelEvents {
  /** Somebody joined or left; subscribe with `presence: true` to hear it. */
  presence: PresenceChange;
  /** Messages were missed for good. */
  gap: Gap;
  /** The subscription stands, for the first time or again in a new session. */
  subscribed: Subscribed;
  /** The server ended the subscription. */
  unsubscribed: FootbridgeError;
}

/** A channel, as this client sees it. Made by `client.channel(name)`; it costs nothing until it is used. */
export class Channel {
  /** Everything up to here was delivered. Undefined before the first message or answer; only to be read. */
  position?: Position;

  private events = new Emitter<ChannelEvents>();
  private receivers: MessageHandler[] = [];

  /** @internal */
  constructor(
    /** The channel's name. */
    readonly name: string,
    private commands: Commands,
    private subscriptions: Subscriptions,
    private gapAnywhere: (gap: Gap) => void,
  ) {}

  /** Calls the handler at each event of this name, until `off`. */
  on<Name extends keyof ChannelEvents>(name: Name, handler: (event: ChannelEvents[Name]) => void): this {
    this.events.on(name, handler);
    return this;
  }

  /** Removes a handler; without one, all of this name. */
  off<Name extends keyof ChannelEvents>(name: Name, handler?: (event: ChannelEvents[Name]) => void): this {
    this.events.off(name, handler);
    return this;
  }

  /**
   * Delivers the channel's messages to the handler, in order, across any loss of the connection. Further handlers
   * share the subscription, and the options of the first.
   */
  subscribe<T = any>(
    handler: MessageHandler<T>,
    options?: SubscribeOptions,
    callback?: Callback<Subscribed>,
  ): Promise<Subscribed> {
    this.receivers.push(handler);
    const forget = () => (this.receivers = keep(this.receivers, (known) => known !== handler));
    return promised(
      (done) =>
        this.subscriptions.subscribe(this.name, options || {}, this, (error, answer) => {
          if (error) forget();
          done(error, answer);
        }),
      callback,
    );
  }

  /** Ends the subscription; with a handler, only once no other handler is left. */
  unsubscribe(handler?: MessageHandler, callback?: Callback<void>): Promise<void> {
    this.receivers = keep(this.receivers, (known) => handler && known !== handler);
    return promised((done) => {
      if (this.receivers.length > 0) done(null);
      else this.subscriptions.unsubscribe(this.name, done);
    }, callback);
  }

  /**
   * Publishes data, any JSON value. Answered once the channel has it; when the connection, or the whole session,
   * is lost meanwhile, it is sent again with its key and still counts once.
   */
  publish(data: unknown, options?: PublishOptions, callback?: Callback<Published>): Promise<Published> {
    const key = (options && options.key) || randomKey();
    return promised((done) => {
      if (data === undefined) return done(failure('malformed', 'undefined cannot be published'));
      this.commands.send('publish', { channel: this.name, data, key }, 'repeat', done);
    }, callback);
  }

  /** Reads from the channel's history. */
  history<T = any>(options?: HistoryOptions, callback?: Callback<History<T>>): Promise<History<T>> {
    const { since, limit }: HistoryOptions = options || {};
    return this.ask('history', { channel: this.name, since, limit }, callback);
  }

  /** Asks who is present. */
  presence(callback?: Callback<Presence>): Promise<Presence> {
    return this.ask('presence', { channel: this.name }, callback);
  }

  /** @internal A message came. */
  deliver(message: Message): void {
    each(this.receivers, (receive) => guarded(() => receive(message)));
  }

  /** @internal Something else happened to the subscription. */
  tell<Name extends keyof ChannelEvents>(name: Name, event: ChannelEvents[Name]): void {
    if (name === 'unsubscribed') this.receivers = [];
    this.events.emit(name, event);
    if (name === 'gap') this.gapAnywhere(event as Gap);
  }

  private ask<T>(op: string, fields: { [name: string]: unknown }, callback?: Callback<T>): Promise<T> {
    return promised((done) => this.commands.send(op, fields, 'repeat', done), callback);
  }
}
