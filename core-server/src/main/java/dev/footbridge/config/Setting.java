package dev.footbridge.config;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Every number that can be set. The key is that of the YAML file; {@code FOOTBRIDGE_} and the key
 * in capitals with underscores is the environment variable.
 */
public enum Setting {
  PORT("port", 8080, 0, 65_535, "where to listen; 0 takes any free port"),
  INTERNAL_PORT(
      "internal-port", 0, 0, 65_535, "where to listen for other nodes; 0 takes any free port"),
  IO_THREADS("io-threads", 0, 0, 1024, "threads that serve connections; 0 takes one a processor"),

  SESSION_TTL_SECONDS(
      "session.ttl-seconds", 60, 1, 86_400, "how long a session lives without a connection"),
  SESSION_PING_SECONDS(
      "session.ping-seconds", 25, 1, 3600, "silence after which a connection is pinged"),
  SESSION_BUFFER_BYTES(
      "session.buffer-bytes",
      2 << 20,
      1024,
      1 << 30,
      "messages that a session holds until they are acknowledged"),
  SESSION_WINDOW_MILLIS(
      "session.window-millis",
      1000,
      10,
      600_000,
      "how long a full buffer waits for an acknowledgement before the connection must come back"),

  WEBSOCKET_ATTACH_SECONDS(
      "websocket.attach-seconds",
      30,
      1,
      300,
      "how long a WebSocket without a session waits to be told one"),
  POLL_MAX_WAIT_SECONDS("poll.max-wait-seconds", 55, 1, 3600, "how long a poll is held at most"),
  POLL_INTERVAL_SECONDS(
      "poll.interval-seconds", 1, 1, 3600, "how often short pollers are asked to come"),
  POLL_BUDGET_PER_SECOND(
      "poll.budget-per-second",
      2000,
      1,
      1_000_000,
      "empty short polls a second above which pollers are asked to come less often"),
  STREAM_BYTES(
      "stream.bytes",
      16 << 20,
      4096,
      Long.MAX_VALUE,
      "octets after which an SSE or HTTP stream is ended and begun anew"),

  PROBE_MAX_SECONDS("probe.max-seconds", 120, 1, 3600, "how long a probe may take at most"),

  LIMITS_MESSAGE_BYTES("limits.message-bytes", 2 << 20, 64, 1 << 30, "the largest message"),
  LIMITS_BATCH_BYTES(
      "limits.batch-bytes",
      4 << 20,
      64,
      1 << 30,
      "the largest body of a request, and of a poll's answer"),
  LIMITS_HEADER_BYTES("limits.header-bytes", 16 << 10, 512, 1 << 20, "a request's headers"),
  LIMITS_HEADER_TIMEOUT_MILLIS(
      "limits.header-timeout-millis", 10_000, 100, 600_000, "time for a request's headers to come"),
  LIMITS_BODY_TIMEOUT_MILLIS(
      "limits.body-timeout-millis", 30_000, 100, 3_600_000, "time for a request's body to come"),
  LIMITS_KEEP_ALIVE_SECONDS(
      "limits.keep-alive-seconds", 75, 1, 86_400, "how long a connection waits for a next request"),
  LIMITS_SESSIONS("limits.sessions", 1_000_000, 1, Integer.MAX_VALUE, "sessions of a node"),
  LIMITS_SESSIONS_PER_ADDRESS(
      "limits.sessions-per-address", 10_000, 1, Integer.MAX_VALUE, "sessions of one address"),
  LIMITS_OPENINGS(
      "limits.openings", 100_000, 0, 10_000_000, "openings that can be asked for again, of a node"),
  LIMITS_PROBES("limits.probes", 10_000, 0, 1_000_000, "probes of a node at a time"),
  LIMITS_PROBES_PER_ADDRESS(
      "limits.probes-per-address", 100, 0, 1_000_000, "probes of one address at a time"),
  LIMITS_CHANNELS_PER_SESSION(
      "limits.channels-per-session", 1000, 1, 1_000_000, "subscriptions of a session or a feed"),
  LIMITS_PROCEDURES_PER_SESSION(
      "limits.procedures-per-session", 100, 1, 1_000_000, "procedures that a session registers"),
  LIMITS_CALLS_PER_SESSION(
      "limits.calls-per-session", 1000, 1, 1_000_000, "calls of a session that wait for results"),
  LIMITS_PUBLISH_PER_SECOND(
      "limits.publish-per-second",
      10_000,
      1,
      10_000_000,
      "publications a second over time, of a session or of an address without one"),
  LIMITS_PUBLISH_BURST(
      "limits.publish-burst", 20_000, 1, 100_000_000, "publications at once, of the same"),
  LIMITS_ANSWER_MESSAGES(
      "limits.answer-messages", 1000, 1, 1_000_000, "messages or members in one answer"),
  LIMITS_ANSWER_BYTES(
      "limits.answer-bytes", 1 << 20, 1024, 1 << 30, "octets of history in one answer"),

  HISTORY_COUNT("history.count", 10_000, 0, 100_000_000, "messages that a channel keeps"),
  HISTORY_BYTES("history.bytes", 16 << 20, 0, 1L << 40, "octets that a channel keeps"),
  HISTORY_AGE_SECONDS("history.age-seconds", 300, 0, 31_536_000, "how long a channel keeps them"),

  CLUSTER_LEASE_MILLIS(
      "cluster.lease-millis",
      1500,
      400,
      60_000,
      "how long a node that is not heard of keeps its sessions"),
  CLUSTER_WITHOUT_STORE_SECONDS(
      "cluster.without-store-seconds",
      30,
      0,
      86_400,
      "how long nodes serve on without Redis, as long as they reach each other"),
  CLUSTER_CONNECTIONS(
      "cluster.connections",
      20_000,
      1,
      1_000_000,
      "requests under way to one other node, from one I/O thread"),
  DRAIN_SECONDS(
      "drain.seconds", 10, 0, 600, "over how long a node that goes down gives its sessions away"),

  STORE_REDIS_TIMEOUT_MILLIS(
      "store.redis.timeout-millis", 2000, 100, 60_000, "how long Redis may take for a command"),
  STORE_REDIS_QUEUE(
      "store.redis.queue", 100_000, 100, 10_000_000, "commands that wait for Redis at a time"),
  STORE_MEMORY_CHANNELS(
      "store.memory.channels", 100_000, 1, 100_000_000, "channels that the memory store holds"),
  STORE_MEMORY_BYTES(
      "store.memory.bytes",
      0,
      0,
      1L << 50,
      "octets that the memory store holds; 0 takes a quarter of the heap");

  private final String key;
  private final long standard;
  private final long least;
  private final long most;
  private final String meaning;

  Setting(String key, long standard, long least, long most, String meaning) {
    this.key = key;
    this.standard = standard;
    this.least = least;
    this.most = most;
    this.meaning = meaning;
  }

  /** The key in the YAML file. */
  public String key() {
    return key;
  }

  /** The environment variable. */
  public String variable() {
    return variable(key);
  }

  static String variable(String key) {
    return "FOOTBRIDGE_" + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  /** The default. */
  public long standard() {
    return standard;
  }

  /** The smallest value allowed. */
  public long least() {
    return least;
  }

  /** The largest value allowed. */
  public long most() {
    return most;
  }

  /** What it means, in a few words. */
  public String meaning() {
    return meaning;
  }

  /** The setting with the key, or null. */
  public static @Nullable Setting of(String key) {
    for (Setting setting : values()) {
      if (setting.key.equals(key)) {
        return setting;
      }
    }
    return null;
  }

  long check(long value) {
    if (value < least || value > most) {
      throw new ConfigException(
          "\"" + key + "\" is " + value + "; it must be from " + least + " to " + most + ".");
    }
    return value;
  }
}
