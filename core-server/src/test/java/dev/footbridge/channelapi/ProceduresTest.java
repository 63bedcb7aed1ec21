package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.hub.NotTakenException;
import dev.footbridge.store.CalleeDirectory;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import dev.footbridge.wire.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class ProceduresTest {
  private static final String PRICE = "\"procedure\":\"price\"";

  private final TestHub hub = TestHub.roomy();
  private final TestClient callee = hub.client("callee");
  private final TestClient caller = hub.client("caller");

  private JsonNode onlyOne(TestClient client) {
    List<JsonNode> heard = client.heard();
    assertThat(heard).hasSize(1);
    return heard.get(0);
  }

  /** Calls, and gives the invocation that the callee hears of. */
  private JsonNode call(TestClient of, String fields) {
    caller.command("call", PRICE + fields);
    hub.settle();
    return onlyOne(of);
  }

  private void result(TestClient by, JsonNode invocation, String fields) {
    say(by, "{\"op\":\"result\",\"invocation\":" + invocation.get("invocation") + fields + "}");
  }

  private void say(TestClient by, String value) {
    try {
      by.say(value);
    } catch (ProtocolException e) {
      throw new AssertionError(e);
    }
    hub.settle();
  }

  private String codeOfTheCall() {
    JsonNode reply = onlyOne(caller);
    assertThat(reply.get("op").textValue()).isEqualTo("reply");
    return reply.at("/error/code").textValue();
  }

  @Test
  void a_call_goes_to_whoever_has_registered_and_its_result_comes_back() {
    assertThat(hub.ask(callee, "register", PRICE)).isEmpty();
    JsonNode invocation = call(callee, ",\"data\":{\"of\" : 1.50}");
    assertThat(invocation.get("op").textValue()).isEqualTo("invoke");
    assertThat(invocation.get("procedure").textValue()).isEqualTo("price");
    assertThat(invocation.get("data")).isEqualTo(TestClient.json("{\"of\":1.50}"));
    assertThat(invocation.get("user").textValue()).isEqualTo("caller");
    assertThat(caller.heard()).isEmpty();
    result(callee, invocation, ",\"data\":[7]");
    assertThat(onlyOne(caller).get("data")).isEqualTo(TestClient.json("[7]"));
    assertThat(callee.heard()).isEmpty();
  }

  @Test
  void a_call_without_data_carries_null_and_so_does_a_result() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, "");
    assertThat(invocation.get("data").isNull()).isTrue();
    result(callee, invocation, "");
    assertThat(onlyOne(caller).get("data").isNull()).isTrue();
  }

  @Test
  void a_callees_error_comes_back_as_its_own() {
    hub.ask(callee, "register", PRICE);
    result(callee, call(callee, ""), ",\"error\":{\"code\":\"sold out\",\"message\":\"No more.\"}");
    JsonNode error = onlyOne(caller).get("error");
    assertThat(error.get("code").textValue()).isEqualTo("sold_out");
    assertThat(error.get("message").textValue()).isEqualTo("No more.");
  }

  @Test
  void a_callees_error_with_half_a_character_comes_back_all_the_same() {
    hub.ask(callee, "register", PRICE);
    result(callee, call(callee, ""), ",\"error\":{\"message\":\"\\ud834\"}");
    JsonNode error = onlyOne(caller).get("error");
    assertThat(error.get("code").textValue()).isEqualTo("error");
    assertThat(error.get("message").textValue()).isEqualTo("\ufffd");
  }

  @Test
  void nobody_has_registered_is_no_callee() {
    assertThat(hub.error(caller, "call", PRICE)).isEqualTo("no_callee");
  }

  @Test
  void after_unregistering_there_is_no_callee() {
    hub.ask(callee, "register", PRICE);
    assertThat(hub.ask(callee, "unregister", PRICE)).isEmpty();
    assertThat(hub.error(caller, "call", PRICE)).isEqualTo("no_callee");
    assertThat(hub.ask(callee, "unregister", PRICE)).isEmpty();
  }

  @Test
  void a_call_that_was_under_way_when_its_callee_unregistered_is_still_answered() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, "");
    hub.ask(callee, "unregister", PRICE);
    result(callee, invocation, ",\"data\":1");
    assertThat(onlyOne(caller).get("data").intValue()).isEqualTo(1);
  }

  @Test
  void several_callees_take_turns() {
    List<TestClient> callees = List.of(callee, hub.client(), hub.client());
    callees.forEach(each -> hub.ask(each, "register", PRICE));
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      caller.command("call", PRICE);
      hub.settle();
      for (int c = 0; c < callees.size(); c++) {
        if (!callees.get(c).heard().isEmpty()) {
          order.add(c);
        }
      }
    }
    assertThat(order).containsExactly(0, 1, 2, 0, 1, 2);
  }

  @Test
  void a_callee_that_has_unregistered_has_no_turn() {
    TestClient other = hub.client();
    hub.ask(callee, "register", PRICE);
    hub.ask(other, "register", PRICE);
    hub.ask(callee, "unregister", PRICE);
    for (int i = 0; i < 3; i++) {
      call(other, "");
    }
  }

  @Test
  void registering_again_changes_nothing() {
    hub.ask(callee, "register", PRICE);
    hub.ask(callee, "register", PRICE);
    call(callee, "");
    hub.ask(callee, "unregister", PRICE);
    assertThat(hub.error(caller, "call", PRICE)).isEqualTo("no_callee");
  }

  @Test
  void a_call_that_nobody_answers_in_time_ends_with_timeout_and_a_late_result_is_ignored() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, ",\"timeout\":2.5");
    hub.letPass(2499, MILLISECONDS);
    assertThat(caller.heard()).isEmpty();
    hub.letPass(1, MILLISECONDS);
    assertThat(codeOfTheCall()).isEqualTo("timeout");
    result(callee, invocation, ",\"data\":1");
    assertThat(caller.heard()).isEmpty();
    assertThat(callee.heard()).isEmpty();
  }

  @Test
  void a_call_waits_for_ten_seconds_unless_asked_otherwise() {
    hub.ask(callee, "register", PRICE);
    call(callee, "");
    hub.letPass(9999, MILLISECONDS);
    assertThat(caller.heard()).isEmpty();
    hub.letPass(1, MILLISECONDS);
    assertThat(codeOfTheCall()).isEqualTo("timeout");
  }

  @Test
  void an_answered_call_leaves_no_timer() {
    hub.ask(callee, "register", PRICE);
    result(callee, call(callee, ""), "");
    assertThat(hub.timer().waiting()).isZero();
  }

  @Test
  void a_callee_whose_session_ends_interrupts_its_calls() {
    hub.ask(callee, "register", PRICE);
    call(callee, "");
    callee.session().close("closed");
    hub.settle();
    assertThat(codeOfTheCall()).isEqualTo("interrupted");
    assertThat(hub.error(caller, "call", PRICE)).isEqualTo("no_callee");
  }

  @Test
  void a_callee_whose_session_expires_interrupts_its_calls() {
    hub.ask(callee, "register", PRICE);
    call(callee, ",\"timeout\":300");
    callee.disconnect();
    hub.letPass(61, SECONDS);
    hub.sessions().check();
    hub.settle();
    assertThat(codeOfTheCall()).isEqualTo("interrupted");
  }

  @Test
  void a_callee_that_loses_its_connection_interrupts_nothing() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, "");
    callee.disconnect();
    assertThat(caller.heard()).isEmpty();
    callee.connect(hub.lane());
    result(callee, invocation, ",\"data\":1");
    assertThat(onlyOne(caller).get("data").intValue()).isEqualTo(1);
  }

  @Test
  void a_call_waits_for_a_callee_without_a_connection() {
    hub.ask(callee, "register", PRICE);
    callee.disconnect();
    caller.command("call", PRICE);
    hub.settle();
    callee.connect(hub.lane());
    hub.settle();
    result(callee, onlyOne(callee), ",\"data\":1");
    assertThat(onlyOne(caller).get("data").intValue()).isEqualTo(1);
  }

  @Test
  void a_call_whose_caller_ends_does_no_harm_and_is_no_line_in_the_log() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, "");
    Logger replies = (Logger) LoggerFactory.getLogger(Replies.class);
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    replies.addAppender(log);
    caller.session().close("closed");
    hub.settle();
    replies.detachAppender(log);
    assertThat(log.list).isEmpty();
    result(callee, invocation, ",\"data\":1");
    assertThat(callee.bye()).isNull();
  }

  @Test
  void a_session_can_call_itself() {
    hub.ask(caller, "register", PRICE);
    int id = caller.command("call", PRICE);
    hub.settle();
    result(caller, onlyOne(caller), ",\"data\":1");
    assertThat(onlyOne(caller).get("id").intValue()).isEqualTo(id);
  }

  @Test
  void a_callee_that_has_no_room_is_passed_over() {
    TestHub tight = TestHub.builder().buffer(1024).build();
    TestClient slow = tight.client();
    TestClient quick = tight.client();
    TestClient asking = tight.client();
    tight.ask(slow, "register", PRICE);
    tight.ask(quick, "register", PRICE);
    slow.acknowledges(false);
    int answered = 0;
    for (int i = 0; i < 9; i++) {
      asking.command("call", PRICE + ",\"data\":\"" + "x".repeat(200) + "\"");
      tight.settle();
      answered += quick.heard().size();
    }
    assertThat(answered).isEqualTo(6);
    tight.ask(quick, "unregister", PRICE);
    asking.heard();
    assertThat(tight.error(asking, "call", PRICE + ",\"data\":\"" + "x".repeat(200) + "\""))
        .isEqualTo("unavailable");
  }

  @Test
  void the_result_of_an_unknown_invocation_is_ignored() {
    say(callee, "{\"op\":\"result\",\"invocation\":\"zz\",\"data\":1}");
    assertThat(callee.heard()).isEmpty();
    assertThat(callee.bye()).isNull();
  }

  @Test
  void nobody_can_answer_for_another() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, "");
    result(hub.client(), invocation, ",\"data\":\"forged\"");
    assertThat(caller.heard()).isEmpty();
    result(callee, invocation, ",\"data\":1");
    assertThat(onlyOne(caller).get("data").intValue()).isEqualTo(1);
  }

  @Test
  void only_the_first_of_two_results_counts() {
    hub.ask(callee, "register", PRICE);
    JsonNode invocation = call(callee, "");
    result(callee, invocation, ",\"data\":1");
    result(callee, invocation, ",\"data\":2");
    assertThat(onlyOne(caller).get("data").intValue()).isEqualTo(1);
  }

  @Test
  void a_session_may_have_so_many_calls_under_way() {
    hub.ask(callee, "register", PRICE);
    List<JsonNode> invocations = new ArrayList<>();
    for (int i = 0; i < TestHub.LIMITS.calls(); i++) {
      invocations.add(call(callee, ""));
    }
    assertThat(hub.error(caller, "call", PRICE)).isEqualTo("rate_limited");
    result(callee, invocations.get(0), "");
    caller.heard();
    call(callee, "");
    assertThat(hub.error(caller, "call", PRICE)).isEqualTo("rate_limited");
  }

  @Test
  void calls_that_end_at_once_do_not_count() {
    for (int i = 0; i < 2 * TestHub.LIMITS.calls(); i++) {
      assertThat(hub.error(caller, "call", PRICE)).isEqualTo("no_callee");
      assertThat(hub.error(caller, "call", "\"procedure\":\"secret\"")).isEqualTo("forbidden");
      assertThat(hub.error(caller, "call", PRICE + ",\"timeout\":-1")).isEqualTo("malformed");
    }
  }

  @Test
  void a_session_may_register_so_many_procedures() {
    for (int i = 0; i < TestHub.LIMITS.procedures(); i++) {
      hub.ask(callee, "register", "\"procedure\":\"p" + i + "\"");
    }
    assertThat(hub.error(callee, "register", PRICE)).isEqualTo("rate_limited");
    hub.ask(callee, "register", "\"procedure\":\"p0\"");
    hub.ask(callee, "unregister", "\"procedure\":\"p0\"");
    hub.ask(callee, "register", PRICE);
  }

  @Test
  void registering_and_calling_need_permission() {
    assertThat(hub.error(callee, "register", "\"procedure\":\"secret\"")).isEqualTo("forbidden");
    assertThat(hub.error(caller, "call", "\"procedure\":\"secret\"")).isEqualTo("forbidden");
    hub.ask(callee, "register", "\"procedure\":\"secret\",\"token\":\"key\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\"procedure\":\"\"",
        "\"procedure\":\"a b\"",
        "\"procedure\":1",
        "\"procedure\":\"price\",\"token\":1"
      })
  void a_bad_field_is_malformed(String fields) {
    for (String op : List.of("call", "register")) {
      assertThat(hub.error(caller, op, fields)).isEqualTo("malformed");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "301", "\"5\"", "1e999999999"})
  void a_bad_timeout_is_malformed(String timeout) {
    assertThat(hub.error(caller, "call", PRICE + ",\"timeout\":" + timeout)).isEqualTo("malformed");
  }

  @Test
  void procedures_and_channels_have_names_of_their_own() {
    hub.ask(callee, "register", PRICE);
    hub.ask(caller, "publish", channel("price") + ",\"data\":1");
    assertThat(callee.heard()).isEmpty();
  }

  // ---- with other nodes ----

  /** Another node that has a callee after so many calls; before, it has had one. */
  private static Colleagues colleague(int callsBefore) {
    AtomicInteger calls = new AtomicInteger();
    CalleeDirectory directory =
        new CalleeDirectory() {
          @Override
          public CompletionStage<?> announce(String procedure, int count) {
            return CompletableFuture.completedStage(null);
          }

          @Override
          public CompletionStage<Map<String, Integer>> elsewhere(String procedure, boolean exact) {
            return CompletableFuture.completedStage(
                procedure.equals("there") ? Map.of("other", 1) : Map.of());
          }
        };
    return Colleagues.of(
        directory,
        (node, procedure, data, user, timeout) ->
            calls.incrementAndGet() > callsBefore
                ? CompletableFuture.completedFuture("7".getBytes(StandardCharsets.US_ASCII))
                : CompletableFuture.failedFuture(NotTakenException.noCallee()));
  }

  private static TestHub among(Colleagues others) {
    return TestHub.builder().node("here", new MemoryPresenceStore(), others).build();
  }

  private static void pass(TestHub here, int quarters) {
    for (int i = 0; i < quarters; i++) {
      here.letPass(250, MILLISECONDS);
    }
  }

  @Test
  void a_callee_that_is_between_two_nodes_is_waited_for() {
    TestHub here = among(colleague(4));
    TestClient calling = here.client();
    calling.command("call", "\"procedure\":\"there\"");
    here.settle();
    assertThat(calling.heard()).isEmpty();
    pass(here, 4);
    assertThat(calling.heard().get(0).get("data").intValue()).isEqualTo(7);
  }

  @Test
  void one_that_does_not_come_back_is_not_waited_for_long() {
    TestHub here = among(colleague(1000));
    TestClient calling = here.client();
    calling.command("call", "\"procedure\":\"there\"");
    here.settle();
    assertThat(calling.heard()).isEmpty();
    pass(here, 28);
    assertThat(calling.heard()).isEmpty();
    pass(here, 6);
    assertThat(calling.heard().get(0).at("/error/code").textValue()).isEqualTo("no_callee");
  }

  @Test
  void a_node_that_is_asked_for_a_callee_that_it_has_not_says_so_again() {
    List<String> said = new ArrayList<>();
    CalleeDirectory directory =
        new CalleeDirectory() {
          @Override
          public CompletionStage<?> announce(String procedure, int count) {
            said.add(procedure + " " + count);
            return CompletableFuture.completedStage(null);
          }

          @Override
          public CompletionStage<Map<String, Integer>> elsewhere(String procedure, boolean exact) {
            return CompletableFuture.completedStage(Map.of());
          }
        };
    TestHub here = among(Colleagues.of(directory, Colleagues.NONE.link()));
    assertThat(here.hub().procedures().callHere("p", new byte[0], null, 1))
        .isCompletedExceptionally();
    assertThat(said).containsExactly("p 0");
  }

  @Test
  void one_that_nobody_has_ever_seen_is_not_waited_for() {
    TestHub here = among(colleague(0));
    assertThat(here.error(here.client(), "call", "\"procedure\":\"nowhere\""))
        .isEqualTo("no_callee");
  }
}
