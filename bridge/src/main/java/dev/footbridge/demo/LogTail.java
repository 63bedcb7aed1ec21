package dev.footbridge.demo;

import dev.footbridge.hub.Hub;

/** The demo's own log, as a channel. Safe for any thread. */
final class LogTail {
  private static final String CHANNEL = "demo:log";

  private final Hub hub;

  LogTail(Hub hub) {
    this.hub = hub;
  }

  void line(String level, String text) {
    Demo.publish(
        hub,
        CHANNEL,
        Demo.fields("time", System.currentTimeMillis(), "level", level, "text", text));
  }
}
