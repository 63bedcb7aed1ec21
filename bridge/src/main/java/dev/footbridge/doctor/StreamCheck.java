package dev.footbridge.doctor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** An answer that stays open: a short one first and, if that comes through, a long one. */
final class StreamCheck {
  private static final int OK = 200;
  private static final int MOST_BYTES = 4096;

  /** Many more than the server ever sends for the seconds that are asked for. */
  private static final int MOST_VALUES = 200;

  private final Target target;
  private final Limits limits;
  private final Subject subject;
  private final String path;
  private final String type;
  private final long roundTripMillis;

  StreamCheck(Target target, Limits limits, Subject subject, long roundTripMillis) {
    boolean events = subject == Subject.SSE;
    this.target = target;
    this.limits = limits;
    this.subject = subject;
    this.path = events ? "/probe/events" : "/probe/stream";
    this.type = events ? "text/event-stream" : "application/x-ndjson";
    this.roundTripMillis = roundTripMillis;
  }

  Finding run(Consumer<Finding> soFar) {
    Finding first = judge(limits.streamSeconds(), "arrivedMillis");
    if (!first.isFine() || limits.longStreamSeconds() == 0) {
      return first;
    }
    soFar.accept(first);
    Finding second = judge(limits.longStreamSeconds(), "longArrivedMillis");
    return new Finding(subject, second.verdict(), second.usable(), second.detail(), first.times())
        .with(second.times());
  }

  private Finding judge(int seconds, String name) {
    Arrivals arrivals = receive(seconds);
    return arrivals.judge(subject, roundTripMillis).with(Map.of(name, arrivals.came()));
  }

  private Arrivals receive(int seconds) {
    Deadline deadline = new Deadline(TimeUnit.SECONDS.toMillis(seconds) + limits.patienceMillis());
    List<Long> came = new ArrayList<>();
    long sent = 0;
    Arrivals.End end;
    String words;
    try (Connection connection = Connection.open(target, deadline, false)) {
      sent = deadline.passed();
      connection.request("GET", path + "?seconds=" + seconds);
      Connection.Head head = connection.head();
      InputStream body = connection.body(head);
      if (head.status() != OK || !head.header("content-type").startsWith(type)) {
        String text = new String(body.readNBytes(MOST_BYTES), UTF_8);
        Reply reply = new Reply(head, text, 0);
        boolean ours = !reply.problem().isEmpty();
        end = ours ? Arrivals.End.REFUSED : Arrivals.End.FOREIGN;
        words = ours ? reply.problem() : reply.describe();
      } else {
        String bye = values(body, deadline, sent, came);
        end = bye.equals("done") ? Arrivals.End.DONE : Arrivals.End.REFUSED;
        words = bye;
        if (bye.isEmpty()) {
          end = Arrivals.End.CUT;
          words = "it ended";
        }
      }
    } catch (SocketTimeoutException e) {
      end = Arrivals.End.SILENT;
      words = "";
    } catch (Flood e) {
      end = Arrivals.End.FOREIGN;
      words = "more than " + MOST_VALUES + " values came, where one a second was asked for";
    } catch (IOException e) {
      end = Arrivals.End.CUT;
      words = Words.of(e);
    }
    return new Arrivals(seconds, List.copyOf(came), end, deadline.passed() - sent, words);
  }

  /** There are many more values than the server was asked for. */
  private static final class Flood extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** Notes when each value came; the code of the last one, or nothing if there is none. */
  private static String values(InputStream body, Deadline deadline, long sent, List<Long> came)
      throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = body.read(); next >= 0; next = body.read()) {
      if (next != '\n') {
        if (line.length() < MOST_BYTES) {
          line.append((char) next);
        }
        continue;
      }
      String value = line.toString().replaceFirst("^data: ?", "").strip();
      line.setLength(0);
      if (!value.startsWith("{")) {
        continue;
      }
      came.add(deadline.passed() - sent);
      if (Reply.json(value).path("op").asText().equals("bye")) {
        return Words.code(Reply.json(value).path("code").asText());
      }
      if (came.size() == MOST_VALUES) {
        throw new Flood();
      }
    }
    return "";
  }
}
