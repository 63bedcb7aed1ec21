package dev.footbridge.io;

/** What was read is not what was written; the message says how that shows, without a full stop. */
public final class DamagedException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the end of a sentence that begins with what is damaged
   */
  public DamagedException(String message) {
    super(message);
  }
}
