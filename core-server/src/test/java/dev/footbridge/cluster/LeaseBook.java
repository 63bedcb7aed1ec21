package dev.footbridge.cluster;

import dev.footbridge.store.NodeStore;
import dev.footbridge.support.ManualClock;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** The rules of {@link NodeStore} in their plainest form, with a network that can be taken away. */
final class LeaseBook implements NodeStore {
  /** What the store does with a command. */
  enum Mood {
    ANSWERS,
    REFUSES,
    HANGS
  }

  private record Entry(
      String address, boolean draining, long endsMillis, Collection<String> knows) {}

  private final ManualClock clock;
  private final Map<String, Entry> leases = new LinkedHashMap<>();
  private final Map<String, Long> departed = new LinkedHashMap<>();
  private final Queue<Runnable> hanging = new ArrayDeque<>();
  private Mood mood = Mood.ANSWERS;

  LeaseBook(ManualClock clock) {
    this.clock = clock;
  }

  /** From now on; what hangs is answered when the store answers again. */
  void mood(Mood next) {
    mood = next;
    if (next == Mood.ANSWERS) {
      for (Runnable late = hanging.poll(); late != null; late = hanging.poll()) {
        late.run();
      }
    }
  }

  boolean isThere() {
    return mood == Mood.ANSWERS;
  }

  /** The store has lost what it had. */
  void lose() {
    leases.clear();
    departed.clear();
  }

  /** A replica that had not heard of a node's death yet has become the store. */
  void forgetDeath(String id) {
    departed.remove(id);
    leases.put(id, new Entry("", false, now(), List.of()));
  }

  boolean hasDeparted(String id) {
    return departed.containsKey(id);
  }

  private long now() {
    return TimeUnit.NANOSECONDS.toMillis(clock.getAsLong());
  }

  /** The store as one sees it who may be cut off from it. */
  NodeStore asSeenBy(BooleanSupplier cutOff) {
    return new NodeStore() {
      private <T> CompletionStage<T> reached(Supplier<CompletionStage<T>> command) {
        return cutOff.getAsBoolean() ? CompletableFuture.failedStage(away()) : command.get();
      }

      @Override
      public CompletionStage<Renewal> renew(
          String id, String address, boolean drains, long millis, Collection<String> knows) {
        return reached(() -> LeaseBook.this.renew(id, address, drains, millis, knows));
      }

      @Override
      public CompletionStage<Long> declareDead(String id, String by, long strangerMillis) {
        return reached(() -> LeaseBook.this.declareDead(id, by, strangerMillis));
      }

      @Override
      public CompletionStage<?> leave(String id) {
        return reached(() -> LeaseBook.this.leave(id).thenApply(left -> left));
      }

      @Override
      public CompletionStage<String> secret(String proposal) {
        return reached(() -> LeaseBook.this.secret(proposal));
      }
    };
  }

  private static ProtocolException away() {
    return new ProtocolException(ErrorCode.UNAVAILABLE, "The store is away.");
  }

  private <T> CompletionStage<T> answer(Supplier<T> command) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    switch (mood) {
      case ANSWERS -> answer.complete(command.get());
      case REFUSES -> answer.completeExceptionally(away());
      case HANGS -> hanging.add(() -> answer.complete(command.get()));
    }
    return answer;
  }

  @Override
  public CompletionStage<Renewal> renew(
      String id, String address, boolean draining, long leaseMillis, Collection<String> knows) {
    return answer(
        () -> {
          boolean known = leases.containsKey(id);
          boolean renewed = !departed.containsKey(id);
          if (renewed) {
            leases.put(id, new Entry(address, draining, now() + leaseMillis, knows));
          }
          List<Peer> peers = new ArrayList<>();
          leases.forEach(
              (node, entry) ->
                  peers.add(
                      new Peer(
                          node, entry.address(), entry.draining(), entry.endsMillis() - now())));
          List<Departed> gone = new ArrayList<>();
          departed.forEach((node, when) -> gone.add(new Departed(node, now() - when)));
          return new Renewal(renewed, known, peers, gone);
        });
  }

  @Override
  public CompletionStage<Long> declareDead(String id, String by, long strangerMillis) {
    return answer(
        () -> {
          Entry entry = leases.get(id);
          if (entry != null) {
            if (departed.containsKey(by)) {
              return 1000L;
            }
            long ends = entry.endsMillis() + (entry.knows().contains(by) ? 0 : strangerMillis);
            if (ends >= now()) {
              return Math.max(1, ends - now());
            }
          }
          leases.remove(id);
          departed.putIfAbsent(id, now());
          return 0L;
        });
  }

  @Override
  public CompletionStage<?> leave(String id) {
    return answer(
        () -> {
          leases.remove(id);
          return departed.putIfAbsent(id, now());
        });
  }

  @Override
  public CompletionStage<String> secret(String proposal) {
    return answer(() -> proposal);
  }
}
