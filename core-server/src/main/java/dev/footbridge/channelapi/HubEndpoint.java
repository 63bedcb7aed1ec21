package dev.footbridge.channelapi;

import static dev.footbridge.auth.Authorizer.Action;

import dev.footbridge.auth.Identity;
import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.hub.Names;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.netty.util.Timeout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One session's place in the hub. Commands take effect in the order in which they came; their
 * replies may overtake each other where the store is a network away.
 */
final class HubEndpoint implements Endpoint {
  private static final int MAX_KEY_LENGTH = 256;
  private static final long DEFAULT_CALL_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long MAX_CALL_SECONDS = 300;

  /** How long calls may go on when the session is about to move. */
  private static final long CALL_GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  private static final byte[] NULL = "null".getBytes(StandardCharsets.US_ASCII);

  private final HubService service;
  private final Peer peer;
  private final String address;
  private final Subscriptions subscriptions;
  private final CallerRole caller;
  private final CalleeRole callee;
  private volatile Identity identity;
  private @Nullable RateLimiter publishLimiter;
  private final PublishOrder publishOrder;
  private CompletionStage<?> order = CompletableFuture.completedStage(null);
  private final Owed owed = new Owed();
  private @Nullable Object settling;

  HubEndpoint(HubService service, Peer peer, Identity identity, String address) {
    this.service = service;
    this.peer = peer;
    this.identity = identity;
    this.address = address;
    this.subscriptions = new Subscriptions(service, peer);
    this.caller = new CallerRole(service);
    this.callee = new CalleeRole(service, peer);
    this.publishOrder = new PublishOrder(service.hub());
  }

  /** Subscribes to what the client asked for at once. */
  CompletionStage<HubEndpoint> open(OpenRequest request) {
    List<CompletableFuture<?>> begun = new ArrayList<>();
    try {
      for (byte[] wish : request.subscribe()) {
        JsonObject fields = Subscriptions.fields(wish);
        begun.add(
            subscriptions
                .begin(fields, identity, false)
                .toCompletableFuture()
                .thenAccept(Subscriptions.Ready::start)
                .exceptionally(failure -> null));
      }
    } catch (ProtocolException malformed) {
      closed();
      return CompletableFuture.failedStage(malformed);
    }
    return CompletableFuture.allOf(begun.toArray(new CompletableFuture<?>[0]))
        .thenApply(
            all -> {
              subscriptions.opened();
              return this;
            });
  }

  /** Goes on where the session's endpoint was elsewhere; nothing is left of it if that fails. */
  CompletionStage<HubEndpoint> restore(EndpointState was, boolean whole) {
    List<CompletableFuture<Subscriptions.Ready>> begun = new ArrayList<>();
    was.channels()
        .forEach(
            channel ->
                begun.add(subscriptions.restore(channel, whole, identity).toCompletableFuture()));
    return CompletableFuture.allOf(begun.toArray(new CompletableFuture<?>[0]))
        .thenApply(
            all -> {
              begun.forEach(channel -> channel.join().start());
              was.procedures().forEach(callee::restore);
              subscriptions.opened();
              return this;
            })
        .whenComplete(
            (restored, failure) -> {
              if (failure != null) {
                handedOver();
              }
            });
  }

  @Override
  public void check(Value value) throws ProtocolException {
    checkValue(value);
  }

  /** What is no value for the hub, whatever session it is for, is {@code malformed}. */
  static void checkValue(Value value) throws ProtocolException {
    if (!(value instanceof Value.Command command)) {
      throw ProtocolException.malformed(
          "The hub takes commands only, not an application's text or binary messages.");
    }
    if (command.op().equals("result")) {
      command.fields().requiredText("invocation");
    } else if (command.counts() && command.id() == null) {
      throw ProtocolException.malformed(
          "The command needs an \"id\": a string or a number of at most 256 characters.");
    }
  }

  @Override
  public void receive(Value value) {
    if (!(value instanceof Value.Command command)) {
      return;
    }
    byte[] id = command.id();
    if (id == null) {
      callee.result(command.fields());
      return;
    }
    owed.add();
    try {
      execute(command.op(), id, command.fields());
    } catch (ProtocolException | RuntimeException e) {
      // What an application's handler throws at us is the answer too, without its words.
      fail(id, e);
    }
  }

  private void reply(byte[] id, byte[] data) {
    peer.answer(Replies.reply(id, data));
    owed.given();
  }

  private void fail(byte[] id, Throwable failure) {
    peer.answer(Replies.error(id, failure));
    owed.given();
  }

  private void execute(String op, byte[] id, JsonObject fields) throws ProtocolException {
    switch (op) {
      case "subscribe" -> subscribe(id, fields);
      case "unsubscribe" -> unsubscribe(id, fields);
      case "publish" -> publish(id, fields);
      case "history" -> history(id, fields);
      case "presence" -> presence(id, fields);
      case "recover" -> recover(id, fields);
      case "call" -> call(id, fields);
      case "register" -> register(id, fields);
      case "unregister" -> unregister(id, fields);
      case "result" -> {
        callee.result(fields);
        owed.given();
      }
      case "auth" -> authenticate(id, fields);
      default ->
          throw ProtocolException.malformed(
              "There is no command \"" + op.substring(0, Math.min(32, op.length())) + "\".");
    }
  }

  private void subscribe(byte[] id, JsonObject fields) throws ProtocolException {
    Stages.on(
        subscriptions.begin(fields, identity, false),
        ready -> {
          reply(id, ready.json());
          ready.start();
        },
        failure -> fail(id, failure));
  }

  private void unsubscribe(byte[] id, JsonObject fields) throws ProtocolException {
    subscriptions.end(Names.check(fields.requiredText("channel")));
    reply(id, Replies.EMPTY);
  }

  private void recover(byte[] id, JsonObject fields) throws ProtocolException {
    JsonObject positions = fields.object("positions");
    if (positions == null) {
      throw ProtocolException.malformed("\"positions\" is missing; it must be an object.");
    }
    List<String> names = positions.names();
    if (names.size() > service.limits().channels()) {
      throw new ProtocolException(
          ErrorCode.RATE_LIMITED,
          "A session may subscribe to " + service.limits().channels() + " channels.");
    }
    Map<String, CompletableFuture<Subscriptions.Ready>> begun = new TreeMap<>();
    for (String name : names) {
      begun.put(name, recover(name, positions.raw(name)));
    }
    var all = CompletableFuture.allOf(begun.values().toArray(new CompletableFuture<?>[0]));
    Stages.on(all, done -> recovered(id, begun), failure -> recovered(id, begun));
  }

  /** A channel that cannot be recovered does not keep the others from it. */
  private CompletableFuture<Subscriptions.Ready> recover(String name, byte @Nullable [] since) {
    JsonWriter wish =
        JsonWriter.object().text("channel", name).raw("since", since == null ? NULL : since);
    try {
      return subscriptions.begin(Json.object(wish.bytes()), identity, true).toCompletableFuture();
    } catch (ProtocolException refused) {
      return CompletableFuture.failedFuture(refused);
    }
  }

  private void recovered(byte[] id, Map<String, CompletableFuture<Subscriptions.Ready>> begun) {
    JsonWriter json = JsonWriter.object().beginObject("channels");
    List<Subscriptions.Ready> ready = new ArrayList<>();
    begun.forEach(
        (name, stage) ->
            Stages.on(
                stage,
                channel -> {
                  json.raw(name, channel.json());
                  ready.add(channel);
                },
                failure -> json.raw(name, Subscriptions.failureJson(failure))));
    reply(id, json.bytes());
    ready.forEach(Subscriptions.Ready::start);
  }

  private void publish(byte[] id, JsonObject fields) throws ProtocolException {
    Publication publication = publication(fields);
    RateLimiter limiter = publishLimiter;
    if (limiter == null) {
      limiter = service.newPublishLimiter();
      publishLimiter = limiter;
    }
    if (!limiter.acquirePermission()) {
      throw new ProtocolException(
          ErrorCode.RATE_LIMITED,
          "A session may publish "
              + service.limits().publishPerSecond()
              + " messages a second over time.");
    }
    Stages.on(
        inOrder(Action.PUBLISH, publication.channel())
            .thenCompose(allowed -> publishOrder.publish(publication)),
        position -> reply(id, HubService.positionJson(position).bytes()),
        failure -> fail(id, failure));
  }

  private Publication publication(JsonObject fields) throws ProtocolException {
    String channel = Names.check(fields.requiredText("channel"));
    byte[] data = fields.raw("data");
    if (data == null) {
      throw ProtocolException.malformed("\"data\" is missing; it may be any JSON value.");
    }
    String key = fields.text("key");
    if (key != null && (key.isEmpty() || key.length() > MAX_KEY_LENGTH)) {
      throw ProtocolException.malformed(
          "\"key\" must have 1 to " + MAX_KEY_LENGTH + " characters.");
    }
    return new Publication(channel, data, identity.user(), key);
  }

  /** Permissions come in the order of the commands, so that what they allow happens in order. */
  private CompletionStage<?> inOrder(Action action, String name) {
    CompletionStage<?> permission = service.authorize(action, identity, name, null);
    order = order.handle((done, failed) -> null).thenCompose(previous -> permission);
    return order;
  }

  private void history(byte[] id, JsonObject fields) throws ProtocolException {
    if (peer.isFull()) {
      // Its answers are large, and what has been read but not acknowledged still counts.
      throw new ProtocolException(
          ErrorCode.RATE_LIMITED, "Acknowledge what you have got before you ask for more.");
    }
    String channel = Names.check(fields.requiredText("channel"));
    Position since = Subscriptions.since(fields);
    int most = service.limits().historyMessages();
    int limit = (int) fields.integer("limit", Math.min(100, most), 0, Integer.MAX_VALUE);
    Stages.on(
        service
            .authorize(Action.HISTORY, identity, channel, fields.text("token"))
            .thenCompose(allowed -> service.hub().history(channel, since, Math.min(limit, most))),
        page -> {
          if (page.reached()) {
            reply(id, service.historyJson(page, since == null));
          } else {
            fail(id, HubService.gap(page.top()));
          }
        },
        failure -> fail(id, failure));
  }

  private void presence(byte[] id, JsonObject fields) throws ProtocolException {
    String channel = Names.check(fields.requiredText("channel"));
    Stages.on(
        service
            .authorize(Action.PRESENCE, identity, channel, fields.text("token"))
            .thenCompose(allowed -> subscriptions.whenPresent(channel))
            .thenCompose(
                allowed -> service.hub().present(channel, service.limits().historyMessages())),
        present -> {
          JsonWriter json = JsonWriter.object().beginArray("members");
          present.members().forEach(member -> json.element(member.json()));
          json.end().number("count", present.count()).number("users", present.users());
          reply(id, json.bytes());
        },
        failure -> fail(id, failure));
  }

  private void call(byte[] id, JsonObject fields) throws ProtocolException {
    String procedure = Names.check(fields.requiredText("procedure"));
    byte[] given = fields.raw("data");
    byte[] data = given == null ? NULL : given;
    long timeout = fields.secondsAsNanos("timeout", DEFAULT_CALL_NANOS, 0, MAX_CALL_SECONDS);
    Stages.on(
        caller.call(procedure, data, identity, fields.text("token"), timeout),
        result -> reply(id, result),
        failure -> {
          if (failure instanceof CallerRole.CallerGoneException) {
            owed.given();
          } else {
            fail(id, failure);
          }
        });
  }

  private void register(byte[] id, JsonObject fields) throws ProtocolException {
    String procedure = Names.check(fields.requiredText("procedure"));
    Stages.on(
        service.authorize(Action.REGISTER, identity, procedure, fields.text("token")),
        allowed -> {
          try {
            Stages.on(
                callee.register(procedure),
                found -> reply(id, Replies.EMPTY),
                failure -> fail(id, failure));
          } catch (ProtocolException tooMany) {
            fail(id, tooMany);
          }
        },
        failure -> fail(id, failure));
  }

  private void unregister(byte[] id, JsonObject fields) throws ProtocolException {
    callee.unregister(Names.check(fields.requiredText("procedure")));
    reply(id, Replies.EMPTY);
  }

  private void authenticate(byte[] id, JsonObject fields) throws ProtocolException {
    Stages.on(
        service.authenticate(fields.text("token"), address),
        fresh -> {
          String user = identity.user();
          if (user != null && !user.equals(fresh.user())) {
            fail(
                id,
                new ProtocolException(
                    ErrorCode.FORBIDDEN, "A session cannot go over to another user."));
            return;
          }
          identity = fresh;
          peer.changed();
          JsonWriter json = JsonWriter.object();
          describeUser(json);
          reply(id, json.bytes());
        },
        failure -> fail(id, failure));
  }

  @Nullable String user() {
    return identity.user();
  }

  @Override
  public void drained() {
    subscriptions.resume();
  }

  @Override
  public void moved(Lane lane) {
    subscriptions.move();
  }

  @Override
  public void closed() {
    subscriptions.close();
    callee.close();
    caller.close();
  }

  // ---- moving ----

  @Override
  public byte[] state() {
    return new EndpointState(identity, subscriptions.places(), callee.registered()).encode();
  }

  @Override
  public CompletionStage<byte[]> settle() {
    Object attempt = new Object();
    synchronized (this) {
      settling = attempt;
    }
    callee.pause();
    Timeout grace = service.hub().after(CALL_GRACE_NANOS, caller::interrupt);
    return owed.none()
        .thenApply(
            none -> {
              grace.cancel();
              synchronized (this) {
                if (settling != attempt) {
                  throw new CancellationException("The session goes on here.");
                }
                subscriptions.pause();
              }
              return state();
            });
  }

  @Override
  public void resumeWork() {
    synchronized (this) {
      settling = null;
      subscriptions.unpause();
    }
    subscriptions.resume();
    callee.unpause();
  }

  @Override
  public void handedOver() {
    subscriptions.handOver();
    // Calls under way have ended when it settled; where it did not, their callee is lost.
    callee.close();
  }

  @Override
  public void describe(JsonWriter welcome) {
    describeUser(welcome);
    subscriptions.describe(welcome);
  }

  private void describeUser(JsonWriter json) {
    String user = identity.user();
    if (user != null) {
      json.text("user", user);
    }
  }
}
