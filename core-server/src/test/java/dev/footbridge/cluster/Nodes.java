package dev.footbridge.cluster;

import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualTimer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Nodes that share a store and a clock; each can be stopped, and each link between two cut. */
final class Nodes {
  static final long LEASE_MILLIS = 2000;
  static final long GONE_MILLIS = 60_000;

  final ManualClock clock = new ManualClock();
  final LeaseBook book = new LeaseBook(clock);
  final List<Node> all = new ArrayList<>();
  private final Set<Set<Node>> cut = new HashSet<>();
  private final AtomicInteger names = new AtomicInteger();

  /** One node, with what its membership told. */
  final class Node implements Membership.Listener, Membership.PromiseLink {
    final ManualTimer timer = new ManualTimer(clock);
    final List<String> lost = new ArrayList<>();
    final List<String> gone = new ArrayList<>();
    int regained;
    int forgotten;
    CompletableFuture<Void> reclaimed = CompletableFuture.completedFuture(null);
    String former;
    boolean stopped;
    final Membership membership =
        new Membership(
            book,
            LEASE_MILLIS,
            GONE_MILLIS,
            timer,
            clock,
            () -> "n" + names.incrementAndGet(),
            this);

    Node() {
      membership.listen(this);
    }

    String id() {
      return membership.id();
    }

    boolean holds() {
      return !stopped && membership.holds();
    }

    @Override
    public void regained() {
      regained++;
    }

    @Override
    public CompletionStage<?> reborn(String formerId, String id) {
      former = formerId;
      return reclaimed;
    }

    @Override
    public void forgotten() {
      forgotten++;
    }

    @Override
    public void lost(String peer) {
      lost.add(peer);
    }

    @Override
    public void gone(String node) {
      gone.add(node);
    }

    @Override
    public CompletionStage<Boolean> ask(Peer peer, String onBehalfOf, long millis) {
      for (Node other : all) {
        if (peer.address().equals("node:" + all.indexOf(other))
            && !other.stopped
            && !cut.contains(Set.of(this, other))) {
          return CompletableFuture.completedStage(other.membership.promise(onBehalfOf, millis));
        }
      }
      return CompletableFuture.failedStage(new IOException("no way to " + peer.address()));
    }
  }

  Node start() {
    Node node = new Node();
    all.add(node);
    node.membership.start("node:" + all.indexOf(node));
    return node;
  }

  void cut(Node one, Node other, boolean yes) {
    if (yes) {
      cut.add(Set.of(one, other));
    } else {
      cut.remove(Set.of(one, other));
    }
  }

  /** Lets time pass for all that are not stopped, in steps shorter than a beat. */
  void pass(long millis) {
    for (long left = millis; left > 0; left -= 50) {
      clock.advance(TimeUnit.MILLISECONDS.toNanos(Math.min(50, left)));
      all.stream()
          .filter(node -> !node.stopped)
          .forEach(node -> node.timer.advance(0, TimeUnit.NANOSECONDS));
    }
  }
}
