package dev.footbridge.websocket;

/**
 * The status codes with which a WebSocket is closed (RFC 6455, section 7.4, and the IANA WebSocket
 * Close Code Number Registry for 1012 to 1014).
 */
public final class CloseCode {

  /** The purpose of the connection is fulfilled. */
  public static final int NORMAL = 1000;

  /** The server shuts down, or the browser leaves the page. */
  public static final int GOING_AWAY = 1001;

  /** The peer broke the rules of RFC 6455. */
  public static final int PROTOCOL_ERROR = 1002;

  /** The peer sent a kind of data that is not accepted here, such as binary where text is meant. */
  public static final int UNSUPPORTED_DATA = 1003;

  /** Never on the wire: the close frame that came had no status code. */
  public static final int NO_STATUS = 1005;

  /** Never on the wire: the connection ended without a close frame. */
  public static final int ABNORMAL = 1006;

  /** The payload does not fit its type: text that is not UTF-8. */
  public static final int INVALID_PAYLOAD = 1007;

  /** The peer broke a rule that has no code of its own. */
  public static final int POLICY_VIOLATION = 1008;

  /** A message is over the limit. */
  public static final int MESSAGE_TOO_BIG = 1009;

  /** Sent by a client that needs an extension which the server did not grant. */
  public static final int MANDATORY_EXTENSION = 1010;

  /** The server met a condition that it did not expect. */
  public static final int INTERNAL_ERROR = 1011;

  /** The server restarts; clients may come back. */
  public static final int SERVICE_RESTART = 1012;

  /** The server is overloaded; clients should come back later. */
  public static final int TRY_AGAIN_LATER = 1013;

  /** A gateway got an invalid answer from the server behind it. */
  public static final int BAD_GATEWAY = 1014;

  /** Never on the wire: the TLS handshake failed. */
  public static final int TLS_FAILURE = 1015;

  private CloseCode() {}

  /**
   * Whether a close frame may carry {@code code}: 1000 to 1003, 1007 to 1014, and the ranges of
   * libraries (3000 to 3999) and applications (4000 to 4999).
   */
  public static boolean isValidOnWire(int code) {
    return (code >= NORMAL && code <= UNSUPPORTED_DATA)
        || (code >= INVALID_PAYLOAD && code <= BAD_GATEWAY)
        || (code >= 3000 && code <= 4999);
  }
}
