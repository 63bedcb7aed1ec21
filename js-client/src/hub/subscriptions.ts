/**
 * The channels that this client listens to, and how far in each. The session alone guarantees order without loss
 * while it lives; the positions kept here let a new session go on where the lost one ended, as far as the channel's
 * history reaches.
 */
import type { FootbridgeError } from '../core/problem.js';
import { each, place } from '../core/lists.js';
import { failure, failureOf } from '../core/problem.js';
import { own, Table } from '../core/table.js';
import type { Position } from '../core/wire.js';
import type { Commands, Done } from './commands.js';

/** How to subscribe to a channel. */
export interface SubscribeOptions {
  /** Go on after this position: what came since is delivered first, or a gap is reported. */
  since?: Position;
  /** Without `since`: deliver up to this many messages from the channel's history first. */
  last?: number;
  /** Be listed as present in the channel, and hear who joins and leaves. */
  presence?: boolean;
  /** A token for this channel alone. */
  token?: string;
}

/** The answer to a subscription. */
export interface Subscribed {
  epoch: string;
  /** The channel's top at that moment. */
  offset: number;
  /** With `since`: false if the history did not reach back that far. */
  recovered?: boolean;
}

/** What a subscription tells the channel it belongs to. */
export interface SubscriptionListener {
  /** Everything up to here was delivered; undefined until that is known. */
  position?: Position;
  deliver(message: any): void;
  tell(event: 'presence' | 'gap' | 'subscribed' | 'unsubscribed', detail: any): void;
}

/** Why a subscription among several was refused. */
interface Refused {
  error: { code?: string; message?: string };
}

/** The answers for several channels. */
type Answers = { [channel: string]: Subscribed | Refused };

interface Subscription {
  options: SubscribeOptions;
  listener: SubscriptionListener;
  epoch: string;
  /** Asked for while opening the session, so that its welcome may be the answer. */
  listed: boolean;
  waiting: Done[];
  answer?: Subscribed;
}

export class Subscriptions {
  private byName = new Table<Subscription>();
  private live = false;
  /** What was asked for with the first request for the session that is being opened. */
  private asked: Subscription[] = [];
  private over?: FootbridgeError;

  constructor(private commands: Commands) {}

  /** Subscribes; a channel that is subscribed already keeps its first options. */
  subscribe(channel: string, options: SubscribeOptions, listener: SubscriptionListener, done: Done): void {
    let subscription = this.byName.get(channel);
    if (subscription) {
      if (subscription.answer) done(null, subscription.answer);
      else subscription.waiting.push(done);
      return;
    }
    if (this.over) return done(this.over);
    listener.position = options.since;
    subscription = { options, listener, epoch: '', listed: false, waiting: [done] };
    this.byName.set(channel, subscription);
    if (this.live) this.ask(channel, subscription);
  }

  unsubscribe(channel: string, done: Done): void {
    const subscription = this.byName.get(channel);
    if (!subscription) return done(null);
    this.forget(channel);
    settle(subscription, failure('unsubscribed', 'unsubscribed before the subscription stood'));
    if (this.live) this.leave(channel, done);
    else done(null);
  }

  /** What to subscribe to while opening a session. */
  opening(): unknown[] {
    const list: unknown[] = [];
    const first = this.asked.length === 0;
    this.byName.each((subscription, channel) => {
      // Asked for again, an opening is answered as it was asked for first.
      if (first) this.asked.push(subscription);
      subscription.listed = place(this.asked, subscription) >= 0;
      list.push(request(channel, subscription));
    });
    return list;
  }

  /** A session begins, or was rebuilt; `subscribed` says what it listens to already, or why not. */
  begun(subscribed: Answers = {}): void {
    this.live = true;
    this.asked = [];
    const positions: { [channel: string]: Position } = {};
    let any = false;
    this.byName.each((subscription, channel) => {
      const { position } = subscription.listener;
      const there = own(subscribed, channel);
      if (subscription.listed && there) {
        this.answered(channel, subscription, there);
      } else if (position && there && channel !== '__proto__') {
        // In a rebuilt session, which listens from the top on; who is present stays so.
        positions[channel] = position;
        any = true;
      } else {
        this.ask(channel, subscription, !!there);
      }
      subscription.listed = false;
    });
    if (any) this.recover(positions);
    for (const channel in subscribed) {
      if (!this.byName.get(channel)) this.leave(channel); // we changed our mind while the session opened
    }
  }

  /** The session is no more. */
  lost(): void {
    this.live = false;
    this.byName.each((subscription) => {
      subscription.answer = undefined;
      subscription.listed = false;
    });
  }

  /** Ends all of them with an error, for good. */
  end(error: FootbridgeError): void {
    const all = this.byName;
    this.byName = new Table();
    this.live = false;
    this.over = error;
    all.each((subscription) => settle(subscription, error));
  }

  message(message: { op?: string; channel: string; offset: number }): void {
    const { channel, offset } = message;
    const subscription = this.byName.get(channel);
    // Before the answer there can only be messages of a subscription that was ended.
    if (!subscription || !subscription.answer) return;
    const { listener, epoch } = subscription;
    if (listener.position && offset <= listener.position.offset) return;
    listener.position = { epoch, offset };
    delete message.op;
    listener.deliver(message);
  }

  presence(change: {
    channel: string;
    joined?: unknown[];
    left?: unknown[];
    members?: unknown[];
    count: number;
    users?: number;
  }): void {
    const subscription = this.byName.get(change.channel);
    const { channel, joined = [], left = [], members, count, users = count } = change;
    if (subscription)
      subscription.listener.tell('presence', { channel, joined, left, members, count, users });
  }

  /** The history no longer reaches back to where we were. */
  gap({ channel, epoch, offset }: { channel: string; epoch: string; offset: number }): void {
    const subscription = this.byName.get(channel);
    // Before the answer it tells of a subscription that is about to be replaced, as messages do.
    if (subscription && subscription.answer) jump(channel, subscription, { epoch, offset });
  }

  /** The server ended a subscription. */
  unsubscribed(value: { channel: string; code?: string }): void {
    this.drop(value.channel, failureOf(value));
  }

  /** @param listens whether the session may listen already, and so would not go back to our position */
  private ask(channel: string, subscription: Subscription, listens?: boolean): void {
    if (listens) this.leave(channel);
    this.commands.send('subscribe', request(channel, subscription), 'forget', (error, answer) => {
      if (this.byName.get(channel) === subscription) {
        this.answered(channel, subscription, error ? { error } : answer);
      }
    });
  }

  private leave(channel: string, done: Done = () => undefined): void {
    this.commands.send('unsubscribe', { channel }, 'done', done);
  }

  private recover(positions: { [channel: string]: Position }): void {
    const asked = this.byName.copy();
    this.commands.send('recover', { positions }, 'forget', (error, answer) => {
      for (const channel in positions) {
        const subscription = this.byName.get(channel);
        const one: Subscribed | Refused | undefined = answer && own(answer.channels, channel);
        // Refused as a whole, or silent on this channel: then each gets an answer of its own.
        if (subscription && subscription === asked.get(channel)) {
          if (error || !one || isUnavailable(one)) this.ask(channel, subscription, true);
          else this.answered(channel, subscription, one);
        }
      }
    });
  }

  private answered(channel: string, subscription: Subscription, answer: Subscribed | Refused): void {
    if ('error' in answer) {
      if (isUnavailable(answer)) this.ask(channel, subscription);
      else this.drop(channel, failureOf(answer.error));
      return;
    }
    const { epoch, offset } = answer;
    const top = { epoch, offset };
    const { listener, options } = subscription;
    subscription.epoch = epoch;
    subscription.answer = answer;
    // With `last`, what is delivered first says where we are; with a position, we are there already.
    if (!listener.position && !options.last) listener.position = top;
    settle(subscription, null, answer);
    listener.tell('subscribed', answer);
    if (listener.position && answer.recovered === false) jump(channel, subscription, top);
  }

  private drop(channel: string, error: FootbridgeError): void {
    const subscription = this.byName.get(channel);
    if (!subscription) return;
    this.forget(channel);
    if (!settle(subscription, error)) subscription.listener.tell('unsubscribed', error);
  }

  private forget(channel: string): void {
    this.byName.get(channel)!.listener.position = undefined;
    this.byName.drop(channel);
  }
}

/** Answers those who wait for the subscription; false if nobody does. */
function settle(subscription: Subscription, error: FootbridgeError | null, answer?: Subscribed): boolean {
  const asked = subscription.waiting;
  subscription.waiting = [];
  each(asked, (done) => done(error, answer));
  return asked.length > 0;
}

/** Messages up to there are lost. */
function jump(channel: string, subscription: Subscription, to: Position): void {
  const { listener } = subscription;
  const { position } = listener;
  const { epoch, offset } = to;
  subscription.epoch = epoch;
  if (position && position.epoch === epoch && position.offset === offset) return;
  listener.position = to;
  listener.tell('gap', { channel, epoch, offset });
}

function request(channel: string, { options, listener }: Subscription): { [name: string]: unknown } {
  const { last, presence, token } = options;
  const since = listener.position;
  return { channel, since, last: since ? undefined : last, presence, token };
}

function isUnavailable(answer: Subscribed | Refused): boolean {
  return 'error' in answer && answer.error.code === 'unavailable';
}
