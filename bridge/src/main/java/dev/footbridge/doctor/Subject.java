package dev.footbridge.doctor;

/** What is tried: the way to the server at all, and each transport, best first. */
public enum Subject {
  /** Whether the server answers, and how fast. */
  REACH("reach", "Reaching the server"),
  /** A WebSocket, its greeting, and whether it survives silence. */
  WEBSOCKET("websocket", "WebSocket"),
  /** Server-Sent Events. */
  SSE("sse", "Server-Sent Events"),
  /** Lines in one long answer. */
  STREAM("stream", "HTTP streaming"),
  /** Requests that are held. */
  LONGPOLL("longpoll", "Long polling"),
  /** Requests that are answered at once, a large one among them. */
  SHORTPOLL("shortpoll", "Short polling"),
  /** A script that is an answer. */
  JSONP("jsonp", "JSONP");

  private final String key;
  private final String title;

  Subject(String key, String title) {
    this.key = key;
    this.title = title;
  }

  /** Its name for machines; a transport's is that of the protocol. */
  public String key() {
    return key;
  }

  /** Its name for people. */
  public String title() {
    return title;
  }

  /** Whether it carries a session by a row of requests that end. */
  boolean isRow() {
    return this == LONGPOLL || this == SHORTPOLL || this == JSONP;
  }
}
