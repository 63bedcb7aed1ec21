package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.footbridge.store.NodeStore;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** Nodes and leases in Redis, in one slot: a renewal and the look at the others are one command. */
public final class RedisNodeStore implements NodeStore {
  private final RedisPort redis;
  private final List<String> keys;
  private final String secretKey;
  private final long departedMillis;

  /**
   * @param prefix what all keys begin with
   * @param departedMillis how long a node is known that has gone: longer than its sessions live
   */
  public RedisNodeStore(RedisPort redis, String prefix, long departedMillis) {
    this.redis = redis;
    this.departedMillis = departedMillis;
    String base = prefix + ":{nodes}:";
    this.keys = List.of(base + "leases", base + "addresses", base + "departed");
    this.secretKey = base + "secret";
  }

  @Override
  public CompletionStage<Renewal> renew(
      String id, String address, boolean draining, long leaseMillis, Collection<String> knows) {
    return redis
        .run(
            "node-renew",
            keys,
            List.of(
                Answers.bytes(id),
                Answers.bytes(address),
                Answers.bytes(draining ? "1" : "0"),
                Answers.bytes(leaseMillis),
                Answers.bytes(departedMillis),
                Answers.bytes(String.join(",", knows))))
        .thenApply(RedisNodeStore::renewal);
  }

  private static Renewal renewal(Object answer) {
    List<?> parts = Answers.list(answer);
    List<?> peers = Answers.list(parts.get(2));
    List<Peer> known = new ArrayList<>();
    for (int i = 0; i + 2 < peers.size(); i += 3) {
      String about = Answers.text(peers.get(i + 1));
      int bar = about.indexOf('|');
      known.add(
          new Peer(
              Answers.text(peers.get(i)),
              about.substring(bar + 1, about.indexOf('|', bar + 1)),
              about.startsWith("1"),
              Answers.number(peers.get(i + 2))));
    }
    List<?> gone = Answers.list(parts.get(3));
    List<Departed> departed = new ArrayList<>();
    for (int i = 0; i + 1 < gone.size(); i += 2) {
      departed.add(new Departed(Answers.text(gone.get(i)), Answers.number(gone.get(i + 1))));
    }
    return new Renewal(
        Answers.number(parts.get(0)) == 1, Answers.number(parts.get(1)) == 1, known, departed);
  }

  @Override
  public CompletionStage<Long> declareDead(String id, String by, long strangerMillis) {
    return redis
        .run(
            "node-declare-dead",
            keys,
            List.of(Answers.bytes(id), Answers.bytes(by), Answers.bytes(strangerMillis)))
        .thenApply(Answers::number);
  }

  @Override
  public CompletionStage<?> leave(String id) {
    return redis.run(
        "node-declare-dead", keys, List.of(Answers.bytes(id), Answers.bytes(""), Answers.bytes(0)));
  }

  @Override
  public CompletionStage<String> secret(String proposal) {
    return redis
        .run("secret", List.of(secretKey), List.of(proposal.getBytes(UTF_8)))
        .thenApply(Answers::text);
  }
}
