package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8ValidatorTest {

  private final Utf8Validator validator = new Utf8Validator();

  private static byte[] hex(String hex) {
    return HexFormat.ofDelimiter(" ").parseHex(hex);
  }

  private static boolean isValid(byte[] bytes) {
    return Utf8Validator.isValid(bytes, 0, bytes.length);
  }

  /**
   * A character in the pattern of three bytes, though it may be one that must not be written so.
   */
  private static byte[] threeBytes(int c) {
    return new byte[] {
      (byte) (0xE0 + c / 0x1000), (byte) (0x80 + c / 0x40 % 0x40), (byte) (0x80 + c % 0x40)
    };
  }

  @Test
  void every_character_is_valid_and_no_surrogate_is() {
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      boolean surrogate = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
      byte[] bytes = surrogate ? threeBytes(c) : Character.toString(c).getBytes(UTF_8);
      if (isValid(bytes) == surrogate) {
        throw new AssertionError("U+" + Integer.toHexString(c));
      }
    }
  }

  @Test
  void every_four_bytes_at_the_edges_of_the_rules_are_judged_as_by_the_jdk() {
    byte[] edges =
        hex("00 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff"); // 24 of
    // them
    byte[] four = new byte[4];
    for (int n = 0; n < 24 * 24 * 24 * 24; n++) {
      for (int i = 0, rest = n; i < 4; i++, rest /= 24) {
        four[i] = edges[rest % 24];
      }
      validator.reset();
      boolean alive = validator.update(four, 0, 4);
      if (validator.complete() != ReferenceUtf8.isValid(four)
          || alive != ReferenceUtf8.canBecomeValid(four)) {
        throw new AssertionError(HexFormat.of().formatHex(four));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "a continuation byte alone, 80, 1",
    "an overlong slash of two bytes, c0 af, 1",
    "an overlong slash of three bytes, e0 80 af, 2",
    "an overlong slash of four bytes, f0 80 80 af, 2",
    "the first surrogate, ed a0 80, 2",
    "the last surrogate, ed bf bf, 2",
    "a character above U+10FFFF, f4 90 80 80, 2",
    "a lead of four bytes that none needs, f5 80 80 80, 1",
    "a lead of five bytes, f8 88 80 80 80, 1",
    "a lead of six bytes, fc 84 80 80 80 80, 1",
    "FE, fe, 1",
    "FF, ff, 1",
    "a lead after a lead, c3 c3, 2",
    "ASCII within a character, e2 82 61, 3"
  })
  void is_refused_at_the_first_hopeless_byte(String what, String bytes, int badAt) {
    byte[] b = hex(bytes);
    for (int i = 0; i < b.length; i++) {
      assertThat(validator.update(b, i, 1)).as("%s, byte %d", what, i + 1).isEqualTo(i + 1 < badAt);
    }
    assertThat(validator.complete()).isFalse();
    assertThat(isValid(b)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"c3", "e2", "e2 82", "f0", "f0 9f", "f0 9f 8c"})
  void an_unfinished_character_is_no_error_yet_but_not_complete(String bytes) {
    byte[] b = hex(bytes);

    assertThat(validator.update(b, 0, b.length)).isTrue();
    assertThat(validator.complete()).isFalse();
    assertThat(isValid(b)).isFalse();
  }

  @Test
  void a_bad_byte_is_found_at_any_place_in_a_long_run_of_ascii() {
    for (int length = 0; length < 40; length++) {
      for (int offset = 0; offset < 9; offset++) {
        byte[] bytes = new byte[offset + length + 9];
        Arrays.fill(bytes, (byte) 0xFF); // outside of the range
        Arrays.fill(bytes, offset, offset + length, (byte) 'a');
        assertThat(Utf8Validator.isValid(bytes, offset, length)).isTrue();

        for (int bad = offset; bad < offset + length; bad++) {
          bytes[bad] = (byte) 0x80;
          assertThat(Utf8Validator.isValid(bytes, offset, length)).isFalse();
          bytes[bad] = 'a';
        }
      }
    }
  }

  @Test
  void the_empty_text_is_valid() {
    assertThat(validator.complete()).isTrue();
    assertThat(validator.update(new byte[0], 0, 0)).isTrue();
    assertThat(validator.complete()).isTrue();
    assertThat(isValid(new byte[0])).isTrue();
  }

  @Test
  void once_refused_it_stays_refused_until_it_is_reset() {
    byte[] bytes = {(byte) 0xFF, 'a'};
    assertThat(validator.update(bytes, 0, 1)).isFalse();
    assertThat(validator.update(bytes, 1, 1)).isFalse();
    assertThat(validator.complete()).isFalse();

    validator.reset();

    assertThat(validator.update(bytes, 1, 1)).isTrue();
    assertThat(validator.complete()).isTrue();
  }

  @Test
  void a_range_outside_of_the_array_is_refused() {
    assertThatThrownBy(() -> validator.update(new byte[4], 2, 3))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> Utf8Validator.isValid(new byte[4], -1, 2))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }
}
