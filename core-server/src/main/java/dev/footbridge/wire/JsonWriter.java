package dev.footbridge.wire;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes one JSON object or array, member by member, straight to UTF-8 bytes, without line breaks.
 * Not thread-safe; use once.
 *
 * <pre>{@code
 * byte[] reply = JsonWriter.object().text("op", "reply").raw("id", id).number("n", 1).bytes();
 * }</pre>
 */
public final class JsonWriter {
  private static final JsonStringEncoder ENCODER = JsonStringEncoder.getInstance();

  private byte[] buffer = new byte[128];
  private int size;
  private int depth;
  private final byte[] closers = new byte[16];
  private boolean first = true;

  private JsonWriter(char open) {
    open(open);
  }

  /** Begins an object. */
  public static JsonWriter object() {
    return new JsonWriter('{');
  }

  /** Begins an array. */
  public static JsonWriter array() {
    return new JsonWriter('[');
  }

  /**
   * A string as JSON, with its quotes. Half a surrogate pair, which JSON can name by an escape but
   * UTF-8 cannot hold, becomes U+FFFD.
   */
  public static byte[] quote(String text) {
    byte[] inner = ENCODER.quoteAsUTF8(wellFormed(text));
    byte[] quoted = new byte[inner.length + 2];
    quoted[0] = '"';
    System.arraycopy(inner, 0, quoted, 1, inner.length);
    quoted[quoted.length - 1] = '"';
    return quoted;
  }

  private static String wellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
      }
    }
    return text;
  }

  /** A member whose value is a string. */
  public JsonWriter text(String name, String value) {
    name(name);
    put(quote(value));
    return this;
  }

  /** A member whose value is a whole number. */
  public JsonWriter number(String name, long value) {
    name(name);
    put(Long.toString(value).getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  /** A member whose value is true or false. */
  public JsonWriter flag(String name, boolean value) {
    name(name);
    put((value ? "true" : "false").getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  /** A member whose value is JSON already. */
  public JsonWriter raw(String name, byte[] json) {
    name(name);
    put(json);
    return this;
  }

  /** All members of an object that is JSON already, without white space around it. */
  public JsonWriter members(byte[] object) {
    if (object.length > 2) {
      comma();
      put(Arrays.copyOfRange(object, 1, object.length - 1));
    }
    return this;
  }

  /** An element of an array that is JSON already. */
  public JsonWriter element(byte[] json) {
    comma();
    put(json);
    return this;
  }

  /** Begins a member that is an object; {@link #end()} ends it. */
  public JsonWriter beginObject(String name) {
    name(name);
    open('{');
    return this;
  }

  /** Begins a member that is an array; {@link #end()} ends it. */
  public JsonWriter beginArray(String name) {
    name(name);
    open('[');
    return this;
  }

  /** Ends the innermost object or array. */
  public JsonWriter end() {
    put(closers[--depth]);
    first = false;
    return this;
  }

  /** Bytes written so far. */
  public int size() {
    return size;
  }

  /** Ends what is still open and gives the bytes. */
  public byte[] bytes() {
    while (depth > 0) {
      end();
    }
    return size == buffer.length ? buffer : Arrays.copyOf(buffer, size);
  }

  private void open(char bracket) {
    put((byte) bracket);
    closers[depth++] = (byte) (bracket == '{' ? '}' : ']');
    first = true;
  }

  private void name(String name) {
    comma();
    put(quote(name));
    put((byte) ':');
  }

  private void comma() {
    if (!first) {
      put((byte) ',');
    }
    first = false;
  }

  private void put(byte b) {
    ensure(1);
    buffer[size++] = b;
  }

  private void put(byte[] bytes) {
    ensure(bytes.length);
    System.arraycopy(bytes, 0, buffer, size, bytes.length);
    size += bytes.length;
  }

  private void ensure(int more) {
    if (buffer.length - size < more) {
      buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, size + more));
    }
  }
}
