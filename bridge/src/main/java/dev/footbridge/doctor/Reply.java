package dev.footbridge.doctor;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A whole answer.
 *
 * @param millis from the request to its end
 */
record Reply(Connection.Head head, String text, long millis) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_BYTES = 1 << 20;
  private static final Pattern TITLE = Pattern.compile("<title", Pattern.CASE_INSENSITIVE);

  /** Where a page's title is looked for, and how much of it is told. */
  private static final int MOST_HEAD = 8 * 1024;

  private static final int MOST_TITLE = 80;
  private static final int MOST_WORDS = 200;
  private static final int REDIRECT = 3;
  private static final int HUNDRED = 100;

  static Reply read(Connection connection, Deadline deadline, long sentMillis) throws IOException {
    return read(connection, deadline, sentMillis, connection.head());
  }

  /** The rest of an answer. */
  static Reply read(Connection connection, Deadline deadline, long sentMillis, Connection.Head head)
      throws IOException {
    String text = new String(connection.body(head).readNBytes(MOST_BYTES), UTF_8);
    return new Reply(head, text, deadline.passed() - sentMillis);
  }

  /** Its JSON; missing where it is none. */
  JsonNode json() {
    return json(text);
  }

  static JsonNode json(String text) {
    try {
      JsonNode value = JSON.readTree(text);
      return value == null ? MissingNode.getInstance() : value;
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance();
    }
  }

  /** Whether it is this value of the protocol. */
  boolean is(String op) {
    return json().path("op").asText().equals(op);
  }

  /** The code of the server's own problem document; empty where it is none. */
  String problem() {
    if (!head.header("content-type").startsWith("application/problem+json")) {
      return "";
    }
    String code = json().path("code").asText();
    return Words.isCode(code) ? code : "";
  }

  /** What answered, for people: {@code HTTP 200, text/html, "Welcome"}. */
  String describe() {
    return describe(head, text);
  }

  static String describe(Connection.Head head, String text) {
    StringBuilder words = new StringBuilder("HTTP ").append(head.status());
    String type = head.header("content-type").replaceFirst(";.*", "");
    if (!type.isEmpty()) {
      words.append(", ").append(clean(type));
    }
    String title = title(text);
    if (!title.isEmpty()) {
      words.append(", \"").append(title).append('"');
    }
    if (head.status() / HUNDRED == REDIRECT && !head.header("location").isEmpty()) {
      words.append(", to ").append(clean(head.header("location").replaceFirst("[?#].*", "")));
    }
    return words.toString();
  }

  /** A page's title; empty if there is none near its beginning. Takes a time that is linear. */
  static String title(String page) {
    String begin = page.substring(0, Math.min(page.length(), MOST_HEAD));
    Matcher tag = TITLE.matcher(begin);
    int from = tag.find() ? begin.indexOf('>', tag.end()) + 1 : 0;
    if (from == 0) {
      return "";
    }
    int end = begin.indexOf('<', from);
    String title = begin.substring(from, end < 0 ? begin.length() : end).strip();
    return Words.clean(title, MOST_TITLE);
  }

  private static String clean(String text) {
    return Words.clean(text.strip(), MOST_WORDS);
  }
}
