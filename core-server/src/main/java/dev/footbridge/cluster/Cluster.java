package dev.footbridge.cluster;

import dev.footbridge.hub.Hub;
import dev.footbridge.io.DamagedException;
import dev.footbridge.io.Lanes;
import dev.footbridge.io.Stages;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionState;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.store.SessionStore;
import dev.footbridge.store.SessionStore.Tenancy;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sessions of all nodes, as seen from this one: where one is, and taking over those whose node
 * has gone.
 *
 * <h2>Where a session is</h2>
 *
 * Its id names the node that opened it. It stays there until that node drains or dies, so as long
 * as the node is alive and not draining the id is all that is needed, and nothing is asked of the
 * store. Otherwise the store knows the owner, which is then remembered as long as that one is alive
 * and not draining.
 *
 * <h2>Taking over</h2>
 *
 * A session that was released, or whose owner is dead, becomes this node's by a compare-and-set on
 * owner and fence: of several nodes that try, one succeeds, and the others forward to it. An owner
 * that cannot be reached is not dead for that: the request waits until its lease has ended and it
 * has been declared so, or it has answered again.
 *
 * <p>Safe for any thread; nothing blocks.
 */
public final class Cluster {
  private static final Logger LOG = LoggerFactory.getLogger(Cluster.class);

  /** After twice a lease and this a request that finds no owner is told to come again. */
  private static final long PATIENCE_MILLIS = 1000;

  private static final long LOOK_AGAIN_MILLIS = 50;
  private static final long GIVE_AWAY_SLACK_MILLIS = 5000;
  private static final long LEAVE_MILLIS = 1000;
  private static final int MAX_SEARCHES = 10_000;
  private static final int MAX_REMEMBERED = 100_000;

  /** Two lives of a session must not use the same numbers: each may count so far. */
  private static final int LIFE_BITS = 32;

  /**
   * What the cluster is made of; it owns none of it.
   *
   * @param link what is asked of other nodes directly
   */
  public record Parts(
      Membership membership,
      SessionStore store,
      PeerLink link,
      Hub hub,
      Lanes lanes,
      Timer timer,
      LongSupplier nanoClock) {}

  private final Membership membership;
  private final SessionStore store;
  private final SessionKeeper keeper;
  private final Hub hub;
  private final PeerLink link;
  private final Lanes lanes;
  private final Timer timer;
  private final LongSupplier nanoClock;
  private final List<Consumer<String>> losses = new CopyOnWriteArrayList<>();
  private @Nullable Sessions sessions;
  private final Map<String, CompletableFuture<Place>> searches = new ConcurrentHashMap<>();

  /** Owners of sessions that are not where they were opened; the longest unused go first. */
  private final Map<String, String> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
          return size() > MAX_REMEMBERED;
        }
      };

  /**
   * Joins the parts. {@link #keep} comes before everything else.
   *
   * @param ttlNanos how long a session lives without a connection
   */
  public Cluster(Parts parts, long ttlNanos) {
    this.membership = parts.membership();
    this.store = parts.store();
    this.hub = parts.hub();
    this.link = parts.link();
    this.lanes = parts.lanes();
    this.timer = parts.timer();
    this.nanoClock = parts.nanoClock();
    this.keeper = new SessionKeeper(store, membership::id, ttlNanos, timer, nanoClock);
    membership.listen(new Events());
  }

  /** Follows this node's sessions, so that others can go on with them. */
  public Sessions.Listener listener() {
    return keeper;
  }

  /** The sessions of this node, which {@link #listener} follows; once. */
  public void keep(Sessions all) {
    sessions = all;
    keeper.keep(all);
  }

  private Sessions sessions() {
    return Objects.requireNonNull(sessions);
  }

  /** This node's place among the others. */
  public Membership membership() {
    return membership;
  }

  /** Calls with the id of a node that has gone, or whose lease has ended. */
  public void onLost(Consumer<String> action) {
    losses.add(action);
  }

  /** Time has passed; about once a second. */
  public void check() {
    keeper.check();
  }

  /** What happens among the nodes, and what follows from it. */
  private final class Events implements Membership.Listener {
    @Override
    public void regained() {
      sessions().wake();
    }

    @Override
    public CompletionStage<?> reborn(String formerId, String id) {
      return keeper
          .reclaimAll(id)
          .thenAccept(
              claimed -> {
                LOG.info("Sessions that are still here: {}.", sessions().count());
                hub.announce();
              });
    }

    @Override
    public void forgotten() {
      Stages.on(
          keeper.writeAll(),
          written -> {},
          failure -> LOG.warn("Writing the sessions again failed: {}", failure.getMessage()));
    }

    @Override
    public void lost(String peer) {
      link.lost(peer);
      losses.forEach(action -> action.accept(peer));
    }

    @Override
    public void gone(String node) {
      hub.nodeGone(node);
    }
  }

  // ---- going down ----

  /** From now on this node takes over no sessions. Comes before it refuses to open any. */
  public void takeNoMore() {
    membership.takeNoMore();
  }

  /**
   * Tells the others, then gives all sessions away. Blocks. What could not be given away in time is
   * let go of in a way that others can rebuild it; what can be rebuilt nowhere stays.
   *
   * @param seconds over how long, if there are others to take them
   */
  public void giveAway(long seconds) {
    long window = membership.others().isEmpty() ? 0 : TimeUnit.SECONDS.toMillis(seconds);
    Handover handover = new Handover(sessions(), store, keeper, timer, nanoClock);
    CompletionStage<Integer> given =
        membership
            .drain()
            .handle((known, failure) -> null)
            .thenCompose(told -> handover.run(window));
    try {
      int count =
          given.toCompletableFuture().get(window + GIVE_AWAY_SLACK_MILLIS, TimeUnit.MILLISECONDS);
      LOG.info("Sessions given away: {}.", count);
    } catch (ExecutionException e) {
      LOG.warn("Giving sessions away failed.", e.getCause());
    } catch (TimeoutException e) {
      LOG.warn("Giving sessions away takes longer than {} ms.", window + GIVE_AWAY_SLACK_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    int abandoned = handover.abandon();
    if (abandoned > 0) {
      LOG.warn("Sessions that others have to rebuild, without their messages: {}.", abandoned);
    }
  }

  /** Gives up the lease for good. Blocks for a moment at most. */
  public void leave() {
    try {
      membership.leave().toCompletableFuture().get(LEAVE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("Leaving the other nodes failed, so they wait for the lease's end.");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Finds a session that is not on this node, and takes it over if nobody has it.
   *
   * @return where it is; or, exceptionally, a {@link ProtocolException}: {@code not_found} where
   *     the id is none at all, {@code session_gone}, {@code draining} where this node would have to
   *     take it and takes no more, {@code unavailable}
   */
  public CompletionStage<Place> locate(String id) {
    if (!Sessions.isId(id)) {
      return CompletableFuture.failedStage(Sessions.noId());
    }
    Peer settled = settled(id);
    return settled == null
        ? search(id, null)
        : CompletableFuture.completedStage(new Place.There(settled));
  }

  /**
   * Finds a session again, after the node where it was said to be could not be reached.
   *
   * @param unreachable the node's id
   * @return as {@link #locate}
   */
  public CompletionStage<Place> relocate(String id, String unreachable) {
    return search(id, unreachable);
  }

  /**
   * The other node where an opening has been begun that may be asked for again.
   *
   * @param key the opening's secret name
   * @return empty where there is none, or it has gone
   */
  public CompletionStage<Optional<Peer>> opener(String key) {
    return store
        .findOpening(key)
        .thenApply(
            found ->
                found
                    .filter(node -> !node.equals(membership.id()))
                    .flatMap(node -> Optional.ofNullable(membership.alive(node))));
  }

  /** The owner that needs no asking for, or null. */
  private @Nullable Peer settled(String id) {
    String node;
    synchronized (remembered) {
      node = remembered.get(id);
    }
    Peer peer = membership.alive(node == null ? Sessions.nodeOf(id) : node);
    return peer == null || peer.draining() || peer.id().equals(membership.id()) ? null : peer;
  }

  private void remember(String id, String node) {
    synchronized (remembered) {
      if (node.equals(Sessions.nodeOf(id))) {
        remembered.remove(id);
      } else {
        remembered.put(id, node);
      }
    }
  }

  /** One search for a session at a time; whoever asks meanwhile gets the same answer. */
  private CompletionStage<Place> search(String id, @Nullable String unreachable) {
    if (searches.size() >= MAX_SEARCHES) {
      return CompletableFuture.failedStage(unavailable("Too many sessions are looked for."));
    }
    CompletableFuture<Place> mine = new CompletableFuture<>();
    CompletableFuture<Place> other = searches.putIfAbsent(id, mine);
    if (other != null) {
      return other;
    }
    new Search(id, unreachable, mine).look();
    return mine.whenComplete((place, failure) -> searches.remove(id, mine));
  }

  private static ProtocolException unavailable(String detail) {
    return new ProtocolException(ErrorCode.UNAVAILABLE, detail);
  }

  /** Asks until it is clear where a session is. */
  private final class Search {
    private final String id;
    private final @Nullable String unreachable;
    private final CompletableFuture<Place> found;
    private final long deadline;
    private volatile long firstAbsent;
    private volatile @Nullable Tenancy orphan;

    Search(String id, @Nullable String unreachable, CompletableFuture<Place> found) {
      this.id = id;
      this.unreachable = unreachable;
      this.found = found;
      this.deadline =
          nanoClock.getAsLong()
              + TimeUnit.MILLISECONDS.toNanos(2 * membership.leaseMillis() + PATIENCE_MILLIS);
    }

    void look() {
      guarded(this::lookOnce);
    }

    /** Whatever goes wrong, whoever waits is told. */
    private void guarded(Runnable step) {
      try {
        step.run();
      } catch (RuntimeException e) {
        LOG.error("Looking for a session failed.", e);
        found.completeExceptionally(e);
      }
    }

    private <T> void on(CompletionStage<T> stage, Consumer<T> then) {
      Stages.on(stage, value -> guarded(() -> then.accept(value)), found::completeExceptionally);
    }

    private void lookOnce() {
      Session here = sessions().local(id);
      if (here != null) {
        found.complete(new Place.Here(here));
        return;
      }
      if (Sessions.nodeOf(id).equals(membership.id()) && !membership.isDraining()) {
        // Opened here, under the name that this node still has, and given to nobody.
        found.completeExceptionally(Sessions.gone());
        return;
      }
      long asked = nanoClock.getAsLong();
      on(store.find(id), tenancy -> seen(tenancy, asked));
    }

    private void seen(Optional<Tenancy> tenancy, long asked) {
      if (tenancy.isEmpty()) {
        absent(asked);
        return;
      }
      Tenancy now = tenancy.get();
      if (now.node().equals(SessionStore.NOBODY)) {
        claim(now);
      } else if (now.node().equals(membership.id())) {
        own(now);
      } else {
        owned(now);
      }
    }

    /**
     * This node's, and not here: on its way in or out at this moment; or it was claimed, and the
     * answer that said so was lost. Then it is claimed again.
     */
    private void own(Tenancy now) {
      if (now.equals(orphan) && keeper.isUnknown(id)) {
        claim(now);
      } else {
        orphan = now;
        lookAgain(LOOK_AGAIN_MILLIS);
      }
    }

    /** The store does not have it; but the store may just have lost what it had. */
    private void absent(long asked) {
      if (membership.hadAll(firstAbsent == 0 ? asked : firstAbsent)) {
        found.completeExceptionally(Sessions.gone());
      } else {
        firstAbsent = firstAbsent == 0 ? asked : firstAbsent;
        // Not sooner than something may have changed: ids that never were cost the store little.
        lookAgain(Math.max(LOOK_AGAIN_MILLIS, membership.beatMillis()));
      }
    }

    private void owned(Tenancy now) {
      Peer owner = membership.alive(now.node());
      if (owner != null && !owner.id().equals(unreachable)) {
        remember(id, owner.id());
        found.complete(new Place.There(owner));
        return;
      }
      on(
          membership.declareDead(now.node()),
          left -> {
            if (left == 0) {
              claim(now);
            } else {
              lookAgain(Math.min(left, membership.beatMillis()) + 1);
            }
          });
    }

    private void claim(Tenancy from) {
      if (membership.isDraining()) {
        passOn();
      } else if (!membership.holds()) {
        lookAgain(LOOK_AGAIN_MILLIS);
      } else {
        String as = membership.id();
        on(
            store.claim(id, as, from, keeper.timeToLiveMillis()),
            claimed -> {
              if (claimed.isPresent() && membership.isNamed(as)) {
                takeOver(claimed.get(), as);
              } else {
                lookAgain(0);
              }
            });
      }
    }

    private void takeOver(SessionStore.Claimed claimed, String as) {
      keeper.owned(id, new Tenancy(as, claimed.fence()));
      Stages.on(
          arrive(claimed),
          session ->
              guarded(
                  () -> {
                    // What is kept of it was the former owner's; from now on it is this node's.
                    keeper.changed(session);
                    on(keeper.owning(session), owned -> found.complete(new Place.Here(session)));
                  }),
          failure -> guarded(() -> notTaken(claimed, failure)));
    }

    private void notTaken(SessionStore.Claimed claimed, Throwable failure) {
      LOG.warn("A session could not be taken over: {}", failure.getMessage());
      Tenancy mine = keeper.tenancy(id);
      keeper.disowned(id);
      byte[] state = claimed.state();
      if (!passes(failure)) {
        Stages.on(
            store.remove(id, mine),
            removed -> found.completeExceptionally(Sessions.gone()),
            again -> found.completeExceptionally(Sessions.gone()));
      } else if (state == null) {
        // Its record is there; whoever comes next claims it again.
        found.completeExceptionally(failure);
      } else {
        Stages.on(
            store.release(id, mine, claimed.meta(), state, keeper.timeToLiveMillis()),
            released -> found.completeExceptionally(failure),
            again -> found.completeExceptionally(failure));
      }
    }

    /** Whether it is this node that cannot at the moment, and nothing is wrong with the session. */
    private static boolean passes(Throwable failure) {
      return failure instanceof ProtocolException problem
          && (problem.code().equals(ErrorCode.DRAINING.code())
              || problem.code().equals(ErrorCode.UNAVAILABLE.code())
              || problem.code().equals(ErrorCode.RATE_LIMITED.code()));
    }

    private CompletionStage<Session> arrive(SessionStore.Claimed claimed) {
      byte[] state = claimed.state();
      if (state != null) {
        try {
          return sessions().adopt(SessionState.decode(state), lanes.any());
        } catch (DamagedException e) {
          LOG.warn("The state of a session cannot be read, so it is rebuilt: {}", e.getMessage());
        }
      }
      try {
        SessionState was = SessionState.decode(claimed.meta());
        return sessions()
            .rebuild(
                id,
                was.publicId(),
                was.address(),
                was.endpoint(),
                was.endpointState(),
                claimed.fence() << LIFE_BITS,
                lanes.any());
      } catch (DamagedException e) {
        return CompletableFuture.failedStage(e);
      }
    }

    /** Somebody else may take it who does not drain. */
    private void passOn() {
      Peer[] others =
          membership.others().stream().filter(peer -> !peer.draining()).toArray(Peer[]::new);
      if (others.length == 0) {
        found.completeExceptionally(Sessions.draining());
      } else {
        found.complete(new Place.There(others[ThreadLocalRandom.current().nextInt(others.length)]));
      }
    }

    private void lookAgain(long millis) {
      if (nanoClock.getAsLong() - deadline > 0) {
        found.completeExceptionally(
            unavailable("The session's node cannot be reached; try again in a moment."));
      } else if (millis == 0) {
        look();
      } else {
        var unused = timer.newTimeout(timeout -> look(), millis, TimeUnit.MILLISECONDS);
      }
    }
  }
}
