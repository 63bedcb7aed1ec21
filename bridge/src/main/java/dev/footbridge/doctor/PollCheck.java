package dev.footbridge.doctor;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A request that the server holds: for a short time first and, if that is well, for a long one. */
final class PollCheck {
  private static final long LATE_MILLIS = 1500;
  private static final long AT_ONCE_MILLIS = 1000;

  private final Target target;
  private final Limits limits;
  private final long roundTripMillis;

  PollCheck(Target target, Limits limits, long roundTripMillis) {
    this.target = target;
    this.limits = limits;
    this.roundTripMillis = roundTripMillis;
  }

  Finding run(Consumer<Finding> soFar) {
    Finding first = ask(limits.pollSeconds(), "answeredMillis", false);
    if (!first.isFine() || limits.longPollSeconds() == 0) {
      return first;
    }
    soFar.accept(first);
    Finding second = ask(limits.longPollSeconds(), "longAnsweredMillis", true);
    // Those that are held for a short time go through, whatever became of this one.
    return new Finding(Subject.LONGPOLL, second.verdict(), true, second.detail(), first.times())
        .with(second.times());
  }

  private Finding ask(int seconds, String name, boolean again) {
    long held = TimeUnit.SECONDS.toMillis(seconds);
    Deadline deadline = new Deadline(held + limits.patienceMillis());
    long sent = 0;
    try (Connection connection = Connection.open(target, deadline, false)) {
      sent = deadline.passed();
      connection.request("GET", "/probe/poll?wait=" + seconds);
      Reply reply = Reply.read(connection, deadline, sent);
      return judge(reply, held).with(Map.of(name, reply.millis()));
    } catch (SocketTimeoutException e) {
      return Finding.of(
          Subject.LONGPOLL,
          Verdict.HANGS,
          "A request held for "
              + seconds
              + " s had no answer even "
              + waited(deadline, sent)
              + ".");
    } catch (IOException e) {
      long after = deadline.passed() - sent;
      return after < AT_ONCE_MILLIS && !again
          ? Finding.of(Subject.LONGPOLL, Verdict.BLOCKED, "It is broken off: " + Words.of(e) + ".")
          : cut(after, Words.of(e)).with(Map.of(name, after));
    }
  }

  private static String waited(Deadline deadline, long sent) {
    return "after " + Words.seconds(deadline.passed() - sent);
  }

  private Finding judge(Reply reply, long held) {
    long late = reply.millis() - held - roundTripMillis;
    if (reply.is("pong")) {
      return late > LATE_MILLIS
          ? Finding.of(
              Subject.LONGPOLL,
              Verdict.SLOW,
              "The answer came " + Words.seconds(late) + " late; it is held back on the way.")
          : Finding.of(
              Subject.LONGPOLL,
              Verdict.WORKS,
              "A request that was held for " + Words.seconds(held) + " was answered in time.");
    } else if (!reply.problem().isEmpty()) {
      return Finding.of(
          Subject.LONGPOLL,
          Verdict.REFUSED,
          "The server refuses just now: " + reply.problem() + ".");
    } else if (reply.millis() < AT_ONCE_MILLIS) {
      return Finding.of(
          Subject.LONGPOLL, Verdict.FOREIGN, "Something else answers: " + reply.describe() + ".");
    }
    return cut(reply.millis(), reply.describe());
  }

  private static Finding cut(long after, String words) {
    return Finding.of(
        Subject.LONGPOLL,
        Verdict.CUT,
        false,
        "A held request is cut after " + Words.seconds(after) + ": " + words + ".");
  }
}
