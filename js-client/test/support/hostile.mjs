/**
 * A hostile network: a proxy between a browser and the server that behaves as the worst real networks do.
 *
 * It passes bytes as they are, on kept connections too, and knows of HTTP only where heads and bodies end, and of
 * WebSocket where frames do. What it does is a list of small values, `net.set(hangUpgrade(), delay(300))`, that may
 * be replaced at any moment. Each takes the options
 *
 * - `only`: what it applies to, one or a list of `websocket`, `events`, `stream`, `poll` (also JSONP), `send`, `open`
 *   (which is `POST /sessions`), `http` (all but `websocket`) and `all`;
 * - `times`, for those that answer or lose answers: to how many requests; then the network is as without it.
 *
 * Of several that answer a request the first does; of several that hold, cut, throttle or delay, the first that
 * applies. Whether a request is answered here, or its answer lost, is decided when it begins. All else also concerns
 * the requests and WebSockets that are under way when it is set, and what it counts, bytes, frames and seconds, it
 * counts from then on. What was held is passed on when nothing holds it any more. What was swallowed or forgotten
 * never comes back, and such a connection stays as it is: bytes that went on in the midst of others are nothing that
 * TCP allows.
 *
 * `PAGE` and `CLIENT` are answered by the proxy itself, whatever the network does.
 */
import { readFile } from 'node:fs/promises';
import http, { STATUS_CODES } from 'node:http';
import { connect, createServer } from 'node:net';
import { Body, Frames, Head } from './wire-bytes.mjs';

/** The path of an empty page that has loaded the client. */
export const PAGE = '/hostile-test-page';
/** The path of the client, `dist/footbridge.min.js`. */
export const CLIENT = '/hostile-client.js';

const CLIENT_FILE = new URL('../../dist/footbridge.min.js', import.meta.url);
const EMPTY_PAGE = `<!doctype html><meta charset="utf-8"><title>Hostile network</title><link rel="icon" href="data:,">
<script src="${CLIENT}"></script>`;
const LOGIN_PAGE = `<!doctype html><html><head><title>Welcome to our WiFi</title></head>
<body><form method="post" action="/login"><input name="room"><button>Accept and connect</button></form></body></html>`;

/** Instead of an answer: none, ever. */
const HANG = Symbol('hang');
/** Instead of an answer: the connection is reset. */
const CUT = Symbol('cut');
/** In the midst of bytes: the request or its answer is complete. */
const WHOLE = Symbol('whole');
/** In the midst of bytes: the side where they come from has closed its connection. */
const CLOSED = Symbol('closed');

const html = (status, body, ...fields) => ({ status, body, fields: ['Content-Type: text/html', ...fields] });

function gatewayPage(status) {
  const title = `${status} ${STATUS_CODES[status]}`;
  return `<html><head><title>${title}</title></head>
<body><center><h1>${title}</h1></center><hr><center>gateway</center></body></html>`;
}

/** A WebSocket handshake is answered with this status: 400, 403, 502 … */
export const refuseUpgrade = (code = 403, options) => status(code, { only: 'websocket', ...options });

/** A WebSocket handshake is never answered. */
export const hangUpgrade = (options) => ({
  name: 'handshake hangs',
  only: 'websocket',
  ...options,
  answer: () => HANG,
});

/**
 * A WebSocket is accepted and lets `after` frames through, of each direction for itself. From then on nothing passes,
 * also not that the server closes, and the connection stays open.
 *
 * @param direction `up`, `down` or `both`
 */
export const swallowFrames = ({ after = 0, direction = 'both', ...options } = {}) => ({
  name: `frames swallowed ${direction}${after ? ` after ${after}` : ''}`,
  only: 'websocket',
  ...options,
  swallow: { after, up: direction !== 'down', down: direction !== 'up' },
});

/** Answers, head and all, are held back until they are complete. */
export const bufferUntilEnd = (options) => ({
  name: 'buffered until the end',
  only: 'http',
  ...options,
  hold: {},
});

/** The head of an answer passes at once, its body when it is complete. */
export const bufferBody = (options) => ({
  name: 'body buffered until the end',
  only: 'http',
  ...options,
  hold: { passHead: true },
});

/** The bytes of an answer pass every so many seconds, and at its end. */
export const bufferFor = (seconds, options) => ({
  name: `buffered for ${seconds} s`,
  only: 'http',
  ...options,
  hold: { everyMs: seconds * 1000 },
});

/** The bytes of an answer pass when so many have gathered, and at its end. */
export const bufferBytes = (bytes, options) => ({
  name: `buffered up to ${bytes} bytes`,
  only: 'http',
  ...options,
  hold: { bytes },
});

/** A connection is closed so many seconds after the request on it began, or after so many bytes of its answer. */
export const cutAfter = ({ seconds, bytes, ...options }) => ({
  name: `cut after ${[seconds && `${seconds} s`, bytes && `${bytes} bytes`].filter(Boolean).join(' or ')}`,
  only: 'all',
  ...options,
  cut: { seconds, bytes },
});

/** A request reaches the server, but its answer is lost: the connection is closed, or with `hang` stays open. */
export const dropAnswers = ({ hang = false, ...options } = {}) => ({
  name: `answer lost${hang ? ', hangs' : ''}`,
  only: 'http',
  ...options,
  lose: hang ? HANG : CUT,
});

/**
 * Every byte takes half of the round trip time, and making a connection takes one: so a request takes two on a new
 * connection and one on a kept one, and so does a WebSocket handshake.
 */
export const delay = (rttMs, options) => ({ name: `delay ${rttMs} ms`, only: 'all', ...options, rtt: rttMs });

/** The line carries so many bytes a second in each direction, for all connections together. */
export const throttle = (bytesPerSecond, options) => ({
  name: `throttled to ${bytesPerSecond} B/s`,
  only: 'all',
  ...options,
  rate: bytesPerSecond,
});

/**
 * The connections that there are when it is set are forgotten: nothing passes either way, neither side is told, not
 * even when the other closes. New connections work, unless `fresh` is false.
 */
export const halfOpen = ({ fresh = true, ...options } = {}) => ({
  name: 'forgotten',
  only: 'all',
  ...options,
  forget: true,
  answer: fresh ? undefined : () => HANG,
});

/** Connections are accepted and nothing is ever answered, also not on those that there are. */
export const blackhole = (options) => ({ ...halfOpen({ fresh: false, ...options }), name: 'black hole' });

/** Connections are reset, those that there are at once and new ones as soon as they say what they want. */
export const refuseAll = (options) => ({
  name: 'refused',
  only: 'all',
  ...options,
  reset: true,
  answer: () => CUT,
});

/** Everything is answered with a login page, handshakes too. */
export const captivePortal = (options) => ({
  name: 'captive portal',
  only: 'all',
  ...options,
  answer: () => html(200, LOGIN_PAGE),
});

/** Everything is redirected to a login page of another origin. */
export const redirectPortal = (options) => ({
  name: 'redirected to a portal',
  only: 'all',
  ...options,
  answer: (net) => html(302, '', `Location: ${net.portalUrl}`),
});

/** Everything is answered with a status and a page about it, as gateways do. */
export const status = (code, options) => ({
  name: `status ${code}`,
  only: 'all',
  ...options,
  answer: () =>
    html(code, gatewayPage(code), ...(code === 407 ? ['Proxy-Authenticate: Basic realm="proxy"'] : [])),
});

/** Fields of heads are left out, such as `['Upgrade']` by a gateway that does not know of it. */
export const stripHeaders = ({ request = [], response = [], ...options }) => ({
  name: `without ${[...request, ...response].join(', ')}`,
  only: 'all',
  ...options,
  strip: { request, response },
});

/** A connection carries one request. */
export const noKeepAlive = (options) => ({
  name: 'not kept alive',
  only: 'http',
  ...options,
  closeAfter: true,
});

const KINDS = [
  ['websocket', /\/ws$/],
  ['events', /\/(sessions\/[^/]+|probe)\/events$/],
  ['stream', /\/(sessions\/[^/]+|probe)\/stream$/],
  ['poll', /\/sessions\/[^/]+\/(poll|jsonp)$/],
  ['send', /\/sessions\/[^/]+\/send$/],
];

function kindOf(method, url) {
  const path = url.split('?')[0];
  if (path === PAGE || path === CLIENT) return 'own';
  if (method === 'POST' && path.endsWith('/sessions')) return 'open';
  const found = KINDS.find(([, pattern]) => pattern.test(path));
  return found ? found[0] : 'other';
}

function applies(only, kind) {
  if (kind === 'own') return false;
  return [only]
    .flat()
    .some((one) => one === 'all' || one === kind || (one === 'http' && kind !== 'websocket'));
}

/**
 * Starts a hostile network in front of the server at `target`; as long as nothing is set it is a good one.
 *
 * @param host a local address to listen on. Firefox lets only one WebSocket at a time connect to an address, whatever
 *     its port: pages that are to know nothing of each other need networks with addresses of their own
 */
export async function startHostile(target, { host = '127.0.0.1' } = {}) {
  const net = new Hostile(new URL(target), host);
  await net.start();
  return net;
}

class Hostile {
  /** Of each request: `time` in ms since the start, `connection`, `method`, `path`, `kind`, and `did`, a list. */
  log = [];
  exchanges = new Set();
  #connections = new Set();
  #active = [];
  #count = 0;
  #started = performance.now();
  #server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(this, socket, ++this.#count);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  });
  #portal = http.createServer((_, response) => response.end(LOGIN_PAGE));

  constructor(target, host) {
    this.target = target;
    this.host = host;
  }

  async start() {
    const listen = (server) =>
      new Promise((resolve, reject) => server.once('error', reject).listen(0, this.host, resolve));
    await Promise.all([listen(this.#server), listen(this.#portal)]);
    this.url = `http://${this.host}:${this.#server.address().port}`;
    this.portalUrl = `http://${this.host}:${this.#portal.address().port}/login`;
  }

  /** Replaces what the network does, from now on. */
  set(...behaviours) {
    // Copies, since what they count belongs to this network.
    this.#active = behaviours.map((one) => ({ ...one, free: { up: 0, down: 0 } }));
    for (const connection of this.#connections) {
      const kind = connection.exchange?.kind ?? 'idle';
      if (this.doing('reset', kind)) connection.reset();
      if (this.doing('forget', kind)) connection.forget();
    }
    for (const exchange of this.exchanges) exchange.adapt();
  }

  /** What the network does of this sort to requests of this kind, if anything. */
  doing(sort, kind) {
    return this.#active.find((one) => one[sort] && one.times !== 0 && applies(one.only, kind));
  }

  /** The same, and counts it. */
  once(sort, kind) {
    const found = this.doing(sort, kind);
    if (found?.times) found.times--;
    return found;
  }

  /** The names of all that applies to this kind and needs no occasion. */
  lasting(kind) {
    return this.#active.filter((one) => !one.answer && !one.lose && !one.forget && applies(one.only, kind));
  }

  /** Milliseconds since it was started. */
  get time() {
    return Math.round(performance.now() - this.#started);
  }

  record(connection, method, path, kind) {
    const entry = { time: this.time, connection, method, path, kind, did: [] };
    this.log.push(entry);
    return entry;
  }

  /** Closes every connection that there is. */
  cutAll() {
    for (const connection of this.#connections) connection.cut('cut');
  }

  async stop() {
    const closed = [this.#server, this.#portal].map(
      (server) => new Promise((resolve) => server.close(resolve)),
    );
    for (const connection of this.#connections) connection.cut('stopped');
    for (const exchange of this.exchanges) exchange.dispose();
    this.#portal.closeAllConnections();
    await Promise.all(closed);
  }
}

/** A connection from a browser: one exchange after the other. */
class Connection {
  since = performance.now();
  forgotten = false;
  exchange;
  /** Bytes that belong to no exchange yet. */
  #ahead = Buffer.alloc(0);

  constructor(net, socket, number) {
    this.net = net;
    this.socket = socket;
    this.number = number;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('close', () => this.exchange?.browserLeft());
  }

  #take(bytes) {
    if (this.forgotten) return;
    const ahead = this.exchange ? this.exchange.up(bytes) : bytes;
    this.#ahead = Buffer.concat([this.#ahead, ahead]);
    if (!this.exchange) this.#begin();
  }

  #begin() {
    const read = Head.read(this.#ahead);
    if (!read) return;
    this.#ahead = read.rest;
    this.exchange = new Exchange(this.net, this, read.head);
    this.exchange.begin();
    const body = this.#ahead;
    this.#ahead = Buffer.alloc(0);
    if (body.length > 0) this.#take(body);
  }

  /** The exchange is over. */
  next(keep) {
    this.exchange = undefined;
    if (keep) this.#begin();
    else this.socket.end();
  }

  cut(why) {
    this.exchange?.did(why);
    this.socket.destroy();
  }

  reset() {
    this.exchange?.did('reset');
    this.socket.resetAndDestroy();
  }

  forget() {
    this.exchange?.did('forgotten');
    this.forgotten = true;
  }
}

/** A request and its answer, or a WebSocket from its handshake on. */
class Exchange {
  #up = new Queue((item) => this.#reachServer(item));
  #down = new Queue((item) => this.#reachBrowser(item));
  #requestBody;
  #answerBody;
  #answerHead = Buffer.alloc(0);
  /** What the network answers itself. */
  #own;
  /** How the answer is lost, if it is. */
  #lose;
  #upstream;
  #frames;
  #swallowed = { up: false, down: false };
  /** Frames and bytes since the network was set. */
  #seen = { up: 0, down: 0, bytes: 0 };
  #held = [];
  #timers = [];
  #keep = true;
  #over = false;

  constructor(net, connection, head) {
    const [method, path] = head.start.split(' ');
    this.net = net;
    this.connection = connection;
    this.head = head;
    this.method = method;
    this.path = path;
    this.kind = kindOf(method, path);
    this.entry = net.record(connection.number, method, path, this.kind);
    this.#requestBody = new Body(head, false);
    net.exchanges.add(this);
  }

  did(what) {
    if (!this.entry.did.includes(what)) this.entry.did.push(what);
  }

  #doing(sort) {
    return this.net.doing(sort, this.kind);
  }

  begin() {
    this.adapt();
    const answering = this.net.once('answer', this.kind);
    if (answering) {
      this.did(answering.name);
      this.#own = answering.answer(this.net);
      if (this.#own === CUT) return this.connection.reset();
    } else if (this.kind === 'own') {
      this.#own = this.path.startsWith(PAGE) ? html(200, EMPTY_PAGE, 'Connection: close') : CLIENT;
    } else {
      const losing = this.net.once('lose', this.kind);
      if (losing) this.did(losing.name);
      this.#lose = losing?.lose;
    }
    const unwanted = this.#doing('strip')?.strip.request ?? [];
    this.#keep = this.head.keeps;
    this.#pace(this.#up, 'up', this.head.without(unwanted).toBytes());
    this.#whole();
  }

  /** Takes bytes from the browser; returns those that are not of this exchange. */
  up(bytes) {
    if (this.#frames) {
      this.#countFrames('up', bytes, (piece) => this.#pace(this.#up, 'up', piece));
      return Buffer.alloc(0);
    }
    if (this.#requestBody.ended) return bytes;
    const size = this.#requestBody.take(bytes);
    this.#pace(this.#up, 'up', bytes.subarray(0, size));
    this.#whole();
    return bytes.subarray(size);
  }

  #whole() {
    if (this.#requestBody.ended) this.#pace(this.#up, 'up', WHOLE);
  }

  /** The network was set anew, or the exchange begins. */
  adapt() {
    this.#timers.splice(0).forEach(clearTimeout);
    if (this.connection.forgotten || this.#over) return;
    this.net.lasting(this.kind).forEach(({ name }) => this.did(name));
    this.#seen = { up: 0, down: 0, bytes: 0 };
    const cut = this.#doing('cut');
    if (cut?.cut.seconds) {
      this.#timers.push(setTimeout(() => this.connection.cut(cut.name), cut.cut.seconds * 1000));
    }
    const hold = this.#doing('hold')?.hold;
    if (!hold) this.#release();
    if (hold?.everyMs) this.#timers.push(setInterval(() => this.#release(), hold.everyMs));
  }

  /** Passes the pieces of frames that are not swallowed. */
  #countFrames(direction, bytes, pass) {
    for (const [piece, begins] of this.#frames[direction].split(bytes)) {
      if (begins) {
        this.#mustSwallow(direction);
        this.#seen[direction]++;
      }
      if (!this.#swallowed[direction]) pass(piece);
    }
  }

  /** Whether what comes next on this WebSocket is swallowed. */
  #mustSwallow(direction) {
    const swallow = this.#doing('swallow')?.swallow;
    if (this.#frames && swallow?.[direction] && this.#seen[direction] >= swallow.after) {
      this.#swallowed[direction] = true;
      this.did(`swallows ${direction}`);
    }
    return this.#swallowed[direction];
  }

  /** Sends bytes, or what is in their midst, on their way, which may take its time. */
  #pace(queue, direction, item) {
    const rtt = this.#doing('rtt')?.rtt ?? 0;
    const line = this.#doing('rate');
    const now = performance.now();
    const from = direction === 'up' ? Math.max(now, this.connection.since + rtt) : now;
    if (!line || !item.length) {
      queue.push(item, from + rtt / 2);
      return;
    }
    const slice = Math.max(1, Math.round(line.rate / 20));
    for (let at = 0; at < item.length; at += slice) {
      const piece = item.subarray(at, at + slice);
      line.free[direction] = Math.max(from, line.free[direction]) + (piece.length / line.rate) * 1000;
      queue.push(piece, line.free[direction] + rtt / 2);
    }
  }

  #reachServer(item) {
    // What still arrives on a connection that was reset is for nobody.
    if (this.connection.forgotten || this.#own === HANG || this.#own === CUT) {
      if (item === CLOSED && !this.connection.forgotten) this.dispose();
    } else if (item === CLOSED) {
      this.dispose();
    } else if (this.#own) {
      if (item === WHOLE) this.#answerItself();
    } else if (item !== WHOLE) {
      this.#upstream ??= this.#connect();
      this.#upstream.write(item);
    }
  }

  async #answerItself() {
    const {
      status: code,
      fields,
      body,
    } = this.#own === CLIENT
      ? {
          status: 200,
          fields: ['Content-Type: text/javascript', 'Connection: close'],
          body: await readFile(CLIENT_FILE),
        }
      : this.#own;
    if (this.#over) return;
    const bytes = Buffer.from(body);
    const start = `HTTP/1.1 ${code} ${STATUS_CODES[code]}`;
    const head = new Head(start, [...fields, `Content-Length: ${bytes.length}`, 'Cache-Control: no-store']);
    this.#answerHas(head);
    this.#pass(bytes);
    this.#end(WHOLE);
  }

  #connect() {
    const upstream = connect({ host: this.net.target.hostname, port: this.net.target.port, noDelay: true });
    upstream.on('error', () => undefined);
    upstream.on('data', (bytes) => this.#fromServer(bytes));
    upstream.on('close', () => {
      if (this.connection.forgotten) this.dispose();
      else if (!this.#over && this.#lose !== HANG && !this.#mustSwallow('down')) this.#end(CLOSED);
    });
    return upstream;
  }

  #fromServer(bytes) {
    if (this.connection.forgotten || this.#over) return;
    if (this.#frames) {
      this.#countFrames('down', bytes, (piece) => this.#pass(piece));
    } else if (this.#answerBody) {
      this.#pass(bytes.subarray(0, this.#answerBody.take(bytes)));
      if (this.#answerBody.ended) this.#end(WHOLE);
    } else {
      this.#answerHead = Buffer.concat([this.#answerHead, bytes]);
      const read = Head.read(this.#answerHead);
      if (!read) return;
      if (this.#lose) {
        if (this.#lose === CUT) this.connection.cut('cut');
        return;
      }
      this.#answerHead = Buffer.alloc(0);
      this.#answerHas(read.head);
      if (this.#answerBody?.ended) this.#end(WHOLE);
      else if (read.rest.length > 0) this.#fromServer(read.rest);
    }
  }

  /** The head of the answer is there: it says how to go on. */
  #answerHas(head) {
    const code = Number(head.start.split(' ')[1]);
    if (code === 101) {
      this.#frames = { up: new Frames(), down: new Frames() };
    } else if (code >= 200) {
      const none = this.method === 'HEAD' || code === 204 || code === 304;
      this.#answerBody = none ? new Body(new Head('', []), false) : new Body(head, true);
      if (this.#doing('closeAfter')) head = head.without(['Connection']).with('Connection: close');
      this.#keep &&= head.keeps && this.#answerBody.bounded;
    }
    this.#pass(head.without(this.#doing('strip')?.strip.response ?? []).toBytes(), true);
  }

  /** Passes bytes of the answer on, or holds them. */
  #pass(bytes, isHead = false) {
    const hold = this.#doing('hold')?.hold;
    this.#held.push(bytes);
    const size = this.#held.reduce((sum, one) => sum + one.length, 0);
    if (!hold || (isHead && hold.passHead) || (hold.bytes && size >= hold.bytes)) this.#release();
  }

  #release() {
    this.#held.splice(0).forEach((bytes) => this.#pace(this.#down, 'down', bytes));
  }

  #end(how) {
    this.#release();
    this.#pace(this.#down, 'down', how);
  }

  #reachBrowser(item) {
    if (this.connection.forgotten || this.#over) return;
    const { socket } = this.connection;
    if (item === WHOLE || item === CLOSED) {
      const keep = item === WHOLE && this.#keep && this.#requestBody.ended;
      this.dispose();
      this.connection.next(keep);
      return;
    }
    const cut = this.#doing('cut');
    const room = cut?.cut.bytes ? cut.cut.bytes - this.#seen.bytes : Infinity;
    this.#seen.bytes += item.length;
    if (item.length < room) {
      socket.write(item);
    } else {
      this.#over = true;
      socket.write(item.subarray(0, room), () => this.connection.cut(cut.name));
    }
  }

  /** The browser has closed the connection. The server is told, unless the network has forgotten it. */
  browserLeft() {
    this.#timers.splice(0).forEach(clearTimeout);
    this.#down.stop();
    if (!this.connection.forgotten) this.#pace(this.#up, 'up', CLOSED);
  }

  dispose() {
    this.#over = true;
    this.net.exchanges.delete(this);
    this.#timers.splice(0).forEach(clearTimeout);
    this.#up.stop();
    this.#down.stop();
    this.#upstream?.destroy();
  }
}

/** Passes items on in their order, each when its time has come. */
class Queue {
  #waiting = [];
  #latest = 0;
  #timer;

  constructor(pass) {
    this.pass = pass;
  }

  push(item, due) {
    this.#latest = Math.max(this.#latest, due);
    this.#waiting.push({ item, due: this.#latest });
    if (this.#waiting.length === 1) this.#run();
  }

  #run() {
    while (this.#waiting.length > 0) {
      const wait = this.#waiting[0].due - performance.now();
      if (wait > 0.5) {
        this.#timer = setTimeout(() => this.#run(), wait);
        return;
      }
      this.pass(this.#waiting.shift().item);
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }
}
