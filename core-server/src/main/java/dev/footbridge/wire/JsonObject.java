package dev.footbridge.wire;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object read one level deep: each member's value stays the client's own bytes until it is
 * asked for, so that data passes through unchanged (numbers keep their digits, keys their order).
 * The whole text was checked when the object was made. Immutable; safe for any thread.
 *
 * <p>Of members with the same name the last one counts. A member that is {@code null} counts as
 * absent for every getter but {@link #raw}.
 */
public final class JsonObject {
  private static final int FIRST_CAPACITY = 8;

  /** Objects with more members than this, which are few, get an index. */
  private static final int MANY_MEMBERS = 32;

  private final byte[] source;
  private String[] names = new String[FIRST_CAPACITY];
  private int[] bounds = new int[2 * FIRST_CAPACITY];
  private int size;
  private @Nullable Map<String, Integer> index;

  private JsonObject(byte[] source) {
    this.source = source;
  }

  /**
   * Reads an object whose opening brace the parser has just given.
   *
   * @param base where the parser's input begins in {@code source}
   */
  static JsonObject read(JsonParser parser, byte[] source, int base) throws IOException {
    JsonObject object = new JsonObject(source);
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken token = parser.nextToken();
      int start = base + (int) parser.currentTokenLocation().getByteOffset();
      if (token.isStructStart()) {
        parser.skipChildren();
      } else {
        parser.finishToken();
      }
      object.add(name, start, base + (int) parser.currentLocation().getByteOffset());
    }
    return object;
  }

  private void add(String name, int start, int end) {
    int at = indexOf(name);
    if (at < 0) {
      at = size++;
      if (at == names.length) {
        names = Arrays.copyOf(names, 2 * at);
        bounds = Arrays.copyOf(bounds, 4 * at);
      }
    }
    names[at] = name;
    bounds[2 * at] = start;
    bounds[2 * at + 1] = end;
    if (index != null) {
      index.put(name, at);
    } else if (size > MANY_MEMBERS) {
      index = new HashMap<>(4 * MANY_MEMBERS);
      for (int i = 0; i < size; i++) {
        index.put(names[i], i);
      }
    }
  }

  private int indexOf(String name) {
    if (index != null) {
      return index.getOrDefault(name, -1);
    }
    for (int i = 0; i < size; i++) {
      if (names[i].equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /** The names of the members, in order. */
  public List<String> names() {
    return List.of(Arrays.copyOf(names, size));
  }

  /** Whether the member is there and not null. */
  public boolean has(String name) {
    int at = indexOf(name);
    return at >= 0 && source[bounds[2 * at]] != 'n';
  }

  /** The member's value as its own JSON text without line breaks, or null where it is absent. */
  public byte @Nullable [] raw(String name) {
    int at = indexOf(name);
    return at < 0 ? null : Json.compact(source, bounds[2 * at], bounds[2 * at + 1]);
  }

  /** A string member, or null where it is absent. */
  public @Nullable String text(String name) throws ProtocolException {
    if (!has(name)) {
      return null;
    }
    int at = indexOf(name);
    int start = bounds[2 * at];
    int end = bounds[2 * at + 1];
    if (source[start] != '"') {
      throw ProtocolException.malformed("\"" + name + "\" must be a string.");
    }
    for (int i = start + 1; i < end - 1; i++) {
      if (source[i] == '\\' || source[i] < 0) {
        return Json.string(source, start, end);
      }
    }
    return new String(source, start + 1, end - start - 2, StandardCharsets.ISO_8859_1);
  }

  /** A string member that must be there. */
  public String requiredText(String name) throws ProtocolException {
    String text = text(name);
    if (text == null) {
      throw ProtocolException.malformed("\"" + name + "\" is missing; it must be a string.");
    }
    return text;
  }

  /** A whole number between the bounds (both included), or {@code absent} where it is not there. */
  public long integer(String name, long absent, long least, long most) throws ProtocolException {
    if (!has(name)) {
      return absent;
    }
    BigDecimal value = decimal(name, least, most);
    try {
      long number = value.longValueExact();
      if (number >= least && number <= most) {
        return number;
      }
    } catch (ArithmeticException notWhole) {
      // falls through to the one sentence for all of these
    }
    throw outOfRange(name, "whole number", least, most);
  }

  /** A number of seconds as nanoseconds, or {@code absent} where it is not there. */
  public long secondsAsNanos(String name, long absent, long leastSeconds, long mostSeconds)
      throws ProtocolException {
    if (!has(name)) {
      return absent;
    }
    BigDecimal value = decimal(name, leastSeconds, mostSeconds);
    if (value.compareTo(BigDecimal.valueOf(leastSeconds)) < 0
        || value.compareTo(BigDecimal.valueOf(mostSeconds)) > 0) {
      throw outOfRange(name, "number of seconds", leastSeconds, mostSeconds);
    }
    return value.movePointRight(9).longValue();
  }

  private BigDecimal decimal(String name, long least, long most) throws ProtocolException {
    int at = indexOf(name);
    int start = bounds[2 * at];
    int length = bounds[2 * at + 1] - start;
    byte head = source[start];
    if ((head != '-' && (head < '0' || head > '9')) || length > Json.MAX_NUMBER_LENGTH) {
      throw outOfRange(name, "number", least, most);
    }
    try {
      BigDecimal value =
          new BigDecimal(new String(source, start, length, StandardCharsets.US_ASCII));
      // 1e999999999 is a short text and a very long number: never expand it.
      if (Math.abs((long) value.scale()) > Json.MAX_NUMBER_LENGTH) {
        throw outOfRange(name, "number", least, most);
      }
      return value;
    } catch (NumberFormatException | ArithmeticException notANumber) {
      throw outOfRange(name, "number", least, most);
    }
  }

  private static ProtocolException outOfRange(String name, String what, long least, long most) {
    return ProtocolException.malformed(
        "\"" + name + "\" must be a " + what + " from " + least + " to " + most + ".");
  }

  /** True or false; false where it is absent. */
  public boolean flag(String name) throws ProtocolException {
    if (!has(name)) {
      return false;
    }
    byte head = source[bounds[2 * indexOf(name)]];
    if (head != 't' && head != 'f') {
      throw ProtocolException.malformed("\"" + name + "\" must be true or false.");
    }
    return head == 't';
  }

  /** An object member, or null where it is absent. */
  public @Nullable JsonObject object(String name) throws ProtocolException {
    if (!has(name)) {
      return null;
    }
    int at = indexOf(name);
    if (source[bounds[2 * at]] != '{') {
      throw ProtocolException.malformed("\"" + name + "\" must be an object.");
    }
    return Json.object(source, bounds[2 * at], bounds[2 * at + 1]);
  }

  /** The elements of an array member, each as its own JSON text; empty where it is absent. */
  public List<byte[]> array(String name) throws ProtocolException {
    if (!has(name)) {
      return List.of();
    }
    int at = indexOf(name);
    if (source[bounds[2 * at]] != '[') {
      throw ProtocolException.malformed("\"" + name + "\" must be an array.");
    }
    return Json.elements(source, bounds[2 * at], bounds[2 * at + 1]);
  }

  /** A string or an array of strings; empty where it is absent. */
  public List<String> texts(String name) throws ProtocolException {
    List<String> texts = new ArrayList<>();
    for (byte[] element : array(name)) {
      if (element[0] != '"') {
        throw ProtocolException.malformed("\"" + name + "\" must be an array of strings.");
      }
      texts.add(Json.string(element, 0, element.length));
    }
    return texts;
  }

  /** The whole object as compact JSON cannot be asked for; only its members can. */
  @Override
  public String toString() {
    return "JsonObject" + names();
  }
}
