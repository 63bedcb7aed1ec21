package dev.footbridge.store;

import static java.nio.charset.StandardCharsets.US_ASCII;

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
  private static final byte[] OP = "{\"op\":\"message\",\"channel\":".getBytes(US_ASCII);
  private static final byte[] OFFSET = ",\"offset\":".getBytes(US_ASCII);
  private static final byte[] DATA = ",\"data\":".getBytes(US_ASCII);
  private static final byte[] USER = ",\"user\":".getBytes(US_ASCII);
  private static final byte[] TIME = ",\"time\":".getBytes(US_ASCII);

  /** The message as subscribers get it. */
  public Message encode(long offset, long timeMillis) {
    return Message.json(join(head(), ascii(offset), middle(), ascii(timeMillis), new byte[] {'}'}));
  }

  /**
   * The message up to its offset, for a store that puts it together itself: {@link #head}, the
   * offset, {@link #middle}, the time in milliseconds, and a closing brace.
   */
  public byte[] head() {
    return join(OP, JsonWriter.quote(channel), OFFSET);
  }

  /** The message from behind its offset up to its time; see {@link #head}. */
  public byte[] middle() {
    return user == null
        ? join(DATA, data, TIME)
        : join(DATA, data, USER, JsonWriter.quote(user), TIME);
  }

  private static byte[] ascii(long number) {
    return Long.toString(number).getBytes(US_ASCII);
  }

  private static byte[] join(byte[]... parts) {
    int size = 0;
    for (byte[] part : parts) {
      size += part.length;
    }
    byte[] whole = new byte[size];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, whole, at, part.length);
      at += part.length;
    }
    return whole;
  }

  @Override
  public String toString() {
    return "Publication[" + channel + ", " + data.length + " bytes]";
  }
}
