package dev.footbridge.hub;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;

/**
 * A call that nobody has begun to answer, so that it may be tried elsewhere. It is told apart from
 * a callee's own error, which may have any code. Without a stack trace.
 */
public final class NotTakenException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  private NotTakenException(ErrorCode code, String message) {
    super(message, null, false, false);
    this.code = code;
  }

  /** There is no callee, or no longer. */
  public static NotTakenException noCallee() {
    return new NotTakenException(ErrorCode.NO_CALLEE, "Nobody has registered this procedure.");
  }

  /** There are callees, but none that takes more calls or can be reached. */
  public static NotTakenException unavailable() {
    return new NotTakenException(
        ErrorCode.UNAVAILABLE, "Whoever registered this procedure takes no more calls.");
  }

  /** Which of the two it is. */
  public ErrorCode code() {
    return code;
  }

  /** What the caller is told if nobody else takes the call. */
  public ProtocolException toProtocol() {
    return new ProtocolException(code, String.valueOf(getMessage()));
  }
}
