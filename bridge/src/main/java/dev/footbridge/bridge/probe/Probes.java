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

    /** Whose it is; always the same. */
    String address();
  }

  private final int most;
  private final int mostOfAddress;
  private final Set<Probe> all = ConcurrentHashMap.newKeySet();
  private final ConcurrentHashMap<String, Integer> byAddress = new ConcurrentHashMap<>();
  private volatile boolean draining;

  /**
   * @param most how many there may be at a time
   * @param mostOfAddress and from one address, so that nobody takes them from all others
   */
  public Probes(int most, int mostOfAddress) {
    this.most = most;
    this.mostOfAddress = mostOfAddress;
  }

  /**
   * One more begins.
   *
   * @throws ProtocolException {@code draining} or {@code unavailable}; then it does not
   */
  void add(Probe probe) throws ProtocolException {
    int count = byAddress.merge(probe.address(), 1, Integer::sum);
    all.add(probe);
    if (draining || count > mostOfAddress || all.size() > most) {
      remove(probe);
      throw draining
          ? Sessions.draining()
          : new ProtocolException(
              ErrorCode.UNAVAILABLE, "There are too many probes; try again in a moment.");
    }
  }

  /** It has ended; again does nothing. */
  void remove(Probe probe) {
    if (all.remove(probe)) {
      byAddress.computeIfPresent(
          probe.address(), (address, count) -> count == 1 ? null : count - 1);
    }
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
