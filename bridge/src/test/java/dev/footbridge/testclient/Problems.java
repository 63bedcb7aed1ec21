package dev.footbridge.testclient;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;

/** What every refusal must look like. */
public final class Problems {
  private Problems() {}

  /**
   * Checks that an answer is a problem document with the code, and tells nothing of the server's
   * inside.
   */
  public static JsonNode assertProblem(Answer answer, int status, String code) {
    assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertTellsNothing(answer);
    return assertProblem(answer.json(), status, code);
  }

  /** Checks that a document tells of the code. */
  public static JsonNode assertProblem(JsonNode problem, int status, String code) {
    assertThat(problem.path("code").asText()).as(problem.toString()).isEqualTo(code);
    assertThat(problem.path("status").asInt()).isEqualTo(status);
    assertThat(problem.path("type").asText()).isEqualTo("about:blank");
    assertThat(problem.path("title").asText()).isNotEmpty();
    assertThat(problem.path("detail").asText()).endsWith(".").doesNotContain("Exception");
    return problem;
  }

  /** Checks that an answer names no product, no version and no class. */
  public static void assertTellsNothing(Answer answer) {
    assertThat(answer.headers()).doesNotContainKeys("server", "x-powered-by");
    assertThat(answer.text())
        .doesNotContainIgnoringCase("undertow")
        .doesNotContain("Exception", "\tat ", "java.", "dev.footbridge", "SNAPSHOT");
  }

  /** Checks that a WebSocket is refused: {@code bye} with the code, then closed. */
  public static JsonNode assertRefused(FrameSocket socket, String code) throws java.io.IOException {
    JsonNode bye = socket.value();
    assertThat(bye.path("op").asText()).isEqualTo("bye");
    assertThat(bye.path("code").asText()).isEqualTo(code);
    assertThat(bye.path("reconnect").isBoolean()).isTrue();
    assertThat(bye.path("reconnect").asBoolean()).isFalse();
    socket.awaitClose();
    assertThat(socket.read()).isNull();
    return bye;
  }
}
