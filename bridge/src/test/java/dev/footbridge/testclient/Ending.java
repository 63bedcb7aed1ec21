package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;

/**
 * How a connection ended.
 *
 * @param code a {@code bye}'s or a problem's code; {@code lost} where it broke, {@code cut} where
 *     we broke it
 * @param reconnect whether the server wants the client back
 * @param status the HTTP status of a problem, else 0
 * @param value the {@code bye} or the problem document; why it was lost, as a text
 */
public record Ending(String code, boolean reconnect, int status, JsonNode value) {
  static Ending bye(JsonNode bye) {
    return new Ending(bye.path("code").asText(), bye.path("reconnect").asBoolean(), 0, bye);
  }

  static Ending problem(JsonNode problem) {
    return new Ending(
        problem.path("code").asText(), false, problem.path("status").asInt(), problem);
  }

  static Ending lost(String why) {
    return new Ending("lost", true, 0, TextNode.valueOf(why));
  }

  static Ending of(String code) {
    return new Ending(code, true, 0, null);
  }
}
