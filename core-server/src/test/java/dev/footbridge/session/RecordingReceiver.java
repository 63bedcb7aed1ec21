package dev.footbridge.session;

import dev.footbridge.io.Lane;
import java.util.List;

/** A connection that only writes down what it is told. */
final class RecordingReceiver implements Receiver {
  private final int number;
  private final boolean duplex;
  private final boolean streaming;
  private final int laneNumber;
  private final Lane lane;
  private final List<String> events;
  private boolean idle = true;

  RecordingReceiver(
      int number,
      boolean duplex,
      boolean streaming,
      int laneNumber,
      Lane lane,
      List<String> events) {
    this.number = number;
    this.duplex = duplex;
    this.streaming = streaming;
    this.laneNumber = laneNumber;
    this.lane = lane;
    this.events = events;
  }

  int laneNumber() {
    return laneNumber;
  }

  void idle(boolean nowIdle) {
    idle = nowIdle;
  }

  @Override
  public Lane lane() {
    return lane;
  }

  @Override
  public boolean duplex() {
    return duplex;
  }

  @Override
  public boolean streaming() {
    return streaming;
  }

  @Override
  public void ready() {
    events.add(this + " ready");
  }

  @Override
  public void end(Bye bye) {
    events.add(this + " end " + bye.code());
  }

  @Override
  public void check(long nowNanos) {
    events.add(this + " check");
  }

  @Override
  public boolean idle() {
    return idle;
  }

  @Override
  public String toString() {
    return (duplex ? "duplex " : streaming ? "stream " : "poll ") + number;
  }
}
