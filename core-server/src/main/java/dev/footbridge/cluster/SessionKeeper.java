package dev.footbridge.cluster;

import dev.footbridge.io.Stages;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionState;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.SessionStore;
import dev.footbridge.store.SessionStore.Tenancy;
import io.netty.util.Timer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the store's records of this node's sessions: written when a session opens, before its
 * client is told; again soon after what is needed to rebuild it has changed; kept alive as long as
 * it lives; removed when it ends. Never for a message.
 *
 * <p>A write that finds another owner means that this node has lost the session, which is then
 * dropped. Safe for any thread.
 */
final class SessionKeeper implements Sessions.Listener {
  private static final Logger LOG = LoggerFactory.getLogger(SessionKeeper.class);

  /** Changes gather so long; a session that subscribes to ten channels is written once. */
  private static final long GATHER_MILLIS = 50;

  /** Commands under way at a time when many sessions are looked after at once. */
  private static final int BATCH = 512;

  /** A record is refreshed so often in its life. */
  private static final int REFRESHES = 3;

  /** A record outlives the session's own time to live a little, so that its owner ends it. */
  private static final long MARGIN_MILLIS = 5000;

  /** An opening can be asked for again so long. */
  private static final long OPENING_MILLIS = 60_000;

  private static final byte[] IMMOVABLE = {};

  private static final Bye MOVED = new Bye("moved", true, 0);

  private final SessionStore store;
  private final Supplier<String> node;
  private final Timer timer;
  private final LongSupplier nanoClock;
  private final Map<String, Entry> records = new ConcurrentHashMap<>();
  private final Map<String, Session> dirty = new ConcurrentHashMap<>();
  private final Set<String> removing = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean flushing = new AtomicBoolean();
  private volatile boolean reclaiming;
  private final long timeToLiveMillis;
  private @Nullable Sessions sessions;

  /** What is known of one record. */
  private static final class Entry {
    private static final int MOST_TRIED = 8;

    /** Whose it is in the store, as far as this node has been told. */
    volatile Tenancy held;

    /** Whose it may be, where the answer has been lost; the last is the newest. */
    private List<Tenancy> tried = List.of();

    volatile long writtenNanos;

    Entry(Tenancy held, long writtenNanos) {
      this.held = held;
      this.writtenNanos = writtenNanos;
    }

    synchronized void held(Tenancy now) {
      held = now;
      tried = List.of();
    }

    synchronized void trying(Tenancy next) {
      List<Tenancy> all = new ArrayList<>(tried);
      all.remove(next);
      all.add(next);
      tried = List.copyOf(all.subList(Math.max(0, all.size() - MOST_TRIED), all.size()));
    }

    synchronized List<Tenancy> candidates() {
      List<Tenancy> all = new ArrayList<>();
      all.add(held);
      all.addAll(tried);
      return all;
    }
  }

  /**
   * @param node this node's name at present
   * @param ttlNanos how long a session lives without a connection
   */
  SessionKeeper(
      SessionStore store,
      Supplier<String> node,
      long ttlNanos,
      Timer timer,
      LongSupplier nanoClock) {
    this.timeToLiveMillis = TimeUnit.NANOSECONDS.toMillis(ttlNanos) + MARGIN_MILLIS;
    this.store = store;
    this.node = node;
    this.timer = timer;
    this.nanoClock = nanoClock;
  }

  /** The sessions to look after; once, before the first of them opens. */
  void keep(Sessions all) {
    this.sessions = all;
  }

  private Sessions sessions() {
    return Objects.requireNonNull(sessions);
  }

  /** What is needed to rebuild a session whose node has died: all but its messages. */
  static byte[] record(Session session) {
    byte[] state = session.endpointState();
    return new SessionState(
            session.id(),
            session.publicId(),
            session.address(),
            session.endpointPath(),
            0,
            false,
            0,
            0,
            List.of(),
            0,
            state == null ? IMMOVABLE : state)
        .encode();
  }

  long timeToLiveMillis() {
    return timeToLiveMillis;
  }

  // ---- Sessions.Listener ----

  @Override
  public void opening(String key, boolean again) {
    Stages.on(
        // Whoever has asked before and is known nowhere has come here now; but a first request that
        // was on its way for long has not.
        store.putOpening(key, node.get(), again, Math.min(OPENING_MILLIS, timeToLiveMillis)),
        written -> {},
        failure -> LOG.debug("An opening is known here only: {}", failure.getMessage()));
  }

  @Override
  public CompletionStage<?> opened(Session session) {
    Tenancy first = new Tenancy(node.get(), 1);
    return store
        .put(session.id(), first, record(session), timeToLiveMillis)
        .thenCompose(
            written -> {
              owned(session.id(), first);
              return owning(session);
            });
  }

  @Override
  public void changed(Session session) {
    dirty.put(session.id(), session);
    if (flushing.compareAndSet(false, true)) {
      var unused = timer.newTimeout(timeout -> flush(), GATHER_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void closed(Session session) {
    dirty.remove(session.id());
    Entry record = records.remove(session.id());
    if (record != null) {
      removing.add(session.id());
      Stages.on(
          store.remove(session.id(), record.held),
          removed -> removing.remove(session.id()),
          failure -> {
            removing.remove(session.id());
            LOG.debug("A session's record is left to expire: {}", failure.getMessage());
          });
    }
  }

  // ---- records ----

  /** A session is this node's now, under a name that it has or had. */
  void owned(String id, Tenancy held) {
    records.put(id, new Entry(held, nanoClock.getAsLong()));
  }

  /** Completes when a session that is this node's is so under its present name. */
  CompletionStage<?> owning(Session session) {
    return reclaim(session, node.get());
  }

  /** What this node owns a session with. */
  Tenancy tenancy(String id) {
    Entry record = records.get(id);
    return record == null ? new Tenancy(node.get(), 0) : record.held;
  }

  /** Whether nothing is known here of a session, not even that it is just being forgotten. */
  boolean isUnknown(String id) {
    return !records.containsKey(id) && !removing.contains(id);
  }

  /** A session is no longer this node's. */
  void disowned(String id) {
    records.remove(id);
    dirty.remove(id);
  }

  private void flush() {
    flushing.set(false);
    List<Session> now = new ArrayList<>(dirty.values());
    var unused = Stages.each(now, BATCH, this::write);
  }

  private CompletionStage<?> write(Session session) {
    Entry record = records.get(session.id());
    if (!dirty.remove(session.id(), session) || record == null) {
      return CompletableFuture.completedStage(null);
    }
    return putOrLater(session, record);
  }

  private CompletionStage<?> putOrLater(Session session, Entry record) {
    return put(session, record)
        .exceptionally(
            failure -> {
              later(session);
              return null;
            });
  }

  private void later(Session session) {
    if (!session.isClosed()) {
      changed(session);
    }
  }

  private CompletionStage<?> put(Session session, Entry record) {
    Tenancy by = record.held;
    return putAs(session, by, record)
        .thenAccept(
            mine -> {
              if (!mine) {
                if (reclaiming || !by.equals(record.held)) {
                  // It is being claimed under this node's new name, or has been meanwhile.
                  later(session);
                } else {
                  lost(session);
                }
              }
            });
  }

  private CompletionStage<Boolean> putAs(Session session, Tenancy by, Entry record) {
    long now = nanoClock.getAsLong();
    return store
        .put(session.id(), by, record(session), timeToLiveMillis)
        .thenApply(
            mine -> {
              record.writtenNanos = now;
              return mine;
            });
  }

  private void lost(Session session) {
    LOG.debug("{} has gone over to another node.", session);
    disowned(session.id());
    sessions().drop(session, MOVED);
  }

  /** Time has passed: keeps the records of living sessions alive. */
  void check() {
    long now = nanoClock.getAsLong();
    long old = TimeUnit.MILLISECONDS.toNanos(timeToLiveMillis) / REFRESHES;
    List<String> due = new ArrayList<>();
    records.forEach(
        (id, record) -> {
          if (now - record.writtenNanos > old) {
            due.add(id);
          }
        });
    if (!due.isEmpty()) {
      var unused = Stages.each(due, BATCH, this::refresh);
    }
  }

  private CompletionStage<?> refresh(String id) {
    Session session = sessions().local(id);
    Entry record = records.get(id);
    if (session == null || record == null) {
      return CompletableFuture.completedStage(null);
    }
    long before = record.writtenNanos;
    record.writtenNanos = nanoClock.getAsLong();
    return store
        .put(id, record.held, null, timeToLiveMillis)
        .thenCompose(
            // Not there, or another's: writing it whole tells which.
            mine -> mine ? CompletableFuture.completedStage(null) : put(session, record))
        .exceptionally(
            failure -> {
              // It is as old as it was, and comes up again with the next check.
              record.writtenNanos = before;
              return null;
            });
  }

  /** The store may have lost what it had: writes every record again. */
  CompletionStage<?> writeAll() {
    return Stages.each(
        sessions().all(),
        BATCH,
        session -> {
          Entry record = records.get(session.id());
          return record == null
              ? CompletableFuture.completedStage(null)
              : putOrLater(session, record);
        });
  }

  /**
   * This node has another name: makes its sessions those of the new one, if they still are its.
   * Where it fails, it is to be done again, under whatever name the node has then.
   */
  CompletionStage<?> reclaimAll(String id) {
    reclaiming = true;
    return Stages.each(sessions().all(), BATCH, session -> reclaim(session, id))
        .thenAccept(all -> reclaiming = !id.equals(node.get()));
  }

  private CompletionStage<?> reclaim(Session session, String id) {
    Entry record = records.get(session.id());
    return record == null || record.held.node().equals(id)
        ? CompletableFuture.completedStage(null)
        : reclaim(session, record, id, new ArrayDeque<>(record.candidates()));
  }

  /**
   * @param from whose it may be: this node's under a former name, or already under this one, where
   *     it was not told
   */
  private CompletionStage<?> reclaim(
      Session session, Entry record, String id, Queue<Tenancy> from) {
    Tenancy expected = from.poll();
    if (expected == null) {
      // Another's by now; or the store has lost it, and writing it makes it ours. Who claimed it
      // from us has at least this fence, and is not overwritten.
      Tenancy next = new Tenancy(id, record.held.fence() + 1);
      record.trying(next);
      return putAs(session, next, record)
          .thenAccept(
              mine -> {
                if (mine) {
                  record.held(next);
                } else if (!id.equals(record.held.node())) {
                  lost(session);
                }
              });
    }
    record.trying(new Tenancy(id, expected.fence() + 1));
    return store
        .claim(session.id(), id, expected, timeToLiveMillis)
        .thenCompose(
            claimed -> {
              if (claimed.isEmpty()) {
                return reclaim(session, record, id, from);
              }
              record.held(new Tenancy(id, claimed.get().fence()));
              return CompletableFuture.completedStage(null);
            });
  }
}
