package dev.footbridge.hub;

import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import java.security.SecureRandom;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Procedures that callees register and callers call. All callees of one procedure, on whatever
 * node, take turns. Every call ends exactly once: with a result, the callee's error, {@code
 * timeout}, {@code interrupted} when the callee or its node goes away, {@code no_callee}, or {@code
 * unavailable} when no callee takes more. A call that is cancelled is forgotten. Safe for any
 * thread.
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
    private final CompletableFuture<byte[]> answer;

    private Invocation(
        String id,
        String procedure,
        byte[] data,
        @Nullable String user,
        CompletableFuture<byte[]> answer) {
      this.id = id;
      this.procedure = procedure;
      this.data = data;
      this.user = user;
      this.answer = answer;
    }

    /** Unique among all nodes' calls. */
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

  private static final int MOST_SEEN = 10_000;

  /**
   * How often a call looks again for a callee that was there of late: eight seconds long, which is
   * what a client may need to notice that its node is silent, to find another one, and to be
   * rebuilt there. The first four times follow each other after a quarter of a second, the next
   * four after twice that, and so on.
   */
  private static final int LOOKS = 14;

  private static final int LOOKS_AT_ONE_PACE = 4;
  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final Hub hub;
  private final Colleagues colleagues;
  private final AtomicLong ids = new AtomicLong();

  /** Sessions move: the result of another node's invocation must not be taken for one of ours. */
  private final String life = Long.toString(new SecureRandom().nextLong() & Long.MAX_VALUE, 36);

  private final Callees callees = new Callees();

  /**
   * Procedures that have had a callee of late: it may be on its way from one node to another, where
   * a session goes that is given away or taken over.
   */
  private final Set<String> seen =
      Collections.newSetFromMap(
          Collections.synchronizedMap(
              new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
                  return size() > MOST_SEEN;
                }
              }));

  /** Numbers of callees are announced in the order in which they came to be. */
  private final Object announcing = new Object();

  Procedures(Hub hub, Colleagues colleagues) {
    this.hub = hub;
    this.colleagues = colleagues;
  }

  /**
   * Adds a callee; registering again changes nothing.
   *
   * @return completes when calls from every node find it, and never fails: while other nodes cannot
   *     be told, it is registered here and they are told later
   */
  public CompletionStage<?> register(String procedure, Callee callee) {
    CompletionStage<?> announced;
    synchronized (announcing) {
      announced = colleagues.announce(procedure, callees.add(procedure, callee));
    }
    return announced.handle((told, later) -> null);
  }

  /** Takes a callee away; calls that it has got already may still be answered. */
  public void unregister(String procedure, Callee callee) {
    CompletionStage<?> announced;
    synchronized (announcing) {
      announced = colleagues.announce(procedure, callees.remove(procedure, callee));
    }
    Stages.on(announced, told -> {}, later -> {});
  }

  /** Says again to other nodes what is registered here: this one has another name now. */
  void announce() {
    callees.procedures().forEach(this::announce);
  }

  private void announce(String procedure) {
    synchronized (announcing) {
      Stages.on(colleagues.announce(procedure, callees.count(procedure)), told -> {}, later -> {});
    }
  }

  /**
   * Calls a procedure, wherever its callees are.
   *
   * @param timeoutNanos how long to wait for the result
   * @return the result as JSON, or a {@link ProtocolException}. Cancelling it forgets the call
   */
  public CompletableFuture<byte[]> call(
      String procedure, byte[] data, @Nullable String user, long timeoutNanos) {
    Call call = new Call(procedure, data, user, timeoutNanos);
    call.begin();
    return call.answer;
  }

  /**
   * Takes a call that comes from another node, for this node's own callees.
   *
   * @return as with {@link #call}; and a {@link NotTakenException} where nobody here takes it
   */
  public CompletableFuture<byte[]> callHere(
      String procedure, byte[] data, @Nullable String user, long timeoutNanos) {
    List<Callees.Candidate> candidates = callees.inTurn(procedure, Map.of());
    for (Callees.Candidate candidate : candidates) {
      Call call = new Call(procedure, data, user, timeoutNanos);
      if (call.invoke(candidate.callee())) {
        call.limit();
        return call.answer;
      }
    }
    if (candidates.isEmpty()) {
      // Whoever sent it believes that there is a callee here.
      announce(procedure);
    }
    return CompletableFuture.failedFuture(
        candidates.isEmpty() ? NotTakenException.noCallee() : NotTakenException.unavailable());
  }

  /** One call on its way to somebody who takes it. */
  private final class Call {
    private final String procedure;
    private final byte[] data;
    private final @Nullable String user;
    private final long timeoutNanos;
    private final CompletableFuture<byte[]> answer = new CompletableFuture<>();
    private final Set<Callees.Candidate> asked = Collections.synchronizedSet(new HashSet<>());
    private volatile NotTakenException refusal = NotTakenException.noCallee();
    private final AtomicInteger looks = new AtomicInteger();

    Call(String procedure, byte[] data, @Nullable String user, long timeoutNanos) {
      this.procedure = procedure;
      this.data = data;
      this.user = user;
      this.timeoutNanos = timeoutNanos;
    }

    void begin() {
      limit();
      offer(false);
    }

    void limit() {
      if (answer.isDone()) {
        return;
      }
      Timeout timeout =
          hub.after(
              timeoutNanos,
              () ->
                  answer.completeExceptionally(
                      new ProtocolException(
                          ErrorCode.TIMEOUT, "The callee did not answer in time.")));
      var unused = answer.whenComplete((result, failure) -> timeout.cancel());
    }

    /** Offers the call to all whom the directory knows. */
    private void offer(boolean exact) {
      Stages.on(
          colleagues.elsewhere(procedure, exact),
          elsewhere -> {
            List<Callees.Candidate> candidates = callees.inTurn(procedure, elsewhere);
            if (!candidates.isEmpty()) {
              seen.add(procedure);
            }
            next(candidates, 0, exact);
          },
          unknown -> {
            refusal = NotTakenException.unavailable();
            next(callees.inTurn(procedure, Map.of()), 0, true);
          });
    }

    private void next(List<Callees.Candidate> candidates, int from, boolean exact) {
      for (int i = from; i < candidates.size() && !answer.isDone(); i++) {
        Callees.Candidate candidate = candidates.get(i);
        if (!asked.add(candidate)) {
          continue;
        }
        if (!candidate.isHere()) {
          int after = i + 1;
          send(candidate, () -> next(candidates, after, exact));
          return;
        }
        if (invoke(candidate.callee())) {
          return;
        }
        refusal = NotTakenException.unavailable();
      }
      if (answer.isDone()) {
        return;
      }
      if (exact && mayComeBack()) {
        int pace = 1 + (looks.get() - 1) / LOOKS_AT_ONE_PACE;
        var unused = hub.after(pace * LOOK_AGAIN_NANOS, () -> offer(true));
      } else if (exact) {
        answer.completeExceptionally(refusal.toProtocol());
      } else {
        // What is remembered of other nodes may be old: a callee that was answered is found.
        offer(true);
      }
    }

    /** Whether its callee seems to be between two nodes; after a while it is not. */
    private boolean mayComeBack() {
      if (colleagues == Colleagues.NONE
          || refusal.code() != ErrorCode.NO_CALLEE
          || !(seen.contains(procedure) || colleagues.hadLately(procedure))) {
        return false;
      }
      if (looks.incrementAndGet() > LOOKS) {
        seen.remove(procedure);
        return false;
      }
      return true;
    }

    boolean invoke(Callee callee) {
      Invocation invocation =
          new Invocation(
              life + "." + Long.toString(ids.incrementAndGet(), 36), procedure, data, user, answer);
      return callee.invoke(invocation);
    }

    private void send(Callees.Candidate candidate, Runnable otherwise) {
      CompletableFuture<byte[]> there =
          colleagues.link().call(candidate.node(), procedure, data, user, timeoutNanos);
      // Whoever called has gone, or waits no longer: so need nobody there.
      var unused = answer.whenComplete((result, failure) -> there.cancel(false));
      Stages.on(
          there,
          answer::complete,
          failure -> {
            if (failure instanceof NotTakenException notTaken) {
              if (notTaken.code() == ErrorCode.UNAVAILABLE) {
                refusal = notTaken;
              } else {
                // A callee that is on its way may arrive there.
                asked.remove(candidate);
              }
              otherwise.run();
            } else {
              answer.completeExceptionally(failure);
            }
          });
    }
  }
}
