package dev.footbridge.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.io.Lane;
import dev.footbridge.session.Openings.Opened;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OpeningsTest {
  private static final Value ONE = new Value.Text(JsonWriter.quote("one"));
  private static final Value TWO = new Value.Text(JsonWriter.quote("two"));

  private final ManualClock clock = new ManualClock();
  private final Lane lane = new Lane(new ManualExecutor());
  private final List<String> events = new ArrayList<>();
  private final Sessions sessions =
      new Sessions(
          "n1",
          new SessionOptions(1000, 1000, 1000, TimeUnit.SECONDS.toNanos(1000), 100, 300),
          new Sessions.SessionLimits(1000, 1000),
          (request, peer) ->
              CompletableFuture.completedStage(new RecordingEndpoint(List.of(lane), null, events)),
          List.of("websocket"),
          clock);
  private final Openings openings = new Openings(sessions, 100, clock);

  private Opened open(String key, boolean again) {
    return Stage.get(openings.open(new OpeningWish(OpenRequest.hub("a"), null, key, again), lane));
  }

  private RecordingReceiver receiver(int number) {
    return new RecordingReceiver(number, true, true, 0, lane, events);
  }

  @Test
  void a_first_that_is_slower_than_the_next_has_its_messages_counted_once_and_is_not_attached()
      throws ProtocolException {
    Session session = open("k", false).session();
    Opened again = open("k", true);
    assertThat(again.session()).isSameAs(session);
    assertThat(again.again()).isTrue();
    RecordingReceiver quick = receiver(2);
    assertThat(session.attachAgain(quick, List.of(ONE))).isNotNull();
    Session.Beginning slow = session.attachFirst(receiver(1), List.of(ONE, TWO));
    assertThat(slow.attached()).isFalse();
    assertThat(session.received()).isEqualTo(2);
    assertThat(session.receivedFrom(quick)).isEqualTo(2);
    assertThat(events).noneMatch(event -> event.contains("end"));
  }

  @Test
  void one_that_asks_again_while_its_client_shows_that_it_has_been_told_changes_nothing()
      throws ProtocolException {
    Session session = open("k", false).session();
    RecordingReceiver first = receiver(1);
    session.attachFirst(first, List.of());
    assertThat(open("k", true).again()).isTrue();
    session.acknowledge(first, 0);
    assertThat(session.attachAgain(receiver(2), List.of(ONE))).isNull();
    assertThat(session.welcomeAgain()).isNull();
    assertThat(session.received()).isZero();
    assertThat(events).noneMatch(event -> event.contains("end"));
  }

  private ProtocolException refusal(String key, boolean again) {
    return Stage.refusal(
        openings.open(new OpeningWish(OpenRequest.hub("a"), null, key, again), lane));
  }

  @Test
  void a_request_that_comes_when_its_client_has_gone_on_is_refused_for_a_minute()
      throws ProtocolException {
    Session session = open("k", false).session();
    RecordingReceiver first = receiver(1);
    session.attachFirst(first, List.of());
    clock.advance(TimeUnit.SECONDS.toNanos(50));
    session.acknowledge(first, 0);
    session.close("closed");
    clock.advance(TimeUnit.SECONDS.toNanos(60));
    openings.check();
    assertThat(refusal("k", false).code()).isEqualTo("superseded");
    assertThat(refusal("k", true).code()).isEqualTo("superseded");
    assertThat(openings.knows("k")).isTrue();
    assertThat(sessions.count()).isZero();
    clock.advance(TimeUnit.SECONDS.toNanos(1));
    openings.check();
    assertThat(openings.knows("k")).isFalse();
    assertThat(open("k", true).session()).isNotSameAs(session);
  }

  @Test
  void a_key_whose_client_was_told_nothing_opens_a_session_when_the_first_has_ended() {
    open("k", false).session().close("expired");
    assertThat(open("k", true).again()).isFalse();
  }

  @Test
  void of_the_keys_that_are_spent_the_oldest_is_forgotten_first() throws ProtocolException {
    for (int i = 0; i < 150; i++) {
      open("k" + i, false).session().closeByClient();
    }
    assertThat(openings.knows("k49")).isFalse();
    assertThat(openings.knows("k50")).isTrue();
  }

  @Test
  void an_opening_is_remembered_for_a_minute() {
    Session session = open("k", false).session();
    clock.advance(TimeUnit.SECONDS.toNanos(60));
    openings.check();
    assertThat(open("k", true).session()).isSameAs(session);
    clock.advance(TimeUnit.SECONDS.toNanos(1));
    openings.check();
    assertThat(openings.count()).isZero();
    assertThat(open("k", true).session()).isNotSameAs(session);
    assertThat(session.isClosed()).isFalse();
  }

  @Test
  void the_oldest_is_forgotten_first_and_each_with_its_session() {
    for (int i = 0; i < 150; i++) {
      open("k" + i, false);
    }
    assertThat(openings.count()).isEqualTo(100);
    assertThat(openings.knows("k49")).isFalse();
    assertThat(openings.knows("k50")).isTrue();
    sessions.all().forEach(session -> session.close("closed"));
    assertThat(openings.count()).isZero();
    assertThat(openings).hasToString("Openings[0]");
  }

  @Test
  void what_is_written_of_a_wish_has_no_secret() throws ProtocolException {
    String wish =
        "{\"token\":\"secret\",\"key\":\"secret\",\"again\":true,\"messages\":[\"secret\"]}";
    OpeningWish read =
        OpeningWish.of(Json.object(wish.getBytes(StandardCharsets.UTF_8)), null, "a", 100);
    assertThat(read.again()).isTrue();
    assertThat(read.toString()).doesNotContain("secret");
    assertThat(read.request().token()).isEqualTo("secret");
  }
}
