package dev.footbridge.wire;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Something that a client asked for and cannot have, with the code and the one sentence that it is
 * told. It is an answer, not an accident: it has no stack trace and nothing of the server's inside
 * in its message.
 */
public final class ProtocolException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String code;
  private final int status;
  private final transient Map<String, byte[]> members = new LinkedHashMap<>();

  /**
   * @param code what went wrong
   * @param message one sentence for the person who wrote the client
   */
  public ProtocolException(ErrorCode code, String message) {
    this(code.code(), code.status(), message);
  }

  private ProtocolException(String code, int status, String message) {
    super(message, null, false, false);
    this.code = code;
    this.status = status;
  }

  /**
   * An error with an application's own code, as a procedure's handler or a callee may answer.
   *
   * @param code a short word; what is not a letter, digit, {@code _ . : -} is replaced by {@code _}
   */
  public static ProtocolException application(String code, String message) {
    String clean = code.replaceAll("[^A-Za-z0-9_.:-]", "_");
    return new ProtocolException(clean.substring(0, Math.min(64, clean.length())), 400, message);
  }

  /** Shorthand for {@link ErrorCode#MALFORMED}. */
  public static ProtocolException malformed(String message) {
    return new ProtocolException(ErrorCode.MALFORMED, message);
  }

  /** The code as it stands on the wire. */
  public String code() {
    return code;
  }

  /** The HTTP status that fits the code. */
  public int status() {
    return status;
  }

  /**
   * Adds a member to what the client is told.
   *
   * @param json its value as JSON
   * @return this
   */
  public ProtocolException with(String name, byte[] json) {
    members.put(name, json);
    return this;
  }

  /** {@link #with(String, byte[])} for a whole number. */
  public ProtocolException with(String name, long value) {
    return with(name, Long.toString(value).getBytes(StandardCharsets.US_ASCII));
  }

  /** {@code {"op":"bye","code":…,"reconnect":false}}: how a connection is refused. */
  public Message bye() {
    JsonWriter json = JsonWriter.object().text("op", "bye").text("code", code);
    return Message.json(describe(json.flag("reconnect", false).text("message", detail())).bytes());
  }

  /** Adds the members given by {@link #with}. */
  public JsonWriter describe(JsonWriter json) {
    members.forEach(json::raw);
    return json;
  }

  /** The sentence for the client; never null. */
  public String detail() {
    String message = getMessage();
    return message == null ? code : message;
  }
}
