package dev.footbridge.cluster;

import dev.footbridge.io.Stages;
import dev.footbridge.session.Tenure;
import dev.footbridge.store.NodeStore;
import dev.footbridge.store.NodeStore.Departed;
import dev.footbridge.store.NodeStore.Peer;
import io.netty.util.Timer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's place among the others: its lease, and who else there is.
 *
 * <h2>The lease</h2>
 *
 * A node serves its sessions only while it {@link #holds()}. What it holds is a lease in the store,
 * renewed four times in its life, and counted here from <em>before</em> the renewal was sent, on
 * the monotonic clock: so it ends here before it ends there, also if the process was stopped in
 * between. Another node may take sessions over only after it has declared this one dead, which the
 * store allows only when the lease has ended there; and one that was declared dead can never renew.
 * It takes a new name then, and claims each of its sessions again; those that others have claimed
 * meanwhile it drops. So no two nodes ever serve one session at the same time.
 *
 * <h2>When the store is away</h2>
 *
 * Nobody can be declared dead without the store, but a node that cannot reach it does not know
 * whether others can. It asks them: each one that it knew promises not to declare it dead for
 * another lease. If all of them do, the lease goes on, and so do the sessions. One answer that is
 * missing is enough for it to end.
 *
 * <p>A node that came later is asked by nobody who does not know it yet. To it the leases of those
 * last longer, by as long as they may go on without the store at most; unless it finds that nobody
 * is there any more under that name, as where a killed process has been started again.
 *
 * <p>Safe for any thread. Listeners are called on the threads that complete the store's stages.
 */
public final class Membership implements Tenure {
  private static final Logger LOG = LoggerFactory.getLogger(Membership.class);
  private static final int BEATS_A_LEASE = 4;

  /** What two monotonic clocks may differ by within a lease, as a part of it. */
  private static final int DRIFT = 50;

  /** Is told of what happens among the nodes. */
  public interface Listener {
    /** The tenure had lapsed and holds again; nobody took anything in between. */
    default void regained() {}

    /**
     * This node was declared dead and has another name now. The tenure does not hold before the
     * stage completes.
     */
    default CompletionStage<?> reborn(String formerId, String id) {
      return CompletableFuture.completedStage(null);
    }

    /** The store has lost what it had, and with it what this node had written. */
    default void forgotten() {}

    /** A peer has gone or its lease has ended. */
    default void lost(String peer) {}

    /** A node went so long ago that nobody will come back to its sessions. Once for each node. */
    default void gone(String node) {}
  }

  /** What is asked of peers themselves. */
  public interface PromiseLink {
    /**
     * Asks for a promise; see {@link #promise}. Completes with whether the peer promises;
     * exceptionally if it cannot be asked.
     */
    CompletionStage<Boolean> ask(Peer peer, String onBehalfOf, long millis);

    /**
     * Completes with whether it is certain that a peer's process has ended: another node is where
     * it was, or the machine says that nobody is. Silence proves nothing. Never exceptionally.
     */
    CompletionStage<Boolean> hasEnded(Peer peer);
  }

  /**
   * How long what lasts, in milliseconds.
   *
   * @param lease a lease
   * @param withoutStore how much longer it may last by promises, at most
   * @param gone how long after its departure a node's sessions can still be claimed
   */
  public record Times(long lease, long withoutStore, long gone) {}

  private final NodeStore store;
  private final long leaseMillis;
  private final long withoutStoreMillis;
  private final long goneMillis;
  private final Timer timer;
  private final LongSupplier nanoClock;
  private final Supplier<String> names;
  private final PromiseLink link;
  private final List<Listener> listeners = new ArrayList<>();
  private final Map<String, Long> promises = new ConcurrentHashMap<>();

  /** Who is being declared dead at this moment, by how many requests. */
  private final Map<String, Integer> declaring = new ConcurrentHashMap<>();

  private final Set<String> known = new HashSet<>();
  private final Set<String> buried = new HashSet<>();
  private final Set<String> declared = new HashSet<>();

  private volatile String id;
  private volatile String address = "";
  private volatile long validUntil;
  private volatile long renewedAt;
  private volatile boolean suspended;
  private volatile boolean draining;
  private volatile boolean left;
  private volatile Map<String, Peer> peers = Map.of();
  private volatile long settledSince;
  private volatile long knownAt;
  private volatile long forgottenAt;

  // Guarded by this.
  private boolean renewing;
  private boolean failing;
  private volatile boolean begun;
  private long lastBeat;

  /**
   * @param names gives a new, random name each time
   */
  public Membership(
      NodeStore store,
      Times times,
      Timer timer,
      LongSupplier nanoClock,
      Supplier<String> names,
      PromiseLink link) {
    this.store = store;
    this.leaseMillis = times.lease();
    this.withoutStoreMillis = times.withoutStore();
    this.goneMillis = times.gone();
    this.timer = timer;
    this.nanoClock = nanoClock;
    this.names = names;
    this.link = link;
    this.id = names.get();
    this.validUntil = nanoClock.getAsLong();
    this.knownAt = validUntil;
    this.renewedAt = validUntil;
    this.settledSince = validUntil;
    this.forgottenAt = validUntil - TimeUnit.MILLISECONDS.toNanos(leaseMillis);
  }

  /** Adds a listener; before {@link #start}. */
  public void listen(Listener listener) {
    listeners.add(listener);
  }

  /**
   * Takes the first lease and goes on renewing it; completes when the tenure holds. Once.
   *
   * @param reachedAt {@code host:port} at which other nodes find this one
   */
  public CompletionStage<?> start(String reachedAt) {
    address = reachedAt;
    long now = nanoClock.getAsLong();
    synchronized (this) {
      lastBeat = now;
      renewing = true;
    }
    settledSince = now;
    return renewal(id, false)
        .thenAccept(
            renewal -> {
              renewed(now, renewal);
              beatLater();
            });
  }

  /** This node's name at present. */
  public String id() {
    return id;
  }

  /** Whether this is this node's name at present. */
  public boolean isNamed(String name) {
    return name.equals(id);
  }

  /** How often the lease is renewed, and the others are looked at. */
  long beatMillis() {
    return leaseMillis / BEATS_A_LEASE;
  }

  /** How long a lease lasts. */
  public long leaseMillis() {
    return leaseMillis;
  }

  @Override
  public boolean holds() {
    return !suspended && nanoClock.getAsLong() - validUntil < 0;
  }

  /**
   * Whether what the store did not have at a moment is nowhere: it has known this node since, so it
   * had not lost its data, or all others have had the time to write theirs again.
   *
   * @param momentNanos on the monotonic clock
   */
  public boolean hadAll(long momentNanos) {
    return knownAt - momentNanos >= 0
        && nanoClock.getAsLong() - forgottenAt >= TimeUnit.MILLISECONDS.toNanos(leaseMillis);
  }

  /** A peer whose lease had not ended when the store was last asked; null if there is none. */
  public @Nullable Peer alive(String node) {
    Peer peer = peers.get(node);
    return peer != null && peer.leaseMillis() > 0 ? peer : null;
  }

  /** Whether a node departed so long ago that nobody comes back to its sessions any more. */
  public synchronized boolean isGone(String node) {
    return buried.contains(node);
  }

  /** All other nodes that are alive. */
  public Collection<Peer> others() {
    String own = id;
    return peers.values().stream()
        .filter(peer -> peer.leaseMillis() > 0 && !peer.id().equals(own))
        .toList();
  }

  /** Whether this node gives its sessions away. */
  public boolean isDraining() {
    return draining;
  }

  /** As {@link #drain}, but the others are told later. */
  void takeNoMore() {
    draining = true;
  }

  /** Tells the others that this node gives its sessions away; completes when they all know. */
  public CompletionStage<?> drain() {
    draining = true;
    CompletableFuture<Void> known = new CompletableFuture<>();
    long sent = nanoClock.getAsLong();
    Stages.on(
        renewal(id, true),
        renewal -> {
          if (renewal.renewed()) {
            renewed(sent, renewal);
          }
          // Each of them looks once a beat.
          later(leaseMillis / BEATS_A_LEASE * 3 / 2, () -> known.complete(null));
        },
        known::completeExceptionally);
    return known;
  }

  /** Gives the lease up for good; what this node still owned can be claimed at once. */
  public CompletionStage<?> leave() {
    left = true;
    suspended = true;
    return store.leave(id);
  }

  /**
   * Promises another node, which cannot reach the store, that this one will not declare it dead for
   * some time.
   *
   * @return false if it has done so already
   */
  public boolean promise(String node, long millis) {
    long until = nanoClock.getAsLong() + TimeUnit.MILLISECONDS.toNanos(Math.min(millis, 60_000));
    if (left || !known(node)) {
      return false;
    }
    promises.merge(node, until, (one, other) -> one - other > 0 ? one : other);
    if (declaring.containsKey(node)) {
      promises.remove(node);
      return false;
    }
    return true;
  }

  private boolean known(String node) {
    return peers.containsKey(node);
  }

  /**
   * Declares a node dead if that is allowed: its lease has ended in the store, it was not promised
   * anything, and this node itself has been settled for a lease: it has not just started, woken,
   * got another name or come back to the store, when others may live on promises that this node,
   * which they do not know yet, was not asked for.
   *
   * @return milliseconds after which it may be tried again; 0 if the node is dead
   */
  public CompletionStage<Long> declareDead(String node) {
    long now = nanoClock.getAsLong();
    long wait = leaseMillis - TimeUnit.NANOSECONDS.toMillis(now - settledSince);
    if (wait > 0 || failing()) {
      return CompletableFuture.completedStage(Math.max(wait, leaseMillis / BEATS_A_LEASE));
    }
    declaring.merge(node, 1, Integer::sum);
    Long promised = promises.get(node);
    if (promised != null && promised - now > 0) {
      declared(node);
      return CompletableFuture.completedStage(TimeUnit.NANOSECONDS.toMillis(promised - now) + 1);
    }
    return store
        .declareDead(node, id, withoutStoreMillis)
        .thenCompose(left -> left == 0 ? CompletableFuture.completedStage(left) : still(node, left))
        .whenComplete(
            (left, failure) -> {
              declared(node);
              if (failure == null && left == 0) {
                died(node);
              }
            });
  }

  private void declared(String node) {
    declaring.computeIfPresent(node, (same, count) -> count == 1 ? null : count - 1);
  }

  /** It may not be declared dead yet; but if its lease has ended it may be known to have ended. */
  private CompletionStage<Long> still(String node, long left) {
    Peer peer = peers.get(node);
    if (peer == null || peer.leaseMillis() > 0) {
      return CompletableFuture.completedStage(left);
    }
    return link.hasEnded(peer)
        .thenCompose(
            ended ->
                ended
                    ? store.declareDead(node, id, 0)
                    : CompletableFuture.completedStage(Math.max(left, beatMillis())));
  }

  private synchronized boolean failing() {
    return failing;
  }

  private void died(String node) {
    boolean known;
    synchronized (this) {
      declared.add(node);
      Map<String, Peer> rest = new HashMap<>(peers);
      known = rest.remove(node) != null;
      peers = Map.copyOf(rest);
    }
    if (known) {
      LOG.warn("Node {} is dead; its sessions go over to others.", node);
    }
    loseOnce(node);
  }

  // ---- the beat ----

  private void beatLater() {
    later(beatMillis(), this::beat);
  }

  private void later(long millis, Runnable action) {
    var unused = timer.newTimeout(timeout -> action.run(), millis, TimeUnit.MILLISECONDS);
  }

  private void beat() {
    if (left) {
      return;
    }
    long now = nanoClock.getAsLong();
    boolean late;
    boolean pending;
    synchronized (this) {
      // A process that was stopped must not count what it waited for meanwhile as the store's
      // fault.
      late = now - lastBeat > TimeUnit.MILLISECONDS.toNanos(leaseMillis);
      lastBeat = now;
      pending = renewing;
      renewing = true;
    }
    if (late) {
      settledSince = now;
    }
    if (!pending) {
      renew(now);
    } else if (!late) {
      askPeers(now);
    }
    beatLater();
  }

  private CompletionStage<NodeStore.Renewal> renewal(String as, boolean drains) {
    List<String> knows = peers.keySet().stream().filter(peer -> !peer.equals(as)).toList();
    return store.renew(as, address, drains, leaseMillis, knows);
  }

  private void renew(long sent) {
    String as = id;
    Stages.on(
        renewal(as, draining),
        renewal -> {
          if (left || !as.equals(id)) {
            done();
            // A lease that had ended counts only if the store would know had the node been declared
            // dead meanwhile.
          } else if (renewal.renewed()
              && (renewal.known() || nanoClock.getAsLong() - validUntil < 0)) {
            renewed(sent, renewal);
          } else {
            rebirth(as, renewal);
          }
        },
        failure -> {
          synchronized (this) {
            if (!failing) {
              LOG.warn("The store does not renew this node's lease: {}", failure.getMessage());
            }
            failing = true;
            renewing = false;
          }
          if (nanoClock.getAsLong() - sent < TimeUnit.MILLISECONDS.toNanos(leaseMillis)) {
            askPeers(nanoClock.getAsLong());
          }
        });
  }

  private synchronized void done() {
    renewing = false;
  }

  private void renewed(long sent, NodeStore.Renewal renewal) {
    long now = nanoClock.getAsLong();
    boolean lapsed = now - validUntil >= 0;
    renewedAt = sent;
    extend(sent);
    boolean back;
    synchronized (this) {
      renewing = false;
      back = failing;
      failing = false;
    }
    if (back) {
      settledSince = now;
      LOG.info("The store renews this node's lease again.");
    }
    boolean first = !begun;
    begun = true;
    knownAt = sent;
    if (!first && !renewal.known()) {
      // The others have not written their leases again yet: they are not dead for that.
      forgottenAt = now;
      settledSince = now;
    }
    learn(renewal);
    if (first) {
      return;
    }
    if (!renewal.known()) {
      LOG.warn("The store has lost its data; this node writes what it has to it again.");
      listeners.forEach(Listener::forgotten);
    }
    if ((lapsed || back) && !suspended) {
      listeners.forEach(Listener::regained);
    }
  }

  private synchronized void extend(long from) {
    long until = from + TimeUnit.MILLISECONDS.toNanos(leaseMillis - leaseMillis / DRIFT);
    if (until - validUntil > 0) {
      validUntil = until;
    }
  }

  private void learn(NodeStore.Renewal renewal) {
    Map<String, Peer> now = new HashMap<>();
    renewal.peers().forEach(peer -> now.put(peer.id(), peer));
    long nanos = nanoClock.getAsLong();
    promises.values().removeIf(until -> until - nanos <= 0);
    List<String> lost = new ArrayList<>();
    List<String> gone = new ArrayList<>();
    boolean risen;
    synchronized (this) {
      if (nanos - forgottenAt < TimeUnit.MILLISECONDS.toNanos(leaseMillis)) {
        peers.forEach(now::putIfAbsent);
      }
      peers = Map.copyOf(now);
      risen = renewal.peers().stream().map(Peer::id).anyMatch(declared::contains);
      declared.removeAll(now.keySet());
      for (Peer peer : renewal.peers()) {
        if (peer.leaseMillis() > 0) {
          known.add(peer.id());
        } else if (known.remove(peer.id())) {
          lost.add(peer.id());
        }
      }
      for (Departed departed : renewal.departed()) {
        if (known.remove(departed.id())) {
          lost.add(departed.id());
        }
        if (departed.millis() > goneMillis && buried.add(departed.id())) {
          gone.add(departed.id());
          declared.remove(departed.id());
        }
      }
    }
    if (risen) {
      // Sessions of a node that was dead and is no more may be this node's by now.
      LOG.warn("The store has forgotten that a node was declared dead; its data is written again.");
      listeners.forEach(Listener::forgotten);
    }
    lost.forEach(node -> listeners.forEach(listener -> listener.lost(node)));
    gone.forEach(node -> listeners.forEach(listener -> listener.gone(node)));
    for (Peer peer : renewal.peers()) {
      // Nobody asked for its sessions, yet somebody has to see that it is dead.
      if (peer.leaseMillis() <= -leaseMillis) {
        var unused = declareDead(peer.id());
      }
    }
  }

  private void loseOnce(String node) {
    boolean first;
    synchronized (this) {
      first = known.remove(node);
    }
    if (first) {
      listeners.forEach(listener -> listener.lost(node));
    }
  }

  private void rebirth(String former, NodeStore.Renewal renewal) {
    if (left) {
      return;
    }
    suspended = true;
    begun = false;
    settledSince = nanoClock.getAsLong();
    String fresh = names.get();
    id = fresh;
    LOG.warn("Node {} was declared dead and goes on as {}.", former, fresh);
    learn(renewal);
    long sent = nanoClock.getAsLong();
    CompletionStage<?> reborn =
        renewal(fresh, draining)
            .thenCompose(
                begun -> {
                  renewedAt = sent;
                  extend(sent);
                  learn(begun);
                  // From here on its lease is renewed, however long the rest takes.
                  done();
                  CompletableFuture<?>[] all =
                      listeners.stream()
                          .map(listener -> listener.reborn(former, fresh).toCompletableFuture())
                          .toArray(CompletableFuture<?>[]::new);
                  return CompletableFuture.allOf(all);
                });
    Stages.on(
        reborn,
        all -> {
          if (left) {
            var unused = store.leave(fresh);
          } else if (fresh.equals(id)) {
            suspended = false;
            if (holds()) {
              listeners.forEach(Listener::regained);
            }
          }
        },
        failure -> {
          done();
          if (!fresh.equals(id)) {
            return;
          }
          // Under yet another name, so that what was begun under this one cannot count twice.
          LOG.warn("Going on under another name failed: {}", failure.getMessage());
          later(leaseMillis / BEATS_A_LEASE, () -> rebirth(former, renewal));
        });
  }

  // ---- without the store ----

  private void askPeers(long asked) {
    String own = id;
    if (suspended || nanoClock.getAsLong() - validUntil >= 0) {
      // What has lapsed is not mended by promises: somebody may have acted before they were given.
      return;
    }
    // Those who do not know this node go by the store's clock; see the drift of a lease.
    long last =
        renewedAt + TimeUnit.MILLISECONDS.toNanos(withoutStoreMillis - withoutStoreMillis / DRIFT);
    if (asked - last > 0) {
      LOG.warn("The lease ends: the store is away for longer than {} ms.", withoutStoreMillis);
      return;
    }
    List<Peer> all = peers.values().stream().filter(peer -> !peer.id().equals(own)).toList();
    CompletableFuture<?>[] answers =
        all.stream()
            .map(
                peer ->
                    link.ask(peer, own, leaseMillis)
                        .thenAccept(
                            promised -> {
                              if (!promised) {
                                throw new IllegalStateException(peer.id() + " does not promise");
                              }
                            })
                        .toCompletableFuture())
            .toArray(CompletableFuture<?>[]::new);
    Stages.on(
        CompletableFuture.allOf(answers),
        promised -> extend(asked),
        failure -> LOG.warn("The lease ends: {}", failure.toString()));
  }
}
