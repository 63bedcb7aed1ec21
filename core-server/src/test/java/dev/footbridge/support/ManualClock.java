package dev.footbridge.support;

import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/** A clock, monotonic and of the day, on which time passes only when it is told to. Any thread. */
public final class ManualClock implements LongSupplier, InstantSource {
  /** What {@link #millis} says in the beginning. */
  public static final long START_MILLIS = 1_790_000_000_000L;

  private final AtomicLong nanos = new AtomicLong();

  @Override
  public long getAsLong() {
    return nanos.get();
  }

  @Override
  public Instant instant() {
    return Instant.ofEpochMilli(START_MILLIS).plusNanos(nanos.get());
  }

  /** Lets time pass. */
  public void advance(long moreNanos) {
    nanos.addAndGet(moreNanos);
  }

  /** Lets seconds pass. */
  public void advanceSeconds(long seconds) {
    advance(TimeUnit.SECONDS.toNanos(seconds));
  }
}
