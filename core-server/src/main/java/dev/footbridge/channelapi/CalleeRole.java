package dev.footbridge.channelapi;

import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.hub.Procedures;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A session as one that answers calls. Guarded by itself; calls out without the lock. */
final class CalleeRole implements Procedures.Callee {
  private static final byte[] NULL = {'n', 'u', 'l', 'l'};

  private final HubService service;
  private final Peer peer;
  private @Nullable Set<String> registered;
  private @Nullable Map<String, Procedures.Invocation> invocations;
  private boolean paused;
  private boolean closed;

  CalleeRole(HubService service, Peer peer) {
    this.service = service;
    this.peer = peer;
  }

  /** Completes when the procedure can be called; see {@link Procedures#register}. */
  CompletionStage<?> register(String procedure) throws ProtocolException {
    CompletionStage<?> found;
    synchronized (this) {
      if (closed) {
        return CompletableFuture.completedStage(null);
      }
      Set<String> names = registered == null ? new HashSet<>() : registered;
      registered = names;
      int most = service.limits().procedures();
      if (names.size() >= most && !names.contains(procedure)) {
        throw new ProtocolException(
            ErrorCode.RATE_LIMITED, "A session may register " + most + " procedures.");
      }
      names.add(procedure);
      // Under the lock, so that closing cannot come between and leave it registered for ever.
      found = service.hub().procedures().register(procedure, this);
    }
    peer.changed();
    return found;
  }

  /** Registers again what was registered elsewhere. */
  synchronized void restore(String procedure) {
    if (registered == null) {
      registered = new HashSet<>();
    }
    registered.add(procedure);
    var unused = service.hub().procedures().register(procedure, this);
  }

  synchronized List<String> registered() {
    return registered == null ? List.of() : List.copyOf(registered);
  }

  void unregister(String procedure) {
    synchronized (this) {
      if (registered != null) {
        registered.remove(procedure);
      }
    }
    service.hub().procedures().unregister(procedure, this);
    peer.changed();
  }

  @Override
  public boolean invoke(Procedures.Invocation invocation) {
    synchronized (this) {
      if (closed || paused) {
        return false;
      }
      if (invocations == null) {
        invocations = new HashMap<>();
      }
      invocations.put(invocation.id(), invocation);
    }
    JsonWriter json =
        JsonWriter.object()
            .text("op", "invoke")
            .text("invocation", invocation.id())
            .text("procedure", invocation.procedure())
            .raw("data", invocation.data());
    String user = invocation.user();
    if (user != null) {
      json.text("user", user);
    }
    if (peer.offer(Message.json(json.bytes())) != Offer.ACCEPTED) {
      take(invocation.id());
      return false;
    }
    invocation.handedOver();
    invocation.onDone(() -> take(invocation.id()));
    return true;
  }

  /** The client answers; an invocation that is not waiting here is ignored. */
  void result(JsonObject fields) {
    try {
      Procedures.Invocation invocation = take(fields.requiredText("invocation"));
      if (invocation == null) {
        return;
      }
      JsonObject error = fields.has("error") ? fields.object("error") : null;
      if (error != null) {
        String code = error.text("code");
        String message = error.text("message");
        invocation.fail(
            ProtocolException.application(
                code == null ? "error" : code, message == null ? "" : message));
        return;
      }
      byte[] data = fields.raw("data");
      invocation.succeed(data == null ? NULL : data);
    } catch (ProtocolException malformed) {
      // The op carries no id that an error could be told to; its caller gets its time-out.
      return;
    }
  }

  private synchronized Procedures.@Nullable Invocation take(String id) {
    return invocations == null ? null : invocations.remove(id);
  }

  /** Takes no calls for now; those under way end, for their results can no longer come here. */
  void pause() {
    synchronized (this) {
      paused = true;
    }
    interrupt();
  }

  synchronized void unpause() {
    paused = false;
  }

  void close() {
    List<String> names;
    synchronized (this) {
      closed = true;
      names = registered();
      registered = null;
    }
    names.forEach(name -> service.hub().procedures().unregister(name, this));
    interrupt();
  }

  private void interrupt() {
    List<Procedures.Invocation> waiting;
    synchronized (this) {
      waiting = invocations == null ? List.of() : List.copyOf(invocations.values());
      invocations = null;
    }
    waiting.forEach(
        invocation ->
            invocation.fail(
                new ProtocolException(ErrorCode.INTERRUPTED, "The callee has gone away.")));
  }
}
