package dev.footbridge.cluster;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.endpoint.RestoreRequest;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.hub.Hub;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Lanes;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionOptions;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.NodeStore;
import dev.footbridge.store.Retention;
import dev.footbridge.store.memory.MemoryChannelStore;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.store.redis.RedisConnections;
import dev.footbridge.store.redis.RedisNodeStore;
import dev.footbridge.store.redis.RedisSessionStore;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualTimer;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Value;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A node without HTTP: its sessions, and its place among others on one Redis. Its timers can be
 * stopped and go on, as those of a process that is stopped do.
 */
final class TestNode implements AutoCloseable {
  static final long LEASE_MILLIS = 400;
  private static final long TICK_MILLIS = 10;
  private static final long TTL_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final SessionOptions OPTIONS =
      new SessionOptions(100_000, 10_000, 20_000, TTL_NANOS, TTL_NANOS, TTL_NANOS);

  final Membership membership;
  final Sessions sessions;
  final Cluster cluster;
  final ForgetfulStore store;
  private final ScheduledExecutorService ticker = Executors.newSingleThreadScheduledExecutor();
  private final ManualTimer timer = new ManualTimer(new ManualClock());
  private final Lane lane = new Lane(Runnable::run);
  private static final byte[] STATE = "{}".getBytes(StandardCharsets.US_ASCII);

  /** Other nodes can be asked nothing, and nobody knows whether they are there. */
  private static final Membership.PromiseLink NOBODY =
      new Membership.PromiseLink() {
        @Override
        public CompletionStage<Boolean> ask(NodeStore.Peer peer, String onBehalfOf, long millis) {
          return CompletableFuture.completedStage(false);
        }

        @Override
        public CompletionStage<Boolean> hasEnded(NodeStore.Peer peer) {
          return CompletableFuture.completedStage(false);
        }
      };

  private volatile boolean stopped;
  private volatile boolean restless;
  private volatile boolean bearsRestless;

  /** An endpoint that can move and has nothing to say. */
  private final class Quiet implements Endpoint {
    private final boolean born = bearsRestless;

    @Override
    public void check(Value value) {}

    @Override
    public void receive(Value value) {}

    @Override
    public void drained() {}

    @Override
    public void moved(Lane lane) {}

    @Override
    public void closed() {}

    @Override
    public void describe(JsonWriter welcome) {}

    @Override
    public byte[] state() {
      return STATE;
    }

    @Override
    public CompletionStage<byte[]> settle() {
      return restless || born ? new CompletableFuture<>() : CompletableFuture.completedStage(STATE);
    }
  }

  /** Makes and starts a node; the id is the first of its names. */
  TestNode(String id, RedisConnections redis, String prefix) {
    int[] names = new int[1];
    membership =
        new Membership(
            new RedisNodeStore(redis, prefix, TTL_NANOS),
            new Membership.Times(LEASE_MILLIS, LEASE_MILLIS, TTL_NANOS),
            timer,
            System::nanoTime,
            () -> id + ++names[0],
            NOBODY);
    store = new ForgetfulStore(new RedisSessionStore(redis, prefix));
    Hub hub =
        new Hub(
            new MemoryChannelStore(
                name -> new Retention(1, 1, 1), 1, 1, System::nanoTime, InstantSource.system()),
            new MemoryPresenceStore(),
            Colleagues.NONE,
            membership::id,
            timer);
    cluster =
        new Cluster(
            new Cluster.Parts(
                membership,
                store,
                new PeerLink(new ClusterSecret("secret")),
                hub,
                new Lanes(List.of(Runnable::run)),
                timer,
                System::nanoTime),
            TTL_NANOS);
    sessions =
        new Sessions(
            membership::id,
            OPTIONS,
            new Sessions.SessionLimits(100_000, 100_000),
            new EndpointFactory() {
              @Override
              public CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer) {
                return CompletableFuture.completedStage(new Quiet());
              }

              @Override
              public CompletionStage<? extends Endpoint> restore(
                  RestoreRequest request, Peer peer) {
                return CompletableFuture.completedStage(new Quiet());
              }
            },
            List.of(),
            System::nanoTime,
            membership,
            cluster.listener());
    cluster.keep(sessions);
    Stage.get(membership.start("127.0.0.1:1"));
    var unused =
        ticker.scheduleAtFixedRate(
            () -> {
              if (!stopped) {
                timer.advance(TICK_MILLIS, TimeUnit.MILLISECONDS);
              }
            },
            TICK_MILLIS,
            TICK_MILLIS,
            TimeUnit.MILLISECONDS);
  }

  Session open() {
    return Stage.get(sessions.open(OpenRequest.hub("x"), lane));
  }

  /** Opens a session whose endpoint never comes to rest. */
  Session openRestless() {
    bearsRestless = true;
    try {
      return open();
    } finally {
      bearsRestless = false;
    }
  }

  /** Nothing that waits for a time happens any more, or again. */
  void stopped(boolean yes) {
    stopped = yes;
  }

  /** The endpoints of its sessions never come to rest any more. */
  void restless() {
    restless = true;
  }

  @Override
  public void close() {
    ticker.shutdownNow();
  }
}
