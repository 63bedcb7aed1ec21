package dev.footbridge.node;

import dev.footbridge.cluster.ClusterSecret;
import dev.footbridge.cluster.Membership;
import dev.footbridge.cluster.PeerLink;
import dev.footbridge.config.Config;
import dev.footbridge.config.ConfigException;
import dev.footbridge.config.Setting;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.io.Stages;
import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.redis.RedisCalleeDirectory;
import dev.footbridge.store.redis.RedisChannelStore;
import dev.footbridge.store.redis.RedisConnections;
import dev.footbridge.store.redis.RedisNodeStore;
import dev.footbridge.store.redis.RedisOptions;
import dev.footbridge.store.redis.RedisPresenceStore;
import dev.footbridge.store.redis.RedisSessionStore;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timer;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a node shares with others through Redis: the stores, and its place among the nodes. */
final class Shared implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Shared.class);
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
  private static final int NAME_LENGTH = 8;
  private static final int SECRET_BYTES = 32;
  private static final String PREFIX = "fb";
  private static final String SECRET_VARIABLE = "FOOTBRIDGE_CLUSTER_SECRET";

  /** So long after its sessions have ended a node that has gone is still known. */
  private static final long DEPARTED_MARGIN_MILLIS = TimeUnit.HOURS.toMillis(1);

  private final Config config;
  private final RedisConnections redis;
  private final ClusterSecret secret;
  private final RedisNodeStore nodes;
  private final PeerLink link;
  private final Membership membership;
  private final RedisChannelStore channels;
  private final RedisPresenceStore presence;
  private final RedisCalleeDirectory callees;
  private final RedisSessionStore sessions;
  private volatile boolean secretLost;

  private Shared(
      Config config,
      Map<String, String> environment,
      RedisConnections redis,
      Timer timer,
      LongSupplier nanoClock)
      throws IOException {
    this.config = config;
    this.redis = redis;
    long ttlMillis = TimeUnit.SECONDS.toMillis(config.get(Setting.SESSION_TTL_SECONDS));
    this.nodes = new RedisNodeStore(redis, PREFIX, ttlMillis + DEPARTED_MARGIN_MILLIS);
    String given = environment.get(SECRET_VARIABLE);
    if (given != null && !ClusterSecret.isUsable(given)) {
      throw new IOException(
          SECRET_VARIABLE + " must be 16 to 512 visible ASCII characters, without spaces.");
    }
    this.secret = new ClusterSecret(given != null ? given : wait(nodes.secret(randomSecret())));
    this.link = new PeerLink(secret);
    this.membership =
        new Membership(
            nodes,
            new Membership.Times(
                config.get(Setting.CLUSTER_LEASE_MILLIS),
                TimeUnit.SECONDS.toMillis(config.get(Setting.CLUSTER_WITHOUT_STORE_SECONDS)),
                ttlMillis),
            timer,
            nanoClock,
            Shared::randomName,
            link);
    if (given == null) {
      membership.listen(
          new Membership.Listener() {
            @Override
            public void forgotten() {
              secretLost = true;
            }

            @Override
            public CompletionStage<?> reborn(String formerId, String id) {
              // It may have been away while the store lost its data.
              secretLost = true;
              return CompletableFuture.completedStage(null);
            }
          });
    }
    this.channels = new RedisChannelStore(redis, PREFIX, config::retention, timer, nanoClock);
    this.presence = new RedisPresenceStore(redis, PREFIX, membership::isGone, timer);
    this.callees =
        new RedisCalleeDirectory(
            redis,
            PREFIX,
            membership::id,
            node -> membership.alive(node) != null,
            membership::isGone,
            timer);
    this.sessions = new RedisSessionStore(redis, PREFIX);
  }

  /**
   * Connects to the configured Redis.
   *
   * @throws ConfigException where the setting or the environment cannot be used
   * @throws IOException with a sentence for the operator, where Redis cannot be used
   */
  static Shared open(
      Config config, Map<String, String> environment, Timer timer, LongSupplier nanoClock)
      throws IOException {
    RedisOptions options = options(config, environment);
    RedisConnections redis;
    try {
      redis = RedisConnections.open(options);
    } catch (ProtocolException e) {
      throw new IOException("\"store\": " + e.detail());
    }
    try {
      return new Shared(config, environment, redis, timer, nanoClock);
    } catch (IOException | RuntimeException e) {
      redis.close();
      throw e;
    }
  }

  private static RedisOptions options(Config config, Map<String, String> environment) {
    try {
      return RedisOptions.parse(
          config.store(),
          environment,
          PREFIX,
          Duration.ofMillis(config.get(Setting.STORE_REDIS_TIMEOUT_MILLIS)),
          config.getInt(Setting.STORE_REDIS_QUEUE));
    } catch (IllegalArgumentException e) {
      throw new ConfigException(String.valueOf(e.getMessage()));
    }
  }

  private static String randomName() {
    StringBuilder name = new StringBuilder(NAME_LENGTH);
    for (int i = 0; i < NAME_LENGTH; i++) {
      name.append(LETTERS.charAt(RANDOM.nextInt(LETTERS.length())));
    }
    return name.toString();
  }

  private static String randomSecret() {
    byte[] octets = new byte[SECRET_BYTES];
    RANDOM.nextBytes(octets);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
  }

  private <T> T wait(CompletionStage<T> stage) throws IOException {
    try {
      return stage
          .toCompletableFuture()
          .get(2 * redis.options().timeout().toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      Throwable cause = e.getCause() == null ? e : Stages.cause(e.getCause());
      throw new IOException("\"store\": " + redis.options() + " does not do its work: " + cause, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("The start was interrupted.", e);
    }
  }

  /**
   * Takes the first lease. Blocks.
   *
   * @param internalPort where this node listens for others
   */
  void join(int internalPort) throws IOException {
    String advertised = config.advertise();
    String address = advertised.isEmpty() ? internalHost() + ":" + internalPort : advertised;
    wait(membership.start(address));
    if (!membership.others().isEmpty()) {
      // Others look who there is once a beat: nothing is here that they do not find.
      pause(membership.leaseMillis() / 2);
    }
  }

  private static void pause(long millis) throws IOException {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("The start was interrupted.", e);
    }
  }

  /** The address on which to listen for other nodes: the configured one, else towards Redis. */
  String internalHost() throws IOException {
    String host = config.internalHost();
    if (!host.isEmpty()) {
      return host;
    }
    try (DatagramSocket route = new DatagramSocket()) {
      // Nothing is sent: it only tells which of this machine's addresses leads there.
      route.connect(
          new InetSocketAddress(
              InetAddress.getByName(redis.options().first().getHost()),
              redis.options().first().getPort()));
      return route.getLocalAddress().getHostAddress();
    }
  }

  RedisConnections redis() {
    return redis;
  }

  PeerLink link() {
    return link;
  }

  Membership membership() {
    return membership;
  }

  ChannelStore channels() {
    return channels;
  }

  PresenceStore presence() {
    return presence;
  }

  RedisSessionStore sessions() {
    return sessions;
  }

  Colleagues colleagues() {
    return Colleagues.of(callees, link.calls(membership::alive));
  }

  /** Time has passed; about once a second. */
  void check() {
    channels.check();
    presence.check();
    callees.check();
    if (secretLost) {
      shareSecret();
    }
  }

  /** The store has lost its data: whoever comes later must get the secret that the nodes have. */
  private void shareSecret() {
    Stages.on(
        nodes.secret(secret.current()),
        kept -> {
          secretLost = false;
          if (!kept.equals(secret.current())) {
            LOG.warn("A node came before the others had given Redis their secret; taking its own.");
            secret.adopt(kept);
          }
        },
        failure ->
            LOG.warn("Giving Redis the nodes' secret again failed: {}", failure.getMessage()));
  }

  @Override
  public void close() {
    redis.close();
  }
}
