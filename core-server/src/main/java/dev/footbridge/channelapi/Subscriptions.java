package dev.footbridge.channelapi;

import dev.footbridge.auth.Authorizer.Action;
import dev.footbridge.auth.Identity;
import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.hub.Hub;
import dev.footbridge.hub.Names;
import dev.footbridge.hub.Subscriber;
import dev.footbridge.hub.Subscription;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The subscriptions of one session. Any thread; the table is guarded by itself, and nothing is
 * called with it locked.
 */
final class Subscriptions implements Subscriber {
  private final HubService service;
  private final Peer peer;
  private final Map<String, Place> places = new HashMap<>(4);
  private @Nullable Map<String, byte[]> refused;
  private boolean opening = true;
  private boolean closed;
  private volatile boolean paused;

  /** A channel in the session: being subscribed to, or subscribed. */
  private static final class Place {
    final boolean presence;

    /** Completes when the reply has been sent; whoever asks again meanwhile waits for it. */
    final CompletableFuture<Subscription> begun = new CompletableFuture<>();

    /** Completes when the session is present, or will not be by this; it never fails. */
    final CompletableFuture<Void> joined = new CompletableFuture<>();

    volatile @Nullable Subscription subscription;
    boolean dropped;
    boolean recovered;

    Place(boolean presence) {
      this.presence = presence;
    }
  }

  /** A subscription whose reply can be sent and that begins after it. */
  record Ready(byte[] json, Runnable begin) {
    void start() {
      begin.run();
    }
  }

  Subscriptions(HubService service, Peer peer) {
    this.service = service;
    this.peer = peer;
  }

  /** The fields of a wish at the opening, which is a channel's name or has them already. */
  static JsonObject fields(byte[] wish) throws ProtocolException {
    return wish[0] == '"'
        ? Json.object(JsonWriter.object().raw("channel", wish).bytes())
        : Json.object(wish);
  }

  /** A {@code since} of a command, or null. */
  static @Nullable Position since(JsonObject fields) throws ProtocolException {
    JsonObject since = fields.object("since");
    return since == null
        ? null
        : Position.of(since.requiredText("epoch"), since.integer("offset", -1, 0, Long.MAX_VALUE));
  }

  static byte[] failureJson(Throwable failure) {
    return JsonWriter.object().raw("error", Replies.errorJson(failure)).bytes();
  }

  /**
   * Subscribes.
   *
   * @param fields those of a {@code subscribe}
   * @param again whether a subscription that there is already is replaced; otherwise it stays as it
   *     is
   */
  CompletionStage<Ready> begin(JsonObject fields, Identity who, boolean again)
      throws ProtocolException {
    String name = Names.check(fields.requiredText("channel"));
    Position since = since(fields);
    int most = service.limits().historyMessages();
    int last = (int) Math.min(most, fields.integer("last", 0, 0, Integer.MAX_VALUE));
    String token = fields.text("token");
    boolean presence = fields.flag("presence");
    Place place;
    Place old;
    synchronized (this) {
      old = places.get(name);
      // Whoever recovers a channel was there all the time.
      place = new Place(presence || (old != null && old.presence));
      if (old != null && !again) {
        return stays(old);
      }
      if (old == null && places.size() >= service.limits().channels()) {
        throw new ProtocolException(
            ErrorCode.RATE_LIMITED,
            "A session may subscribe to " + service.limits().channels() + " channels.");
      }
      places.put(name, place);
      refused = opening ? refused : null;
    }
    if (old != null) {
      drop(old);
    }
    CompletionStage<?> permission = service.authorize(Action.SUBSCRIBE, who, name, token);
    if (place.presence) {
      permission =
          permission.thenCompose(allowed -> service.authorize(Action.PRESENCE, who, name, token));
    }
    return permission
        .thenCompose(allowed -> service.hub().subscribe(name, this, since, last))
        .thenApply(begun -> ready(place, begun, who))
        .whenComplete(
            (ready, failure) -> {
              if (failure != null) {
                refuse(name, place, failure);
              }
            });
  }

  private static CompletionStage<Ready> stays(Place place) {
    return place.begun.thenApply(
        subscription ->
            new Ready(
                HubService.positionJson(subscription.top()).flag("recovered", true).bytes(),
                () -> {}));
  }

  private Ready ready(Place place, Hub.Begun begun, Identity who) {
    synchronized (this) {
      place.subscription = begun.subscription();
      place.recovered = begun.recovered();
      if (closed || place.dropped) {
        place.dropped = true;
      }
    }
    byte[] json = HubService.positionJson(begun.top()).flag("recovered", begun.recovered()).bytes();
    return new Ready(json, () -> start(place, begun.subscription(), who));
  }

  private void start(Place place, Subscription subscription, Identity who) {
    if (begin(place, subscription)) {
      service.hub().join(subscription, peer.publicId(), who.user(), member(who), this::present);
      leaveIfDropped(place, subscription);
      peer.changed();
    }
    place.joined.complete(null);
  }

  /** It may have been dropped while it was joining. */
  private void leaveIfDropped(Place place, Subscription subscription) {
    boolean gone;
    synchronized (this) {
      gone = place.dropped;
    }
    if (gone) {
      service.hub().leave(subscription, peer.publicId());
    }
  }

  /**
   * Completes when the session is present in a channel whose subscription has been answered: that
   * comes after the answer, and whoever has read the answer finds itself there.
   */
  CompletionStage<?> whenPresent(String name) {
    Place place;
    synchronized (this) {
      place = places.get(name);
    }
    return place == null || !place.presence || place.subscription == null
        ? CompletableFuture.completedStage(null)
        : place.joined;
  }

  /** True if it is to be joined too. */
  private boolean begin(Place place, Subscription subscription) {
    place.begun.complete(subscription);
    synchronized (this) {
      if (place.dropped) {
        subscription.end();
        return false;
      }
    }
    subscription.start();
    if (!place.presence) {
      peer.changed();
    }
    return place.presence;
  }

  private byte[] member(Identity who) {
    JsonWriter json = JsonWriter.object().text("member", peer.publicId());
    String user = who.user();
    if (user != null) {
      json.text("user", user);
    }
    byte[] info = who.info();
    if (info != null) {
      json.raw("info", info);
    }
    return json.bytes();
  }

  private boolean present(Message change) {
    return !paused && peer.offer(change) != Offer.OVERFLOWED;
  }

  private void refuse(String name, Place place, Throwable failure) {
    Throwable cause = Stages.cause(failure);
    synchronized (this) {
      if (places.get(name) == place) {
        places.remove(name);
      }
      if (opening && !closed) {
        refused = refused == null ? new HashMap<>() : refused;
        refused.put(name, failureJson(cause));
      }
    }
    place.begun.completeExceptionally(cause);
  }

  /** What the session wanted at its opening has been asked for and answered. */
  synchronized void opened() {
    opening = false;
  }

  /** Ends one; where there is none nothing happens. */
  void end(String name) {
    Place place;
    synchronized (this) {
      place = places.remove(name);
    }
    if (place != null) {
      drop(place);
      peer.changed();
    }
  }

  private void drop(Place place) {
    Subscription subscription;
    synchronized (this) {
      place.dropped = true;
      subscription = place.subscription;
    }
    if (subscription != null) {
      if (place.presence) {
        service.hub().leave(subscription, peer.publicId());
      }
      subscription.end();
    }
  }

  /** Ends all of them. */
  void close() {
    List<Place> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(places.values());
      places.clear();
    }
    all.forEach(this::drop);
  }

  // ---- moving ----

  /** The channels, with the last position that the peer was given. */
  List<EndpointState.Channel> places() {
    Map<String, Place> all;
    synchronized (this) {
      all = Map.copyOf(places);
    }
    List<EndpointState.Channel> channels = new ArrayList<>(all.size());
    all.forEach(
        (name, place) -> {
          Subscription subscription = place.subscription;
          if (subscription != null) {
            channels.add(new EndpointState.Channel(name, subscription.position(), place.presence));
          }
        });
    return channels;
  }

  /**
   * Subscribes again to a channel that the session had elsewhere, where nobody noticed that it was
   * gone.
   *
   * @param whole whether it goes on after its position; if not, at the channel's top
   */
  CompletionStage<Ready> restore(EndpointState.Channel was, boolean whole, Identity who) {
    Place place = new Place(was.presence());
    synchronized (this) {
      places.put(was.name(), place);
    }
    return service
        .hub()
        .subscribe(was.name(), this, whole ? was.position() : null, 0)
        .thenApply(
            begun -> {
              Ready ready = ready(place, begun, who);
              return new Ready(ready.json(), () -> startAgain(place, begun, who));
            });
  }

  private void startAgain(Place place, Hub.Begun begun, Identity who) {
    Subscription subscription = begun.subscription();
    if (!begun.recovered()) {
      peer.answer(gapMessage(subscription, begun.top()));
    }
    if (begin(place, subscription)) {
      service.hub().rejoin(subscription, peer.publicId(), who.user(), member(who), this::present);
      leaveIfDropped(place, subscription);
    }
    place.joined.complete(null);
  }

  /** Nothing is delivered from now on; the positions stay where they are. */
  void pause() {
    paused = true;
  }

  void unpause() {
    paused = false;
  }

  /** Lets go of all of them; nobody is told that the session has left. */
  void handOver() {
    List<Place> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(places.values());
      places.clear();
      all.forEach(place -> place.dropped = true);
    }
    for (Place place : all) {
      Subscription subscription = place.subscription;
      if (subscription != null) {
        if (place.presence) {
          service.hub().handOver(subscription, peer.publicId());
        }
        subscription.end();
      }
    }
  }

  // ---- delivery ----

  void resume() {
    for (Subscription subscription : begun()) {
      subscription.resume();
    }
  }

  void move() {
    for (Subscription subscription : begun()) {
      subscription.move();
    }
  }

  private synchronized List<Subscription> begun() {
    return places.values().stream()
        .map(place -> place.subscription)
        .filter(java.util.Objects::nonNull)
        .toList();
  }

  /**
   * Adds {@code subscribed} to a welcome: the top of each channel. The first welcome also says why
   * those that were asked for at the opening were refused.
   */
  synchronized void describe(JsonWriter welcome) {
    welcome.beginObject("subscribed");
    places.forEach(
        (name, place) -> {
          Subscription subscription = place.subscription;
          if (subscription != null) {
            welcome.raw(
                name,
                HubService.positionJson(subscription.top())
                    .flag("recovered", place.recovered)
                    .bytes());
          }
        });
    if (refused != null) {
      refused.forEach(welcome::raw);
    }
    welcome.end();
  }

  @Override
  public boolean deliver(Subscription from, LogEntry entry) {
    return !paused && peer.offer(entry.message()) != Offer.OVERFLOWED;
  }

  @Override
  public boolean gap(Subscription from, Position next) {
    return !paused && peer.offer(gapMessage(from, next)) != Offer.OVERFLOWED;
  }

  private static Message gapMessage(Subscription from, Position next) {
    return Message.json(
        JsonWriter.object()
            .text("op", "gap")
            .text("channel", from.channel())
            .text("epoch", next.epoch())
            .number("offset", next.offset())
            .bytes());
  }

  @Override
  public Lane lane() {
    return peer.lane();
  }
}
