/** What arrays and objects offer of themselves since ES5, for browsers in which they do not. */

/** Calls `visit` for each item that is in the list now. */
export function each<T>(list: T[], visit: (item: T) => void): void {
  list = list.slice();
  for (let i = 0; i < list.length; i++) visit(list[i]!);
}

/** The items for which `keep` is true. */
export function keep<T>(list: T[], keep: (item: T) => unknown): T[] {
  const kept: T[] = [];
  each(list, (item) => {
    if (keep(item)) kept.push(item);
  });
  return kept;
}

/** The place of an item in a list, -1 if it is not there. */
export function place<T>(list: T[], item: T | undefined): number {
  let i = list.length;
  while (i-- > 0 && list[i] !== item);
  return i;
}

/** A new object with what both have; the second goes first. */
export function merged(one: object, other: object): { [name: string]: unknown } {
  const all: { [name: string]: unknown } = {};
  each([one, other], (from) => {
    for (const name in from) all[name] = (from as { [name: string]: unknown })[name];
  });
  return all;
}
