package dev.footbridge.session;

import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All that a client may say when it opens a session.
 *
 * @param messages the session's first messages, or null where it has not come with any
 * @param key the secret name of the opening, by which it can be asked for again, or null
 * @param again whether it is: the answer may have been lost, wherever it was asked for
 */
public record OpeningWish(
    OpenRequest request, @Nullable List<Value> messages, @Nullable String key, boolean again) {
  private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  /**
   * Reads what a client says.
   *
   * @param token its credential, where it does not say it here
   * @param address its address without port
   * @param messageBytes the largest message
   * @throws ProtocolException {@code malformed} or {@code too_large}
   */
  public static OpeningWish of(
      JsonObject fields, @Nullable String token, String address, int messageBytes)
      throws ProtocolException {
    String own = fields.text("token");
    String endpoint = fields.text("endpoint");
    String key = fields.text("key");
    if (key != null && !KEY.matcher(key).matches()) {
      throw ProtocolException.malformed(
          "\"key\" must have 1 to 64 letters, digits, \"-\" and \"_\".");
    }
    boolean again = fields.flag("again");
    return new OpeningWish(
        new OpenRequest(
            endpoint == null ? OpenRequest.HUB : endpoint,
            own == null ? token : own,
            fields.texts("protocols"),
            fields.array("subscribe"),
            address),
        fields.has("messages") ? Value.parseAll(fields.array("messages"), messageBytes) : null,
        key,
        again && key != null);
  }

  /** The session's first messages. */
  public List<Value> firstMessages() {
    return messages == null ? List.of() : messages;
  }

  /** The same without a key. */
  OpeningWish unnamed() {
    return new OpeningWish(request, messages, null, false);
  }

  /** Shows no secret. */
  @Override
  public String toString() {
    return "OpeningWish[" + request + "]";
  }
}
