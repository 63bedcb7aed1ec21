package dev.footbridge.wire;

/**
 * The stable error codes of the wire, the same in HTTP problem documents (RFC 9457), in error
 * replies and in the {@code bye} that refuses a connection.
 */
public enum ErrorCode {
  MALFORMED("malformed", 400),
  UNAUTHENTICATED("unauthenticated", 401),
  FORBIDDEN("forbidden", 403),
  ORIGIN("origin", 403),
  NOT_FOUND("not_found", 404),
  METHOD_NOT_ALLOWED("method_not_allowed", 405),
  GAP("gap", 409),
  SUPERSEDED("superseded", 409),
  REBUILT("rebuilt", 409),
  SESSION_GONE("session_gone", 410),
  TOO_LARGE("too_large", 413),
  UNSUPPORTED_TYPE("unsupported_type", 415),
  UPGRADE_REQUIRED("upgrade_required", 426),
  RATE_LIMITED("rate_limited", 429),
  HEADERS_TOO_LARGE("headers_too_large", 431),
  INTERNAL("internal", 500),
  DRAINING("draining", 503),
  UNAVAILABLE("unavailable", 503),
  TIMEOUT("timeout", 504),
  INTERRUPTED("interrupted", 502),
  NO_CALLEE("no_callee", 404);

  private final String code;
  private final int status;

  ErrorCode(String code, int status) {
    this.code = code;
    this.status = status;
  }

  /** The code as it stands on the wire. */
  public String code() {
    return code;
  }

  /** The HTTP status that a problem document with this code is sent with. */
  public int status() {
    return status;
  }
}
