package dev.footbridge.node;

import dev.footbridge.auth.Authenticator;
import dev.footbridge.auth.Authorizer;
import dev.footbridge.auth.Identity;
import dev.footbridge.channelapi.HubService;
import dev.footbridge.cluster.Cluster;
import dev.footbridge.cluster.PeerLink;
import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.hub.Hub;
import dev.footbridge.io.Lanes;
import dev.footbridge.session.Openings;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.memory.MemoryChannelStore;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.websocket.WaitingSockets;
import dev.footbridge.websocket.WebSocketHandler;
import io.netty.util.HashedWheelTimer;
import io.netty.util.Timer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node: store, hub, sessions and the WebSocket transport, and the one timing wheel. It owns all
 * of them, but not the I/O threads.
 */
public final class Node implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Node.class);

  /** What the only node is called. */
  private static final String NODE = "m";

  private static final long TICK_MILLIS = 50;
  private static final int WHEEL_SIZE = 512;
  private static final int MEMORY_SHARE = 4;

  private final Config config;
  private final LongSupplier nanoClock = System::nanoTime;
  private final HashedWheelTimer timer;
  private final @Nullable MemoryChannelStore memory;
  private final @Nullable Shared shared;
  private final @Nullable Cluster cluster;
  private final Hub hub;
  private final HubService service;
  private final Lanes lanes;
  private final Sessions sessions;
  private final Openings openings;
  private final WaitingSockets waiting;
  private final List<LongConsumer> everySecond = new CopyOnWriteArrayList<>();
  private volatile @Nullable DataDirectory directory;
  private volatile boolean closed;

  /** What an application decides. */
  public record Application(
      Authenticator authenticator, Authorizer authorizer, Map<String, EndpointFactory> endpoints) {
    /** Everybody is anonymous and may do everything; there is nothing but the hub. */
    public static Application open() {
      return new Application(
          (token, address) -> CompletableFuture.completedStage(Identity.ANONYMOUS),
          (action, who, name, token) -> CompletableFuture.completedStage(null),
          Map.of());
    }
  }

  /**
   * Makes and starts a node.
   *
   * @param threads the I/O threads of the server that the node's handlers will run in
   * @param transports the names of the transports that are offered
   * @throws IOException with a sentence for the operator, where a shared store cannot be used
   */
  public Node(
      Config config,
      Application application,
      List<? extends Executor> threads,
      List<String> transports)
      throws IOException {
    this.config = config;
    this.lanes = new Lanes(threads);
    this.timer =
        new HashedWheelTimer(
            task -> {
              Thread thread = new Thread(task, "footbridge-timer");
              thread.setDaemon(true);
              return thread;
            },
            TICK_MILLIS,
            TimeUnit.MILLISECONDS,
            WHEEL_SIZE);
    if (config.isShared()) {
      this.memory = null;
      this.shared = open(config, timer, nanoClock);
      this.hub =
          new Hub(
              shared.channels(),
              shared.presence(),
              shared.colleagues(),
              shared.membership()::id,
              timer);
    } else {
      this.shared = null;
      this.memory =
          new MemoryChannelStore(
              config::retention,
              config.getInt(Setting.STORE_MEMORY_CHANNELS),
              memoryBytes(config),
              nanoClock,
              InstantSource.system());
      this.hub = new Hub(memory, new MemoryPresenceStore(), Colleagues.NONE, () -> NODE, timer);
    }
    this.service =
        new HubService(
            hub, application.authenticator(), application.authorizer(), config.hubLimits());
    Map<String, EndpointFactory> endpoints = new HashMap<>(application.endpoints());
    endpoints.put(OpenRequest.HUB, service);
    EndpointFactory router = new EndpointRouter(endpoints);
    if (shared == null) {
      this.sessions =
          new Sessions(
              NODE, config.sessionOptions(), config.sessionLimits(), router, transports, nanoClock);
      this.cluster = null;
    } else {
      Cluster.Parts parts =
          new Cluster.Parts(
              shared.membership(), shared.sessions(), shared.link(), hub, lanes, timer, nanoClock);
      this.cluster = new Cluster(parts, config.seconds(Setting.SESSION_TTL_SECONDS));
      this.sessions =
          new Sessions(
              shared.membership()::id,
              config.sessionOptions(),
              config.sessionLimits(),
              router,
              transports,
              nanoClock,
              shared.membership(),
              cluster.listener());
      cluster.keep(sessions);
    }
    this.openings = new Openings(sessions, config.getInt(Setting.LIMITS_OPENINGS), nanoClock);
    this.waiting =
        new WaitingSockets(
            config.sessionLimits(), config.seconds(Setting.WEBSOCKET_ATTACH_SECONDS), nanoClock);
    tick();
  }

  private static Shared open(Config config, HashedWheelTimer timer, LongSupplier nanoClock)
      throws IOException {
    try {
      return Shared.open(config, System.getenv(), timer, nanoClock);
    } catch (IOException | RuntimeException e) {
      var unused = timer.stop();
      throw e;
    }
  }

  private static long memoryBytes(Config config) {
    long bytes = config.get(Setting.STORE_MEMORY_BYTES);
    return bytes > 0 ? bytes : Runtime.getRuntime().maxMemory() / MEMORY_SHARE;
  }

  private void tick() {
    if (closed) {
      return;
    }
    var unused =
        timer.newTimeout(
            timeout -> {
              try {
                sessions.check();
                openings.check();
                waiting.check();
                lookAfterStores();
                everySecond.forEach(action -> action.accept(nanoClock.getAsLong()));
              } catch (RuntimeException e) {
                LOG.error("Looking after the sessions failed.", e);
              } finally {
                tick();
              }
            },
            1,
            TimeUnit.SECONDS);
  }

  private void lookAfterStores() {
    if (memory != null) {
      memory.sweep();
    }
    if (shared != null && cluster != null) {
      shared.check();
      cluster.check();
    }
  }

  /** Calls about once a second with the monotonic time, on the wheel's thread. */
  public void everySecond(LongConsumer action) {
    everySecond.add(action);
  }

  /** The configuration. */
  public Config config() {
    return config;
  }

  /** The hub. */
  public Hub hub() {
    return hub;
  }

  /** The hub's commands, limits and permissions. */
  public HubService service() {
    return service;
  }

  /** The sessions. */
  public Sessions sessions() {
    return sessions;
  }

  /** What opens sessions, also for clients that ask for the same again. */
  public Openings openings() {
    return openings;
  }

  /** The lanes of the I/O threads. */
  public Lanes lanes() {
    return lanes;
  }

  /** The timing wheel; its thread only hands over. */
  public Timer timer() {
    return timer;
  }

  /** The monotonic clock. */
  public LongSupplier nanoClock() {
    return nanoClock;
  }

  /** The handler of {@code GET /ws}. */
  public WebSocketHandler webSocketHandler() {
    return new WebSocketHandler(sessions, openings, waiting, lanes, timer, nanoClock);
  }

  /**
   * Takes over what the last process left in the data directory, if one is configured. Before
   * anybody can reach the node; blocks.
   *
   * @throws IOException with a sentence for the operator, where it cannot be used
   */
  public void restore() throws IOException {
    Path path = config.dataDir();
    if (path != null) {
      DataDirectory opened = DataDirectory.open(path);
      directory = opened;
      snapshot().read(opened, lanes, config.startEmpty());
    }
  }

  /** The node can be reached: what was restored is not needed any more. */
  public void started() throws IOException {
    DataDirectory from = directory;
    if (from != null) {
      from.used();
    }
  }

  /**
   * Leaves what the node holds in the data directory, if one is configured, and lets go of the
   * sessions; those go on in the next process. Blocks. The others end with {@link #drain}.
   *
   * @throws IOException where it cannot be written; then nothing is left there
   */
  public void save() throws IOException {
    DataDirectory to = directory;
    if (to != null) {
      sessions.drain();
      sessions.handedOver(snapshot().write(to));
    }
  }

  private Snapshot snapshot() {
    return new Snapshot(Objects.requireNonNull(memory), sessions, InstantSource.system());
  }

  // ---- one of several ----

  /** This node's view of all nodes' sessions; null if it is alone. */
  public @Nullable Cluster cluster() {
    return cluster;
  }

  /** What is asked of other nodes directly; null if this one is alone. */
  public @Nullable PeerLink link() {
    return shared == null ? null : shared.link();
  }

  /** The address to listen on for other nodes; null if this one is alone. */
  public @Nullable String internalHost() throws IOException {
    return shared == null ? null : shared.internalHost();
  }

  /**
   * Takes its place among the other nodes. Blocks; nothing is served before.
   *
   * @param internalPort where it listens for them
   * @throws IOException with a sentence for the operator, where the store does not let it
   */
  public void join(int internalPort) throws IOException {
    if (shared != null) {
      shared.join(internalPort);
    }
  }

  /**
   * Completes if the store has just done what is needed of it; fails with {@code unavailable}
   * otherwise.
   */
  public CompletionStage<?> checkStore() {
    return shared == null ? CompletableFuture.completedStage(null) : shared.redis().check();
  }

  /** Opens no sessions from now on, and takes none over: others are asked to. */
  public void refuse() {
    if (cluster != null) {
      cluster.takeNoMore();
    }
    sessions.drain();
    waiting.drain(sessions.farewells());
  }

  /**
   * Gives all sessions away to other nodes, or to whoever comes later; over the configured time if
   * there are others. Blocks. Those that cannot move end with {@link #drain}.
   */
  public void giveAway() {
    if (cluster != null) {
      cluster.giveAway(config.get(Setting.DRAIN_SECONDS));
    }
  }

  /** Leaves the other nodes for good, after everything else. Blocks. */
  public void leave() {
    if (cluster != null) {
      cluster.leave();
    }
  }

  /** Takes no new sessions and ends those that there are; their clients are told to come back. */
  public void drain() {
    sessions.drain();
    waiting.drain(sessions.farewells());
    sessions.closeAll();
  }

  /** Stops the wheel, after which nothing of the node works any more. */
  @Override
  public void close() {
    closed = true;
    var unused = timer.stop();
    if (shared != null) {
      shared.close();
    }
    DataDirectory held = directory;
    if (held != null) {
      try {
        held.close();
      } catch (IOException e) {
        LOG.warn("Giving back the data directory failed.", e);
      }
    }
  }
}
