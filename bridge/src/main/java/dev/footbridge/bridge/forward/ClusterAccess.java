package dev.footbridge.bridge.forward;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.SessionAccess;
import dev.footbridge.cluster.Cluster;
import dev.footbridge.cluster.Place;
import dev.footbridge.http.Problems;
import dev.footbridge.io.Stages;
import dev.footbridge.session.OpeningWish;
import dev.footbridge.session.Openings;
import dev.footbridge.session.Session;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.websocket.AttachRequest;
import dev.footbridge.websocket.OpeningRequest;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * Sessions of all nodes: one of this node is gone on with, the request of another's is forwarded,
 * and one whose node has gone is taken over first. Safe for any thread.
 */
public final class ClusterAccess implements SessionAccess {
  /** A request that has come over so many nodes finds no way; somebody's picture is wrong. */
  private static final int MAX_HOPS = 3;

  private final Sessions sessions;
  private final Openings openings;
  private final Cluster cluster;
  private final Forwarder forwarder;

  /** Wires the parts; none of them is owned. */
  public ClusterAccess(Sessions sessions, Openings openings, Cluster cluster, Forwarder forwarder) {
    this.sessions = sessions;
    this.openings = openings;
    this.cluster = cluster;
    this.forwarder = forwarder;
  }

  @Override
  public void with(
      HttpServerExchange exchange,
      String id,
      Exchanges.Step<Session> then,
      Consumer<ProtocolException> otherwise) {
    Session here = sessions.local(id);
    if (here != null) {
      Exchanges.guard(exchange, then, here);
    } else if (Forwarder.hops(exchange) >= MAX_HOPS) {
      otherwise.accept(
          new ProtocolException(ErrorCode.UNAVAILABLE, "The session is on its way elsewhere."));
    } else {
      follow(exchange, cluster.locate(id), id, then, otherwise);
    }
  }

  private void follow(
      HttpServerExchange exchange,
      CompletionStage<Place> located,
      String id,
      Exchanges.Step<Session> then,
      Consumer<ProtocolException> otherwise) {
    CompletableFuture<Place> future = located.toCompletableFuture();
    Runnable go =
        () ->
            Stages.on(
                future,
                place -> onThread(exchange, () -> arrive(exchange, place, id, then, otherwise)),
                failure -> onThread(exchange, () -> otherwise.accept(Problems.of(failure))));
    if (future.isDone()) {
      go.run();
    } else {
      exchange.dispatch(SameThreadExecutor.INSTANCE, go);
    }
  }

  private static void onThread(HttpServerExchange exchange, Runnable step) {
    if (exchange.isInIoThread()) {
      step.run();
    } else {
      exchange.getIoThread().execute(step);
    }
  }

  private void arrive(
      HttpServerExchange exchange,
      Place place,
      String id,
      Exchanges.Step<Session> then,
      Consumer<ProtocolException> otherwise) {
    if (place instanceof Place.Here here) {
      Exchanges.guard(exchange, then, here.session());
      return;
    }
    Peer peer = ((Place.There) place).peer();
    forwarder.forward(
        exchange,
        peer,
        () -> follow(exchange, cluster.relocate(id, peer.id()), id, then, otherwise));
  }

  // ---- a WebSocket that is open already ----

  @Override
  public void attach(AttachRequest request) {
    Session here = sessions.local(request.session());
    if (here != null) {
      request.attach(here);
    } else {
      follow(request, cluster.locate(request.session()));
    }
  }

  private void follow(AttachRequest request, CompletionStage<Place> located) {
    Stages.on(
        located,
        place -> request.lane().execute(() -> arrive(request, place)),
        failure -> request.lane().execute(() -> request.refuse(Problems.of(failure))));
  }

  private void arrive(AttachRequest request, Place place) {
    if (place instanceof Place.Here here) {
      request.attach(here.session());
      return;
    }
    Peer peer = ((Place.There) place).peer();
    forwarder.forward(
        request, peer, () -> follow(request, cluster.relocate(request.session(), peer.id())));
  }

  // ---- openings ----

  @Override
  public boolean isForwarded(HttpServerExchange exchange) {
    return Forwarder.hops(exchange) > 0;
  }

  @Override
  public void opening(HttpServerExchange exchange, OpeningWish wish, byte[] body, Runnable here) {
    String key = wish.key();
    if (key == null || !isElsewhere(wish, isForwarded(exchange))) {
      here.run();
      return;
    }
    Exchanges.await(
        exchange,
        cluster.opener(key),
        opener -> {
          if (opener.isPresent()) {
            forwarder.open(exchange, opener.get(), body, here);
          } else {
            here.run();
          }
        });
  }

  @Override
  public void open(OpeningRequest request) {
    String key = request.wish().key();
    if (key == null || !isElsewhere(request.wish(), request.client().forwarded())) {
      request.open();
      return;
    }
    Stages.on(
        cluster.opener(key),
        opener ->
            request
                .lane()
                .execute(
                    () -> {
                      if (opener.isPresent() && !opener.get().draining()) {
                        forwarder.forward(request, opener.get(), request::open);
                      } else {
                        request.open();
                      }
                    }),
        failure -> request.lane().execute(() -> request.refuse(Problems.of(failure))));
  }

  /**
   * Whether another node may remember what this one does not. Also a first request is asked for: it
   * may have been on its way for long, and its client have gone on without it.
   */
  private boolean isElsewhere(OpeningWish wish, boolean forwarded) {
    String key = wish.key();
    return !forwarded && key != null && !openings.knows(key);
  }
}
