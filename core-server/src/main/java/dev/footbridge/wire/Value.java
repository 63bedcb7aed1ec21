package dev.footbridge.wire;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One value as a client sent it: a command (an object with {@code op}), an application's text
 * message (a JSON string) or an application's binary message. Anything else is no value and does
 * not count.
 */
public sealed interface Value {
  /** Ops that carry no number: they are about the connection or the count itself. */
  Set<String> CONTROL = Set.of("welcome", "ack", "ping", "pong", "bye");

  /** What the value counts for against a bound, in bytes. */
  int size();

  /** Whether the value has a number in its stream. */
  default boolean counts() {
    return true;
  }

  /** An object with {@code op}. */
  record Command(String op, JsonObject fields, int size) implements Value {
    @Override
    public boolean counts() {
      return !CONTROL.contains(op);
    }

    /**
     * The client's own id of the command as JSON, or null where it has none; it must be a string or
     * a number.
     */
    public byte @Nullable [] id() {
      byte[] id = fields.raw("id");
      if (id == null || id.length > 256) {
        return null;
      }
      boolean fits = id[0] == '"' || id[0] == '-' || (id[0] >= '0' && id[0] <= '9');
      return fits ? id : null;
    }
  }

  /** A JSON string, kept as it came, quotes and all. */
  record Text(byte[] json) implements Value {
    @Override
    public int size() {
      return json.length;
    }
  }

  /** An application's octets. */
  record Binary(byte[] data) implements Value {
    @Override
    public int size() {
      return data.length;
    }
  }

  /**
   * Reads one value.
   *
   * @param text JSON in valid UTF-8
   * @throws ProtocolException {@code malformed} where it is no value
   */
  static Value parse(byte[] text) throws ProtocolException {
    int start = 0;
    while (start < text.length && isSpace(text[start])) {
      start++;
    }
    if (start < text.length && text[start] == '"') {
      return new Text(Json.value(trim(text, start)));
    }
    JsonObject fields = Json.object(text);
    String op = fields.requiredText("op");
    return op.equals("binary")
        ? new Binary(base64(fields.requiredText("data")))
        : new Command(op, fields, text.length);
  }

  /** Reads the elements of a batch: all of them, or none and an exception. */
  static List<Value> parseAll(List<byte[]> elements, int maxMessageBytes) throws ProtocolException {
    List<Value> values = new ArrayList<>(elements.size());
    for (byte[] element : elements) {
      if (element.length > maxMessageBytes) {
        throw tooLarge(maxMessageBytes);
      }
      values.add(parse(element));
    }
    return values;
  }

  /** The error for a message over the limit. */
  static ProtocolException tooLarge(int maxMessageBytes) {
    return new ProtocolException(
        ErrorCode.TOO_LARGE, "A message may have at most " + maxMessageBytes + " bytes.");
  }

  private static byte[] base64(String data) throws ProtocolException {
    try {
      return Base64.getDecoder().decode(data);
    } catch (IllegalArgumentException notBase64) {
      throw ProtocolException.malformed("\"data\" of a binary message must be base64.");
    }
  }

  private static boolean isSpace(byte b) {
    return b == ' ' || b == '\t' || b == '\n' || b == '\r';
  }

  private static byte[] trim(byte[] text, int start) {
    int end = text.length;
    while (end > start && isSpace(text[end - 1])) {
      end--;
    }
    return start == 0 && end == text.length ? text : java.util.Arrays.copyOfRange(text, start, end);
  }
}
