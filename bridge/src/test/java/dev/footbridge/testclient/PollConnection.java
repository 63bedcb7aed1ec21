package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/** Long poll by GET or by POST, short poll, and JSONP: one request after the other. */
final class PollConnection extends HttpConnection {
  enum Kind {
    GET,
    POST,
    SHORT,
    JSONP
  }

  private static final String CALLBACK = "app.receive";
  private static final long SHORT_INTERVAL_NANOS = 20_000_000;

  private final Kind kind;

  PollConnection(SessionClient client, long turn, Kind kind) {
    super(client, turn);
    this.kind = kind;
  }

  @Override
  void receive() throws IOException {
    boolean first = true;
    while (!isOver()) {
      Answer answer = poll(first);
      if (answer.status() != 200) {
        end(Ending.problem(answer.json()));
        return;
      }
      JsonNode json = kind == Kind.JSONP ? unwrap(answer) : answer.json();
      if (json.has("status")) {
        end(Ending.problem(json));
        return;
      }
      first = false;
      attached(null);
      take(json);
      if (kind == Kind.SHORT && json.path("messages").isEmpty()) {
        LockSupport.parkNanos(SHORT_INTERVAL_NANOS);
      }
    }
  }

  /** The first one does not wait, so that it is known at once whether there is a session. */
  private Answer poll(boolean first) throws IOException {
    String query = "&after=" + client().after();
    String held = query + (first ? "" : "&wait=10");
    return switch (kind) {
      case GET -> down().request("GET", target("poll", held), null).answer();
      case SHORT -> down().request("GET", target("poll", query), null).answer();
      case JSONP ->
          down().request("GET", target("jsonp", held + "&callback=" + CALLBACK), null).answer();
      case POST -> {
        SessionClient.Batch batch = client().unconfirmed(this);
        // While messages are on their way up nothing else may go up: it does not wait then.
        String target = target("poll", batch.values().isEmpty() ? held : query);
        yield down().request("POST", target, batch.json()).answer();
      }
    };
  }

  private static JsonNode unwrap(Answer answer) {
    String script = answer.text();
    String head = "/**/" + CALLBACK + "(";
    if (!script.startsWith(head) || !script.endsWith(");")) {
      throw new AssertionError("not a call of the callback: " + answer);
    }
    return Answer.parse(script.substring(head.length(), script.length() - 2));
  }

  private void take(JsonNode json) {
    long number = json.path("first").asLong();
    for (JsonNode value : json.path("messages")) {
      client().deliver(this, number, value);
      number++;
    }
    if (json.has("received")) {
      client().confirm(this, json.path("received").asLong());
    }
    if (json.has("bye")) {
      end(Ending.bye(json.path("bye")));
    }
  }

  @Override
  public String toString() {
    return "poll " + kind;
  }
}
