// The tables that a person reads. Every figure is the median of the rounds and, in brackets, the range.

import { show, summary, table } from './stats.mjs';

const transportTitles = { ws: 'WebSocket', sse: 'SSE', stream: 'HTTP stream', longpoll: 'Long poll' };

/** The results of one server and transport that came about, by round. */
function cell(report, server, transport) {
  return report.results.filter((r) => r.server === server && r.transport === transport && r.result);
}

function titleOf(report, server) {
  return report.results.find((r) => r.server === server).title;
}

/** Calls `row` for each server that has results for the transport. */
function rows(report, transport, row) {
  return report.options.servers
    .map((server) => [server, cell(report, server, transport)])
    .filter(([, results]) => results.length > 0)
    .map(([server, results]) => [titleOf(report, server), ...row(results.map((r) => r.result))]);
}

const over = (results, value) => summary(results.map(value));
const ms = (us) => us / 1000;

/** The ratio of two servers, round by round, then its median: what disturbs a whole round cancels out. */
function ratio(report, transport, one, other, value) {
  const others = new Map(cell(report, other, transport).map((r) => [r.round, value(r.result)]));
  return summary(
    cell(report, one, transport)
      .filter((r) => others.get(r.round) > 0)
      .map((r) => value(r.result) / others.get(r.round)),
  );
}

function faults(results, checks = (r) => r.checks) {
  const sum = { lost: 0, repeated: 0, disordered: 0, closed: 0, errors: 0 };
  for (const result of results) for (const key of Object.keys(sum)) sum[key] += checks(result)[key];
  const found = Object.entries(sum).filter(([, n]) => n > 0);
  if (found.length === 0) return 'none';
  const first = results.map((r) => checks(r).first_error).find(Boolean);
  return (
    found.map(([key, n]) => `${n} ${key}`).join(', ') + (first ? ` (${first.replaceAll('|', '/')})` : '')
  );
}

function heading(report, title) {
  const { machine, options } = report;
  const jvm = machine.java ? `; ${machine.java}, ${options.heap} heap, ${options.gc} collector` : '';
  return [
    `# ${title}`,
    '',
    `${report.date.slice(0, 10)}; ${machine.processor}, Linux ${machine.kernel}, ${machine.congestion_control}${jvm}. ` +
      `Server on core ${options.serverCore}, generator on core ${options.generatorCore}; ${options.rounds} rounds, ` +
      'each figure the median and the range.',
    '',
  ];
}

/** Says how even the machine was, from the calibration before each measurement and from what others took of the core. */
function quiet(report, othersPercent) {
  const lines = ['', '## How quiet the machine was', ''];
  const side = (name, key) => over(report.results, (r) => r.calibration[name][key]);
  for (const name of ['server', 'generator'])
    lines.push(
      `- ${name} core: fixed arithmetic ${show(side(name, 'arithmetic_ms'), 0)} ms, ` +
        `loopback write and read ${show(side(name, 'loopback_write_read_ns'), 0)} ns`,
    );
  const others = report.results.filter((r) => r.result).map((r) => othersPercent?.(r.result) ?? 0);
  const disturbed = others.filter((percent) => percent > 5).length;
  if (othersPercent)
    lines.push(
      disturbed === 0
        ? '- nothing else took more than 5 % of the server core during a measurement'
        : `- **${disturbed} of ${others.length} measurements were disturbed**: others took more than 5 % of the server core (up to ${Math.max(...others).toFixed(0)} %)`,
    );
  const drops = report.results.filter((r) => r.loopback_drops > 0);
  if (drops.length > 0) {
    const worst = [
      ...new Set(drops.map((r) => `${r.title} ${transportTitles[r.transport]} round ${r.round}`)),
    ].join(', ');
    lines.push(
      `- **the kernel dropped loopback packets** in ${drops.length} measurements (${worst}): each delays a message by 200 ms, ` +
        'whatever the server does; a quieter machine or a higher net.core.netdev_max_backlog avoids it',
    );
  }
  const failed = report.results.filter((r) => r.error);
  for (const r of failed)
    lines.push(
      `- failed: ${r.title}, ${r.transport}, round ${r.round}: ${r.error.split('\n').slice(0, 2).join(' ')}`,
    );
  return [...lines, ''];
}

// ---- fan-out ------------------------------------------------------------------------------------------------------

const best = (r) => r.saturation.windows.reduce((a, b) => (b.deliveries_per_s > a.deliveries_per_s ? b : a));

/** The generator was the narrow place: the server could do more than the figure says. */
const limited = (w) => w.generator.cpu_percent > 95 && w.server.cpu_percent < 95;

const ratios = {
  'CPU at the fixed rate': (r) => r.rate.server.cpu_us_per_delivery,
  'p99 at the fixed rate': (r) => r.rate.latency_us.p99,
  'CPU, saturated with fewest under way': (r) => r.saturation.windows[0].server.cpu_us_per_delivery,
  'most deliveries/s': (r) => best(r).deliveries_per_s,
};

function ratioTable(report, transport) {
  const pairs = [
    ['footbridge', 'floor'],
    ['undertow', 'floor'],
    ['node-ws', 'floor'],
    ['footbridge', 'undertow'],
  ];
  const body = pairs
    .filter((pair) => pair.every((server) => cell(report, server, transport).length > 0))
    .map(([a, b]) => [
      `${titleOf(report, a)} / ${titleOf(report, b)}`,
      ...Object.values(ratios).map((value) => show(ratio(report, transport, a, b, value), 2)),
    ]);
  return body.length === 0 ? [] : [table(['Ratio, round by round', ...Object.keys(ratios)], body), ''];
}

export function fanoutReport(report) {
  const { options } = report;
  const rate = (options.subscribers * options.rate).toLocaleString('en-US');
  const lines = heading(
    report,
    `Fan-out to ${options.subscribers} subscribers, ${options.payload}-byte messages`,
  );
  for (const transport of options.transports) {
    const body = rows(report, transport, (results) => {
      const top = results.map(best);
      return [
        show(
          over(results, (r) => r.rate.server.cpu_us_per_delivery),
          2,
        ),
        ...['p50', 'p99', 'p999'].map((p) => show(over(results, (r) => ms(r.rate.latency_us[p])))),
        (top.some(limited) ? '≥ ' : '') +
          show(
            over(top, (w) => w.deliveries_per_s),
            0,
          ),
        show(
          over(top, (w) => w.window),
          0,
        ),
        show(
          over(top, (w) => w.server.cpu_us_per_delivery),
          2,
        ),
        ...['p50', 'p99', 'p999'].map((p) => show(over(top, (w) => ms(w.latency_us[p])))),
        faults(results),
      ];
    });
    if (body.length === 0) continue;
    const head = [
      `${transportTitles[transport]}: server`,
      `CPU µs a delivery at ${rate}/s`,
      ...['p50 ms', 'p99 ms', 'p999 ms'],
      'most deliveries/s',
      'publishes under way',
      'CPU µs a delivery then',
      ...['p50 ms', 'p99 ms', 'p999 ms'],
      'faults',
    ];
    lines.push(`## ${transportTitles[transport]}`, '', table(head, body), '');
    lines.push(...windowTables(report, transport));
    lines.push(...ratioTable(report, transport));
  }
  lines.push(
    '“≥”: the generator was busier than the server, which could have done more. With several publishes under way a server may ' +
      'send several messages in one write, which the floor never does: that is how it can be beaten.',
  );
  return [...lines, ...quiet(report, (r) => r.rate.server.others_on_core_percent)].join('\n');
}

/** For each number of publishes under way; with one, nobody can put messages together. */
function windowTables(report, transport) {
  const windows = report.options.windows.split(',').map(Number);
  const one = (title, cellOf) => {
    const body = rows(report, transport, (results) =>
      windows.map((window) =>
        cellOf(results.map((r) => r.saturation.windows.find((w) => w.window === window))),
      ),
    );
    return [table([title, ...windows], body), ''];
  };
  return [
    ...one(
      'Deliveries/s with so many publishes under way',
      (found) =>
        (found.some(limited) ? '≥ ' : '') +
        show(
          over(found, (w) => w.deliveries_per_s),
          0,
        ),
    ),
    ...one('CPU µs a delivery then', (found) =>
      show(
        over(found, (w) => w.server.cpu_us_per_delivery),
        2,
      ),
    ),
  ];
}

// ---- memory -------------------------------------------------------------------------------------------------------

export function memoryReport(report) {
  const { options } = report;
  const lines = heading(report, `Memory of an idle session, of ${options.subscribers}`);
  const body = options.transports.flatMap((transport) =>
    rows(report, transport, (results) => [
      transportTitles[transport],
      show(
        over(results, (r) => r.resident),
        0,
      ),
      show(
        over(results, (r) => r.live_heap ?? NaN),
        0,
      ),
      show(
        over(results, (r) => r.grown_rss),
        0,
      ),
      show(
        over(results, (r) => r.open),
        0,
      ),
      faults(results),
    ]),
  );
  const head = [
    'Server',
    'transport',
    'bytes a session',
    'live heap',
    'outside the heap',
    'open sessions',
    'faults',
  ];
  lines.push(
    table(head, body),
    '',
    'The empty server is subtracted. Live heap is what a collection leaves. The heap was made resident when the JVM started, so that ' +
      'the growth of resident memory is what lies outside it; the two together are the memory of a session. ' +
      'The kernel’s socket buffers are in none of them.',
  );
  for (const server of options.servers)
    for (const transport of options.transports) lines.push(...largestClasses(report, server, transport));
  return [...lines, ...quiet(report)].join('\n');
}

function largestClasses(report, server, transport) {
  const [first] = cell(report, server, transport);
  if (!first?.result.classes) return [];
  const body = first.result.classes
    .slice(0, 12)
    .map((c) => [`\`${c.name}\``, c.bytes.toFixed(0), c.count.toFixed(2)]);
  return ['', `## ${titleOf(report, server)}, ${transportTitles[transport]}: live heap a session`, ''].concat(
    table(['class', 'bytes', 'objects'], body),
  );
}

// ---- stalled ------------------------------------------------------------------------------------------------------

export function stalledReport(report) {
  const { options } = report;
  const rate = (options.subscribers * options.rate).toLocaleString('en-US');
  const lines = heading(
    report,
    `${options.stalled} of ${options.subscribers} subscribers stops reading, ${rate} deliveries/s`,
  );
  const body = options.transports.flatMap((transport) =>
    rows(report, transport, (results) => [
      transportTitles[transport],
      ...['without', 'with'].flatMap((key) => [
        show(over(results, (r) => ms(r[key].rate.latency_us.p99))),
        show(over(results, (r) => ms(r[key].rate.latency_us.p999))),
      ]),
      show(
        over(results, (r) => r.with.rate.latency_us.p99 / r.without.rate.latency_us.p99),
        2,
      ),
      show(over(results, (r) => (r.with.rate.server.rss_kb - r.without.rate.server.rss_kb) / 1024)),
      results.map((r) => `${r.with.stalled.still_connected}`).join(', '),
      show(
        over(results, (r) => r.with.stalled.largest_send_queue_bytes / 1024),
        0,
      ),
      faults(results, (r) => r.with.checks),
    ]),
  );
  const head = [
    'Server',
    'transport',
    'p99 ms without',
    'p999 ms without',
    'p99 ms with',
    'p999 ms with',
    'p99 with / without',
  ].concat(['memory more, MiB', 'stalled still connected', 'its kernel queue, KiB', 'faults of the others']);
  lines.push(
    table(head, body),
    '',
    `Before the measurement ${(options.fill / 1048576).toFixed(1)} MiB were published to each subscriber, so that the stalled ones' buffers ` +
      'in the kernel are full (their kernel queue shows it, unless the server let go of them) and the server has to decide what to do.',
  );
  return [
    ...lines,
    ...quiet(report, (r) =>
      Math.max(...[r.with, r.without].map((x) => x.rate.server.others_on_core_percent)),
    ),
  ].join('\n');
}
