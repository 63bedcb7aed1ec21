package dev.footbridge.doctor;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A few small requests, one after the other: whether it is the server that answers, and when. */
final class ReachCheck {
  /**
   * What came out.
   *
   * @param connected whether anything else is worth trying
   * @param roundTripMillis what a small request takes; 0 where that is not known
   */
  record Reached(Finding finding, boolean connected, long roundTripMillis) {}

  private static final int REQUESTS = 5;
  private static final long SLOW_MILLIS = 1500;

  private final Target target;
  private final Deadline deadline;
  private final List<Long> roundTrips = new ArrayList<>();
  private final Map<String, Object> times = new LinkedHashMap<>();

  ReachCheck(Target target, Limits limits) {
    this.target = target;
    this.deadline = new Deadline(limits.patienceMillis());
  }

  Reached run() {
    boolean connected = false;
    try {
      long began = deadline.passed();
      @Nullable Connection connection = Connection.open(target, deadline, false);
      times.put("connectMillis", deadline.passed() - began);
      connected = true;
      try {
        for (int i = 0; i < REQUESTS; i++) {
          if (connection == null) {
            connection = Connection.open(target, deadline, false);
          }
          long sent = deadline.passed();
          connection.request("GET", "/probe/poll?n=" + i);
          Reply reply = Reply.read(connection, deadline, sent);
          if (!reply.is("pong")) {
            boolean nothingHere = reply.problem().equals("not_found");
            return new Reached(notOurs(reply).with(times), !nothingHere, 0);
          }
          roundTrips.add(reply.millis());
          if (reply.head().header("connection").equalsIgnoreCase("close")) {
            connection.close();
            connection = null;
          }
        }
      } finally {
        if (connection != null) {
          connection.close();
        }
      }
    } catch (IOException e) {
      if (roundTrips.isEmpty()) {
        Verdict verdict = e instanceof SocketTimeoutException ? Verdict.HANGS : Verdict.BLOCKED;
        Finding finding =
            Finding.of(
                Subject.REACH,
                verdict,
                "No answer from " + target.url() + ": " + Words.of(e) + ".");
        return new Reached(finding.with(times), connected, 0);
      }
    }
    Collections.sort(roundTrips);
    long median = roundTrips.get(roundTrips.size() / 2);
    times.put("roundTripMillis", median);
    boolean all = roundTrips.size() == REQUESTS;
    Verdict verdict = median > SLOW_MILLIS || !all ? Verdict.SLOW : Verdict.WORKS;
    String detail =
        "It is a Footbridge; a small request takes "
            + Words.time(median)
            + (all ? "." : ", and not all of them are answered.");
    return new Reached(Finding.of(Subject.REACH, verdict, detail).with(times), true, median);
  }

  private Finding notOurs(Reply reply) {
    String code = reply.problem();
    if (code.equals("not_found")) {
      return Finding.of(
          Subject.REACH,
          Verdict.REFUSED,
          "A Footbridge answers, but has nothing at this path; is the address without its base path,"
              + " or with one too much?");
    } else if (!code.isEmpty()) {
      return Finding.of(
          Subject.REACH, Verdict.REFUSED, "The server refuses just now: " + code + ".");
    }
    return Finding.of(
        Subject.REACH,
        Verdict.FOREIGN,
        "No Footbridge answers at "
            + target.url()
            + " but something else: "
            + reply.describe()
            + ".");
  }
}
