package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.text;
import static dev.footbridge.wire.Texts.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MessageTest {
  @Test
  void an_applications_text_is_a_json_string() throws ProtocolException {
    Message message = Message.text("a\"ü\n\u2028");
    assertThat(Json.string(message.json())).isEqualTo("a\"ü\n\u2028");
    assertThat(text(message.json())).doesNotContain("\n");
    assertThat(message.isBinary()).isFalse();
    assertThat(message.raw()).isSameAs(message.json());
  }

  @Test
  void an_applications_octets_are_themselves_in_a_frame_and_base64_in_json()
      throws ProtocolException {
    Message message = Message.binary(new byte[] {0, -1, 1});
    assertThat(message.isBinary()).isTrue();
    assertThat(message.raw()).containsExactly(0, 255, 1);
    assertThat(text(message.json())).isEqualTo("{\"op\":\"binary\",\"data\":\"AP8B\"}");
    assertThat(((Value.Binary) Value.parse(message.json())).data()).isEqualTo(message.raw());
    assertThat(message.size()).isEqualTo(3);
    assertThat(message).hasToString("binary[3]");
  }

  @Test
  void the_bytes_of_a_message_are_shared_and_not_copied() {
    byte[] json = utf8("{\"op\":\"message\"}");
    Message message = Message.json(json);
    assertThat(message.raw()).isSameAs(json);
    assertThat(message.json()).isSameAs(json);
    assertThat(message.size()).isEqualTo(json.length);
  }
}
