package dev.footbridge.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reading JSON (RFC 8259), strictly and with bounds: at most {@value #MAX_DEPTH} levels deep,
 * numbers of at most {@value #MAX_NUMBER_LENGTH} characters, names of at most {@value
 * #MAX_NAME_LENGTH}. The text must be valid UTF-8 already: whoever reads it off the network checks
 * that first. All methods are pure and safe for any thread.
 */
public final class Json {
  static final int MAX_DEPTH = 128;
  static final int MAX_NUMBER_LENGTH = 256;
  static final int MAX_NAME_LENGTH = 1024;

  private static final JsonFactory FACTORY =
      new JsonFactoryBuilder()
          .configure(JsonFactory.Feature.INTERN_FIELD_NAMES, false)
          // Everything is UTF-8; what looks like UTF-16 is text with NUL characters, and no JSON.
          .configure(JsonFactory.Feature.CHARSET_DETECTION, false)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER_LENGTH)
                  .maxNameLength(MAX_NAME_LENGTH)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .build();

  private Json() {}

  /** Reads one object that is the whole of the text. */
  public static JsonObject object(byte[] text) throws ProtocolException {
    return object(text, 0, text.length);
  }

  static JsonObject object(byte[] text, int start, int end) throws ProtocolException {
    try (JsonParser parser = FACTORY.createParser(text, start, end - start)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw ProtocolException.malformed("A JSON object was expected.");
      }
      JsonObject object = JsonObject.read(parser, text, start);
      requireEnd(parser);
      return object;
    } catch (IOException notJson) {
      throw malformed();
    }
  }

  /** The elements of an array that is the whole of the text, each as its own compact JSON. */
  static List<byte[]> elements(byte[] text, int start, int end) throws ProtocolException {
    List<byte[]> elements = new ArrayList<>();
    try (JsonParser parser = FACTORY.createParser(text, start, end - start)) {
      parser.nextToken();
      for (JsonToken token = parser.nextToken();
          token != null && token != JsonToken.END_ARRAY;
          token = parser.nextToken()) {
        int from = start + (int) parser.currentTokenLocation().getByteOffset();
        if (token.isStructStart()) {
          parser.skipChildren();
        } else {
          parser.finishToken();
        }
        int to = start + (int) parser.currentLocation().getByteOffset();
        elements.add(compact(text, from, to));
      }
      return elements;
    } catch (IOException notJson) {
      throw malformed();
    }
  }

  /** Checks that the text is exactly one JSON value, and gives it without line breaks. */
  public static byte[] value(byte[] text) throws ProtocolException {
    try (JsonParser parser = FACTORY.createParser(text)) {
      JsonToken token = parser.nextToken();
      if (token == null) {
        throw ProtocolException.malformed("A JSON value was expected; the text is empty.");
      }
      if (token.isStructStart()) {
        parser.skipChildren();
      } else {
        parser.finishToken();
      }
      requireEnd(parser);
      return compact(text, 0, text.length);
    } catch (IOException notJson) {
      throw malformed();
    }
  }

  /** Decodes a JSON string, given with its quotes. */
  static String string(byte[] text, int start, int end) throws ProtocolException {
    try (JsonParser parser = FACTORY.createParser(text, start, end - start)) {
      if (parser.nextToken() != JsonToken.VALUE_STRING) {
        throw malformed();
      }
      return parser.getText();
    } catch (IOException notJson) {
      throw malformed();
    }
  }

  /** Decodes a JSON string that is the whole of the text. */
  public static String string(byte[] text) throws ProtocolException {
    return string(text, 0, text.length);
  }

  private static void requireEnd(JsonParser parser) throws IOException, ProtocolException {
    if (parser.nextToken() != null) {
      throw ProtocolException.malformed("Only one JSON value was expected.");
    }
  }

  /**
   * A copy of the slice without line breaks: inside valid JSON they stand only between tokens, so
   * the value is the same and fits one line of SSE or NDJSON.
   */
  static byte[] compact(byte[] text, int start, int end) {
    int breaks = 0;
    for (int i = start; i < end; i++) {
      if (text[i] == '\n' || text[i] == '\r') {
        breaks++;
      }
    }
    if (breaks == 0) {
      return start == 0 && end == text.length ? text : Arrays.copyOfRange(text, start, end);
    }
    byte[] copy = new byte[end - start - breaks];
    int at = 0;
    for (int i = start; i < end; i++) {
      if (text[i] != '\n' && text[i] != '\r') {
        copy[at++] = text[i];
      }
    }
    return copy;
  }

  static ProtocolException malformed() {
    return ProtocolException.malformed("The text is not valid JSON.");
  }
}
