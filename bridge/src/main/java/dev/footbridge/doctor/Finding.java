package dev.footbridge.doctor;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What came out for one subject.
 *
 * @param usable whether a client can stand on it, be it only just
 * @param detail what was seen, one sentence, of characters that a terminal only shows
 * @param times what was measured, by name, in the order in which it happened
 */
public record Finding(
    Subject subject, Verdict verdict, boolean usable, String detail, Map<String, Object> times) {
  private static final int MOST_DETAIL = 500;

  /** Whatever comes from the network has come here, so this is where it is made harmless. */
  public Finding {
    detail = Words.clean(detail, MOST_DETAIL);
  }

  static Finding of(Subject subject, Verdict verdict, String detail) {
    return of(subject, verdict, verdict == Verdict.WORKS || verdict == Verdict.SLOW, detail);
  }

  static Finding of(Subject subject, Verdict verdict, boolean usable, String detail) {
    return new Finding(subject, verdict, usable, detail, Map.of());
  }

  /** With more measurements, after those that there are. */
  Finding with(Map<String, Object> more) {
    Map<String, Object> all = new LinkedHashMap<>(times);
    all.putAll(more);
    return new Finding(subject, verdict, usable, detail, all);
  }

  /** Whether it comes through without anything to complain of. */
  public boolean isFine() {
    return verdict == Verdict.WORKS || verdict == Verdict.SLOW;
  }
}
