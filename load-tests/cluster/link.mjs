// A wire that can be cut: passes connections on to a port, until told otherwise.

import { connect, createServer } from 'node:net';

/**
 * Starts a link.
 *
 * - `mode` `pass`: as it is; `swallow`: new connections and all that comes on old ones is taken and nothing passed on,
 *   as on a network that drops packets; `refuse`: connections are reset.
 * - `loseAnswers`: how likely it is that an answer is not passed on, and its connection cut in place of it.
 *
 * @param target the port that it leads to
 */
export function startLink(target) {
  const pairs = new Set();
  const link = { mode: 'pass', loseAnswers: 0, cutAll, close };

  function cutAll() {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  function close() {
    server.close();
    cutAll();
  }

  const server = createServer({ noDelay: true }, (near) => {
    if (link.mode === 'refuse') return near.resetAndDestroy();
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    const pass = (from, to, answers) => {
      from.on('data', (data) => {
        if (link.mode === 'swallow') return;
        if (answers && link.loseAnswers > 0 && Math.random() < link.loseAnswers) {
          near.resetAndDestroy();
          far.resetAndDestroy();
          return;
        }
        if (!to.write(data)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('end', () => link.mode !== 'swallow' && to.end());
      from.on('error', end);
      from.on('close', end);
    };
    pass(near, far, false);
    pass(far, near, true);
  });

  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      link.port = server.address().port;
      resolve(link);
    }),
  );
}
