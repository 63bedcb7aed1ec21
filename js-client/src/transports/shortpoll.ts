/** Short polling: now and then a request that the server answers at once; it carries both directions. */
import { send } from '../net/http.js';
import { pollLoop, SLACK_MS } from './poll.js';
import type { Line, Link } from './transport.js';
import { bodyOf } from './uplink.js';

/** Between polls, where the server advises nothing. */
const INTERVAL_SECONDS = 2;

export function shortpoll(line: Line): Link {
  const streams = line.streams;
  const waiting = () => streams.sent() > streams.confirmed;
  /** Up: what the server must have confirmed after a poll, or it took nothing of what the poll carried. */
  let due = 0;
  const polls = pollLoop(
    line,
    (done) => {
      const batch = streams.above(streams.confirmed, line.batchBytes());
      due = streams.confirmed + Math.min(batch.messages.length, 1);
      return send(
        line.env,
        {
          method: 'POST',
          url: line.address('poll', { after: streams.received, wait: 0 }),
          body: bodyOf(batch, streams.received),
          credentials: line.credentials,
          timeoutMs: SLACK_MS,
        },
        done,
      );
    },
    // What the application said meanwhile goes up at once.
    (answer) => (waiting() && streams.confirmed >= due ? 0 : (answer.interval || INTERVAL_SECONDS) * 1000),
  );

  return {
    flush() {
      if (waiting()) polls.now();
    },
    acknowledge: () => undefined, // the next poll's `after` does
    close: polls.close,
  };
}
