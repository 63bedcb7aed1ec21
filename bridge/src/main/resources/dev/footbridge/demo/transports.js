/** The transports, best first, with their names for people. */
export const TRANSPORT_NAMES = {
  websocket: 'WebSocket',
  sse: 'Server-Sent Events',
  stream: 'HTTP streaming',
  longpoll: 'long polling',
  shortpoll: 'short polling',
  jsonp: 'JSONP',
};

export const TRANSPORTS = Object.keys(TRANSPORT_NAMES);
