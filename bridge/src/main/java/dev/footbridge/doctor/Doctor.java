package dev.footbridge.doctor;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Tries everything, side by side where one does not disturb the other. */
public final class Doctor {
  private final Target target;
  private final Limits limits;
  private final Listener listener;

  /** Is told how far it is. Called on any thread, one call at a time. */
  public interface Listener {
    /**
     * There is something to tell.
     *
     * @param finding about one subject
     * @param last whether it will not change any more
     */
    void found(Finding finding, boolean last);
  }

  /** Prepares to examine a server. */
  public Doctor(Target target, Limits limits, Listener listener) {
    this.target = target;
    this.limits = limits;
    this.listener = listener;
  }

  /**
   * Tries everything. Blocks for as long as that takes: about half a minute with {@link
   * Limits#FULL}, a few seconds with {@link Limits#QUICK}.
   */
  public Report run() throws InterruptedException {
    String date = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    List<Finding> findings = new ArrayList<>();
    ReachCheck.Reached reached = new ReachCheck(target, limits).run();
    findings.add(last(reached.finding()));
    if (reached.connected()) {
      findings.addAll(transports(reached.roundTripMillis()));
    } else {
      for (Subject subject : Subject.values()) {
        if (subject != Subject.REACH) {
          findings.add(Finding.of(subject, Verdict.UNTRIED, "There is no server to try it with."));
        }
      }
    }
    findings.sort(Comparator.comparing(Finding::subject));
    return new Report(target, date, List.copyOf(findings));
  }

  private List<Finding> transports(long roundTripMillis) throws InterruptedException {
    List<Callable<List<Finding>>> checks =
        List.of(
            () -> List.of(last(new WebSocketCheck(target, limits).run(this::soFar))),
            () -> List.of(last(stream(Subject.SSE, roundTripMillis))),
            () -> List.of(last(stream(Subject.STREAM, roundTripMillis))),
            () -> List.of(last(new PollCheck(target, limits, roundTripMillis).run(this::soFar))),
            () -> new SessionCheck(target, limits).run().stream().map(this::last).toList());
    ExecutorService threads =
        Executors.newFixedThreadPool(
            checks.size(),
            work -> {
              Thread thread = new Thread(work, "footbridge-doctor");
              thread.setDaemon(true);
              return thread;
            });
    try {
      List<Finding> findings = new ArrayList<>();
      for (Future<List<Finding>> check : threads.invokeAll(checks)) {
        findings.addAll(check.get());
      }
      return findings;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } finally {
      threads.shutdownNow();
    }
  }

  private Finding stream(Subject subject, long roundTripMillis) {
    return new StreamCheck(target, limits, subject, roundTripMillis).run(this::soFar);
  }

  private synchronized void soFar(Finding finding) {
    listener.found(finding, false);
  }

  private synchronized Finding last(Finding finding) {
    listener.found(finding, true);
    return finding;
  }
}
