package dev.footbridge.bridge;

import static dev.footbridge.testclient.Values.data;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.EventReader;
import dev.footbridge.testclient.TestServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;
import okio.BufferedSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** HTTP/2 without TLS, which is how proxies speak it with what is behind them. */
class Http2Test {
  private static final MediaType JSON = MediaType.get("application/json");

  private static TestServer server;
  private static int channels;

  private final String channel = "channel-" + ++channels;
  private final OkHttpClient client =
      new OkHttpClient.Builder()
          .protocols(List.of(Protocol.H2_PRIOR_KNOWLEDGE))
          .readTimeout(30, TimeUnit.SECONDS)
          .build();

  @BeforeAll
  static void start() throws IOException {
    server = TestServer.start(builder -> builder);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @AfterEach
  void disconnect() {
    client.connectionPool().evictAll();
    client.dispatcher().executorService().shutdown();
  }

  private static Request.Builder to(String path) throws IOException {
    return new Request.Builder().url(server.uri("http", path).toURL());
  }

  private Response send(Request request) throws IOException {
    Response response = client.newCall(request).execute();
    assertThat(response.protocol()).isEqualTo(Protocol.H2_PRIOR_KNOWLEDGE);
    return response;
  }

  private String text(Request request, int status) throws IOException {
    try (Response response = send(request)) {
      assertThat(response.code()).isEqualTo(status);
      assertThat(response.header("server")).isNull();
      return response.body().string();
    }
  }

  private static void publish(String channel, int from, int to) {
    for (int i = from; i <= to; i++) {
      server.footbridge().publish(channel, i).toCompletableFuture().join();
    }
  }

  @Test
  void channels_are_served() throws Exception {
    text(to("/channels/" + channel).post(RequestBody.create("1", JSON)).build(), 200);
    assertThat(data(Answer.parse(text(to("/channels/" + channel).build(), 200))))
        .containsExactly(1);
    RequestBody picture = RequestBody.create("1", MediaType.get("image/png"));
    text(to("/channels/" + channel).post(picture).build(), 415);
  }

  @Test
  void a_large_file_is_served() throws Exception {
    assertThat(text(to("/footbridge.js").build(), 200)).hasSizeGreaterThan(70_000);
  }

  @Test
  void a_feed_and_a_long_poll_share_one_connection() throws Exception {
    String page = text(to("/channels/" + channel + "?limit=0").build(), 200);
    String since = Answer.parse(page).path("epoch").asText() + ":0";
    Request events =
        to("/channels/" + channel)
            .header("Accept", "text/event-stream")
            .header("Last-Event-ID", since)
            .build();
    try (Response feed = send(events)) {
      Request held = to("/channels/" + channel + "?wait=20&since=" + since).build();
      CompletableFuture<String> poll =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return text(held, 200);
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      publish(channel, 1, 1);
      assertThat(data(Answer.parse(poll.get(20, TimeUnit.SECONDS)))).containsExactly(1);
      publish(channel, 2, 3000);
      EventReader reader = new EventReader(feed.body().byteStream());
      for (int i = 1; i <= 3000; i++) {
        assertThat(Answer.parse(reader.next().data()).path("data").asInt()).isEqualTo(i);
      }
    }
    assertThat(client.connectionPool().connectionCount()).isEqualTo(1);
  }

  @Test
  void a_body_of_unknown_length_is_refused_because_it_may_have_been_cut_off() throws Exception {
    RequestBody unknown =
        new RequestBody() {
          @Override
          public MediaType contentType() {
            return JSON;
          }

          @Override
          public void writeTo(BufferedSink sink) throws IOException {
            sink.writeUtf8("1");
          }
        };
    String refusal = text(to("/channels/" + channel).post(unknown).build(), 400);
    assertThat(Answer.parse(refusal).path("code").asText()).isEqualTo("malformed");
    assertThat(data(Answer.parse(text(to("/channels/" + channel).build(), 200)))).isEmpty();
  }

  @Test
  void a_session_is_served() throws Exception {
    String session = server.open();
    try (Response stream = send(to("/sessions/" + session + "/stream").build())) {
      String command = "{\"messages\":[{\"op\":\"presence\",\"id\":1,\"channel\":\"x\"}]}";
      Request send =
          to("/sessions/" + session + "/send").post(RequestBody.create(command, JSON)).build();
      assertThat(text(send, 200)).isEqualTo("{\"received\":1}");
      BufferedSource lines = stream.body().source();
      assertThat(Answer.parse(lines.readUtf8LineStrict()).path("op").asText()).isEqualTo("welcome");
      assertThat(Answer.parse(lines.readUtf8LineStrict()).path("op").asText()).isEqualTo("reply");
    }
  }

  /**
   * RFC 9113 has given up the upgrade from HTTP/1.1; and clients that still offer it, Java's own
   * and curl among them, fail on a first answer that is larger than their buffer.
   */
  @Test
  void nobody_is_upgraded_from_http1() throws Exception {
    URI file = server.uri("http", "/footbridge.js");
    for (int i = 0; i < 20; i++) {
      HttpClient upgrading = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
      var answer = upgrading.send(HttpRequest.newBuilder(file).build(), BodyHandlers.ofByteArray());
      assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
      assertThat(answer.body()).hasSizeGreaterThan(70_000);
    }
  }
}
