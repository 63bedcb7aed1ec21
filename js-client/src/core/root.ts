/** The global object, under whichever name. */
export const root: any =
  typeof globalThis !== 'undefined' ? globalThis : typeof self !== 'undefined' ? self : {};
