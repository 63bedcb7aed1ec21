package dev.footbridge.doctor;

import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;

/** A clock that began to run, and the time by which it is over. */
final class Deadline {
  private final long beganNanos = System.nanoTime();
  private volatile long limitMillis;

  Deadline(long limitMillis) {
    this.limitMillis = limitMillis;
  }

  /** Milliseconds since it began. */
  long passed() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNanos);
  }

  /** It is over so many milliseconds from now. */
  Deadline in(long millis) {
    limitMillis = passed() + millis;
    return this;
  }

  /** Milliseconds that are left, at least 1. */
  int left() throws SocketTimeoutException {
    long left = limitMillis - passed();
    if (left <= 0) {
      throw new SocketTimeoutException("The time is over.");
    }
    return Math.toIntExact(left);
  }
}
