/**
 * The hostile networks that a client must get through.
 *
 * A case begins with `network`, before the client connects; each of `then` replaces it, `after` so many seconds in
 * which messages came through (or in which nothing could). `cut` closes the connections that there are as well.
 * Nothing can come through a network that is `blocked`. In the end one of the transports in `expects` carries the
 * session.
 *
 * `within` is for how many seconds a network that is not blocked may keep the client waiting: to connect, and after a
 * change for each next message. After the last change messages are watched for `watch` seconds.
 */
import {
  blackhole,
  bufferBody,
  bufferBytes,
  bufferFor,
  bufferUntilEnd,
  captivePortal,
  cutAfter,
  delay,
  dropAnswers,
  halfOpen,
  hangUpgrade,
  noKeepAlive,
  redirectPortal,
  refuseAll,
  refuseUpgrade,
  status,
  stripHeaders,
  swallowFrames,
  throttle,
} from './hostile.mjs';

const STREAMS = ['sse', 'stream'];
const POLLS = ['longpoll', 'shortpoll', 'jsonp'];
const OVER_HTTP = [...STREAMS, ...POLLS];
const ANY = ['websocket', ...OVER_HTTP];

/** What streams: a gateway that only knows requests and answers treats all of these alike. */
const STREAMING = { only: ['websocket', 'events', 'stream'] };
/** Networks that let nothing through but requests up and streams down, or polls. */
const NO_WEBSOCKET = [refuseUpgrade(403)];
const ONLY_POLLS = [refuseUpgrade(502), bufferUntilEnd()];

/** A network that is like this from the beginning. */
const from = (name, network, expects, more) => ({ name, network, expects, within: 3, watch: 3, ...more });

/** A network that lets nothing through for the first seconds, and then everything. */
const late = (name, behaviour) => ({
  name: `${name} for the first 3 s`,
  network: [behaviour],
  blocked: true,
  then: [{ after: 3, network: [] }],
  expects: ANY,
  within: 3,
  watch: 3,
});

/** A network that changes while the client talks. */
const later = (name, network, then, expects, more) => ({
  name,
  network,
  then: then.map((step) => ({ after: 2, ...step })),
  expects,
  within: 5,
  watch: 6,
  ...more,
});

/** A network in which nothing gets through for 5 s, and then all as before. */
const gone = (name, network, away, cut, expects) =>
  later(
    name,
    network,
    [
      { network: [away], cut, blocked: true },
      { after: 5, network },
    ],
    expects,
  );

export const cases = [
  from('a good network', [], ['websocket']),

  // WebSockets that never get anywhere.
  from('handshake refused with 400', [refuseUpgrade(400)], OVER_HTTP),
  from('handshake refused with 403', [refuseUpgrade(403)], OVER_HTTP),
  from('handshake refused with 502', [refuseUpgrade(502)], OVER_HTTP),
  from('handshake never answered', [hangUpgrade()], OVER_HTTP),
  from('handshake reset', [refuseAll({ only: 'websocket' })], OVER_HTTP),
  from('Upgrade left out by a gateway', [stripHeaders({ request: ['Upgrade'] })], OVER_HTTP),
  from('frames swallowed both ways', [swallowFrames()], OVER_HTTP),
  from('frames swallowed up', [swallowFrames({ direction: 'up' })], OVER_HTTP),
  from('frames swallowed down', [swallowFrames({ direction: 'down' })], OVER_HTTP),
  from('frames swallowed after 3', [swallowFrames({ after: 3 })], OVER_HTTP, { watch: 6 }),
  from('frames swallowed after 20', [swallowFrames({ after: 20 })], OVER_HTTP, { within: 5, watch: 9 }),

  // Streams that never get anywhere either.
  from('answers buffered until the end', ONLY_POLLS, POLLS),
  from('bodies buffered until the end', [...NO_WEBSOCKET, bufferBody()], POLLS),
  from('all buffered until the end', [bufferUntilEnd({ only: 'all' })], POLLS),
  from('answers buffered up to 4096 bytes', [...NO_WEBSOCKET, bufferBytes(4096)], POLLS),
  from('answers buffered for 1 s', [...NO_WEBSOCKET, bufferFor(1)], OVER_HTTP),
  from('all that streams is a black hole', [blackhole(STREAMING)], POLLS),
  from('all that streams is reset', [refuseAll(STREAMING)], POLLS),
  from('all that streams is a captive portal', [captivePortal(STREAMING)], POLLS),
  from('all that streams is redirected', [redirectPortal(STREAMING)], POLLS),
  from('all that streams is 407', [status(407, STREAMING)], POLLS),
  from('all that streams is 502', [status(502, STREAMING)], POLLS),
  from(
    'nothing streams, and no poll is held for 1 s',
    [status(502, STREAMING), cutAfter({ seconds: 1 })],
    POLLS,
  ),
  from('nothing but WebSocket passes', [status(403, { only: 'http' })], ['websocket']),

  // Connections that are cut, answers that are lost.
  from('cut after 3 s', [cutAfter({ seconds: 3 })], ANY, { watch: 10 }),
  from('cut after 3 s, no WebSocket', [...NO_WEBSOCKET, cutAfter({ seconds: 3 })], OVER_HTTP, { watch: 10 }),
  from('cut after 3000 bytes', [cutAfter({ bytes: 3000 })], ANY, { watch: 6 }),
  from('the first answer is lost', [dropAnswers({ times: 1 })], ANY),
  from('the first answer never comes', [dropAnswers({ times: 1, hang: true })], ANY),
  from('3 answers to sends are lost', [...NO_WEBSOCKET, dropAnswers({ only: 'send', times: 3 })], OVER_HTTP),
  from(
    'an answer to a send never comes',
    [...NO_WEBSOCKET, dropAnswers({ only: 'send', times: 1, hang: true })],
    OVER_HTTP,
  ),
  from('3 answers to polls are lost', [...ONLY_POLLS, dropAnswers({ only: 'poll', times: 3 })], POLLS),
  from(
    'an answer to a poll never comes',
    [...ONLY_POLLS, dropAnswers({ only: 'poll', times: 1, hang: true })],
    POLLS,
    { within: 5 },
  ),
  from('the first three requests are 503', [status(503, { times: 3 })], ANY),

  // Lines that are slow.
  from('round trips of 100 ms', [delay(100)], ['websocket']),
  from('round trips of 300 ms', [delay(300)], ['websocket']),
  from('round trips of 600 ms', [delay(600)], ANY),
  from('round trips of 300 ms, handshake never answered', [delay(300), hangUpgrade()], OVER_HTTP),
  from('round trips of 300 ms, only polls', [delay(300), ...ONLY_POLLS], POLLS),
  from('round trips of 200 ms, only polls, none kept', [delay(200), noKeepAlive(), ...ONLY_POLLS], POLLS),
  from('8000 bytes a second', [throttle(8000)], ['websocket']),
  from('8000 bytes a second, no WebSocket', [throttle(8000), ...NO_WEBSOCKET], OVER_HTTP),

  // Networks that are not there yet.
  late('down', refuseAll()),
  late('a black hole', blackhole()),
  late('a captive portal', captivePortal()),
  late('redirected to a portal', redirectPortal()),
  late('502', status(502)),
  late('504', status(504)),

  // Networks that change.
  later('WebSocket, then swallowed both ways', [], [{ network: [swallowFrames()] }], OVER_HTTP),
  later('WebSocket, then swallowed up', [], [{ network: [swallowFrames({ direction: 'up' })] }], OVER_HTTP),
  later(
    'WebSocket, then swallowed down',
    [],
    [{ network: [swallowFrames({ direction: 'down' })] }],
    OVER_HTTP,
  ),
  later('WebSocket, then cut every 3 s', [], [{ network: [cutAfter({ seconds: 3 })] }], ANY, { watch: 12 }),
  later('WebSocket, then forgotten', [], [{ network: [halfOpen()] }], ANY),
  later('WebSocket, then cut and refused', [], [{ network: [refuseUpgrade(403)], cut: true }], OVER_HTTP),
  later('WebSocket, then cut and never answered', [], [{ network: [hangUpgrade()], cut: true }], OVER_HTTP),
  later('WebSocket, then all buffered', [], [{ network: [bufferUntilEnd({ only: 'all' })] }], POLLS),
  later('WebSocket, then round trips of 1 s', [], [{ network: [delay(1000)] }], ANY),
  later('WebSocket, then another network', [], [{ network: [delay(200)], cut: true }], ANY),
  later('stream, then buffered', NO_WEBSOCKET, [{ network: ONLY_POLLS }], POLLS),
  later('stream, then forgotten', NO_WEBSOCKET, [{ network: [...NO_WEBSOCKET, halfOpen()] }], OVER_HTTP),
  later('polls, then forgotten', ONLY_POLLS, [{ network: [...ONLY_POLLS, halfOpen()] }], POLLS),
  gone('WebSocket, 5 s of captive portal', [], captivePortal(), true, ANY),
  gone('polls, 5 s of captive portal', ONLY_POLLS, captivePortal(), false, POLLS),
  gone('polls, 5 s of 502', ONLY_POLLS, status(502), false, POLLS),
  gone('WebSocket, 5 s down', [], refuseAll(), false, ANY),
  gone('stream, 5 s down', NO_WEBSOCKET, refuseAll(), false, OVER_HTTP),
  gone('WebSocket, 5 s of black hole', [], blackhole(), false, ANY),
  gone('stream, 5 s of black hole', NO_WEBSOCKET, blackhole(), false, OVER_HTTP),
  gone('polls, 5 s of black hole', ONLY_POLLS, blackhole(), false, POLLS),
  later('no WebSocket, then everything', NO_WEBSOCKET, [{ network: [] }], ['websocket', ...STREAMS]),
  later('only polls, then everything', ONLY_POLLS, [{ network: [] }], ANY),
  later(
    'one network after the other',
    [],
    [
      { network: [swallowFrames()] },
      { network: ONLY_POLLS, cut: true },
      { network: [delay(200)], cut: true },
      { network: [halfOpen(), ...NO_WEBSOCKET] },
    ],
    OVER_HTTP,
  ),
];
