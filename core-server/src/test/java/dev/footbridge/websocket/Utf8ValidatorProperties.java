package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** The validator beside the JDK's decoder, wherever the bytes are split. */
class Utf8ValidatorProperties {

  @Property(tries = 1000)
  void every_text_is_valid(@ForAll("texts") String text, @ForAll("pieces") List<Integer> pieces) {
    byte[] bytes = text.getBytes(UTF_8);

    assertThat(judge(bytes, pieces)).isEqualTo(Verdict.COMPLETE);
    assertThat(Utf8Validator.isValid(bytes, 0, bytes.length)).isTrue();
  }

  @Property(tries = 4000)
  void damaged_text_is_judged_as_by_the_jdk(
      @ForAll("texts") String text,
      @ForAll @Size(max = 3) List<@IntRange(max = 10_000) Integer> places,
      @ForAll byte damage,
      @ForAll @IntRange(max = 3) int cutOff,
      @ForAll("pieces") List<Integer> pieces) {
    byte[] whole = text.getBytes(UTF_8);
    byte[] bytes = Arrays.copyOf(whole, Math.max(0, whole.length - cutOff));
    for (int place : places) {
      if (bytes.length > 0) {
        bytes[place % bytes.length] = damage;
      }
    }
    assertJudgedAsByTheJdk(bytes, pieces);
  }

  @Property(tries = 1000)
  void random_bytes_are_judged_as_by_the_jdk(
      @ForAll @Size(max = 12) byte[] bytes, @ForAll("pieces") List<Integer> pieces) {
    assertJudgedAsByTheJdk(bytes, pieces);
  }

  private static void assertJudgedAsByTheJdk(byte[] bytes, List<Integer> pieces) {
    boolean valid = ReferenceUtf8.isValid(bytes);
    Verdict expected =
        valid
            ? Verdict.COMPLETE
            : ReferenceUtf8.canBecomeValid(bytes) ? Verdict.UNFINISHED : Verdict.REFUSED;

    assertThat(judge(bytes, pieces)).isEqualTo(expected);
    assertThat(Utf8Validator.isValid(bytes, 0, bytes.length)).isEqualTo(valid);
  }

  private enum Verdict {
    COMPLETE,
    UNFINISHED,
    REFUSED
  }

  /** Feeds the bytes in pieces of the sizes given, over and over. */
  private static Verdict judge(byte[] bytes, List<Integer> pieces) {
    Utf8Validator validator = new Utf8Validator();
    boolean alive = true;
    int at = 0;
    for (int i = 0; at < bytes.length; i++) {
      int length = Math.min(pieces.get(i % pieces.size()), bytes.length - at);
      boolean answer = validator.update(bytes, at, length);
      assertThat(answer && !alive).as("valid again after it was refused").isFalse();
      alive = answer;
      at += length;
    }
    if (!alive) {
      return Verdict.REFUSED;
    }
    return validator.complete() ? Verdict.COMPLETE : Verdict.UNFINISHED;
  }

  @Provide
  Arbitrary<String> texts() {
    return Conversation.texts(40);
  }

  @Provide
  Arbitrary<List<Integer>> pieces() {
    return Arbitraries.integers().between(1, 50).list().ofMinSize(1).ofMaxSize(10);
  }
}
