package dev.footbridge.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.websocket.Handshake.Accepted;
import dev.footbridge.websocket.Handshake.Rejected;
import dev.footbridge.websocket.Handshake.Result;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HandshakeTest {

  private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
  private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

  private final Map<String, List<String>> request = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

  HandshakeTest() {
    request.put("Upgrade", List.of("websocket"));
    request.put("Connection", List.of("Upgrade"));
    request.put("Sec-WebSocket-Version", List.of("13"));
    request.put("Sec-WebSocket-Key", List.of(KEY));
  }

  private Result check(String... supported) {
    return Handshake.check("GET", request::get, List.of(supported));
  }

  private void assertRejected(int status, String reason) {
    assertThat(check()).isEqualTo(new Rejected(status, reason));
  }

  @Test
  void the_example_of_rfc_6455_section_1_3_is_accepted() {
    assertThat(Handshake.acceptKey(KEY)).isEqualTo(ACCEPT);
    assertThat(check()).isEqualTo(new Accepted(ACCEPT, null));
  }

  @Test
  void tokens_may_be_one_of_several_on_several_lines_in_any_case() {
    request.put("Connection", List.of("keep-alive, x", "close , UPGRADE"));
    request.put("Upgrade", List.of("h2c,WebSocket"));
    request.put("Sec-WebSocket-Version", List.of(" 13 "));

    assertThat(check()).isInstanceOf(Accepted.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "HEAD", "get", "CONNECT"})
  void only_get_opens_a_websocket(String method) {
    assertThat(Handshake.check(method, request::get, List.of()))
        .isEqualTo(
            new Rejected(400, "A WebSocket handshake is a GET request, not " + method + "."));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "h2c", "websocket2", "web socket", "websocket/13"})
  void another_upgrade_is_told_which_one_is_required(String upgrade) {
    request.put("Upgrade", List.of(upgrade));

    assertRejected(426, "Only WebSocket connections are served here: send Upgrade: websocket.");
  }

  @Test
  void a_plain_request_is_told_that_an_upgrade_is_required() {
    request.clear();

    assertRejected(426, "Only WebSocket connections are served here: send Upgrade: websocket.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "keep-alive", "upgraded", "close, up grade"})
  void the_connection_header_must_say_upgrade(String connection) {
    request.put("Connection", List.of(connection));

    assertRejected(400, "The header Connection: Upgrade is missing; a proxy may have removed it.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "8", "0", "14", "13, 8", "013"})
  void another_version_is_told_which_one_is_required(String version) {
    request.put("Sec-WebSocket-Version", List.of(version));

    assertRejected(426, "Sec-WebSocket-Version must be 13.");
  }

  @Test
  void the_version_must_come_exactly_once() {
    request.put("Sec-WebSocket-Version", List.of("13", "13"));
    assertRejected(426, "Sec-WebSocket-Version must be 13.");

    request.remove("Sec-WebSocket-Version");
    assertRejected(426, "Sec-WebSocket-Version must be 13.");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZTEy",
        "dGhlIHNhbXBsZSBub25jZQ== x",
        "dGhl-HNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZ==="
      })
  void the_key_must_be_16_bytes_in_base64(String key) {
    request.put("Sec-WebSocket-Key", List.of(key));

    assertRejected(400, "Sec-WebSocket-Key must be 16 bytes in Base64.");
  }

  @Test
  void the_key_must_come_exactly_once() {
    request.put("Sec-WebSocket-Key", List.of(KEY, KEY));
    assertRejected(400, "Sec-WebSocket-Key must be 16 bytes in Base64.");

    request.remove("Sec-WebSocket-Key");
    assertRejected(400, "Sec-WebSocket-Key must be 16 bytes in Base64.");
  }

  @Test
  void the_first_subprotocol_that_the_client_offers_and_the_server_speaks_is_chosen() {
    request.put("Sec-WebSocket-Protocol", List.of("x, b.v1", "a.v1"));

    assertThat(check("a.v1", "b.v1")).isEqualTo(new Accepted(ACCEPT, "b.v1"));
    assertThat(check("a.v1")).isEqualTo(new Accepted(ACCEPT, "a.v1"));
  }

  @Test
  void no_subprotocol_in_common_is_accepted_without_one() {
    request.put("Sec-WebSocket-Protocol", List.of("A.V1, , x\r\n"));

    assertThat(check("a.v1")).isEqualTo(new Accepted(ACCEPT, null));
    assertThat(check()).isEqualTo(new Accepted(ACCEPT, null));
  }

  @Test
  void an_empty_list_of_values_is_a_missing_header() {
    request.put("Sec-WebSocket-Protocol", List.of());
    assertThat(check("a.v1")).isEqualTo(new Accepted(ACCEPT, null));

    request.put("Upgrade", List.of());
    assertThat(check()).isInstanceOf(Rejected.class);
  }
}
