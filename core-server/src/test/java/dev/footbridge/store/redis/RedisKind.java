package dev.footbridge.store.redis;

import dev.footbridge.support.RedisCluster;
import dev.footbridge.support.RedisDeployment;
import dev.footbridge.support.RedisSentinels;
import dev.footbridge.support.RedisServer;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.HashedWheelTimer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * The kinds of Redis that everything must run on. Each is started when it is first needed, once for
 * all tests, and stopped with the JVM; tests keep apart by their prefixes.
 */
enum RedisKind {
  /** One server. */
  SINGLE,

  /** One server that can do no more than the oldest that is supported. */
  OLDEST,

  /** A primary and its replica behind Sentinels. */
  SENTINEL,

  /** A Redis Cluster. */
  CLUSTER;

  /** The commands that Redis has got since 6.2. */
  private static final List<String> NEWER =
      List.of(
          "BLMPOP",
          "BZMPOP",
          "EVALSHA_RO",
          "EVAL_RO",
          "EXPIRETIME",
          "FCALL",
          "FCALL_RO",
          "FUNCTION",
          "LMPOP",
          "PEXPIRETIME",
          "SINTERCARD",
          "SORT_RO",
          "SPUBLISH",
          "SSUBSCRIBE",
          "SUNSUBSCRIBE",
          "ZINTERCARD",
          "ZMPOP");

  private static final HashedWheelTimer TIMER = new HashedWheelTimer(daemons());
  private static final AtomicInteger PREFIXES = new AtomicInteger();

  private static final Map<RedisKind, RedisDeployment> STARTED = new EnumMap<>(RedisKind.class);
  private static final Map<RedisKind, RedisConnections> CONNECTIONS =
      new EnumMap<>(RedisKind.class);

  private static ThreadFactory daemons() {
    return task -> {
      Thread thread = new Thread(task);
      thread.setDaemon(true);
      return thread;
    };
  }

  private static RedisServer oldest() {
    String[] without;
    try (RedisServer newest = RedisServer.with()) {
      without =
          NEWER.stream()
              .filter(command -> !newest.tell("COMMAND", "INFO", command).isEmpty())
              .flatMap(command -> Stream.of("--rename-command", command, ""))
              .toArray(String[]::new);
    }
    return RedisServer.with(without);
  }

  private RedisDeployment start() {
    return switch (this) {
      case SINGLE -> RedisServer.with();
      case OLDEST -> oldest();
      case SENTINEL -> new RedisSentinels(Duration.ofMinutes(1));
      case CLUSTER -> new RedisCluster();
    };
  }

  /** What it runs on. */
  RedisDeployment deployment() {
    return STARTED.computeIfAbsent(this, RedisKind::start);
  }

  /** A node's connections. */
  RedisConnections connections() {
    return CONNECTIONS.computeIfAbsent(
        this,
        kind -> {
          try {
            return kind.connect();
          } catch (ProtocolException e) {
            throw new AssertionError(e);
          }
        });
  }

  /** Connections of another node, which closes them. */
  RedisConnections connect() throws ProtocolException {
    return RedisExtension.connect(deployment());
  }

  /** Sends all servers that can be written to a command. */
  void tell(String... words) {
    deployment().primaries().forEach(server -> server.tell(words));
  }

  /** Sends the server that has a key a command. */
  void tellOf(String key, String... words) {
    RedisServer server =
        deployment() instanceof RedisCluster cluster
            ? cluster.masterOf(key)
            : deployment().primaries().get(0);
    server.tell(words);
  }

  static HashedWheelTimer timer() {
    return TIMER;
  }

  /** One that nobody has used: as good as an empty Redis. */
  static String newPrefix() {
    return "test" + PREFIXES.incrementAndGet();
  }
}
