import { root } from './root.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz012345';

/** A key that nobody else has and nobody can guess: 24 letters and digits, 120 random bits where the platform has them. */
export function randomKey(): string {
  const { Uint8Array } = root;
  const crypto = root.crypto || root.msCrypto;
  const bytes: ArrayLike<number> = crypto && Uint8Array ? crypto.getRandomValues(new Uint8Array(24)) : [];
  let key = '';
  for (let i = 0; i < 24; i++) key += LETTERS.charAt((i in bytes ? bytes[i]! : Math.random() * 256) & 31);
  return key;
}
