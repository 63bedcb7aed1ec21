package dev.footbridge.store.redis;

import dev.footbridge.io.Stages;
import dev.footbridge.store.CalleeDirectory;
import io.netty.util.Timer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory of callees in Redis: a hash per procedure, from node to how many callees it has.
 * What was read of others is remembered until a message on the directory's topic says that it has
 * changed, and for some seconds at most.
 *
 * <p>{@link #check()} must be called about once a second: it announces a part of what this node has
 * again each time, so that whatever Redis has lost is there again after {@value #ROUNDS} of them.
 */
public final class RedisCalleeDirectory implements CalleeDirectory {
  private static final Logger LOG = LoggerFactory.getLogger(RedisCalleeDirectory.class);

  /** How long a procedure is known that no node announces again. */
  private static final long LIFE_MILLIS = TimeUnit.MINUTES.toMillis(5);

  private static final int ROUNDS = 10;
  private static final int BATCH = 500;
  private static final int MOST_REMEMBERED = 10_000;
  private static final long RETRY_SECONDS = 1;

  private final RedisPort redis;
  private final String prefix;
  private final String topic;
  private final Supplier<String> self;
  private final Predicate<String> alive;
  private final Predicate<String> gone;
  private final Timer timer;
  private final Map<String, Announced> announced = new ConcurrentHashMap<>();
  private final Turns<String> turns = new Turns<>();
  private final Set<String> lately = ConcurrentHashMap.newKeySet();
  private volatile boolean hears;
  private int round;

  /** What others have, guarded by itself; the longest unused go first. */
  private final Map<String, CompletableFuture<Map<String, Integer>>> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(
            Map.Entry<String, CompletableFuture<Map<String, Integer>>> eldest) {
          return size() > MOST_REMEMBERED;
        }
      };

  /** How many callees this node has, and under which name that was last said. */
  private record Announced(String node, int count) {}

  /**
   * @param prefix before all keys and topics
   * @param self this node's name at present
   * @param alive whether a node can be called
   * @param gone whether a node is dead and will not come back under this name
   * @param timer for what is tried again
   */
  public RedisCalleeDirectory(
      RedisPort redis,
      String prefix,
      Supplier<String> self,
      Predicate<String> alive,
      Predicate<String> gone,
      Timer timer) {
    this.redis = redis;
    this.prefix = prefix;
    // In one slot with nothing else: scripts name it with a key of another slot, which only a
    // plain PUBLISH may do, and that goes to all nodes of a Redis Cluster.
    this.topic = prefix + ":callees";
    this.self = self;
    this.alive = alive;
    this.gone = gone;
    this.timer = timer;
    redis.onReconnect(
        () -> {
          forgetAll();
          var unused = Stages.each(List.copyOf(announced.keySet()), BATCH, this::sayAgain);
        });
    hear();
  }

  private void hear() {
    Stages.on(
        redis.hear(topic, name -> forget(new String(name, StandardCharsets.UTF_8))),
        deaf -> {
          forgetAll();
          hears = true;
        },
        failure -> {
          var unused = timer.newTimeout(timeout -> hear(), RETRY_SECONDS, TimeUnit.SECONDS);
        });
  }

  private void forget(String procedure) {
    synchronized (remembered) {
      remembered.remove(procedure);
    }
  }

  private void forgetAll() {
    synchronized (remembered) {
      remembered.clear();
    }
  }

  @Override
  public CompletionStage<?> announce(String procedure, int count) {
    String node = self.get();
    Announced before;
    if (count == 0) {
      before = announced.remove(procedure);
      turns.remove(procedure);
    } else {
      before = announced.put(procedure, new Announced(node, count));
      turns.add(procedure);
    }
    if (before != null && !before.node().equals(node)) {
      withdraw(procedure, before.node());
    }
    return say(procedure, node, count);
  }

  private CompletionStage<?> say(String procedure, String node, int count) {
    return redis.run(
        "callee-announce",
        List.of(key(procedure)),
        List.of(
            Answers.bytes(topic),
            Answers.bytes("PUBLISH"),
            Answers.bytes(procedure),
            Answers.bytes(node),
            Answers.bytes(count),
            Answers.bytes(LIFE_MILLIS)));
  }

  /** What was the last word may have been overtaken, or lost with what Redis had. */
  private CompletionStage<?> sayAgain(String procedure) {
    Announced known = announced.get(procedure);
    if (known == null) {
      return CompletableFuture.completedStage(null);
    }
    return say(procedure, known.node(), known.count())
        .handle(
            (said, failure) -> {
              if (failure != null) {
                LOG.debug("{} is announced later: {}", procedure, failure.getMessage());
              } else if (!known.equals(announced.get(procedure))) {
                correct(procedure, known);
              }
              return null;
            });
  }

  /** What was said again had just been changed: the newer word must be the last. */
  private void correct(String procedure, Announced old) {
    Announced now = announced.get(procedure);
    if (now == null) {
      withdraw(procedure, old.node());
    } else {
      var unused = sayAgain(procedure);
    }
  }

  private void withdraw(String procedure, String node) {
    Stages.on(
        say(procedure, node, 0),
        said -> {},
        failure -> LOG.debug("{} is withdrawn by time: {}", procedure, failure.getMessage()));
  }

  @Override
  public CompletionStage<Map<String, Integer>> elsewhere(String procedure, boolean exact) {
    CompletableFuture<Map<String, Integer>> answer;
    synchronized (remembered) {
      CompletableFuture<Map<String, Integer>> known = remembered.get(procedure);
      if (known != null && !exact) {
        return known.thenApply(this::reachable);
      }
      answer = new CompletableFuture<>();
      if (hears) {
        remembered.put(procedure, answer);
      }
    }
    Stages.on(
        redis.run("callee-read", List.of(key(procedure)), List.of()),
        read -> answer.complete(nodes(procedure, Answers.list(read))),
        failure -> {
          synchronized (remembered) {
            remembered.remove(procedure, answer);
          }
          answer.completeExceptionally(failure);
        });
    return answer.thenApply(this::reachable);
  }

  private Map<String, Integer> nodes(String procedure, List<?> read) {
    Map<String, Integer> nodes = new HashMap<>();
    boolean gap = false;
    for (int i = 0; i + 1 < read.size(); i += 2) {
      String node = Answers.text(read.get(i));
      if (node.isEmpty()) {
        gap = true;
      } else if (gone.test(node)) {
        withdraw(procedure, node);
      } else {
        gap |= !alive.test(node);
        nodes.put(node, (int) Answers.number(read.get(i + 1)));
      }
    }
    if (!gap) {
      lately.remove(procedure);
    } else if (lately.size() < MOST_REMEMBERED) {
      lately.add(procedure);
    }
    return Map.copyOf(nodes);
  }

  @Override
  public boolean hadLately(String procedure) {
    return lately.contains(procedure);
  }

  private Map<String, Integer> reachable(Map<String, Integer> nodes) {
    String own = self.get();
    Map<String, Integer> others = new HashMap<>(nodes);
    others.keySet().removeIf(node -> node.equals(own) || !alive.test(node));
    return others;
  }

  /** Time has passed. */
  public void check() {
    if (++round % ROUNDS == 0) {
      forgetAll();
      lately.clear();
    }
    for (String procedure : turns.next(ROUNDS)) {
      var unused = sayAgain(procedure);
    }
  }

  private String key(String procedure) {
    return prefix + ":{" + procedure + "}:callees";
  }
}
