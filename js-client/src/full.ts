/** The client for any browser: what `index.ts` has, with stand-ins for all that a platform may lack. */
import type { Client, ConnectOptions } from './api/client.js';
import { connector } from './api/client.js';
import { fullKit } from './kits/full.js';

/** Opens a session: with the server that the page came from, or with the one at `url`. */
export const connect: (url?: string | ConnectOptions, options?: ConnectOptions) => Client =
  connector(fullKit);
export * from './public.js';
export { tabs } from './tabs/tabs.js';
