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

/**
 * Nodes that share a store and a clock; each can be stopped, killed and cut off from the store, and
 * each link between two cut.
 */
final class Nodes {
  static final long LEASE_MILLIS = 2000;
  static final long WITHOUT_STORE_MILLIS = 30_000;
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
    boolean killed;
    boolean cutOff;
    final Membership membership =
        new Membership(
            book.asSeenBy(() -> cutOff),
            new Membership.Times(LEASE_MILLIS, WITHOUT_STORE_MILLIS, GONE_MILLIS),
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

    boolean runs() {
      return !stopped && !killed;
    }

    boolean holds() {
      return runs() && membership.holds();
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
      Node other = at(peer);
      return other.runs() && reaches(this, other)
          ? CompletableFuture.completedStage(other.membership.promise(onBehalfOf, millis))
          : CompletableFuture.failedStage(new IOException("no way to " + peer.address()));
    }

    @Override
    public CompletionStage<Boolean> hasEnded(Peer peer) {
      Node other = at(peer);
      return CompletableFuture.completedStage(
          reaches(this, other)
              && (other.killed || (other.runs() && !other.membership.isNamed(peer.id()))));
    }
  }

  private Node at(Peer peer) {
    return all.get(Integer.parseInt(peer.address().substring("node:".length())));
  }

  private boolean reaches(Node one, Node other) {
    return one == other || !cut.contains(Set.of(one, other));
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
      all.stream().filter(Node::runs).forEach(node -> node.timer.advance(0, TimeUnit.NANOSECONDS));
    }
  }
}
