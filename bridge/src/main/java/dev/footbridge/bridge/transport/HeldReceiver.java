package dev.footbridge.bridge.transport;

import dev.footbridge.io.Lane;
import dev.footbridge.session.Receiver;

/**
 * A receiver that answers one request, once, and keeps nothing: its own deadline and its {@link
 * PeerWatch} look after it. What is not said here of it happens on its lane.
 */
abstract class HeldReceiver implements Receiver {
  final Lane lane;

  HeldReceiver(Lane lane) {
    this.lane = lane;
  }

  /** There may be something to take. */
  abstract void deliver();

  @Override
  public final Lane lane() {
    return lane;
  }

  @Override
  public final boolean duplex() {
    return false;
  }

  @Override
  public final boolean streaming() {
    return false;
  }

  @Override
  public final void ready() {
    lane.execute(this::deliver);
  }

  @Override
  public final void check(long nowNanos) {
    // Nothing to look after.
  }

  @Override
  public final boolean idle() {
    return true;
  }
}
