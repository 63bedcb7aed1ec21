package dev.footbridge.cli;

/** Something that the person at the terminal can mend; the message is one sentence for them. */
final class UserException extends Exception {
  private static final long serialVersionUID = 1L;

  UserException(String message) {
    super(message);
  }
}
