package dev.footbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.doctor.Doctor;
import dev.footbridge.doctor.Finding;
import dev.footbridge.doctor.Limits;
import dev.footbridge.doctor.Report;
import dev.footbridge.doctor.Subject;
import dev.footbridge.doctor.Target;
import dev.footbridge.doctor.Verdict;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.BadNetwork;
import dev.footbridge.testclient.BadNetwork.Fate;
import dev.footbridge.testclient.TcpRelay;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command {@code doctor} on networks that let everything through, or do not. */
class DoctorTest {
  private static final Limits SHORT = new Limits(2, 0, 1, 0, 1, 3000);
  private static final Limits WITH_LONG_ONES = new Limits(1, 3, 1, 3, 1, 3000);

  private static TestServer server;

  private record Outcome(int code, String out, String err) {}

  @BeforeAll
  static void start() throws IOException {
    server = TestServer.start();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Outcome doctor(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine commandLine =
        Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    String[] all = new String[arguments.length + 1];
    all[0] = "doctor";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return new Outcome(commandLine.execute(all), out.toString(), err.toString());
  }

  private static Report examine(int port, Limits limits) throws InterruptedException {
    Target target = Target.of("http://127.0.0.1:" + port, Map.of());
    return new Doctor(target, limits, (finding, last) -> {}).run();
  }

  /** What comes out where a request meets this fate if its path contains the word. */
  private static Report behind(String word, Fate fate, Limits limits)
      throws IOException, InterruptedException {
    return behind(path -> path.contains(word) ? fate : Fate.PASS, limits);
  }

  private static Report behind(Function<String, Fate> fates, Limits limits)
      throws IOException, InterruptedException {
    try (BadNetwork network = new BadNetwork(server.port(), fates)) {
      return examine(network.port(), limits);
    }
  }

  private static Finding only(Report report, Subject subject, Verdict verdict) {
    for (Subject other : EnumSet.complementOf(EnumSet.of(subject))) {
      assertThat(report.finding(other).verdict()).as(report.json()).isEqualTo(Verdict.WORKS);
    }
    assertThat(report.finding(subject).verdict()).as(report.json()).isEqualTo(verdict);
    return report.finding(subject);
  }

  // ---- what the program says ----

  @Test
  void where_everything_works_it_says_so_and_leaves_nothing_behind() {
    Outcome outcome = doctor("--quick", server.uri("http", "/").toString());
    assertThat(outcome.code()).as(outcome.toString()).isZero();
    assertThat(outcome.err()).contains("WebSocket: works so far", "JSONP: works");
    assertThat(outcome.out().lines())
        .anyMatch(line -> line.matches("Long polling +works +A request that was held .*"))
        .endsWith("Everything gets through; a client will use WebSocket.");
    await().until(() -> server.footbridge().sessions() == 0);
  }

  @Test
  void machines_get_one_object_without_secrets() {
    Outcome outcome = doctor("--quick", "--json", server.uri("ws", "/doctor").toString());
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err()).isEmpty();
    JsonNode json = Answer.parse(outcome.out());
    assertThat(json.path("url").asText()).isEqualTo(server.uri("http", "/").toString());
    assertThat(json.path("uses").asText()).isEqualTo("websocket");
    for (Subject subject : Subject.values()) {
      JsonNode test = json.path("tests").path(subject.key());
      assertThat(test.path("verdict").asText()).as(subject.key()).isEqualTo("works");
      assertThat(test.path("times")).isNotEmpty();
    }
    assertThat(json.path("tests").path("sse").path("times").path("arrivedMillis")).hasSize(4);
    assertThat(outcome.out()).doesNotContainPattern("[A-Za-z0-9]\\.[A-Za-z0-9_-]{22}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:8080", "ftp://localhost/", "http://a b/", "http://ann:x@h/"})
  void what_is_no_address_is_a_wrong_command_line(String url) {
    Outcome outcome = doctor(url);
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("address", "Usage: footbridge doctor");
  }

  @Test
  void where_nothing_listens_nothing_else_is_tried() throws IOException {
    Outcome outcome = doctor("http://127.0.0.1:" + TcpRelay.freePort());
    assertThat(outcome.code()).isEqualTo(3);
    assertThat(outcome.out()).contains("the connection is refused").contains("untried");
  }

  @Test
  void a_path_that_is_not_the_servers_is_told() {
    Outcome outcome = doctor(server.uri("http", "/elsewhere").toString());
    assertThat(outcome.code()).isEqualTo(3);
    assertThat(outcome.out()).contains("A Footbridge answers", "base path");
  }

  @Test
  void a_host_without_tls_is_told() {
    Outcome outcome = doctor(server.uri("https", "/").toString());
    assertThat(outcome.code()).isEqualTo(3);
    assertThat(outcome.out()).contains("TLS fails");
  }

  // ---- what networks do ----

  @Test
  void who_is_no_footbridge_is_told_by_what_it_answers() throws Exception {
    Report report = behind("/", Fate.PORTAL, SHORT);
    assertThat(report.exitCode()).isEqualTo(Report.NOTHING);
    assertThat(report.finding(Subject.REACH).verdict()).isEqualTo(Verdict.FOREIGN);
    assertThat(report.summary())
        .contains("no Footbridge answers", "text/html, \"Welcome to the hotel\"");
  }

  @Test
  void a_host_that_never_answers_is_told() throws Exception {
    Report report = behind("/", Fate.HANG, new Limits(1, 0, 1, 0, 1, 300));
    assertThat(report.exitCode()).isEqualTo(Report.NOTHING);
    assertThat(report.finding(Subject.REACH).verdict()).isEqualTo(Verdict.HANGS);
    assertThat(report.finding(Subject.WEBSOCKET).verdict()).isEqualTo(Verdict.HANGS);
    assertThat(report.finding(Subject.STREAM).verdict()).isEqualTo(Verdict.HANGS);
  }

  @ParameterizedTest
  @CsvSource({
    "FORBID,        BLOCKED,   'refused: HTTP 403, text/html, \"Not here\"'",
    "CUT,           BLOCKED,   'ended without an answer'",
    "STRIP_UPGRADE, BLOCKED,   'taken the upgrade out'",
    "HANG,          HANGS,     'not answered'",
    "SWALLOW_DOWN,  SWALLOWED, 'does not come down'",
    "SWALLOW_UP,    SWALLOWED, 'what is sent up does not arrive'",
    "CUT_LATER,     CUT,       'of silence'"
  })
  void what_happens_to_a_websocket_is_named(Fate fate, Verdict verdict, String words)
      throws Exception {
    Report report = behind("/ws", fate, new Limits(2, 0, 1, 0, 4, 1500));
    Finding finding = only(report, Subject.WEBSOCKET, verdict);
    assertThat(finding.detail()).contains(words);
    assertThat(finding.usable()).isFalse();
    assertThat(report.uses()).contains(Subject.SSE);
    assertThat(report.exitCode()).isEqualTo(Report.IMPAIRED);
  }

  @ParameterizedTest
  @CsvSource({
    "BUFFER,       BUFFERED, 'held back until its end: all came after 2.'",
    "CUT_LATER,    CUT,      'cut after 1.'",
    "CUT,          BLOCKED,  'broken off at once'",
    "SWALLOW_DOWN, HANGS,    'Nothing came'",
    "FORBID,       FOREIGN,  'HTTP 403'"
  })
  void what_happens_to_a_stream_is_named(Fate fate, Verdict verdict, String words)
      throws Exception {
    Report report =
        behind(path -> path.matches("/probe/(events|stream).*") ? fate : Fate.PASS, SHORT);
    for (Subject stream : List.of(Subject.SSE, Subject.STREAM)) {
      Finding finding = report.finding(stream);
      assertThat(finding.verdict()).as(report.json()).isEqualTo(verdict);
      assertThat(finding.detail()).contains(words);
      assertThat(finding.usable()).isFalse();
    }
    assertThat(report.exitCode()).isEqualTo(Report.ALL_WELL);
  }

  @Test
  void what_is_cut_only_later_is_found_by_the_long_ones() throws Exception {
    Set<String> longOnes = Set.of("/probe/events?seconds=3", "/probe/poll?wait=3");
    Report report =
        behind(path -> longOnes.contains(path) ? Fate.CUT_LATER : Fate.PASS, WITH_LONG_ONES);
    assertThat(report.finding(Subject.SSE).verdict()).isEqualTo(Verdict.CUT);
    assertThat(report.finding(Subject.SSE).times().keySet())
        .containsExactly("arrivedMillis", "longArrivedMillis");
    Finding poll = report.finding(Subject.LONGPOLL);
    assertThat(poll.verdict()).isEqualTo(Verdict.CUT);
    assertThat(poll.detail()).contains("cut after 1.");
    assertThat(poll.usable()).as("shorter ones get through").isTrue();
  }

  @Test
  void a_body_that_is_refused_is_named() throws Exception {
    Report report = behind("/send", Fate.FORBID, SHORT);
    Finding finding = only(report, Subject.SHORTPOLL, Verdict.BLOCKED);
    assertThat(finding.detail()).contains("A body of 64 KiB", "HTTP 403");
  }

  @Test
  void where_only_polls_get_through_a_session_is_possible() throws Exception {
    Report report =
        behind(path -> path.matches("/(ws|probe/(events|stream)).*") ? Fate.CUT : Fate.PASS, SHORT);
    assertThat(report.exitCode()).isEqualTo(Report.IMPAIRED);
    assertThat(report.uses()).contains(Subject.LONGPOLL);
    assertThat(report.summary())
        .isEqualTo(
            "A client will use long polling; not all right: WebSocket (blocked), Server-Sent Events"
                + " (blocked), HTTP streaming (blocked).");
  }

  @Test
  void a_server_that_wants_a_token_can_be_examined_all_the_same() throws Exception {
    try (TestServer strict =
        TestServer.start(
            builder ->
                builder
                    .basePath("/rt")
                    .onConnect(
                        (token, address) ->
                            CompletableFuture.failedStage(
                                new ProtocolException(ErrorCode.UNAUTHENTICATED, "No."))))) {
      Target target = Target.of(strict.uri("http", "/rt/").toString(), Map.of());
      Report report = new Doctor(target, SHORT, (finding, last) -> {}).run();
      assertThat(report.exitCode()).as(report.json()).isEqualTo(Report.ALL_WELL);
      assertThat(report.finding(Subject.SHORTPOLL).detail()).contains("unauthenticated");
    }
  }

  // ---- addresses ----

  @ParameterizedTest
  @CsvSource({
    "https://Example.org,             https://Example.org/",
    "wss://example.org:443/rt/,       https://example.org/rt/",
    "http://example.org:81/rt/doctor, http://example.org:81/rt/",
    "'http://[::1]:8080/?x=1#y',      'http://[::1]:8080/'"
  })
  void an_address_may_be_given_in_many_ways(String text, String url) {
    assertThat(Target.of(text, Map.of()).url()).isEqualTo(url);
  }

  @Test
  void the_proxy_of_the_environment_is_used_but_for_those_that_are_excepted() {
    Map<String, String> environment =
        Map.of(
            "HTTP_PROXY", "proxy:3128", "https_proxy", "http://p:1/", "no_proxy", "b.org, .c.org");
    assertThat(proxy("http://a.org", environment)).isEqualTo("proxy:3128");
    assertThat(proxy("https://a.org", environment)).isEqualTo("p:1");
    for (String direct :
        List.of("b.org", "x.b.org", "x.c.org", "localhost", "127.0.0.1", "[::1]")) {
      assertThat(proxy("https://" + direct, environment)).as(direct).isEqualTo("none");
    }
    assertThatThrownBy(() -> proxy("http://a.org", Map.of("http_proxy", "socks5://p:1")))
        .hasMessageContaining("http://HOST:PORT");
  }

  private static String proxy(String url, Map<String, String> environment) {
    var proxy = Target.of(url, environment).proxy();
    return proxy == null ? "none" : proxy.getHostString() + ":" + proxy.getPort();
  }

  // ---- the page ----

  @Test
  void the_page_is_always_there_and_may_only_run_its_own_script() throws IOException {
    try (TestServer based = TestServer.start(builder -> builder.basePath("/rt"))) {
      Answer page = based.get("/rt/doctor");
      assertThat(page.status()).isEqualTo(200);
      assertThat(page.header("Content-Type")).startsWith("text/html");
      assertThat(page.header("Content-Security-Policy")).contains("default-src 'self'");
      assertThat(page.text()).doesNotContain("<style", " style=", " onclick=");
      for (String file : List.of("doctor.js", "doctor.css", "doctor.svg")) {
        assertThat(page.text()).contains("\"" + file + "\"");
        assertThat(based.get("/rt/" + file).status()).as(file).isEqualTo(200);
      }
    }
  }
}
