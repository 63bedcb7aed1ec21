package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.publish;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.session.Session;
import dev.footbridge.support.Stage;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import dev.footbridge.wire.ProtocolException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionOnTheHubTest {
  private final TestHub hub = TestHub.roomy();

  private static JsonNode firstWelcome(Session session) {
    return TestClient.json(session.firstWelcome().toString());
  }

  // ---- opening ----

  @Test
  void the_welcome_says_who_the_client_is_and_what_the_session_allows() {
    Session session = hub.open("ann");
    JsonNode welcome = firstWelcome(session);
    assertThat(welcome.get("op").textValue()).isEqualTo("welcome");
    assertThat(welcome.get("session").textValue()).isEqualTo(session.id());
    assertThat(welcome.get("resumed").booleanValue()).isFalse();
    assertThat(welcome.get("received").longValue()).isZero();
    assertThat(welcome.get("after").longValue()).isZero();
    assertThat(welcome.get("ttl").longValue()).isEqualTo(60);
    assertThat(welcome.get("ping").longValue()).isEqualTo(25);
    assertThat(welcome.get("user").textValue()).isEqualTo("ann");
    assertThat(welcome.get("subscribed")).isEmpty();
    assertThat(welcome.at("/transports/0").textValue()).isEqualTo("websocket");
    assertThat(welcome.at("/limits/message").longValue()).isEqualTo(1 << 20);
    assertThat(firstWelcome(hub.open(null)).has("user")).isFalse();
  }

  @Test
  void a_session_can_be_opened_with_subscriptions() {
    TestClient publisher = hub.client();
    JsonNode top = publish(hub, publisher, "a", 5);
    publish(hub, publisher, "b", 2);
    Session session =
        hub.open(
            null, "\"b\"", "{" + channel("a") + "," + Messages.since(top, 3) + "}", "\"secret\"");
    JsonNode subscribed = firstWelcome(session).get("subscribed");
    assertThat(subscribed.at("/a/offset").longValue()).isEqualTo(5);
    assertThat(subscribed.at("/a/epoch")).isEqualTo(top.get("epoch"));
    assertThat(subscribed.at("/a/recovered").booleanValue()).isTrue();
    assertThat(subscribed.at("/b/offset").longValue()).isEqualTo(2);
    assertThat(subscribed.at("/secret/error/code").textValue()).isEqualTo("forbidden");

    TestClient client = new TestClient(session, hub.lane());
    publish(hub, publisher, "b", 1);
    assertThat(offsets(client.heard())).containsExactly(4L, 5L, 3L);
  }

  @Test
  void a_refusal_at_the_opening_is_told_wherever_it_stands_among_the_wishes() {
    JsonNode subscribed =
        firstWelcome(hub.open(null, "\"secret\"", "\"a\"", "\"b\"")).get("subscribed");
    assertThat(subscribed.at("/secret/error/code").textValue()).isEqualTo("forbidden");
    assertThat(subscribed.at("/a/recovered").booleanValue()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"5", "[]", "\"a b\"", "{}", "{\"channel\":1}"})
  void a_bad_wish_for_a_subscription_opens_no_session(String wish) {
    ProtocolException refusal = Stage.refusal(hub.opening(null, "\"a\"", wish));
    assertThat(refusal.code()).isEqualTo("malformed");
    assertThat(hub.sessions().count()).isZero();
  }

  @Test
  void a_bad_token_opens_no_session() {
    assertThat(Stage.refusal(hub.opening("bad")).code()).isEqualTo("unauthenticated");
    assertThat(hub.sessions().count()).isZero();
  }

  // ---- auth ----

  @Test
  void a_token_can_be_refreshed() {
    TestClient client = hub.client("ann");
    assertThat(hub.ask(client, "auth", "\"token\":\"ann\"").get("user").textValue())
        .isEqualTo("ann");
  }

  @Test
  void an_anonymous_client_can_become_somebody_and_publishes_as_that() {
    TestClient client = hub.client();
    hub.ask(client, "subscribe", channel("news"));
    hub.ask(client, "auth", "\"token\":\"ann\"");
    List<JsonNode> heard = hub.exchange(client, "publish", channel("news") + ",\"data\":1");
    assertThat(heard)
        .filteredOn(value -> value.get("op").textValue().equals("message"))
        .singleElement()
        .satisfies(message -> assertThat(message.get("user").textValue()).isEqualTo("ann"));
  }

  @Test
  void a_session_cannot_go_over_to_another_user() {
    TestClient client = hub.client("ann");
    assertThat(hub.error(client, "auth", "\"token\":\"bob\"")).isEqualTo("forbidden");
    assertThat(hub.error(client, "auth", "")).isEqualTo("forbidden");
    assertThat(hub.error(client, "auth", "\"token\":\"bad\"")).isEqualTo("unauthenticated");
    assertThat(hub.error(client, "auth", "\"token\":5")).isEqualTo("malformed");
  }

  // ---- what is no command ----

  @ParameterizedTest
  @ValueSource(strings = {"nonsense", "", "PUBLISH", "message", "reply", "gap"})
  void an_unknown_command_is_answered_by_an_error(String op) {
    assertThat(hub.error(hub.client(), op, "")).isEqualTo("malformed");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\\ud834",
        "\\ud834\\ud834",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\ud834\\udd1e",
        "\\n\\u0000\\\"",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      })
  void an_unknown_command_with_odd_characters_is_answered_too(String op) {
    assertThat(hub.error(hub.client(), op, "")).isEqualTo("malformed");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"op\":\"publish\",\"channel\":\"news\",\"data\":1}",
        "{\"op\":\"nonsense\"}",
        "{\"op\":\"subscribe\",\"id\":null,\"channel\":\"news\"}",
        "{\"op\":\"subscribe\",\"id\":{},\"channel\":\"news\"}",
        "{\"op\":\"result\",\"data\":1}",
        "{\"op\":\"result\",\"invocation\":5}",
        "{\"op\":\"binary\",\"data\":\"\"}",
        "\"text\""
      })
  void what_cannot_be_answered_is_malformed_and_does_not_count(String value) {
    TestClient client = hub.client();
    assertThatThrownBy(() -> client.say(value))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo("malformed"));
    assertThat(client.session().received()).isZero();
    hub.settle();
    assertThat(client.heard()).isEmpty();
  }

  @Test
  void ids_are_strings_or_numbers_and_come_back_as_they_were() throws ProtocolException {
    TestClient client = hub.client();
    for (String id : List.of("7", "-1.50", "\"x\\n\"", "\"\"")) {
      client.say("{\"op\":\"presence\",\"channel\":\"a\",\"id\":" + id + "}");
      hub.settle();
      assertThat(client.heard().get(0).get("id")).isEqualTo(TestClient.json(id));
    }
  }

  @Test
  void unknown_fields_are_ignored() {
    hub.ask(hub.client(), "subscribe", channel("news") + ",\"colour\":\"red\",\"x\":{\"y\":[]}");
  }

  @Test
  void an_answer_that_does_not_fit_the_reserve_ends_the_session_with_overflow() {
    TestHub tight = TestHub.builder().buffer(2048).build();
    TestClient client = tight.client();
    client.disconnect();
    client.connect(tight.lane());
    client.acknowledges(false);
    for (int i = 0; i < 300 && client.bye() == null; i++) {
      client.command("presence", channel("a"));
      tight.settle();
    }
    assertThat(client.bye()).isEqualTo("overflow");
    assertThat(tight.sessions().count()).isZero();
  }
}
