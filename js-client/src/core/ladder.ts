/**
 * Which transport to stand on. The best rung that is not barred; a rung is barred for a while after it failed
 * where another one worked, longer each time, because a proxy that blocks WebSocket today will block it in a
 * minute too. Pure: the clock is handed in.
 */
import { each, keep, place } from './lists.js';
import type { TransportName } from './wire.js';
import { bounded } from './wire.js';

const FIRST_BAR_MS = 60000;
const LONGEST_BAR_MS = 30 * 60000;
/** A connection that ends sooner than this counts as cut; three in a row and the rung is barred. */
const SHORT_LIFE_MS = 10000;
const SHORT_LIVES = 3;

/** For how many milliseconds each rung is still barred, and how often in a row it failed. */
export type Bars = { [rung: string]: { left: number; times: number } };

export class Ladder {
  /** The rung that the application insists on, if any. */
  forced: TransportName | null = null;

  private bars: { [rung: string]: { until: number; times: number } } = {};
  private shortLives: { [rung: string]: number } = {};

  /**
   * @param rungs what this environment can do, best first
   * @param now milliseconds of a clock
   */
  constructor(
    private rungs: TransportName[],
    private now: () => number,
  ) {}

  /** Leaves out what the server does not offer. Keeps everything if nothing would remain. */
  offered(names: TransportName[] = []): void {
    const both = keep(this.rungs, (rung) => place(names, rung) >= 0);
    if (both.length) this.rungs = both;
  }

  /** Whether this rung can be tried at all. */
  has(rung: TransportName): boolean {
    return place(this.rungs, rung) >= 0;
  }

  /** The rung to stand on. When all are barred, the bars are lifted: some rung is better than none. */
  best(): TransportName {
    return this.forced || this.first(this.rungs) || this.rungs[0]!;
  }

  /** The best of those that get through almost everywhere: a row of requests that end. */
  carrier(): TransportName {
    const rows = keep(this.rungs, isCarrier);
    return this.forced || this.first(rows) || rows[0] || this.best();
  }

  /** Whether this rung was not found wanting of late. */
  free(rung: TransportName): boolean {
    return !this.barredFor(rung);
  }

  /** This rung did not work although the server could be reached. */
  failed(rung: TransportName): void {
    const bar = this.bars[rung];
    const times = (bar ? bar.times : 0) + 1;
    const ms = Math.min(LONGEST_BAR_MS, FIRST_BAR_MS * Math.pow(2, times - 1));
    this.bars[rung] = { until: this.now() + ms, times };
    this.shortLives[rung] = 0;
  }

  /** A connection on this rung was cut after this long. */
  cut(rung: TransportName, livedMs: number): void {
    if (livedMs >= SHORT_LIFE_MS) {
      delete this.bars[rung];
      this.shortLives[rung] = 0;
    } else if ((this.shortLives[rung] = (this.shortLives[rung] || 0) + 1) >= SHORT_LIVES) {
      this.failed(rung);
    }
  }

  /** What to remember. */
  save(): Bars {
    const saved: Bars = {};
    for (const rung in this.bars) {
      const { until, times } = this.bars[rung]!;
      saved[rung] = { left: until - this.now(), times };
    }
    return saved;
  }

  /** What was remembered this long ago. */
  restore(saved: Bars, elapsedMs: number): void {
    each(this.rungs, (rung) => {
      const { left, times } = saved[rung] || {};
      const ms = bounded(left, 0, LONGEST_BAR_MS, 0) - elapsedMs;
      if (ms > 0) this.bars[rung] = { until: this.now() + ms, times: bounded(times, 1, 9, 1) };
    });
  }

  /** The network may be another one now: everything may be tried again. */
  lift(): void {
    this.bars = {};
  }

  /** Milliseconds until a rung above this one may be tried again; undefined if none is above, or one is forced. */
  climbIn(from: TransportName): number | undefined {
    let soonest: number | undefined;
    each(this.rungs.slice(0, this.forced ? 0 : place(this.rungs, from)), (rung) => {
      const wait = this.barredFor(rung);
      if (soonest === undefined || wait < soonest) soonest = wait;
    });
    return soonest;
  }

  private first(rungs: TransportName[]): TransportName | undefined {
    return keep(rungs, (rung) => this.free(rung))[0];
  }

  private barredFor(rung: TransportName): number {
    const bar = this.bars[rung];
    return bar ? Math.max(0, bar.until - this.now()) : 0;
  }
}

/** Whether a transport is a row of requests that end by themselves, which gets through almost everywhere. */
export function isCarrier(rung: TransportName): boolean {
  return /poll|jsonp/.test(rung);
}
