package dev.footbridge.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.gargoylesoftware.htmlunit.BrowserVersion;
import dev.footbridge.auth.Identity;
import dev.footbridge.server.Pages;
import dev.footbridge.testclient.OldBrowser;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The JavaScript client in Internet Explorer 8, 9 and 11 as HtmlUnit plays them: what the pages and
 * their scripts are given is that browser's, the engine that executes them is not. Requests to
 * another origin are made by a stand-in for {@code XDomainRequest} in the first two.
 */
class OldBrowsersTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final int MANY = 30;
  private static TestServer pages;
  private static TestServer server;
  private static int channels;

  @BeforeAll
  static void start() throws IOException {
    Pages files = new Pages();
    for (String name : List.of("old-browser.html", "old-browser.min.html", "old-browser.js")) {
      files.add("/" + name, "/dev/footbridge/testclient/" + name);
    }
    pages = TestServer.start(builder -> builder.pages(files));
    server =
        TestServer.start(
            builder ->
                builder
                    .pages(files)
                    .origin("http://localhost:" + pages.port())
                    .onConnect(
                        (token, address) ->
                            token == null
                                ? CompletableFuture.completedStage(Identity.ANONYMOUS)
                                : CompletableFuture.failedStage(
                                    new ProtocolException(
                                        ErrorCode.UNAUTHENTICATED, "The token is none."))));
  }

  @AfterAll
  static void stop() {
    server.close();
    pages.close();
  }

  /** A browser. Version 8 and 9 have {@code XDomainRequest}. */
  enum Explorer {
    IE8,
    IE9,
    IE11;

    @SuppressWarnings("deprecation") // the older two went soon after
    OldBrowser start() {
      return switch (this) {
        case IE8 -> new OldBrowser(BrowserVersion.INTERNET_EXPLORER_8, true);
        case IE9 -> new OldBrowser(BrowserVersion.INTERNET_EXPLORER_9, true);
        case IE11 -> new OldBrowser(BrowserVersion.INTERNET_EXPLORER_11, false);
      };
    }
  }

  @Test
  void they_lack_what_came_later() throws IOException {
    Map<Explorer, String> later = new EnumMap<>(Explorer.class);
    for (Explorer explorer : Explorer.values()) {
      try (OldBrowser browser = explorer.start()) {
        browser.open(server.uri("http", "/old-browser.html").toString());
        later.put(explorer, (String) browser.run("later()"));
      }
    }
    assertThat(later)
        .containsEntry(Explorer.IE8, "XDomainRequest")
        .containsEntry(
            Explorer.IE9, "XDomainRequest addEventListener methods of arrays other methods")
        .containsEntry(
            Explorer.IE11, "Uint8Array addEventListener methods of arrays other methods");
  }

  static List<Arguments> sameOrigin() {
    List<Arguments> cases = new ArrayList<>();
    for (Explorer explorer : Explorer.values()) {
      for (String file : List.of("old-browser.min.html", "old-browser.html")) {
        for (String transport : List.of("", "longpoll", "shortpoll", "jsonp")) {
          cases.add(Arguments.of(explorer, transport, file));
        }
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("sameOrigin")
  void a_page_of_the_servers_own_takes_part(Explorer explorer, String transport, String file)
      throws IOException {
    try (OldBrowser browser = explorer.start()) {
      browser.open(server.uri("http", "/" + file).toString());
      talk(browser, transport, "longpoll");
      assertThat(browser.crossDomainRequests()).isZero();
    }
  }

  static Stream<Arguments> otherOrigin() {
    return Stream.of("", "stream", "longpoll", "shortpoll", "jsonp")
        .flatMap(
            transport ->
                Stream.of(Explorer.values()).map(explorer -> Arguments.of(explorer, transport)))
        .filter(them -> them.get()[0] != Explorer.IE11 || !them.get()[1].equals("stream"));
  }

  @ParameterizedTest
  @MethodSource("otherOrigin")
  void a_page_of_another_origin_takes_part(Explorer explorer, String transport) throws IOException {
    boolean old = explorer != Explorer.IE11;
    try (OldBrowser browser = explorer.start()) {
      browser.open(otherPage("localhost"));
      talk(browser, transport, old ? "stream" : "longpoll");
      assertThat(browser.crossDomainRequests() > 0).isEqualTo(old);
    }
  }

  @ParameterizedTest
  @MethodSource("otherOrigin")
  void a_session_that_is_gone_is_followed_by_another(Explorer explorer, String transport)
      throws IOException {
    try (OldBrowser browser = explorer.start()) {
      browser.open(otherPage("localhost"));
      String channel = begin(browser, transport);
      String session = browser.json("report()").path("session").asText();
      // Nobody is there to be told that it ends, so the client learns it from an answer's status.
      browser.run("drop()");
      assertThat(server.post("/sessions/" + session + "/close", "").status()).isEqualTo(204);
      until(browser, report -> report.at("/seen/resets/0").asText().equals("session_gone"));
      browser.run("publish('" + channel + "', 1, 3)");
      until(browser, report -> report.at("/seen/heard").size() == 3);
      assertThat(browser.json("report()").path("session").asText()).isNotEqualTo(session);
      end(browser);
    }
  }

  @ParameterizedTest
  @EnumSource(Explorer.class)
  void a_token_that_is_refused_ends_the_attempt(Explorer explorer) throws IOException {
    try (OldBrowser browser = explorer.start()) {
      browser.open(otherPage("localhost"));
      browser.run("begin('" + server.uri("http", "") + "', '', 'any', 'wrong')");
      until(browser, report -> report.path("state").asText().equals("closed"));
      JsonNode seen = browser.json("report()").path("seen");
      assertThat(seen.at("/problems/0").asText()).startsWith("unauthenticated");
      assertThat(seen.at("/failures/0").asText()).startsWith("unauthenticated");
      assertThat(browser.errors()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"IE8", "IE9"}) // HtmlUnit's XMLHttpRequest reports that to nobody
  void a_page_of_an_origin_that_is_not_allowed_reaches_nothing(Explorer explorer)
      throws IOException {
    try (OldBrowser browser = explorer.start()) {
      browser.open(otherPage("127.0.0.1"));
      browser.run("begin('" + server.uri("http", "") + "', '', 'any')");
      until(browser, report -> report.path("state").asText().equals("offline"));
      assertThat(server.footbridge().sessions()).isZero();
      browser.run("client.close(); other.close()");
      assertThat(browser.json("report()").at("/seen/problems")).isEmpty();
      assertThat(browser.errors()).isEmpty();
    }
  }

  private static String otherPage(String host) {
    return "http://" + host + ":" + pages.port() + "/old-browser.min.html";
  }

  /** Connects both clients of the page. */
  private static String begin(OldBrowser browser, String transport) throws IOException {
    String channel = "old-" + ++channels;
    String url = server.uri("http", "").toString();
    browser.run("begin('" + url + "', '" + transport + "', '" + channel + "')");
    until(browser, report -> report.at("/seen/answers").size() == 2);
    return channel;
  }

  private static void talk(OldBrowser browser, String transport, String best) throws IOException {
    String channel = begin(browser, transport);
    browser.run("publish('" + channel + "', 1, " + MANY + ")");
    until(
        browser,
        report ->
            report.at("/seen/answers").size() == 2 + MANY
                && report.at("/seen/heard").size() == MANY);
    String stands = transport.isEmpty() ? best : transport;
    until(browser, report -> report.path("transport").asText().equals(stands));

    browser.run("call('" + channel + "', 21)");
    until(browser, report -> report.at("/seen/results").size() == 1);

    int resumes = browser.json("report()").path("resumes").asInt();
    browser.run("drop()");
    browser.run("publish('" + channel + "', " + (MANY + 1) + ", " + (MANY + 2) + ")");
    until(
        browser,
        report ->
            report.at("/seen/heard").size() == MANY + 2
                && report.path("resumes").asInt() > resumes
                && report.path("state").asText().equals("online"));
    JsonNode seen = browser.json("report()").path("seen");
    assertThat(seen.path("heard"))
        .extracting(JsonNode::asInt)
        .containsExactlyElementsOf(IntStream.rangeClosed(1, MANY + 2).boxed().toList());
    assertThat(seen.path("results").path(0).asInt()).isEqualTo(42);
    assertThat(seen.path("calls").path(0).asInt()).isEqualTo(21);
    assertThat(seen.path("resets")).isEmpty();
    end(browser);
  }

  /** Closes both clients; then nothing may have gone wrong in the page. */
  private static void end(OldBrowser browser) throws IOException {
    browser.run("client.close(); other.close()");
    until(browser, report -> report.path("state").asText().equals("closed"));
    await().atMost(PATIENCE).until(() -> server.footbridge().sessions() == 0);
    JsonNode seen = browser.json("report()").path("seen");
    assertThat(seen.path("failures")).isEmpty();
    assertThat(seen.path("problems")).isEmpty();
    assertThat(browser.errors()).isEmpty();
  }

  private static void until(OldBrowser browser, Predicate<JsonNode> condition) throws IOException {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              JsonNode report = browser.json("report()");
              assertThat(condition.test(report)).as(() -> report + " " + browser.errors()).isTrue();
            });
  }
}
