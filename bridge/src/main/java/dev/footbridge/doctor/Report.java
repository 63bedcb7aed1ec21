package dev.footbridge.doctor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What came out altogether.
 *
 * @param findings one for each subject, in the order of these
 */
public record Report(Target target, String date, List<Finding> findings) {
  /** WebSocket and rows of requests come through. */
  public static final int ALL_WELL = 0;

  /** Something is impaired, and a session is possible. */
  public static final int IMPAIRED = 1;

  /** No session is possible. */
  public static final int NOTHING = 3;

  private static final ObjectMapper JSON = new ObjectMapper();

  /** What came out for a subject. */
  public Finding finding(Subject subject) {
    return findings.stream().filter(one -> one.subject() == subject).findFirst().orElseThrow();
  }

  /** The transport on which a client will stand. */
  public Optional<Subject> uses() {
    boolean sends = finding(Subject.SHORTPOLL).usable();
    return findings.stream()
        .filter(Finding::usable)
        .map(Finding::subject)
        .filter(s -> s == Subject.WEBSOCKET || (sends && s != Subject.REACH))
        .findFirst();
  }

  /** The exit code of the program. */
  public int exitCode() {
    boolean rows = findings.stream().anyMatch(one -> one.subject().isRow() && one.isFine());
    if (finding(Subject.WEBSOCKET).isFine() && rows) {
      return ALL_WELL;
    }
    return uses().isPresent() ? IMPAIRED : NOTHING;
  }

  /** One sentence about all of it. */
  public String summary() {
    Finding reach = finding(Subject.REACH);
    Optional<Subject> uses = uses();
    if (uses.isEmpty()) {
      return reach.isFine()
          ? "The server answers, but no transport gets through."
          : "Nothing works: " + lower(reach.detail());
    }
    Subject best = uses.get();
    String name = best.isRow() && best != Subject.JSONP ? lower(best.title()) : best.title();
    List<String> bad = new ArrayList<>();
    for (Finding one : findings) {
      if (!one.isFine()) {
        bad.add(one.subject().title() + " (" + one.verdict().key() + ")");
      }
    }
    return bad.isEmpty()
        ? "Everything gets through; a client will use " + name + "."
        : "A client will use " + name + "; not all right: " + String.join(", ", bad) + ".";
  }

  private static String lower(String sentence) {
    return sentence.substring(0, 1).toLowerCase(Locale.ROOT) + sentence.substring(1);
  }

  /** For machines; one object. */
  public String json() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("url", target.url());
    if (target.proxy() != null) {
      all.put("proxy", target.proxy().toString());
    }
    all.put("date", date);
    all.put("exit", exitCode());
    all.put("summary", summary());
    all.put("uses", uses().map(Subject::key).orElse(null));
    Map<String, Object> tests = new LinkedHashMap<>();
    for (Finding one : findings) {
      Map<String, Object> test = new LinkedHashMap<>();
      test.put("verdict", one.verdict().key());
      test.put("usable", one.usable());
      test.put("detail", one.detail());
      test.put("times", one.times());
      tests.put(one.subject().key(), test);
    }
    all.put("tests", tests);
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** For people: a table and the summary, in lines. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (Finding one : findings) {
      lines.add(
          String.format(
              "%-20s %-10s %s", one.subject().title(), one.verdict().key(), one.detail()));
    }
    lines.add("");
    lines.add(summary());
    return lines;
  }
}
