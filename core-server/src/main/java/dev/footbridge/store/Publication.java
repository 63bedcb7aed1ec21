package dev.footbridge.store;

import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import org.jspecify.annotations.Nullable;

/**
 * What somebody wants to publish.
 *
 * @param channel a valid channel name
 * @param data JSON without line breaks
 * @param user who publishes; null for anonymous
 * @param key the idempotency key; a publication with the same channel, user and key within five
 *     minutes counts once
 */
public record Publication(
    String channel, byte[] data, @Nullable String user, @Nullable String key) {

  /** The message as subscribers get it. */
  public Message encode(long offset, long timeMillis) {
    JsonWriter json =
        JsonWriter.object()
            .text("op", "message")
            .text("channel", channel)
            .number("offset", offset)
            .raw("data", data);
    if (user != null) {
      json.text("user", user);
    }
    return Message.json(json.number("time", timeMillis).bytes());
  }

  @Override
  public String toString() {
    return "Publication[" + channel + ", " + data.length + " bytes]";
  }
}
