package dev.footbridge.testclient;

import java.util.Locale;

/** Every way to be connected. */
public enum Transport {
  WEBSOCKET,
  SSE,
  STREAM,
  LONGPOLL_GET,
  LONGPOLL_POST,
  SHORTPOLL,
  JSONP;

  Connection connection(SessionClient client, long turn) {
    return switch (this) {
      case WEBSOCKET -> new WebSocketConnection(client, turn);
      case SSE -> new StreamConnection(client, turn, true);
      case STREAM -> new StreamConnection(client, turn, false);
      case LONGPOLL_GET -> new PollConnection(client, turn, PollConnection.Kind.GET);
      case LONGPOLL_POST -> new PollConnection(client, turn, PollConnection.Kind.POST);
      case SHORTPOLL -> new PollConnection(client, turn, PollConnection.Kind.SHORT);
      case JSONP -> new PollConnection(client, turn, PollConnection.Kind.JSONP);
    };
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
