/**
 * What worked here the last time. Only a hint for the order of trying, since networks change; so it is kept for a
 * while, and where a page may not keep anything nothing is missing.
 */
import { now } from '../core/clock.js';
import type { Bars } from '../core/ladder.js';
import type { TransportName } from '../core/wire.js';
import { parse } from '../core/wire.js';
import { root } from '../core/root.js';

const KEPT_MS = 24 * 3600000;

export interface Memory {
  rung?: TransportName;
  bars: Bars;
}

/** What is remembered of this server. */
export function remembered(url: string): Memory {
  const kept = storage(url);
  const { until, rung, bars } = (kept && parse(kept)) || {};
  return until > now() ? { rung, bars: bars || {} } : { bars: {} };
}

/** Remembers it. */
export function remember(url: string, { rung, bars }: Memory): void {
  storage(url, JSON.stringify({ rung, bars, until: now() + KEPT_MS }));
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
