package dev.footbridge.channelapi;

import dev.footbridge.auth.Authorizer.Action;
import dev.footbridge.auth.Identity;
import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A session as one that calls procedures. Guarded by itself; calls out without the lock. */
final class CallerRole {
  private final HubService service;
  private final Set<Call> calls = new HashSet<>(4);

  /** Nobody waits for the result any more, so there is nobody to tell. */
  static final class CallerGoneException extends CancellationException {
    private static final long serialVersionUID = 1L;

    CallerGoneException() {
      super("The caller has gone.");
    }
  }

  private static final class Call {
    final CompletableFuture<byte[]> result = new CompletableFuture<>();
  }

  CallerRole(HubService service) {
    this.service = service;
  }

  /** Calls; the stage ends with the result or why there is none. */
  CompletionStage<byte[]> call(
      String procedure, byte[] data, Identity who, @Nullable String token, long timeoutNanos)
      throws ProtocolException {
    Call call = new Call();
    synchronized (this) {
      if (calls.size() >= service.limits().calls()) {
        throw new ProtocolException(
            ErrorCode.RATE_LIMITED,
            "A session may have " + service.limits().calls() + " calls under way.");
      }
      calls.add(call);
    }
    CompletionStage<byte[]> ended =
        call.result.whenComplete(
            (result, failure) -> {
              synchronized (this) {
                calls.remove(call);
              }
            });
    try {
      Stages.on(
          service
              .authorize(Action.CALL, who, procedure, token)
              .thenCompose(allowed -> begin(call, procedure, data, who, timeoutNanos)),
          call.result::complete,
          call.result::completeExceptionally);
    } catch (RuntimeException e) {
      call.result.completeExceptionally(e);
    }
    return ended;
  }

  /** Nobody need work for a caller that does not wait any more. */
  private CompletableFuture<byte[]> begin(
      Call call, String procedure, byte[] data, Identity who, long timeoutNanos) {
    CompletableFuture<byte[]> begun =
        service.hub().procedures().call(procedure, data, who.user(), timeoutNanos);
    var unused = call.result.whenComplete((result, failure) -> begun.cancel(false));
    return begun;
  }

  /** The session has ended: its calls are forgotten. */
  void close() {
    end(new CallerGoneException());
  }

  /** The session is about to go elsewhere, where the results would not find it. */
  void interrupt() {
    end(new ProtocolException(ErrorCode.INTERRUPTED, "The caller's session moves."));
  }

  private void end(Exception reason) {
    List<Call> waiting;
    synchronized (this) {
      waiting = List.copyOf(calls);
    }
    waiting.forEach(call -> call.result.completeExceptionally(reason));
  }
}
