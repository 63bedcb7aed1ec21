package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;

/** What the HTTP transports have in common: a connection down and one for {@code send}. */
abstract class HttpConnection extends Connection {
  private volatile HttpSocket down;
  private volatile HttpSocket up;

  HttpConnection(SessionClient client, long turn) {
    super(client, turn);
  }

  /** The socket that requests about what comes down are made on. */
  final HttpSocket down() throws IOException {
    if (down == null) {
      down = opened();
    }
    return down;
  }

  private HttpSocket opened() throws IOException {
    HttpSocket socket = client().server().connect();
    if (isOver()) {
      socket.kill();
      throw new IOException("cut");
    }
    return socket;
  }

  final String target(String what, String query) {
    return client().path() + "/" + what + "?turn=" + turn() + query;
  }

  @Override
  void transmit() throws IOException, InterruptedException {
    if (up == null) {
      up = opened();
    }
    byte[] body = client().unconfirmed(this).json();
    Answer answer = up.request("POST", target("send", ""), body).answer();
    if (answer.status() == 200) {
      client().confirm(this, answer.json().path("received").asLong());
    } else {
      end(Ending.problem(answer.json()));
    }
  }

  /** A value that came without a number; false if it was the last. */
  final boolean control(JsonNode value) {
    switch (value.path("op").asText()) {
      case "welcome" -> {
        client().confirm(this, value.path("received").asLong());
        attached(value);
      }
      case "bye" -> {
        end(Ending.bye(value));
        return false;
      }
      default -> {
        // A ping keeps the connection alive; there is nothing to do.
      }
    }
    return true;
  }

  static boolean isControl(JsonNode value) {
    return switch (value.path("op").asText()) {
      case "welcome", "bye", "ping", "pong", "ack" -> true;
      default -> false;
    };
  }

  @Override
  void cut() {
    kill(down);
    kill(up);
  }

  private static void kill(HttpSocket socket) {
    if (socket != null) {
      socket.kill();
    }
  }
}
