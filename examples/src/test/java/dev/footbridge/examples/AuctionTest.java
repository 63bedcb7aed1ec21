package dev.footbridge.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The auction as its clients see it, with nothing but an HTTP client. */
@Timeout(30)
class AuctionTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient http = HttpClient.newHttpClient();
  private Auction auction;
  private String url;

  @BeforeEach
  void open() throws IOException {
    auction = Auction.open(0, 100);
    url = auction.url();
  }

  @AfterEach
  void close() {
    auction.close();
  }

  @Test
  void a_bid_is_answered_and_everybody_sees_it() throws Exception {
    Client ann = new Client("bidder:ann");
    Client watcher = new Client(null);

    assertThat(ann.bid(150).path("data").path("leading").asBoolean()).isTrue();

    JsonNode seen = watcher.next();
    assertThat(seen.path("op").asText()).isEqualTo("message");
    assertThat(seen.path("data").path("bid").asLong()).isEqualTo(150);
    assertThat(seen.path("data").path("bidder").asText()).isEqualTo("ann");
  }

  @Test
  void a_bid_that_cannot_be_taken_is_answered_with_a_reason() throws Exception {
    Client ann = new Client("bidder:ann");
    Client bob = new Client("bidder:bob");
    Client watcher = new Client(null);
    ann.bid(150);

    assertThat(bob.bid(150).path("error").path("code").asText()).isEqualTo("too_low");
    assertThat(watcher.bid(900).path("error").path("code").asText()).isEqualTo("no_name");
    assertThat(bob.bid(151).path("data").path("offset").asLong()).isEqualTo(2);
  }

  @Test
  void nobody_else_publishes_and_no_made_up_token_gets_in() throws Exception {
    assertThat(post("channels/auction", "{\"bid\":1}").statusCode()).isEqualTo(403);
    assertThat(post("sessions", "{\"token\":\"root\"}").statusCode()).isEqualTo(401);
  }

  @Test
  void the_end_tells_everybody_who_has_won() throws Exception {
    Client ann = new Client("bidder:ann");
    ann.bid(200);
    Client late = new Client(null);

    auction.end();

    JsonNode end = late.next().path("data");
    assertThat(end.path("winner").asText()).isEqualTo("ann");
    assertThat(end.path("price").asLong()).isEqualTo(200);
    assertThat(ann.bid(300).path("error").path("code").asText()).isEqualTo("over");
  }

  @Test
  void after_closing_nobody_answers() throws Exception {
    Client ann = new Client("bidder:ann");

    auction.close();
    auction.close();

    assertThatThrownBy(() -> ann.bid(150)).isInstanceOf(IOException.class);
  }

  private HttpResponse<String> post(String path, String body)
      throws IOException, InterruptedException {
    return http.send(
        request(path).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
        BodyHandlers.ofString());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path)).timeout(Duration.ofSeconds(20));
  }

  /** A session that long-polls: it counts what it has got, and no more is needed. */
  private final class Client {
    private final String session;
    private final List<JsonNode> waiting = new ArrayList<>();
    private long got;
    private long sent;

    Client(@Nullable String token) throws IOException, InterruptedException {
      String body =
          JSON.createObjectNode()
              .put("token", token)
              .set("subscribe", JSON.createArrayNode().add(Auction.CHANNEL))
              .toString();
      HttpResponse<String> opened = post("sessions", body);
      assertThat(opened.statusCode()).isEqualTo(201);
      session = "sessions/" + JSON.readTree(opened.body()).path("session").asText();
    }

    /** Calls the procedure and gives the reply to it. */
    JsonNode bid(long amount) throws IOException, InterruptedException {
      String command =
          "{\"op\":\"call\",\"id\":1,\"procedure\":\"bid\",\"data\":{\"amount\":" + amount + "}}";
      String body = "{\"after\":" + sent++ + ",\"messages\":[" + command + "]}";
      assertThat(post(session + "/send", body).statusCode()).isEqualTo(200);
      JsonNode value = next();
      while (!value.path("op").asText().equals("reply")) {
        value = next();
      }
      return value;
    }

    JsonNode next() throws IOException, InterruptedException {
      while (waiting.isEmpty()) {
        take(http.send(poll(), BodyHandlers.ofString()).body());
      }
      return waiting.remove(0);
    }

    private HttpRequest poll() {
      return request(session + "/poll?after=" + got + "&wait=10").build();
    }

    private void take(String answer) {
      try {
        JsonNode messages = JSON.readTree(answer).path("messages");
        messages.forEach(waiting::add);
        got += messages.size();
      } catch (IOException notJson) {
        throw new AssertionError(answer, notJson);
      }
    }
  }
}
