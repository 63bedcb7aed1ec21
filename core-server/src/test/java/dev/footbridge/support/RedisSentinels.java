package dev.footbridge.support;

import static java.util.stream.Collectors.joining;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** A primary with a replica, behind three Sentinels. */
public final class RedisSentinels implements RedisDeployment {
  private static final String NAME = "footbridge";

  private final List<RedisServer> servers;
  private final List<RedisServer> sentinels;

  /**
   * Starts them all, and waits until they know each other.
   *
   * @param downAfter how long a server must be silent to be taken for down; on a busy machine one
   *     that is well may be silent for a while too
   */
  public RedisSentinels(Duration downAfter) {
    RedisServer primary = RedisServer.with("--repl-diskless-sync-delay", "0");
    RedisServer replica =
        RedisServer.with(
            "--replicaof", "127.0.0.1 " + primary.port(), "--repl-diskless-sync-delay", "0");
    servers = List.of(primary, replica);
    awaitReplica(primary);
    sentinels = Stream.generate(() -> sentinel(primary, downAfter)).limit(3).toList();
    Awaitility.await("the Sentinels know each other")
        .until(() -> sentinels.stream().allMatch(RedisSentinels::knowsAll));
    // What one has decided has to reach the others within four of these, or they undo it.
    sentinels.forEach(sentinel -> sentinel.tell("SENTINEL", "DEBUG", "PUBLISH-PERIOD", "500"));
  }

  private static RedisServer sentinel(RedisServer primary, Duration downAfter) {
    RedisServer sentinel =
        RedisServer.sentinel(
            "sentinel monitor " + NAME + " 127.0.0.1 " + primary.port() + " 2",
            "sentinel down-after-milliseconds " + NAME + " " + downAfter.toMillis(),
            "sentinel failover-timeout " + NAME + " 3000");
    // They find each other, and agree, sooner than within seconds.
    sentinel.tell("SENTINEL", "DEBUG", "PUBLISH-PERIOD", "100", "ASK-PERIOD", "100");
    sentinel.tell("SENTINEL", "DEBUG", "INFO-PERIOD", "1000");
    return sentinel;
  }

  private static boolean knowsAll(RedisServer sentinel) {
    List<String> state = sentinel.tell("SENTINEL", "MASTER", NAME).lines().toList();
    return valueOf(state, "num-other-sentinels").equals("2")
        && valueOf(state, "num-slaves").equals("1")
        && valueOf(state, "flags").equals("master");
  }

  private static String valueOf(List<String> state, String name) {
    return state.get(state.indexOf(name) + 1);
  }

  private static void awaitReplica(RedisServer primary) {
    Awaitility.await("the replica follows")
        .until(() -> primary.tell("INFO", "replication").contains("state=online"));
  }

  /** Waits until all that the primary has been given is on the replica too. */
  public void replicate() {
    Awaitility.await("the replica has everything")
        .until(
            () ->
                offset(primary(), "master_repl_offset:")
                    .equals(offset(replica(), "slave_repl_offset:")));
  }

  private static String offset(RedisServer server, String name) {
    return server
        .tell("INFO", "replication")
        .lines()
        .filter(line -> line.startsWith(name))
        .findFirst()
        .map(line -> line.substring(name.length()).strip())
        .orElse("no " + name + " of " + server.port());
  }

  private static String primaryPort(RedisServer sentinel) {
    return sentinel
        .tell("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        .lines()
        .skip(1)
        .findFirst()
        .orElseThrow();
  }

  /** The primary, as the Sentinel sees it that is asked first. */
  public RedisServer primary() {
    String port = primaryPort(sentinels.get(0));
    return servers.stream()
        .filter(server -> Integer.toString(server.port()).equals(port))
        .findFirst()
        .orElseThrow();
  }

  /** The other one. */
  public RedisServer replica() {
    RedisServer primary = primary();
    return servers.get(0) == primary ? servers.get(1) : servers.get(0);
  }

  /** The Sentinel that is asked first. */
  public RedisServer firstSentinel() {
    return sentinels.get(0);
  }

  /** Lets the replica take the primary's place. */
  public void failOver() {
    RedisServer before = primary();
    sentinels.get(0).tell("SENTINEL", "FAILOVER", NAME);
    Awaitility.await("another primary").until(() -> primary() != before);
  }

  /** Starts what does not run, and waits until there is a primary with a replica again. */
  public void heal() {
    servers.forEach(RedisServer::start);
    Awaitility.await("a primary with a replica")
        .until(
            () ->
                sentinels.stream().allMatch(RedisSentinels::knowsAll)
                    && sentinels.stream().map(RedisSentinels::primaryPort).distinct().count() == 1
                    && primary().tell("INFO", "replication").contains("state=online"));
  }

  @Override
  public String url() {
    return sentinels.stream()
        .map(RedisServer::address)
        .collect(joining(",", "redis-sentinel://", "#" + NAME));
  }

  @Override
  public List<RedisServer> primaries() {
    return List.of(primary());
  }

  @Override
  public void close() {
    sentinels.forEach(RedisServer::close);
    servers.forEach(RedisServer::close);
  }
}
