package dev.footbridge.testclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Server-Sent Events, or HTTP streaming. */
final class StreamConnection extends HttpConnection {
  private final boolean events;

  StreamConnection(SessionClient client, long turn, boolean events) {
    super(client, turn);
    this.events = events;
  }

  @Override
  void receive() throws IOException {
    long after = client().after();
    if (events) {
      down()
          .request(
              "GET",
              target("events", ""),
              null,
              "Accept: text/event-stream",
              "Last-Event-ID: " + after);
    } else {
      down().request("GET", target("stream", "&after=" + after), null);
    }
    Answer head = down().head();
    InputStream body = new BufferedInputStream(down().body(head), 16 * 1024);
    if (head.status() != 200) {
      end(Ending.problem(Answer.parse(new String(body.readAllBytes(), UTF_8))));
      return;
    }
    if (events) {
      readEvents(body);
    } else {
      readLines(body, after);
    }
    end(Ending.lost("the stream ended"));
  }

  private void readEvents(InputStream body) throws IOException {
    EventReader reader = new EventReader(body);
    boolean open = true;
    for (EventReader.Event event = reader.next(); open && event != null; event = reader.next()) {
      JsonNode value = Answer.parse(event.data());
      if (event.id() == null) {
        open = control(value);
      } else {
        client().deliver(this, Long.parseLong(event.id()), value);
      }
    }
  }

  private void readLines(InputStream body, long after) throws IOException {
    long number = after;
    boolean open = true;
    for (String line = HttpSocket.line(body); open && line != null; line = HttpSocket.line(body)) {
      if (line.isBlank()) {
        continue;
      }
      JsonNode value = Answer.parse(line);
      if (isControl(value)) {
        open = control(value);
      } else {
        number++;
        client().deliver(this, number, value);
      }
    }
  }

  @Override
  public String toString() {
    return events ? "sse" : "stream";
  }
}
