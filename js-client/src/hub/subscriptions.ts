/**
 * The channels that this client listens to, and how far in each. The session alone guarantees order without loss
 * while it lives; the positions kept here let a new session go on where the lost one ended, as far as the channel's
 * history reaches.
 */
import type { FootbridgeError } from '../core/problem.js';
import { failure, failureOf } from '../core/problem.js';
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
  /** Everything up to here was delivered; undefined until that is known. */
  position?: Position;
  epoch: string;
  /** Asked for while opening the session, so that its welcome may be the answer. */
  listed: boolean;
  waiting: Done[];
  answer?: Subscribed;
}

export class Subscriptions {
  private byName: { [channel: string]: Subscription } = {};
  private live = false;

  constructor(private commands: Commands) {}

  /** Subscribes; a channel that is subscribed already keeps its first options. */
  subscribe(channel: string, options: SubscribeOptions, listener: SubscriptionListener, done: Done): void {
    let subscription = this.byName[channel];
    if (subscription) {
      if (subscription.answer) done(null, subscription.answer);
      else subscription.waiting.push(done);
      return;
    }
    subscription = {
      options,
      listener,
      position: options.since,
      epoch: '',
      listed: false,
      waiting: [done],
    };
    this.byName[channel] = subscription;
    if (this.live) this.ask(channel, subscription);
  }

  unsubscribe(channel: string, done: Done): void {
    const subscription = this.byName[channel];
    if (!subscription) return done(null);
    delete this.byName[channel];
    const error = failure('unsubscribed', 'unsubscribed before the subscription stood');
    subscription.waiting.forEach((waiting) => waiting(error));
    if (this.live) this.leave(channel, done);
    else done(null);
  }

  /** How far the channel was delivered. */
  position(channel: string): Position | undefined {
    const subscription = this.byName[channel];
    return subscription && subscription.position;
  }

  /** What to subscribe to while opening a session: what needs no answer of its own. */
  opening(): unknown[] {
    const list: unknown[] = [];
    for (const channel in this.byName) {
      const subscription = this.byName[channel]!;
      subscription.listed = !subscription.position;
      if (subscription.listed) list.push(request(channel, subscription));
    }
    return list;
  }

  /** A session begins; `subscribed` says what it already listens to, or why not. */
  begun(subscribed: Answers = {}): void {
    this.live = true;
    const positions: { [channel: string]: Position } = {};
    let any = false;
    for (const channel in this.byName) {
      const subscription = this.byName[channel]!;
      const { position, options } = subscription;
      const there = subscribed[channel];
      const listens = there && !('error' in there);
      if (subscription.listed && there) {
        this.settle(channel, subscription, there);
      } else if (position && (listens || (!options.presence && !options.token))) {
        // In a rebuilt session who is present stays so.
        positions[channel] = position;
        any = true;
      } else {
        this.ask(channel, subscription, listens);
      }
      subscription.listed = false;
    }
    if (any) this.recover(positions);
    for (const channel in subscribed) {
      if (!this.byName[channel]) this.leave(channel); // we changed our mind while the session opened
    }
  }

  /** The session is no more. */
  lost(): void {
    this.live = false;
    for (const channel in this.byName) delete this.byName[channel]!.answer;
  }

  /** Ends all of them with an error, for good. */
  end(error: FootbridgeError): void {
    const all = this.byName;
    this.byName = {};
    this.live = false;
    for (const channel in all) all[channel]!.waiting.forEach((done) => done(error));
  }

  message(message: { op?: string; channel: string; offset: number }): void {
    const subscription = this.byName[message.channel];
    // Before the answer there can only be messages of a subscription that was ended.
    if (!subscription || !subscription.answer) return;
    const position = subscription.position;
    if (position && message.offset <= position.offset) return;
    subscription.position = { epoch: subscription.epoch, offset: message.offset };
    delete message.op;
    subscription.listener.deliver(message);
  }

  presence(change: {
    channel: string;
    joined?: unknown[];
    left?: unknown[];
    members?: unknown[];
    count: number;
    users?: number;
  }): void {
    const subscription = this.byName[change.channel];
    if (!subscription) return;
    const { channel, joined = [], left = [], members, count, users = count } = change;
    subscription.listener.tell('presence', { channel, joined, left, members, count, users });
  }

  /** The history no longer reaches back to where we were. */
  gap(gap: { channel: string; epoch: string; offset: number }): void {
    const subscription = this.byName[gap.channel];
    // Before the answer it tells of a subscription that is about to be replaced, as messages do.
    if (subscription && subscription.answer)
      this.jump(gap.channel, subscription, { epoch: gap.epoch, offset: gap.offset });
  }

  /** The server ended a subscription. */
  unsubscribed(value: { channel: string; code?: string }): void {
    this.drop(value.channel, failureOf(value));
  }

  /** @param listens whether the session may listen already, and so would not go back to our position */
  private ask(channel: string, subscription: Subscription, listens?: boolean): void {
    if (listens) this.leave(channel);
    this.commands.send('subscribe', request(channel, subscription), 'forget', (error, answer) => {
      if (this.byName[channel] !== subscription) return;
      if (error) this.drop(channel, error);
      else this.answered(channel, subscription, answer);
    });
  }

  private leave(channel: string, done: Done = () => undefined): void {
    this.commands.send('unsubscribe', { channel }, 'done', done);
  }

  private recover(positions: { [channel: string]: Position }): void {
    this.commands.send('recover', { positions }, 'forget', (error, answer) => {
      for (const channel in positions) {
        const subscription = this.byName[channel];
        if (!subscription) continue;
        const one = answer && answer.channels && answer.channels[channel];
        // Refused as a whole, or silent on this channel: then each gets an answer of its own.
        if (error || !one || isUnavailable(one)) this.ask(channel, subscription, true);
        else this.settle(channel, subscription, one);
      }
    });
  }

  private settle(channel: string, subscription: Subscription, answer: Subscribed | Refused): void {
    if (!('error' in answer)) this.answered(channel, subscription, answer);
    else if (isUnavailable(answer)) this.ask(channel, subscription);
    else this.drop(channel, failureOf(answer.error));
  }

  private answered(channel: string, subscription: Subscription, answer: Subscribed): void {
    const top = { epoch: answer.epoch, offset: answer.offset };
    subscription.epoch = answer.epoch;
    subscription.answer = answer;
    // With `last`, what is delivered first says where we are; with a position, we are there already.
    if (!subscription.position && !subscription.options.last) subscription.position = top;
    subscription.waiting.splice(0).forEach((done) => done(null, answer));
    subscription.listener.tell('subscribed', answer);
    if (subscription.position && answer.recovered === false) this.jump(channel, subscription, top);
  }

  private jump(channel: string, subscription: Subscription, to: Position): void {
    const { position } = subscription;
    subscription.epoch = to.epoch;
    if (position && position.epoch === to.epoch && position.offset === to.offset) return;
    subscription.position = to;
    subscription.listener.tell('gap', { channel, epoch: to.epoch, offset: to.offset });
  }

  private drop(channel: string, error: FootbridgeError): void {
    const subscription = this.byName[channel];
    if (!subscription) return;
    delete this.byName[channel];
    const asked = subscription.waiting.splice(0);
    asked.forEach((done) => done(error));
    if (asked.length === 0) subscription.listener.tell('unsubscribed', error);
  }
}

function request(channel: string, subscription: Subscription): { [name: string]: unknown } {
  const { options, position } = subscription;
  return {
    channel,
    since: position,
    last: position ? undefined : options.last,
    presence: options.presence,
    token: options.token,
  };
}

function isUnavailable(answer: Subscribed | Refused): boolean {
  return 'error' in answer && answer.error.code === 'unavailable';
}
