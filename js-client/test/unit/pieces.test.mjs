import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { fromBase64, toBase64, utf8Length } from '../../target/es5/core/bytes.js';
import { each, keep, place } from '../../target/es5/core/lists.js';
import { isExplicit, remedyFor } from '../../target/es5/core/problem.js';
import { problemOf } from '../../target/es5/net/http.js';
import { probeStream, valuesOf } from '../../target/es5/transports/stream.js';
import { seeded } from '../support/random.mjs';

test('base64 is what Node makes of it, for any bytes', () => {
  const random = seeded(1);
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  }
});

test('the length of a text is counted in bytes of UTF-8', () => {
  for (const text of ['', 'plain', 'größer', '日本', 'a😀b', '\u{10ffff}']) {
    assert.equal(utf8Length(text), Buffer.byteLength(text));
  }
});

test('values are whole, however the text of a stream is cut', () => {
  const text =
    ': ping\n\ndata: {"a":1}\n\nid: 7\ndata: {"b":"two words: id: 7"}\n\n{"c":3}\n   \nretry: 5\nevent: message\n"text"\n<html>\n{"d"';
  const random = seeded(2);
  for (let round = 0; round < 200; round++) {
    const values = [];
    const split = valuesOf((value) => values.push(value));
    for (let at = 0; at < text.length;) {
      const length = 1 + random.below(6);
      split(text.slice(at, at + length));
      at += length;
    }
    assert.deepEqual(values, [{ a: 1 }, { b: 'two words: id: 7' }, { c: 3 }, 'text', undefined]);
  }
});

test('lists are walked as they were at the beginning', () => {
  const list = [1, 2, 3];
  const seen = [];
  each(list, (item) => {
    seen.push(item);
    list.length = 0;
  });
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(
    keep([1, 2, 3, 4], (item) => item % 2 === 0),
    [2, 4],
  );
  assert.deepEqual([place(['a', 'b'], 'b'), place(['a', 'b'], 'c')], [1, -1]);
});

const remedies = [
  [{ code: 'session_gone', status: 410 }, 'renew'],
  [{ code: 'not_found', status: 404 }, 'renew'],
  [{ code: 'http_404', status: 404 }, 'return'],
  [{ code: 'gap', status: 409 }, 'renew'],
  [{ code: 'expired', reconnect: false }, 'renew'],
  [{ code: 'overflow', reconnect: false }, 'renew'],
  [{ code: 'superseded', reconnect: false }, 'stop'],
  [{ code: 'superseded', status: 409 }, 'stop'],
  [{ code: 'closed', reconnect: false }, 'stop'],
  [{ code: 'kicked', reconnect: false }, 'stop'],
  [{ code: 'malformed', reconnect: false }, 'stop'],
  [{ code: 'never_heard_of', reconnect: false }, 'stop'],
  [{ code: 'draining', reconnect: true, delay: 1500 }, 'return'],
  [{ code: 'draining', reconnect: false }, 'return'],
  [{ code: 'window', reconnect: true }, 'return'],
  [{ code: 'rebuilt', status: 409 }, 'return'],
  [{ code: 'unavailable', reconnect: true, delay: 500 }, 'return'],
  [{ code: 'rate_limited', status: 429, delay: 1000 }, 'return'],
  [{ code: 'http_502', status: 502 }, 'return'],
  [{ code: 'unreachable', status: 0 }, 'return'],
];
for (const [problem, remedy] of remedies) {
  test(`after ${JSON.stringify(problem)} the session does this: ${remedy}`, () => {
    assert.equal(remedyFor(problem), remedy);
  });
}

test('a proxy that gives no reason leaves open whose fault it is', () => {
  assert.ok(!isExplicit({ code: 'http_502', status: 502 }));
  assert.ok(!isExplicit({ code: 'unreachable', status: 0 }));
  assert.ok(isExplicit({ code: 'superseded', status: 409 }));
  assert.ok(isExplicit({ code: 'rebuilt', status: 409 }));
  assert.ok(isExplicit({ code: 'draining', reconnect: true }));
});

test('Retry-After is understood as seconds and as a date', () => {
  assert.equal(problemOf({ status: 503, retryAfter: '2' }).delay, 2000);
  const inAMinute = new Date(Date.now() + 60000).toUTCString();
  const { delay } = problemOf({ status: 503, retryAfter: inAMinute });
  assert.ok(delay > 55000 && delay <= 60000, String(delay));
  assert.equal(problemOf({ status: 503, retryAfter: 'soon' }).delay, undefined);
});

test('no Retry-After makes us wait for longer than five minutes, nor for less than nothing', () => {
  const inAYear = new Date(Date.now() + 365 * 86400000).toUTCString();
  const aYearAgo = new Date(Date.now() - 365 * 86400000).toUTCString();
  const delays = ['99999999', '9'.repeat(400), inAYear, aYearAgo, '-1', '1e9', ''].map(
    (retryAfter) => problemOf({ status: 503, retryAfter }).delay,
  );
  assert.deepEqual(delays.slice(0, 4), [300000, 300000, 300000, undefined]);
  assert.ok(delays.slice(4).every((delay) => delay === undefined || (delay >= 0 && delay <= 300000)));
});

for (const patience of [2000, 3500, 8000]) {
  test(`a stream that is held back until it ends does not come through, at a patience of ${patience} ms`, () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const ping = '{"op":"ping"}\n';
      // Two seconds are what the server does by itself.
      const held = (url, piece, end) => {
        const seconds = Number(/seconds=(\d+)/.exec(url)?.[1] ?? 2);
        const timer = setTimeout(() => {
          piece(ping.repeat(seconds));
          end({ status: 200 });
        }, seconds * 1000);
        return () => clearTimeout(timer);
      };
      const said = [];
      probeStream('stream', held, 'http://example.org', patience, (works) => said.push(works));
      for (let ms = 0; ms < 20000; ms += 100) mock.timers.tick(100);
      assert.deepEqual(said, [false]);
    } finally {
      mock.timers.reset();
    }
  });
}
