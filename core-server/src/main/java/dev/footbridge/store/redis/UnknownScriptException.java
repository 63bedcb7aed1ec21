package dev.footbridge.store.redis;

/** Redis does not know a script by its digest, and has done nothing. */
final class UnknownScriptException extends Exception {
  private static final long serialVersionUID = 1L;

  UnknownScriptException() {
    super("Redis does not know the script.", null, false, false);
  }
}
