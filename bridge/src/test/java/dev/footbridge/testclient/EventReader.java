package dev.footbridge.testclient;

import java.io.IOException;
import java.io.InputStream;

/** Reads {@code text/event-stream} as a browser does (WHATWG HTML, 9.2.6). */
public final class EventReader {
  private final InputStream in;
  private String lastId = "";

  /** Reads from the stream, which should be buffered. */
  public EventReader(InputStream in) {
    this.in = in;
  }

  /**
   * An event.
   *
   * @param id the id that came with this very event, or null
   */
  public record Event(String id, String data) {}

  /** The id that a browser would come back with. */
  public String lastId() {
    return lastId;
  }

  /** The next event with data; null at the end. */
  public Event next() throws IOException {
    String id = null;
    StringBuilder data = new StringBuilder();
    for (String line = HttpSocket.line(in); line != null; line = HttpSocket.line(in)) {
      if (line.isEmpty()) {
        if (data.length() > 0) {
          return new Event(id, data.substring(0, data.length() - 1));
        }
        id = null;
      } else if (line.startsWith("id: ")) {
        id = line.substring(4);
        lastId = id;
      } else if (line.startsWith("data: ")) {
        data.append(line, 6, line.length()).append('\n');
      } else if (!line.startsWith(":")) {
        throw new IOException("not a line of an event stream: " + line);
      }
    }
    return null;
  }
}
