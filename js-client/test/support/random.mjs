/** A generator of random numbers with a seed, so that a failing history can be told again. */
export function seeded(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    /** An integer from 0 to below `bound`. */
    below: (bound) => Math.floor(next() * bound),
    chance: (probability) => next() < probability,
  };
}
