package dev.footbridge.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.wire.ProtocolException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PositionTest {
  @ParameterizedTest
  @ValueSource(strings = {"k3:0", "k3:41", "a-b_c.d:9223372036854775807", "~:1"})
  void a_position_is_read_as_it_is_written(String text) throws ProtocolException {
    assertThat(Position.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "k3",
        "k3:",
        ":1",
        "k3:-1",
        "k3:x",
        "k3:1.0",
        "k3:1:2",
        "k3:9223372036854775808",
        "k3: 1",
        "k3:1 ",
        "k,3:1",
        "k 3:1",
        "k\n3:1",
        "ü:1",
        "k3:+1",
        "k3:-0",
        "k3:\u0661"
      })
  void anything_else_is_malformed(String text) {
    assertThatThrownBy(() -> Position.parse(text))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo("malformed"));
  }

  @Test
  void an_epoch_has_at_most_64_characters() throws ProtocolException {
    assertThat(Position.of("e".repeat(64), 1).offset()).isEqualTo(1);
    assertThatThrownBy(() -> Position.of("e".repeat(65), 1)).isInstanceOf(ProtocolException.class);
    assertThatThrownBy(() -> Position.of("", 1)).isInstanceOf(ProtocolException.class);
    assertThatThrownBy(() -> Position.of("e", -1)).isInstanceOf(ProtocolException.class);
  }
}
