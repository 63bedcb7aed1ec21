import { jsonp } from './jsonp.js';
import { longpoll } from './longpoll.js';
import { shortpoll } from './shortpoll.js';
import { sse } from './sse.js';
import { stream } from './stream.js';
import type { Transports } from './transport.js';
import { websocket } from './websocket.js';

/** Every transport by its name. */
export const transports: Transports = { websocket, sse, stream, longpoll, shortpoll, jsonp };
