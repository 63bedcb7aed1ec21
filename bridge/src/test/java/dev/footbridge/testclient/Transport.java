package dev.footbridge.testclient;

import java.util.Locale;

/** Every way to be connected. */
public enum Transport {
  WEBSOCKET(WebSocketConnection::new),
  SSE((client, turn) -> new StreamConnection(client, turn, true)),
  STREAM((client, turn) -> new StreamConnection(client, turn, false)),
  LONGPOLL_GET((client, turn) -> new PollConnection(client, turn, PollConnection.Kind.GET)),
  LONGPOLL_POST((client, turn) -> new PollConnection(client, turn, PollConnection.Kind.POST)),
  SHORTPOLL((client, turn) -> new PollConnection(client, turn, PollConnection.Kind.SHORT)),
  JSONP((client, turn) -> new PollConnection(client, turn, PollConnection.Kind.JSONP));

  private interface Maker {
    Connection make(SessionClient client, long turn);
  }

  private final Maker maker;

  Transport(Maker maker) {
    this.maker = maker;
  }

  Connection connection(SessionClient client, long turn) {
    return maker.make(client, turn);
  }

  /** Whether a response stays open and must be acknowledged on the side. */
  public boolean isStream() {
    return this == SSE || this == STREAM;
  }

  /** Whether each answer is a request's. */
  public boolean isPoll() {
    return this != WEBSOCKET && !isStream();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
