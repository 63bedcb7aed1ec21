package dev.footbridge.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.wire.ProtocolException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NamesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"a", "Z", "0", "_", ".", ":", "@", "~", "-", "user:ann@example.org", ".."})
  void a_name_has_letters_digits_and_a_few_signs(String name) throws ProtocolException {
    assertThat(Names.check(name)).isEqualTo(name);
  }

  @Test
  void no_other_character_is_in_a_name() throws ProtocolException {
    String allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:@~-";
    for (int c = 0; c <= Character.MAX_VALUE; c++) {
      String name = "a" + (char) c;
      if (allowed.indexOf(c) >= 0) {
        assertThat(Names.check(name)).isEqualTo(name);
      } else {
        assertRefused(name);
      }
    }
  }

  @Test
  void a_name_has_1_to_128_characters() throws ProtocolException {
    assertThat(Names.check("n".repeat(128))).hasSize(128);
    assertRefused("n".repeat(129));
    assertRefused("");
  }

  private static void assertRefused(String name) {
    assertThatThrownBy(() -> Names.check(name))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo("malformed"));
  }
}
