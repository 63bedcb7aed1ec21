package dev.footbridge.websocket;

import dev.footbridge.session.Bye;
import dev.footbridge.session.Sessions;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The WebSockets of a node that have no session yet. There may be as many of them as sessions, and
 * each may wait for so long: {@link #check} must be called about once a second. Safe for any
 * thread.
 */
public final class WaitingSockets {
  /** The client may have lost what it wanted to attach with. */
  private static final Bye TIMEOUT = new Bye("timeout", true, 0);

  private final Sessions.SessionLimits limits;
  private final long waitNanos;
  private final LongSupplier nanoClock;
  private final Set<WaitingSocket> all = ConcurrentHashMap.newKeySet();
  private final ConcurrentHashMap<String, Integer> byAddress = new ConcurrentHashMap<>();
  private volatile boolean draining;

  /**
   * @param limits how many there may be, besides the sessions
   * @param waitNanos how long each may wait
   * @param nanoClock the monotonic clock
   */
  public WaitingSockets(Sessions.SessionLimits limits, long waitNanos, LongSupplier nanoClock) {
    this.limits = limits;
    this.waitNanos = waitNanos;
    this.nanoClock = nanoClock;
  }

  long now() {
    return nanoClock.getAsLong();
  }

  /**
   * One more begins to wait.
   *
   * @throws ProtocolException {@code draining} or {@code rate_limited}; then it does not
   */
  void add(WaitingSocket socket) throws ProtocolException {
    int count = byAddress.merge(socket.address(), 1, Integer::sum);
    all.add(socket);
    if (draining) {
      remove(socket);
      throw Sessions.draining();
    }
    if (count > limits.perAddress() || all.size() > limits.perNode()) {
      remove(socket);
      throw new ProtocolException(
          ErrorCode.RATE_LIMITED, "There are too many WebSockets without a session.");
    }
  }

  /** It waits no longer; false if it did not wait. */
  boolean remove(WaitingSocket socket) {
    boolean waited = all.remove(socket);
    if (waited) {
      byAddress.computeIfPresent(
          socket.address(), (address, count) -> count == 1 ? null : count - 1);
    }
    return waited;
  }

  /** How many wait. */
  public int count() {
    return all.size();
  }

  /** Time has passed: sends those away that have waited for too long. */
  public void check() {
    long now = now();
    for (WaitingSocket socket : all) {
      if (now - socket.sinceNanos() > waitNanos) {
        socket.end(TIMEOUT);
      }
    }
  }

  /** Sends all away, and whoever comes from now on. */
  public void drain(Supplier<Bye> farewells) {
    draining = true;
    all.forEach(socket -> socket.end(farewells.get()));
  }
}
