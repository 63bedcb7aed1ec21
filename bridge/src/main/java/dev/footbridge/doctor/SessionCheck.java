package dev.footbridge.doctor;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A real session, by requests that are answered at once: opened with a question, asked once more
 * with a body of 64 KiB, polled, polled as a script, and closed. Where the server opens none (it
 * may want a token), its refusals show as well that requests and answers come through.
 */
final class SessionCheck {
  private static final String CHANNEL = "footbridge-doctor";
  private static final String NONE = "/sessions/m.AAAAAAAAAAAAAAAAAAAAAA";
  private static final String CALLBACK = "doctor";
  private static final int BODY_BYTES = 64 * 1024;
  private static final int CREATED = 201;
  private static final long SLOW_MILLIS = 3000;

  private final Target target;
  private final Limits limits;
  private final Map<String, Object> times = new LinkedHashMap<>();
  private String session = NONE;
  private boolean open;
  private String note = "";

  SessionCheck(Target target, Limits limits) {
    this.target = target;
    this.limits = limits;
  }

  /** Something that went wrong, already in words. */
  private static final class Wrong extends Exception {
    private static final long serialVersionUID = 1L;
    private final Verdict verdict;

    Wrong(Verdict verdict, String message) {
      super(message);
      this.verdict = verdict;
    }

    Finding finding(Subject subject) {
      return Finding.of(subject, verdict, String.valueOf(getMessage()));
    }
  }

  /** Short polling and JSONP. */
  List<Finding> run() {
    try {
      Finding requests = requests().with(times);
      times.clear();
      return List.of(requests, jsonp().with(times));
    } finally {
      close();
    }
  }

  private Finding requests() {
    try {
      Reply opened =
          post("Opening a session", "/sessions", "{\"messages\":[" + question(1, "") + "]}");
      times.put("openedMillis", opened.millis());
      JsonNode welcome = opened.json();
      if (opened.head().status() == CREATED && welcome.path("op").asText().equals("welcome")) {
        String id = welcome.path("session").asText();
        if (!id.matches("[A-Za-z0-9._~-]{1,200}")) {
          throw new Wrong(Verdict.FOREIGN, "Something else answers: its session has no id.");
        }
        session = "/sessions/" + id;
        open = true;
      } else if (opened.problem().isEmpty()) {
        throw new Wrong(Verdict.FOREIGN, "Something else answers: " + opened.describe() + ".");
      } else {
        note = " The server opens no session for the doctor: " + opened.problem() + ".";
      }
      String filler = "x".repeat(BODY_BYTES);
      Reply large =
          post(
              "A body of 64 KiB",
              session + "/send?status=200",
              "{\"after\":1,\"messages\":[" + question(2, filler) + "]}");
      if (large.problem().isEmpty() && !large.json().has("received")) {
        throw new Wrong(
            Verdict.BLOCKED, "A body of 64 KiB does not get through: " + large.describe() + ".");
      }
      times.put("bodyMillis", large.millis());
      Reply poll = get("A poll", session + "/poll?status=200");
      if (poll.problem().isEmpty() && !poll.json().has("messages")) {
        throw new Wrong(Verdict.FOREIGN, "Something else answers: " + poll.describe() + ".");
      }
      times.put("polledMillis", poll.millis());
      long most = Math.max(large.millis(), Math.max(poll.millis(), opened.millis()));
      return Finding.of(
          Subject.SHORTPOLL,
          most > SLOW_MILLIS ? Verdict.SLOW : Verdict.WORKS,
          "A body of 64 KiB took "
              + Words.time(large.millis())
              + ", a poll "
              + Words.time(poll.millis())
              + "."
              + note);
    } catch (Wrong e) {
      return e.finding(Subject.SHORTPOLL);
    }
  }

  private static String question(int id, String filler) {
    return "{\"op\":\"history\",\"id\":"
        + id
        + ",\"channel\":\""
        + CHANNEL
        + "\",\"limit\":1,\"filler\":\""
        + filler
        + "\"}";
  }

  private Finding jsonp() {
    try {
      Reply reply = get("A script", session + "/jsonp?callback=" + CALLBACK);
      if (!reply.text().startsWith("/**/" + CALLBACK + "({")) {
        throw new Wrong(Verdict.FOREIGN, "Something else answers: " + reply.describe() + ".");
      }
      times.put("answeredMillis", reply.millis());
      return Finding.of(
          Subject.JSONP,
          reply.millis() > SLOW_MILLIS ? Verdict.SLOW : Verdict.WORKS,
          "An answer as a script took " + Words.time(reply.millis()) + ".");
    } catch (Wrong e) {
      return e.finding(Subject.JSONP);
    }
  }

  private Reply get(String what, String path) throws Wrong {
    return ask(what, connection -> connection.request("GET", path));
  }

  private Reply post(String what, String path, String body) throws Wrong {
    return ask(what, connection -> connection.post(path, body));
  }

  private interface Request {
    void send(Connection connection) throws IOException;
  }

  private Reply ask(String what, Request request) throws Wrong {
    Deadline deadline = new Deadline(limits.patienceMillis());
    try (Connection connection = Connection.open(target, deadline, false)) {
      long sent = deadline.passed();
      request.send(connection);
      return Reply.read(connection, deadline, sent);
    } catch (SocketTimeoutException e) {
      throw new Wrong(Verdict.HANGS, what + " is not answered.");
    } catch (IOException e) {
      throw new Wrong(Verdict.BLOCKED, what + " does not get through: " + Words.of(e) + ".");
    }
  }

  /** Leaves nothing behind. */
  private void close() {
    if (open) {
      try {
        post("Closing", session + "/close", "");
      } catch (Wrong e) {
        // It ends by itself in a while.
        open = false;
      }
    }
  }
}
