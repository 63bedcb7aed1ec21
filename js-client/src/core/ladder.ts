/**
 * Which transport to stand on. The best rung that is not barred; a rung is barred for a while after it failed
 * where another one worked, longer each time, because a proxy that blocks WebSocket today will block it in a
 * minute too. Pure: the clock is handed in.
 */
import type { TransportName } from './wire.js';

const FIRST_BAR_MS = 60000;
const LONGEST_BAR_MS = 30 * 60000;
/** A connection that ends sooner than this counts as cut; three in a row and the rung is barred. */
const SHORT_LIFE_MS = 10000;
const SHORT_LIVES = 3;

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
  offered(names: TransportName[] | undefined): void {
    const both = this.rungs.filter((rung) => !names || names.indexOf(rung) >= 0);
    if (both.length > 0) this.rungs = both;
  }

  /** Whether this rung can be tried at all. */
  has(rung: TransportName): boolean {
    return this.rungs.indexOf(rung) >= 0;
  }

  /** The rung to try now. When all are barred, the bars are lifted: some rung is better than none. */
  best(): TransportName {
    if (this.forced) return this.forced;
    const free = this.rungs.filter((rung) => this.barredFor(rung) <= 0);
    if (free.length > 0) return free[0]!;
    this.bars = {};
    return this.rungs[0]!;
  }

  /** This rung did not work although the server could be reached. */
  failed(rung: TransportName): void {
    const times = (this.bars[rung] ? this.bars[rung]!.times : 0) + 1;
    const bar = Math.min(LONGEST_BAR_MS, FIRST_BAR_MS * Math.pow(2, times - 1));
    this.bars[rung] = { until: this.now() + bar, times };
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

  /** Milliseconds until a rung above this one may be tried again; undefined if none is above, or one is forced. */
  climbIn(from: TransportName): number | undefined {
    if (this.forced) return undefined;
    let soonest: number | undefined;
    for (let i = 0; i < this.rungs.indexOf(from); i++) {
      const wait = Math.max(0, this.barredFor(this.rungs[i]!));
      if (soonest === undefined || wait < soonest) soonest = wait;
    }
    return soonest;
  }

  private barredFor(rung: TransportName): number {
    const bar = this.bars[rung];
    return bar ? bar.until - this.now() : 0;
  }
}
