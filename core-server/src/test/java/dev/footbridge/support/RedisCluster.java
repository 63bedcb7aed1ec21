package dev.footbridge.support;

import static java.util.stream.Collectors.joining;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/**
 * A Redis Cluster of three masters without replicas, which keep what they have on disk. While one
 * is away the others serve their slots.
 */
public final class RedisCluster implements RedisDeployment {
  private final List<RedisServer> masters;

  /** Starts them, and waits until all slots are served. */
  public RedisCluster() {
    masters = Stream.generate(RedisCluster::node).limit(3).toList();
    List<String> create = new ArrayList<>(List.of("redis-cli", "--cluster", "create"));
    masters.forEach(master -> create.add(master.address()));
    create.add("--cluster-yes");
    RedisServer.run(create.toArray(new String[0]));
    awaitWhole();
  }

  private static RedisServer node() {
    return RedisServer.with(
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "2000",
        "--cluster-require-full-coverage",
        "no",
        "--appendonly",
        "yes");
  }

  /** Waits until every one of them finds that all slots are served. */
  public void awaitWhole() {
    Awaitility.await("the cluster is whole")
        .until(
            () ->
                masters.stream()
                    .allMatch(
                        master -> master.tell("CLUSTER", "INFO").contains("cluster_state:ok")));
  }

  /** The master that serves a key. */
  public RedisServer masterOf(String key) {
    int slot = Integer.parseInt(masters.get(0).tell("CLUSTER", "KEYSLOT", key));
    // Redis tells them one after the other: from, to, then the address of who serves these.
    List<String> slots = masters.get(0).tell("CLUSTER", "SLOTS").lines().toList();
    for (RedisServer master : masters) {
      int port = slots.indexOf(Integer.toString(master.port()));
      int from = Integer.parseInt(slots.get(port - 3));
      int to = Integer.parseInt(slots.get(port - 2));
      if (from <= slot && slot <= to) {
        return master;
      }
    }
    throw new IllegalStateException("Nobody serves slot " + slot + ".");
  }

  @Override
  public String url() {
    return masters.stream().map(RedisServer::address).collect(joining(",", "redis-cluster://", ""));
  }

  @Override
  public List<RedisServer> primaries() {
    return masters;
  }

  @Override
  public void close() {
    masters.forEach(RedisServer::close);
  }
}
