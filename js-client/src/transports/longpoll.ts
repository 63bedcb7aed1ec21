/** Long polling: a request that the server answers when there is something to say; requests up beside it. */
import { send } from '../net/http.js';
import { heldPolls, SLACK_MS } from './poll.js';
import type { Line, Link } from './transport.js';

export function longpoll(line: Line): Link {
  return heldPolls(line, (wait, done) =>
    send(
      line.env,
      {
        method: 'GET',
        url: line.address('poll', { after: line.streams.received, wait }),
        credentials: line.credentials,
        timeoutMs: wait * 1000 + SLACK_MS,
      },
      done,
    ),
  );
}
