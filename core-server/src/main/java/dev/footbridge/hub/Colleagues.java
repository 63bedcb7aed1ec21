package dev.footbridge.hub;

import dev.footbridge.store.CalleeDirectory;
import dev.footbridge.wire.ProtocolException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** The callees on other nodes: who they are, and a way to call them. Safe for any thread. */
public interface Colleagues extends CalleeDirectory {
  /** A node that is alone. */
  Colleagues NONE =
      of(
          new CalleeDirectory() {
            @Override
            public CompletionStage<?> announce(String procedure, int count) {
              return CompletableFuture.completedStage(null);
            }

            @Override
            public CompletionStage<Map<String, Integer>> elsewhere(
                String procedure, boolean exact) {
              return CompletableFuture.completedStage(Map.of());
            }
          },
          (node, procedure, data, user, timeoutNanos) ->
              CompletableFuture.failedFuture(NotTakenException.unavailable()));

  /** Carries a call to another node, where {@link Procedures#callHere} takes it. */
  @FunctionalInterface
  interface Link {
    /**
     * Calls a procedure of another node.
     *
     * @param data what the caller gives, as JSON
     * @param user who calls; null for anonymous
     * @param timeoutNanos how long the callee has for its answer; the caller waits no longer
     * @return the result as JSON; or a {@link ProtocolException}, the callee's own or {@code
     *     interrupted} where the call may have begun and its end cannot be known; or a {@link
     *     NotTakenException} where it has surely not begun. Cancelling it forgets the call
     */
    CompletableFuture<byte[]> call(
        String node, String procedure, byte[] data, @Nullable String user, long timeoutNanos);
  }

  /** The way to call them. */
  Link link();

  /** Puts the two halves together. */
  static Colleagues of(CalleeDirectory directory, Link link) {
    return new Colleagues() {
      @Override
      public CompletionStage<?> announce(String procedure, int count) {
        return directory.announce(procedure, count);
      }

      @Override
      public CompletionStage<Map<String, Integer>> elsewhere(String procedure, boolean exact) {
        return directory.elsewhere(procedure, exact);
      }

      @Override
      public boolean hadLately(String procedure) {
        return directory.hadLately(procedure);
      }

      @Override
      public Link link() {
        return link;
      }
    };
  }
}
