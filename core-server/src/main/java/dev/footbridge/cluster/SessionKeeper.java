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
import java.util.function.Function;
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
  private final long timeToLiveMillis;
  private @Nullable Sessions sessions;

  /** What is known of one record. */
  private static final class Entry {
    volatile long fence;
    volatile long writtenNanos;

    Entry(long fence, long writtenNanos) {
      this.fence = fence;
      this.writtenNanos = writtenNanos;
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
  public CompletionStage<?> opened(Session session) {
    return store
        .put(session.id(), new Tenancy(node.get(), 1), record(session), timeToLiveMillis)
        .thenAccept(written -> owned(session.id(), 1));
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
          store.remove(session.id(), new Tenancy(node.get(), record.fence)),
          removed -> removing.remove(session.id()),
          failure -> {
            removing.remove(session.id());
            LOG.debug("A session's record is left to expire: {}", failure.getMessage());
          });
    }
  }

  // ---- records ----

  /** A session is this node's now. */
  void owned(String id, long fence) {
    records.put(id, new Entry(fence, nanoClock.getAsLong()));
  }

  /** What this node owns a session with. */
  Tenancy tenancy(String id) {
    Entry record = records.get(id);
    return new Tenancy(node.get(), record == null ? 0 : record.fence);
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
    var unused = each(now, BATCH, this::write);
  }

  private CompletionStage<?> write(Session session) {
    Entry record = records.get(session.id());
    if (!dirty.remove(session.id(), session) || record == null) {
      return CompletableFuture.completedStage(null);
    }
    return put(session, record)
        .exceptionally(
            failure -> {
              if (!session.isClosed()) {
                changed(session);
              }
              return null;
            });
  }

  private CompletionStage<?> put(Session session, Entry record) {
    long now = nanoClock.getAsLong();
    return store
        .put(session.id(), new Tenancy(node.get(), record.fence), record(session), timeToLiveMillis)
        .thenAccept(
            mine -> {
              record.writtenNanos = now;
              if (!mine) {
                lost(session);
              }
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
      var unused = each(due, BATCH, this::refresh);
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
        .put(id, new Tenancy(node.get(), record.fence), null, timeToLiveMillis)
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
    return each(
        sessions().all(),
        BATCH,
        session -> {
          Entry record = records.get(session.id());
          return record == null ? CompletableFuture.completedStage(null) : put(session, record);
        });
  }

  /** This node has another name: makes its sessions those of the new one, if they still are its. */
  CompletionStage<?> reclaimAll(String former, String id) {
    return each(sessions().all(), BATCH, session -> reclaim(session, former, id));
  }

  private CompletionStage<?> reclaim(Session session, String former, String id) {
    Entry record = records.get(session.id());
    if (record == null) {
      return CompletableFuture.completedStage(null);
    }
    return store
        .claim(session.id(), id, new Tenancy(former, record.fence), timeToLiveMillis)
        .thenCompose(
            claimed -> {
              if (claimed.isPresent()) {
                record.fence = claimed.get().fence();
                return CompletableFuture.completedStage(null);
              }
              // Another's by now; or the store has lost it, and writing it makes it ours.
              long next = record.fence + 1;
              record.fence = next;
              return put(session, record);
            });
  }

  /** Does something for each of many, only so many at a time. */
  <T> CompletionStage<?> each(
      Iterable<T> items, int atATime, Function<T, CompletionStage<?>> action) {
    Queue<T> queue = new ArrayDeque<>();
    items.forEach(queue::add);
    int parallel = Math.min(atATime, queue.size());
    CompletableFuture<?>[] rows = new CompletableFuture<?>[parallel];
    for (int i = 0; i < parallel; i++) {
      rows[i] = row(queue, action).toCompletableFuture();
    }
    return CompletableFuture.allOf(rows);
  }

  private static <T> CompletionStage<?> row(
      Queue<T> queue, Function<T, CompletionStage<?>> action) {
    while (true) {
      T item;
      synchronized (queue) {
        item = queue.poll();
      }
      if (item == null) {
        return CompletableFuture.completedStage(null);
      }
      CompletableFuture<?> done = action.apply(item).toCompletableFuture();
      if (!done.isDone() || done.isCompletedExceptionally()) {
        return done.thenCompose(next -> row(queue, action));
      }
    }
  }
}
