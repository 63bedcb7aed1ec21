// Medians and ranges: with few rounds on a machine that is not quiet, these say more than a mean.

/** { median, min, max, n } of the numbers given, or null if there are none. */
export function summary(numbers) {
  const sorted = numbers.filter((x) => Number.isFinite(x)).sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0) return null;
  const median = n % 2 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  return { median, min: sorted[0], max: sorted[n - 1], n };
}

/** A generator of numbers in [0, 1) that a seed repeats (mulberry32). */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function shuffled(list, next) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

function figure(x, digits) {
  const fixed = x.toFixed(digits);
  return Math.abs(x) >= 10000 ? Number(fixed).toLocaleString('en-US') : fixed;
}

/** "3.2 (3.1–3.9)", or "–". */
export function show(s, digits = 1) {
  if (!s) return '–';
  return s.n === 1
    ? figure(s.median, digits)
    : `${figure(s.median, digits)} (${figure(s.min, digits)}–${figure(s.max, digits)})`;
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
