package dev.footbridge.node;

import dev.footbridge.io.BinaryReader;
import dev.footbridge.io.BinaryWriter;
import dev.footbridge.io.DamagedException;
import dev.footbridge.io.Lanes;
import dev.footbridge.io.Stages;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionState;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.memory.MemoryChannelStore;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that a single node holds, in a file while it is not running: the channels with their history
 * and keys, and the sessions with what their clients have not acknowledged.
 */
final class Snapshot {
  private static final Logger LOG = LoggerFactory.getLogger(Snapshot.class);
  private static final int TIME = 0;
  private static final int STORE = 1;
  private static final int CHANNEL = 2;
  private static final int SESSION = 3;
  private static final long REST_SECONDS = 5;
  private static final long RESTORE_SECONDS = 60;

  private final MemoryChannelStore store;
  private final Sessions sessions;
  private final InstantSource clock;

  Snapshot(MemoryChannelStore store, Sessions sessions, InstantSource clock) {
    this.store = store;
    this.sessions = sessions;
    this.clock = clock;
  }

  /**
   * Brings everything to rest and writes it. Blocks for as long as that takes.
   *
   * @return the sessions that are in the file; they are still frozen
   */
  List<Session> write(DataDirectory directory) throws IOException {
    Map<Session, SessionState> states = freeze();
    // After the sessions, which may have published until they came to rest.
    store.seal();
    directory.write(
        records -> {
          records.record(new BinaryWriter().number(TIME).number(clock.millis()).toBytes());
          records.record(record(STORE, store.exportEpoch()));
          for (byte[] log : store.exportLogs()) {
            records.record(record(CHANNEL, log));
          }
          for (SessionState state : states.values()) {
            records.record(record(SESSION, state.encode()));
          }
        });
    return List.copyOf(states.keySet());
  }

  private static byte[] record(int kind, byte[] content) {
    return new BinaryWriter().number(kind).bytes(content).toBytes();
  }

  private Map<Session, SessionState> freeze() {
    Map<Session, CompletableFuture<SessionState>> freezing = new LinkedHashMap<>();
    for (Session session : sessions.all()) {
      freezing.put(session, sessions.freeze(session).toCompletableFuture());
    }
    Map<Session, SessionState> states = new LinkedHashMap<>();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(REST_SECONDS);
    freezing.forEach(
        (session, state) -> {
          try {
            states.put(session, get(state, end - System.nanoTime()));
          } catch (IOException e) {
            LOG.debug("{} ends: it did not come to rest.", session, e);
          }
        });
    return states;
  }

  private static <T> T get(CompletableFuture<T> stage, long nanos) throws IOException {
    try {
      return stage.get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException(Stages.cause(e));
    }
  }

  /** Reads what the last process wrote; its sessions go on. */
  void read(DataDirectory directory, Lanes lanes, boolean orEmpty) throws IOException {
    List<SessionState> states = new ArrayList<>();
    long[] downMillis = new long[1];
    directory.read(octets -> read(octets, states, downMillis), orEmpty);
    List<CompletableFuture<Session>> arriving = new ArrayList<>();
    for (SessionState state : states) {
      arriving.add(sessions.adopt(state, lanes.any()).toCompletableFuture());
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(RESTORE_SECONDS);
    int lost = 0;
    for (CompletableFuture<Session> session : arriving) {
      try {
        get(session, end - System.nanoTime());
      } catch (IOException e) {
        lost++;
        LOG.warn("A session of the snapshot could not go on.", e);
      }
    }
    if (!states.isEmpty()) {
      LOG.info("{} sessions go on, {} could not.", states.size() - lost, lost);
    }
  }

  private void read(byte[] octets, List<SessionState> states, long[] downMillis)
      throws DamagedException {
    BinaryReader in = new BinaryReader(octets);
    int kind = (int) in.number(SESSION);
    if (kind == TIME) {
      downMillis[0] = Math.max(0, clock.millis() - in.number(Long.MAX_VALUE));
      in.end();
      return;
    }
    byte[] content = in.bytes();
    in.end();
    switch (kind) {
      case STORE -> store.restoreEpoch(content);
      case CHANNEL -> store.restoreLog(content, TimeUnit.MILLISECONDS.toNanos(downMillis[0]));
      default -> states.add(SessionState.decode(content));
    }
  }
}
