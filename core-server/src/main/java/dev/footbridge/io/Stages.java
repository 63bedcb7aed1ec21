package dev.footbridge.io;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;

/** What to do when a stage completes, without leaving a result that nobody looks at. */
public final class Stages {
  private Stages() {}

  /** Calls exactly one of the two, once, on whatever thread completes the stage. */
  public static <T> void on(
      CompletionStage<T> stage, Consumer<? super T> value, Consumer<? super Throwable> error) {
    var unused =
        stage.whenComplete(
            (result, failure) -> {
              if (failure == null) {
                value.accept(result);
              } else {
                error.accept(cause(failure));
              }
            });
  }

  /**
   * Does something for each of many, only so many at a time.
   *
   * @return completes when all of it has; exceptionally, when one fails, and then some may be left
   *     undone
   */
  public static <T> CompletionStage<?> each(
      Iterable<? extends T> items, int atATime, Function<T, CompletionStage<?>> action) {
    Queue<T> queue = new ArrayDeque<>();
    items.forEach(queue::add);
    CompletableFuture<?>[] rows = new CompletableFuture<?>[Math.min(atATime, queue.size())];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row(queue, action).toCompletableFuture();
    }
    return CompletableFuture.allOf(rows);
  }

  private static <T> CompletionStage<?> row(
      Queue<T> queue, Function<T, CompletionStage<?>> action) {
    while (true) {
      T item;
      synchronized (queue) {
        item = queue.poll();
      }
      if (item == null) {
        return CompletableFuture.completedStage(null);
      }
      CompletableFuture<?> done = action.apply(item).toCompletableFuture();
      if (!done.isDone() || done.isCompletedExceptionally()) {
        return done.thenCompose(next -> row(queue, action));
      }
    }
  }

  /** The same stage, except that a failure is always told on a thread of the executor. */
  public static <T> CompletionStage<T> failingOn(Executor executor, CompletionStage<T> stage) {
    CompletableFuture<T> result = new CompletableFuture<>();
    var unused =
        stage.whenComplete(
            (value, failure) -> {
              if (failure == null) {
                result.complete(value);
              } else {
                executor.execute(() -> result.completeExceptionally(cause(failure)));
              }
            });
    return result;
  }

  /** What went wrong at the bottom of a stage's failure. */
  public static Throwable cause(Throwable failure) {
    Throwable at = failure;
    while (at instanceof CompletionException && at.getCause() != null) {
      at = at.getCause();
    }
    return at;
  }
}
