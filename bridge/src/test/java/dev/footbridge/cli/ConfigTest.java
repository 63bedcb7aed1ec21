package dev.footbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.footbridge.config.Config;
import dev.footbridge.config.ConfigException;
import dev.footbridge.config.Setting;
import dev.footbridge.support.RedisServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Settings as they come to the program: from a file, the environment and the command line. */
class ConfigTest {
  @TempDir Path folder;

  // ---- the file ----

  @Test
  void a_file_sets_what_it_names_and_nothing_else() throws IOException {
    Config config =
        read(
            """
            port: 9000
            host: 127.0.0.1
            base-path: /realtime
            origins: [https://example.org, https://example.com]
            limits:
              message-bytes: 65_536
              header-bytes: 8192
            session.ttl-seconds: 30
            channels:
              - pattern: news-*
                count: 5
                age-seconds: 60
            """);
    assertThat(config.get(Setting.PORT)).isEqualTo(9000);
    assertThat(config.host()).isEqualTo("127.0.0.1");
    assertThat(config.basePath()).isEqualTo("/realtime");
    assertThat(config.origins())
        .containsExactlyInAnyOrder("https://example.org", "https://example.com");
    assertThat(config.get(Setting.LIMITS_MESSAGE_BYTES)).isEqualTo(65_536);
    assertThat(config.get(Setting.LIMITS_HEADER_BYTES)).isEqualTo(8192);
    assertThat(config.get(Setting.SESSION_TTL_SECONDS)).isEqualTo(30);
    assertThat(config.retention("news-today").count()).isEqualTo(5);
    assertThat(config.retention("news-today").ageNanos()).isEqualTo(TimeUnit.MINUTES.toNanos(1));
    assertThat(config.retention("other").count()).isEqualTo((int) Setting.HISTORY_COUNT.standard());
    assertThat(config.get(Setting.LIMITS_BATCH_BYTES))
        .isEqualTo(Setting.LIMITS_BATCH_BYTES.standard());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "# only a comment\n", "---\n", "{}"})
  void an_empty_file_sets_nothing(String yaml) throws IOException {
    assertThat(read(yaml).get(Setting.PORT)).isEqualTo(Setting.PORT.standard());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "colour: blue                        | There is no setting \"colour\".",
        "limits: {colour: blue}              | There is no setting \"limits.colour\".",
        "port: many                          | \"port\" is \"many\"; it must be a whole number",
        "port: 1.5                           | \"port\" is \"1.5\"; it must be a whole number",
        "port: -1                            | \"port\" is -1; it must be from 0 to 65535.",
        "port: 99999                         | \"port\" is 99999; it must be from 0 to 65535.",
        "port: [1, 2]                        | \"port\" must be a single value.",
        "port: null                          | \"port\"",
        "limits: 5                           | \"limits\"",
        "base-path: realtime                 | \"base-path\" is \"realtime\"",
        "origins: [https://example.org/path] | \"origins\" has \"https://example.org/path\"",
        "channels: 5                         | \"channels\"",
        "channels: [5]                       | \"channels\"",
        "channels: [{count: 5}]              | \"pattern\"",
        "channels: [{pattern: a, colour: 1}] | colour",
        "channels: [{pattern: 'a b'}]        | \"a b\"",
        "channels: [{pattern: a, count: -1}] | \"count\" of \"channels\" must be a whole number",
        "channels: [{pattern: a, count: x}]  | \"count\" of \"channels\" must be a whole number",
        "[1, 2]                              | single value",
        "just text                           | ",
        "'{'                                 | is not valid YAML",
        "'a: b: c'                           | is not valid YAML",
      })
  void what_cannot_be_used_is_named_in_one_sentence(String yaml, String named) {
    assertThatThrownBy(() -> read(yaml.replaceAll("^'|'$", "")))
        .isInstanceOf(ConfigException.class)
        .satisfies(failure -> assertSentence(failure.getMessage(), named == null ? "" : named));
  }

  @Test
  void a_file_that_is_not_there_is_named() {
    Path missing = folder.resolve("missing.yaml");
    assertThatThrownBy(() -> ConfigFile.read(missing, Config.builder()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(missing.toString());
  }

  private Config read(String yaml) throws IOException {
    Config.Builder builder = Config.builder();
    ConfigFile.read(file(yaml), builder);
    return builder.build();
  }

  private Path file(String yaml) throws IOException {
    return Files.writeString(folder.resolve("footbridge.yaml"), yaml);
  }

  // ---- the command line ----

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--set colour=blue               | There is no setting \"colour\".",
        "--set port=many                 | \"port\" is \"many\"",
        "--set limits.message-bytes=1    | \"limits.message-bytes\" is 1; it must be from 64",
        "--set limits.batch-bytes=64     | \"limits.batch-bytes\" is smaller",
        "--port 70000                    | \"port\" is 70000; it must be from 0 to 65535.",
        "--base-path x                   | --base-path",
        "--config /nowhere/x.yaml        | \"/nowhere/x.yaml\" cannot be read",
        "--set colour                    | colour",
      })
  void a_wrong_command_line_is_answered_with_code_2_and_says_what(String line, String named) {
    Outcome outcome = run(("serve " + line).split(" "));
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains(named).doesNotContain("Exception", "\tat ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2 | papyrus                          | \"store\" must be memory, or a URL such as redis://",
        "2 | redis-sentinel://127.0.0.1:26379 | \"store\" is not the URL of a Redis",
        "2 | redis://127.0.0.1:99999          | \"store\" is not the URL of a Redis",
        "1 | redis://127.0.0.1:1              | Redis at 127.0.0.1:1 cannot be used: Connection refused",
      })
  void a_store_that_cannot_be_used_is_told_in_one_line(int code, String url, String told) {
    assertToldInOneLine(run("serve", "--port", "0", "--store", url), code, told);
  }

  @Test
  void a_redis_that_is_no_cluster_is_told_in_one_line() throws Exception {
    try (RedisServer redis = RedisServer.with()) {
      String url = redis.url().replace("redis://", "redis-cluster://");
      assertToldInOneLine(
          run("serve", "--port", "0", "--store", url), 1, "cluster support disabled");
    }
  }

  @Test
  void a_password_file_that_cannot_be_read_is_told_in_one_line() throws Exception {
    Process process =
        serve(
            Map.of("FOOTBRIDGE_REDIS_PASSWORD_FILE", "/nowhere/password"),
            "--store",
            "redis://127.0.0.1:1");
    try (BufferedReader out = lines(process)) {
      String told = String.join("\n", out.lines().toList());
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertToldInOneLine(
          new Outcome(process.exitValue(), told), 2, "FOOTBRIDGE_REDIS_PASSWORD_FILE");
    } finally {
      process.destroyForcibly();
    }
  }

  private static void assertToldInOneLine(Outcome outcome, int code, String told) {
    assertThat(outcome.err()).contains(told).hasLineCount(1);
    assertThat(outcome.err()).doesNotContain("Exception", "\tat ");
    assertThat(outcome.code()).isEqualTo(code);
  }

  @Test
  void whoever_says_nothing_is_shown_what_can_be_said() {
    Outcome outcome = run();
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("serve", "publish", "subscribe");
  }

  @Test
  void a_server_that_is_not_there_is_told_in_one_sentence() {
    Outcome outcome = run("publish", "--url", "http://localhost:1/", "news", "1");
    assertThat(outcome.code()).isEqualTo(1);
    assertSentence(
        outcome.err().replace("footbridge serve", "footbridge serve."),
        "No server answers at http://localhost:1/");
  }

  private record Outcome(int code, String err) {}

  private static Outcome run(String... arguments) {
    StringWriter err = new StringWriter();
    CommandLine commandLine = Main.commandLine();
    commandLine.setErr(new PrintWriter(err));
    commandLine.setOut(new PrintWriter(new StringWriter()));
    return new Outcome(commandLine.execute(arguments), err.toString().strip());
  }

  private static void assertSentence(String message, String named) {
    assertThat(message).contains(named).endsWith(".").hasLineCount(1);
    assertThat(message).doesNotContain("Exception", "\tat ");
  }

  // ---- all of them, in a process of its own ----

  @Test
  void the_command_line_beats_the_environment_and_that_beats_the_file() throws Exception {
    Path file =
        file(
            """
            base-path: /file
            limits:
              message-bytes: 1001
              sessions: 3
            session:
              ttl-seconds: 11
              ping-seconds: 12
            """);
    Process server =
        serve(
            Map.of(
                "FOOTBRIDGE_LIMITS_MESSAGE_BYTES", "1002",
                "FOOTBRIDGE_SESSION_TTL_SECONDS", "22",
                "FOOTBRIDGE_BASE_PATH", "/environment"),
            "--config",
            file.toString(),
            "--set",
            "session.ttl-seconds=33");
    try (BufferedReader out =
        new BufferedReader(
            new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8))) {
      String announced = out.readLine();
      assertThat(announced).startsWith("Footbridge is listening on http://localhost:");
      String url = announced.replaceAll(".*(http://\\S+).*", "$1");
      assertThat(url).endsWith("/environment/");
      HttpResponse<String> welcome =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(URI.create(url + "sessions"))
                      .POST(HttpRequest.BodyPublishers.noBody())
                      .build(),
                  HttpResponse.BodyHandlers.ofString());
      assertThat(welcome.body()).contains("\"message\":1002", "\"ttl\":33", "\"ping\":12");

      server.destroy();
      assertThat(server.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(server.exitValue()).isZero();
    } finally {
      server.destroyForcibly();
    }
  }

  @Test
  void a_second_signal_ends_it_at_once() throws Exception {
    try (RedisServer redis = RedisServer.with()) {
      Process staying = serve(Map.of(), "--store", redis.url());
      Process leaving = serve(Map.of(), "--store", redis.url(), "--set", "drain.seconds=600");
      try {
        String url;
        try (BufferedReader out = lines(staying)) {
          assertThat(out.readLine()).contains("listening");
          url = lines(leaving).readLine().replaceAll(".*(http://\\S+).*", "$1");
          for (int i = 0; i < 5; i++) {
            ask(url + "sessions", HttpRequest.BodyPublishers.noBody());
          }
          leaving.destroy();
          await()
              .until(
                  () ->
                      ask(url + "sessions", HttpRequest.BodyPublishers.noBody()).statusCode()
                          == 503);
          assertThat(leaving.isAlive()).isTrue();
          leaving.destroy();
          assertThat(leaving.waitFor(10, TimeUnit.SECONDS)).isTrue();
          assertThat(leaving.exitValue()).isEqualTo(143);
        }
      } finally {
        leaving.destroyForcibly();
        staying.destroyForcibly();
      }
    }
  }

  private static BufferedReader lines(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  private static HttpResponse<String> ask(String url, HttpRequest.BodyPublisher body)
      throws IOException, InterruptedException {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create(url)).POST(body).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void a_variable_that_cannot_be_used_stops_the_start_and_is_named() throws Exception {
    Process server = serve(Map.of("FOOTBRIDGE_LIMITS_MESSAGE_BYTES", "lots"));
    String all = new String(server.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(server.waitFor()).isEqualTo(2);
    assertThat(all).contains("\"limits.message-bytes\" is \"lots\"").doesNotContain("\tat ");
  }

  private static Process serve(Map<String, String> environment, String... arguments)
      throws IOException {
    java.util.List<String> command = new java.util.ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(
        java.util.List.of(
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0"));
    command.addAll(java.util.List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    return builder.start();
  }
}
