/** What both builds of the client have in common: the types for those who use it, and the version. */
import type { Channel as ChannelClass } from './api/channel.js';
import type { Client as ClientClass } from './api/client.js';

/** A session with a Footbridge server that outlives its connections. Made by `connect`. */
export type Client = ClientClass;
/** A channel, as one client sees it. Made by `client.channel(name)`. */
export type Channel = ChannelClass;
export type { CallOptions, ClientEvents, ConnectOptions, Debug, Reconnect, Reset } from './api/client.js';
export type {
  ChannelEvents,
  Gap,
  History,
  HistoryOptions,
  Member,
  Message,
  MessageHandler,
  Presence,
  PresenceChange,
  Published,
  PublishOptions,
} from './api/channel.js';
export type { Callback } from './api/promised.js';
export type { FootbridgeError } from './core/problem.js';
export type { Position, TransportName } from './core/wire.js';
export type { Invocation, ProcedureHandler } from './hub/procedures.js';
export type { Subscribed, SubscribeOptions } from './hub/subscriptions.js';
export type { Token } from './session/opening.js';
export type { Share, State, Stats } from './session/session.js';
/** The version of this client. */
export const version: string = '__VERSION__';
