// The nodes of the cluster and the balancer in front of them.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../bench/build.mjs';
import { Program, until } from './processes.mjs';
import { ask } from './http.mjs';

const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];

/** One real node: a Java process that is started, ended, stopped and started anew on the same ports. */
export class Node {
  /** @param {object} about `name`, `log`, `port`, `internalPort`, `linkPort` (where others reach it), `store`, `settings` */
  constructor(java, jar, about) {
    Object.assign(this, about, { java, jar });
  }

  start() {
    const args = [...JVM, '-jar', this.jar, 'serve', '--host', '127.0.0.1', '--port', this.port];
    args.push('--store', this.store, '--internal-host', '127.0.0.1', '--internal-port', this.internalPort);
    args.push('--advertise', `127.0.0.1:${this.linkPort}`);
    for (const [key, value] of Object.entries(this.settings)) args.push('--set', `${key}=${value}`);
    this.program = new Program(this, this.java, args);
  }

  /** Waits until it is ready: it serves, and its store does its work. */
  async ready() {
    const url = `http://127.0.0.1:${this.port}/health/ready`;
    await until(
      `${this.name} is ready`,
      async () => {
        if (!this.program.alive) throw new Problem(`${this.name} ended by itself; its log is ${this.log}.`);
        return (await ask({ method: 'GET', url, timeoutMs: 3000 })).status === 200;
      },
      60_000,
      100,
    );
  }
}

/**
 * HAProxy, which gives each request to the next node: nothing sticks. A connection that a node does not take is tried on
 * another one; a request that was sent is not sent again, since nobody knows what became of it.
 */
export class Balancer {
  constructor(programs, { port, directory, log, nodes }) {
    Object.assign(this, { name: 'haproxy', programs, port, directory, log, nodes });
  }

  async start() {
    const file = join(this.directory, 'haproxy.cfg');
    const servers = this.nodes.map(({ name, port }) => `  server ${name} 127.0.0.1:${port} check`);
    writeFileSync(
      file,
      `global
  maxconn 4000
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout tunnel 300s
  timeout check 1s
  option http-server-close
  option redispatch
  retries 2
  retry-on conn-failure
listen footbridge
  bind 127.0.0.1:${this.port}
  balance roundrobin
  option httpchk GET /health/serving
  default-server inter 250ms fall 2 rise 1
${servers.join('\n')}
`,
    );
    this.program = new Program(this, this.programs.haproxy, ['-db', '-f', file]);
    const url = `http://127.0.0.1:${this.port}/health/serving`;
    await until('The balancer serves', async () => (await ask({ method: 'GET', url })).status === 200);
  }
}
