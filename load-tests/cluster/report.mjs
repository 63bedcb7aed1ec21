// The results, as a table for people and as JSON for programs.

import { KINDS } from './history.mjs';

const number = new Intl.NumberFormat('en');

function median(sorted) {
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Adds up the rounds of one fault. */
function row(fault, rounds) {
  const sum = (of) => rounds.reduce((total, round) => total + of(round), 0);
  const wrong = (...kinds) =>
    sum(({ violations }) => violations.filter(({ kind }) => kinds.includes(kind)).length);
  const times = rounds.flatMap(({ recovery }) => Object.values(recovery)).sort((a, b) => a - b);
  return {
    fault,
    times: rounds.length,
    messages: sum(({ counts }) => counts.published),
    deliveries: sum(({ counts }) => counts.deliveries),
    lost: wrong('lost'),
    repeated: wrong('repeated'),
    'out of order': wrong('disorder', 'conflict'),
    'silent gaps': wrong('silent'),
    'announced gaps': sum(({ counts }) => counts.announced),
    rebuilt: sum(({ counts }) => counts.rebuilt),
    'new sessions': sum(({ counts }) => counts.sessions),
    presence: wrong('presence'),
    'wrong calls': wrong('call'),
    'other errors': wrong('protocol', 'stuck'),
    'calls refused': sum(({ calls }) => calls.refused),
    'recovery p50': times.length ? seconds(median(times)) : '–',
    'recovery max': times.length ? seconds(times.at(-1)) : '–',
    'slowest message': seconds(Math.max(...rounds.map(({ slowest }) => slowest))),
  };
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
}

/** The table's rows from the results of all rounds, in the order of the faults. */
export function rows(results) {
  const faults = [...new Set(results.map(({ fault }) => fault))];
  return faults.map((fault) =>
    row(
      fault,
      results.filter((result) => result.fault === fault),
    ),
  );
}

/** The table in Markdown, padded so that it can be read as it is. */
export function table(results) {
  const all = rows(results);
  if (all.length === 0) return '';
  const names = Object.keys(all[0]);
  const text = (value) => (typeof value === 'number' ? number.format(value) : value);
  const width = names.map((name) => Math.max(name.length, ...all.map((one) => text(one[name]).length)));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const pad = (value, i) => (i === 0 ? value.padEnd(width[i]) : value.padStart(width[i]));
  return [
    line(names.map(pad)),
    line(width.map((w, i) => (i === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`))),
    ...all.map((one) => line(names.map((name, i) => pad(text(one[name]), i)))),
  ].join('\n');
}

/** The first examples of each kind of violation. */
export function examples(results, most = 5) {
  const out = [];
  for (const kind of Object.keys(KINDS)) {
    const all = results.flatMap(({ fault, round, violations }) =>
      violations.filter((one) => one.kind === kind).map((one) => ({ ...one, fault, round })),
    );
    if (all.length === 0) continue;
    out.push(`${KINDS[kind]} (${kind}): ${all.length}`);
    for (const { fault, round, client, channel, what } of all.slice(0, most))
      out.push(`  ${fault} ${round}: ${[client, channel].filter(Boolean).join(', ')}: ${what}`);
    if (all.length > most) out.push(`  … and ${all.length - most} more`);
  }
  return out.join('\n');
}
