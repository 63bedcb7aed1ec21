package dev.footbridge.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import java.lang.Thread.UncaughtExceptionHandler;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;

/**
 * Ends the program when there is no memory left: after that nobody knows which of its parts still
 * do their work. An error of this kind reaches the log, wherever it is caught, or ends a thread.
 * With {@code -XX:+ExitOnOutOfMemoryError} the JVM is quicker; the exit code is the same.
 */
final class OutOfMemory {
  /** As the JVM's own. */
  static final int EXIT_CODE = 3;

  private static final String LAST_LINE =
      "Footbridge ends: there is no memory left; -Xmx gives the JVM more.";

  private OutOfMemory() {}

  /** From now on, for the whole process. */
  static void endsTheProgram() {
    UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          endIf(failure);
          if (before != null) {
            before.uncaughtException(thread, failure);
          } else {
            LoggerFactory.getLogger(OutOfMemory.class)
                .error("The thread {} ended.", thread.getName(), failure);
          }
        });
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext logs) {
      logs.addTurboFilter(new Watch());
    }
  }

  private static final class Watch extends TurboFilter {
    @Override
    public FilterReply decide(
        @Nullable Marker marker,
        Logger logger,
        Level level,
        @Nullable String format,
        Object @Nullable [] params,
        @Nullable Throwable failure) {
      endIf(failure);
      return FilterReply.NEUTRAL;
    }
  }

  private static void endIf(@Nullable Throwable failure) {
    for (Throwable one = failure; one != null; one = one.getCause()) {
      if (one instanceof OutOfMemoryError) {
        try {
          System.err.println(LAST_LINE);
          System.err.flush();
        } finally {
          Runtime.getRuntime().halt(EXIT_CODE);
        }
      }
    }
  }
}
