package dev.footbridge.support;

import dev.footbridge.wire.ProtocolException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What a stage comes to. */
public final class Stage {
  private static final long PATIENCE_SECONDS = 20;

  private Stage() {}

  /** The result of a stage that must succeed. */
  public static <T> T get(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new AssertionError("The stage did not succeed.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** The answer of a stage that must fail with one. */
  public static ProtocolException refusal(CompletionStage<?> stage) {
    try {
      Object result = stage.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      throw new AssertionError("The stage succeeded with " + result);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof ProtocolException answer) {
        return answer;
      }
      throw new AssertionError("The stage failed with something else.", e);
    } catch (TimeoutException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
