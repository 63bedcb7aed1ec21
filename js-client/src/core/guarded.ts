/** Runs code of an application, or for one: what it throws becomes an uncaught error of its own and disturbs nobody here. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    setTimeout(() => {
      throw error;
    }, 0);
  }
}
