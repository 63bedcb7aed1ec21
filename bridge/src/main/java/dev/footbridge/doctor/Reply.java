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
  private static final Pattern TITLE =
      Pattern.compile("<title[^>]*>\\s*([^<]{1,80})", Pattern.CASE_INSENSITIVE);
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
    JsonNode json = json();
    return head.header("content-type").startsWith("application/problem+json")
        ? json.path("code").asText()
        : "";
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
    Matcher title = TITLE.matcher(text);
    if (title.find()) {
      words.append(", \"").append(clean(title.group(1))).append('"');
    }
    if (head.status() / HUNDRED == REDIRECT && !head.header("location").isEmpty()) {
      words.append(", to ").append(clean(head.header("location").replaceFirst("[?#].*", "")));
    }
    return words.toString();
  }

  /** Nothing that a terminal would take for a command. */
  private static String clean(String text) {
    return text.strip().replaceAll("\\p{C}", " ");
  }
}
