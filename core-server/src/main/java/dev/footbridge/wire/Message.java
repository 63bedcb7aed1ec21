package dev.footbridge.wire;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * One message on its way to clients: the bytes of one JSON value without line breaks, or an
 * application's binary message. Immutable and shared: a publication is encoded once and every
 * subscriber's transport frames these same bytes.
 *
 * <p>The arrays are handed out without a copy for speed; whoever gets one must not change it.
 */
public final class Message {
  private static final byte[] BINARY_HEAD =
      "{\"op\":\"binary\",\"data\":\"".getBytes(StandardCharsets.US_ASCII);

  private final byte[] bytes;
  private final boolean binary;

  private Message(byte[] bytes, boolean binary) {
    this.bytes = bytes;
    this.binary = binary;
  }

  /** A message that is the given JSON value; it must hold no line break. */
  public static Message json(byte[] json) {
    return new Message(json, false);
  }

  /** An application's text message: a JSON string. */
  public static Message text(String text) {
    return new Message(JsonWriter.quote(text), false);
  }

  /** An application's binary message. */
  public static Message binary(byte[] data) {
    return new Message(data, true);
  }

  /** Whether this is an application's binary message. */
  public boolean isBinary() {
    return binary;
  }

  /** The JSON value, or the raw octets of a binary message: what a WebSocket frame carries. */
  public byte[] raw() {
    return bytes;
  }

  /** The JSON value; a binary message becomes {@code {"op":"binary","data":"<base64>"}}. */
  public byte[] json() {
    if (!binary) {
      return bytes;
    }
    byte[] base64 = Base64.getEncoder().encode(bytes);
    byte[] json = new byte[BINARY_HEAD.length + base64.length + 2];
    System.arraycopy(BINARY_HEAD, 0, json, 0, BINARY_HEAD.length);
    System.arraycopy(base64, 0, json, BINARY_HEAD.length, base64.length);
    json[json.length - 2] = '"';
    json[json.length - 1] = '}';
    return json;
  }

  /** What the message counts for against a bound: its octets. */
  public int size() {
    return bytes.length;
  }

  @Override
  public String toString() {
    return binary ? "binary[" + bytes.length + "]" : new String(bytes, StandardCharsets.UTF_8);
  }
}
