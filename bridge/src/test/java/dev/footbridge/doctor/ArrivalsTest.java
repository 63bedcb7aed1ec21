package dev.footbridge.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.doctor.Arrivals.End;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is concluded from when a stream's values came. */
class ArrivalsTest {
  private static final int SECONDS = 3;
  private static final long ROUND_TRIP = 50;

  @ParameterizedTest
  @CsvSource({
    "DONE,   '60 1060 2070 3050',     WORKS,     true,  'first after 60 ms'",
    "DONE,   '900 1900 2900 3900',    WORKS,     true,  'first after 900 ms'",
    "DONE,   '1900 2900 3900 4900',   SLOW,      true,  '1.9 s late'",
    "DONE,   '3010 3012 3020 3070',   BUFFERED,  false, 'held back until its end: all came after 3.1 s'",
    "DONE,   '1550 1551 3052 3060',   BUFFERED,  true,  'held back for up to 1.5 s'",
    "DONE,   '60 2960 2961 3062',     BUFFERED,  true,  'held back for up to 1.9'",
    "DONE,   '2900 2901 3001 5000',   BUFFERED,  false, 'in lumps'",
    "CUT,    '60 1060',               CUT,       false, 'cut after 7.0 s'",
    "CUT,    '',                      CUT,       false, 'before anything came'",
    "SILENT, '60 1060',               SWALLOWED, false, 'any more after 1.1 s'",
    "SILENT, '',                      HANGS,     false, 'within 7.0 s'",
    "FOREIGN,'',                      FOREIGN,   false, 'else answers: x'",
    "REFUSED,'',                      REFUSED,   false, 'just now: x'"
  })
  void the_times_tell(End end, String times, Verdict verdict, boolean usable, String words) {
    List<Long> came =
        Arrays.stream(times.split(" ")).filter(t -> !t.isEmpty()).map(Long::valueOf).toList();
    Finding finding = new Arrivals(SECONDS, came, end, 7000, "x").judge(Subject.SSE, ROUND_TRIP);
    assertThat(finding.verdict()).isEqualTo(verdict);
    assertThat(finding.usable()).isEqualTo(usable);
    assertThat(finding.detail()).contains(words);
  }
}
