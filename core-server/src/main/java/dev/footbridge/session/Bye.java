package dev.footbridge.session;

import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;

/**
 * The last value on a connection: why it ends and whether to come back.
 *
 * @param code one of the documented codes
 * @param reconnect whether the client should come back, to this session or, if it has gone, to a
 *     new one
 * @param delayMillis how long the client should wait before that
 */
public record Bye(String code, boolean reconnect, long delayMillis) {
  /** A newer connection has taken the session over. */
  public static final Bye SUPERSEDED = new Bye("superseded", false, 0);

  /** The client takes messages and does not acknowledge them; coming back acknowledges. */
  public static final Bye WINDOW = new Bye("window", true, 0);

  /** The connection has carried as many octets as one is allowed to; come back at once. */
  public static final Bye ROTATE = new Bye("rotate", true, 0);

  /** This node may not act for the session at present; another may have it. */
  public static final Bye UNAVAILABLE = new Bye("unavailable", true, 500);

  /** The session has ended. */
  public static Bye ended(String code) {
    return new Bye(code, false, 0);
  }

  /** The value on the wire. */
  public Message message() {
    JsonWriter json = JsonWriter.object().text("op", "bye").text("code", code);
    json.flag("reconnect", reconnect);
    if (reconnect) {
      json.number("delay", delayMillis);
    }
    return Message.json(json.bytes());
  }
}
