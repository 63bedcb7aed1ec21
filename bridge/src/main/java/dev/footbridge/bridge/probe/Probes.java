package dev.footbridge.bridge.probe;

import dev.footbridge.session.Bye;
import dev.footbridge.session.Sessions;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** The probes of a node that are under way. Safe for any thread. */
public final class Probes {
  /** One that is held or stays open. */
  interface Probe {
    /** Ends it, because the server goes down. Any thread. */
    void end(Bye last);
  }

  private final int most;
  private final Set<Probe> all = ConcurrentHashMap.newKeySet();
  private volatile boolean draining;

  /**
   * @param most how many there may be at a time
   */
  public Probes(int most) {
    this.most = most;
  }

  /**
   * One more begins.
   *
   * @throws ProtocolException {@code draining} or {@code unavailable}; then it does not
   */
  void add(Probe probe) throws ProtocolException {
    all.add(probe);
    if (draining || all.size() > most) {
      all.remove(probe);
      throw draining
          ? Sessions.draining()
          : new ProtocolException(
              ErrorCode.UNAVAILABLE, "There are too many probes; try again in a moment.");
    }
  }

  /** It has ended; again does nothing. */
  void remove(Probe probe) {
    all.remove(probe);
  }

  /** How many there are. */
  public int count() {
    return all.size();
  }

  /** Ends all of them, and takes no more. */
  public void drain(Supplier<Bye> farewells) {
    draining = true;
    all.forEach(probe -> probe.end(farewells.get()));
  }
}
