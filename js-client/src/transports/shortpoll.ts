/** Short polling: now and then a request that the server answers at once; it carries both directions. */
import { send } from '../net/http.js';
import { pollLoop, SLACK_MS } from './poll.js';
import type { Line, Link } from './transport.js';
import { bodyOf } from './uplink.js';

/** Between polls, where the server advises nothing. */
const INTERVAL_SECONDS = 2;
/** After a poll that carried something either way: more may follow, the answer to a command for one. */
const LIVELY_MS = 200;

export function shortpoll(line: Line): Link {
  const streams = line.streams;
  const waiting = () => streams.sent() > streams.confirmed;
  let carried = 0;
  let due = 0;
  const polls = pollLoop(
    line,
    (done) => {
      const batch = streams.above(streams.confirmed, line.batchBytes());
      carried = batch.messages.length;
      due = streams.confirmed + Math.min(carried, 1);
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
    (answer) => {
      const taken = streams.confirmed >= due;
      const advised = (answer.interval || INTERVAL_SECONDS) * 1000;
      if (waiting() && taken) return 0; // what the application said meanwhile goes up at once
      return taken && (carried > 0 || answer.messages!.length > 0) ? Math.min(LIVELY_MS, advised) : advised;
    },
  );

  return {
    flush() {
      if (waiting()) polls.now();
    },
    acknowledge: () => undefined, // the next poll's `after` does
    close: polls.close,
  };
}
