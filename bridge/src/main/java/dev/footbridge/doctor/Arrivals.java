package dev.footbridge.doctor;

import java.util.List;

/**
 * When the values of a stream came that the server sent one second apart, and what that means.
 *
 * @param seconds how long it was to be; so there are that many values and a last one
 * @param came when each came, in milliseconds after the request
 * @param end how it ended
 * @param endMillis when
 * @param words what was seen at the end, where there is something to tell
 */
record Arrivals(int seconds, List<Long> came, End end, long endMillis, String words) {
  /** How a stream ends. */
  enum End {
    /** After its last value. */
    DONE,
    /** Before that. */
    CUT,
    /** Not within the time that it was given. */
    SILENT,
    /** It was none: something else answered. */
    FOREIGN,
    /** It was none: the server did not want it. */
    REFUSED
  }

  private static final long SECOND = 1000;

  /** Values that come closer than this were on the way together. */
  private static final long TOGETHER_MILLIS = 300;

  private static final long LATE_MILLIS = 1200;
  private static final long SLOW_MILLIS = 1500;

  /** A client waits so long for a value before it takes another transport. */
  private static final long CLIENT_MILLIS = 2000;

  /** What is cut off later than this is still worth coming back to. */
  static final long LONG_LIFE_MILLIS = 10_000;

  Finding judge(Subject subject, long roundTripMillis) {
    return switch (end) {
      case FOREIGN ->
          Finding.of(subject, Verdict.FOREIGN, "Something else answers: " + words + ".");
      case REFUSED ->
          Finding.of(subject, Verdict.REFUSED, "The server refuses just now: " + words + ".");
      case CUT -> cut(subject);
      case SILENT ->
          came.isEmpty()
              ? Finding.of(
                  subject, Verdict.HANGS, "Nothing came within " + Words.seconds(endMillis) + ".")
              : Finding.of(
                  subject,
                  Verdict.SWALLOWED,
                  last() >= LONG_LIFE_MILLIS,
                  "Nothing came any more after " + Words.seconds(last()) + ".");
      case DONE -> whole(subject, roundTripMillis);
    };
  }

  private long last() {
    return came.get(came.size() - 1);
  }

  private Finding cut(Subject subject) {
    if (came.isEmpty() && endMillis < SECOND) {
      return Finding.of(subject, Verdict.BLOCKED, "It is broken off at once: " + words + ".");
    }
    return Finding.of(
        subject,
        Verdict.CUT,
        !came.isEmpty() && endMillis >= LONG_LIFE_MILLIS,
        "It is cut after "
            + Words.seconds(endMillis)
            + (came.isEmpty() ? ", before anything came." : "."));
  }

  private Finding whole(Subject subject, long roundTripMillis) {
    long least = Long.MAX_VALUE;
    long most = 0;
    for (int i = 0; i < came.size(); i++) {
      long late = Math.max(0, came.get(i) - i * SECOND - roundTripMillis);
      least = Math.min(least, late);
      most = Math.max(most, late);
    }
    boolean together = last() - came.get(0) < TOGETHER_MILLIS;
    if (together && seconds > 1 && most > LATE_MILLIS) {
      return Finding.of(
          subject,
          Verdict.BUFFERED,
          "The whole answer is held back until its end: all came after "
              + Words.seconds(last())
              + ".");
    } else if (most - least > LATE_MILLIS) {
      return Finding.of(
          subject,
          Verdict.BUFFERED,
          most < CLIENT_MILLIS,
          "Values are held back for up to " + Words.seconds(most) + " and come in lumps.");
    } else if (least > SLOW_MILLIS) {
      return Finding.of(subject, Verdict.SLOW, "Values come " + Words.seconds(least) + " late.");
    }
    return Finding.of(
        subject,
        Verdict.WORKS,
        "Each value came at its time, for "
            + seconds
            + " s; the first after "
            + Words.time(came.get(0))
            + ".");
  }
}
