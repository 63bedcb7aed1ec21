/**
 * Footbridge's client for today's platforms: one session with a server, on the best transport that the network lets
 * through. `connect()` gives a `Client`; `client.channel(name)` a `Channel`; everything else is on these two.
 */
import type { Client, ConnectOptions } from './api/client.js';
import { connector } from './api/client.js';
import { modernKit } from './kits/modern.js';

/** Opens a session: with the server that the page came from, or with the one at `url`. */
export const connect: (url?: string | ConnectOptions, options?: ConnectOptions) => Client =
  connector(modernKit);
export * from './public.js';
