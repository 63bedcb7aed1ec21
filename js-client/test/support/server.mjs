/** The real server, started for a test from the jar that FOOTBRIDGE_JAR names. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const START_MS = 60000;

function jar() {
  const path = process.env.FOOTBRIDGE_JAR;
  if (!path) {
    throw new Error(
      'FOOTBRIDGE_JAR is not set. These tests run against the real server: build it and set FOOTBRIDGE_JAR to bridge/target/footbridge.jar.',
    );
  }
  if (!existsSync(path)) {
    throw new Error(`FOOTBRIDGE_JAR is ${path}, and there is no such file. Build the server first.`);
  }
  return path;
}

/** Servers that run: none outlives the tests, not even when these are broken off. */
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
process.once('SIGTERM', () => process.exit(143));

/**
 * Starts a server with the demo on a free port, or on the given one.
 *
 * @returns its `url`, `stop()`, which ends it and waits, and `kill()`, which ends it as a crash would
 */
export async function startServer(port = 0) {
  const args = ['-jar', jar(), 'serve', '--port', String(port), '--demo'];
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  ended.then(() => running.delete(child));
  let output = '';
  const url = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`The server did not start: ${why}\n${output}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail('no URL was printed in time');
    }, START_MS);
    const read = (chunk) => {
      output += chunk;
      const found = /http:\/\/[^\s"]+/.exec(output);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[0].replace(/\/$/, '').replace('0.0.0.0', 'localhost'));
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    child.once('error', (error) => fail(`java could not be run (${error.message}); install a JRE`));
    ended.then((code) => fail(`it ended with ${code}`));
  });
  const end = (signal) => {
    child.kill(signal);
    return ended;
  };
  return { url, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}
