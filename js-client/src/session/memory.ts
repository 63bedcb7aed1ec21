/**
 * What worked here the last time. Only a hint for the order of trying, since networks change; so it is kept for a
 * while, and where a page may not keep anything nothing is missing.
 */
import { wallClock } from '../core/clock.js';
import type { Ladder } from '../core/ladder.js';
import { root } from '../core/root.js';
import type { TransportName } from '../core/wire.js';
import { parse } from '../core/wire.js';

const KEPT_MS = 24 * 3600000;

/** Tells the ladder what is remembered of this server, and gives the rung that worked last. */
export function remembered(url: string, ladder: Ladder): TransportName | undefined {
  const { written, rung, bars } = parse(storage(url) || '') || {};
  const elapsed = wallClock() - written;
  if (!(elapsed >= 0 && elapsed < KEPT_MS)) return undefined;
  ladder.restore(bars || {}, elapsed);
  return rung;
}

/** Remembers it. */
export function remember(url: string, ladder: Ladder, rung: TransportName): void {
  storage(url, JSON.stringify({ rung, bars: ladder.save(), written: wallClock() }));
}

function storage(url: string, value?: string): string | undefined {
  try {
    const { localStorage } = root;
    if (value) localStorage['footbridge ' + url] = value;
    return localStorage['footbridge ' + url];
  } catch (forbidden) {
    return undefined;
  }
}
