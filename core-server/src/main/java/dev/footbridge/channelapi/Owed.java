package dev.footbridge.channelapi;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Counts the answers that a client waits for, so that its session moves when there are none. */
final class Owed {
  private int count;
  private @Nullable CompletableFuture<Void> none;

  /** One more. */
  synchronized void add() {
    count++;
  }

  /** One has been given. */
  void given() {
    CompletableFuture<Void> told = null;
    synchronized (this) {
      if (--count == 0) {
        told = none;
        none = null;
      }
    }
    if (told != null) {
      told.complete(null);
    }
  }

  /** Completes when nothing is owed. */
  synchronized CompletionStage<Void> none() {
    if (count == 0) {
      return CompletableFuture.completedStage(null);
    }
    if (none == null) {
      none = new CompletableFuture<>();
    }
    return none;
  }
}
