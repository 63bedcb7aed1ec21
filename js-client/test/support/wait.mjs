/** Waiting for something to become true, instead of for some time to pass. */
export async function until(what, condition, ms = 15000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The next event of this name. */
export function next(emitter, name, ms = 15000) {
  return new Promise((resolve, reject) => {
    const handler = (event) => {
      clearTimeout(timer);
      emitter.off(name, handler);
      resolve(event);
    };
    const timer = setTimeout(() => {
      emitter.off(name, handler);
      reject(new Error(`No event '${name}' within ${ms} ms`));
    }, ms);
    emitter.on(name, handler);
  });
}

/** The integers from 1. */
export const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);
