package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;

/** What scripts are given and what they answer: octets, whole numbers, and lists of these. */
final class Answers {
  private Answers() {}

  static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  static byte[] bytes(long number) {
    return bytes(Long.toString(number));
  }

  static List<?> list(Object answer) {
    return (List<?>) answer;
  }

  static String text(Object answer) {
    return new String((byte[]) answer, UTF_8);
  }

  /** A whole number, whether it came as one or as text. */
  static long number(Object answer) {
    return answer instanceof Long number ? number : Long.parseLong(text(answer));
  }
}
