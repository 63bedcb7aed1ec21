package dev.footbridge.hub;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Procedures that callees register and callers call. Several callees of one procedure take turns.
 * Every call ends exactly once: with a result, the callee's error, {@code timeout}, {@code
 * interrupted} when the callee goes away, or {@code no_callee}. Safe for any thread.
 */
public final class Procedures {
  /** Whoever answers calls. */
  public interface Callee {
    /**
     * Somebody calls. Must not block.
     *
     * @return false if the callee cannot take it; another one is asked
     */
    boolean invoke(Invocation invocation);
  }

  /** One call on its way to a callee. */
  public static final class Invocation {
    private static final byte[] NOTHING = {};

    private final String id;
    private final String procedure;
    private volatile byte[] data;
    private final @Nullable String user;
    private final CompletableFuture<byte[]> answer = new CompletableFuture<>();

    private Invocation(String id, String procedure, byte[] data, @Nullable String user) {
      this.id = id;
      this.procedure = procedure;
      this.data = data;
      this.user = user;
    }

    /** Unique among the node's calls. */
    public String id() {
      return id;
    }

    /** The name of the procedure. */
    public String procedure() {
      return procedure;
    }

    /** What the caller gives, as JSON; it must not be changed. */
    public byte[] data() {
      return data;
    }

    /** Who calls; null for anonymous. */
    public @Nullable String user() {
      return user;
    }

    /** The callee has been given the data; they are not kept until it answers. */
    public void handedOver() {
      data = NOTHING;
    }

    /** Ends the call with a result as JSON; later endings are ignored. */
    public void succeed(byte[] result) {
      answer.complete(result);
    }

    /** Ends the call with an error; later endings are ignored. */
    public void fail(ProtocolException error) {
      answer.completeExceptionally(error);
    }

    /** Whether the call has ended, by whatever means. */
    public boolean isDone() {
      return answer.isDone();
    }

    /** Calls back when the call has ended, by whatever means. */
    public void onDone(Runnable action) {
      var unused = answer.whenComplete((result, failure) -> action.run());
    }
  }

  private static final class Callees {
    final List<Callee> list = new ArrayList<>();
    int next;
  }

  private final Hub hub;
  private final AtomicLong ids = new AtomicLong();
  private final Map<String, Callees> byName = new ConcurrentHashMap<>();

  Procedures(Hub hub) {
    this.hub = hub;
  }

  /** Adds a callee; registering again changes nothing. */
  public void register(String procedure, Callee callee) {
    byName.compute(
        procedure,
        (name, callees) -> {
          Callees all = callees == null ? new Callees() : callees;
          if (!all.list.contains(callee)) {
            all.list.add(callee);
          }
          return all;
        });
  }

  /** Takes a callee away; calls that it has got already may still be answered. */
  public void unregister(String procedure, Callee callee) {
    byName.computeIfPresent(
        procedure,
        (name, callees) -> {
          callees.list.remove(callee);
          return callees.list.isEmpty() ? null : callees;
        });
  }

  /**
   * Calls a procedure.
   *
   * @param timeoutNanos how long to wait for the result
   * @return the result as JSON, or a {@link ProtocolException}
   */
  public CompletionStage<byte[]> call(
      String procedure, byte[] data, @Nullable String user, long timeoutNanos) {
    Invocation invocation =
        new Invocation(Long.toString(ids.incrementAndGet(), 36), procedure, data, user);
    List<Callee> callees = inTurn(procedure);
    for (Callee callee : callees) {
      if (callee.invoke(invocation)) {
        if (!invocation.isDone()) {
          Timeout timeout =
              hub.after(
                  timeoutNanos,
                  () ->
                      invocation.fail(
                          new ProtocolException(
                              ErrorCode.TIMEOUT, "The callee did not answer in time.")));
          invocation.onDone(timeout::cancel);
        }
        return invocation.answer;
      }
    }
    return CompletableFuture.failedStage(
        callees.isEmpty()
            ? new ProtocolException(ErrorCode.NO_CALLEE, "Nobody has registered this procedure.")
            : new ProtocolException(
                ErrorCode.UNAVAILABLE, "Whoever registered this procedure takes no more calls."));
  }

  /** The callees of a procedure, beginning with the one whose turn it is. */
  private List<Callee> inTurn(String procedure) {
    List<Callee> order = new ArrayList<>();
    byName.computeIfPresent(
        procedure,
        (name, callees) -> {
          int size = callees.list.size();
          for (int i = 0; i < size; i++) {
            order.add(callees.list.get((callees.next + i) % size));
          }
          callees.next = (callees.next + 1) % size;
          return callees;
        });
    return order;
  }
}
