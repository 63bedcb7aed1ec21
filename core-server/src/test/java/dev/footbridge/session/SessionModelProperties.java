package dev.footbridge.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.session.Session.Batch;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.Script;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import org.jspecify.annotations.Nullable;

/**
 * A session beside its slow twin: whatever anybody asks of it, sensible or not, both answer the
 * same and tell others the same, in the same order. A request that the twin refuses has no effect
 * there, so an effect in the session shows in that step or a later one.
 */
class SessionModelProperties {
  private static final int HISTORIES = 100_000;
  private static final SessionOptions OPTIONS = new SessionOptions(64, 1000, 1000, 1000, 100, 300);
  private static final Value POISON = text("poison");
  private static final Value CONTROL = control();

  private static Value text(String content) {
    return new Value.Text(JsonWriter.quote(content));
  }

  private static Value control() {
    try {
      return Value.parse("{\"op\":\"pong\"}".getBytes(StandardCharsets.US_ASCII));
    } catch (ProtocolException e) {
      throw new IllegalStateException(e);
    }
  }

  @Property(tries = HISTORIES, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.FULL)
  void a_session_answers_and_tells_what_its_slow_twin_does(@ForAll("histories") Script history) {
    new Twins(history).play();
  }

  @Provide
  Arbitrary<Script> histories() {
    return Script.scripts(10, 50);
  }

  /** The session, the model, and everybody who may ask something of them. */
  private static final class Twins {
    private final Script script;
    private final ManualClock clock = new ManualClock();
    private final ManualExecutor threads = new ManualExecutor();
    private final List<Lane> lanes = List.of(new Lane(threads), new Lane(threads));
    private final List<String> events = new ArrayList<>();
    private final List<RecordingReceiver> receivers = new ArrayList<>();
    private final SessionModel model = new SessionModel(OPTIONS, POISON);
    private final Session session;
    private boolean holds = true;
    private int values;
    private int compared;

    Twins(Script script) {
      this.script = script;
      Sessions owner =
          new Sessions(
              () -> "m",
              OPTIONS,
              new Sessions.SessionLimits(1, 1),
              (request, peer) -> {
                throw new IllegalStateException("Nobody opens a session here.");
              },
              List.of(),
              clock,
              () -> holds,
              Sessions.Listener.NONE);
      session = new Session("s", OpenRequest.hub("address"), owner, lanes.get(0));
      session.opened(new RecordingEndpoint(lanes, POISON, events));
      for (int i = 0; i < 5; i++) {
        boolean duplex = i < 2;
        boolean streaming = i < 4;
        receivers.add(new RecordingReceiver(i, duplex, streaming, i % 2, lanes.get(i % 2), events));
      }
    }

    void play() {
      while (script.step()) {
        step();
        threads.run();
        compareEvents();
      }
      assertThat(session.received()).isEqualTo(model.received());
      assertThat(session.isAttached()).isEqualTo(model.receiver() != null);
      thaw();
      holds(true);
      threads.run();
      compareEvents();
      whatIsHeldCanBeHad();
    }

    private void step() {
      switch (script.choose(17)) {
        case 0, 1, 2 -> offer();
        case 3 -> answer();
        case 4, 5, 6 -> attach();
        case 7, 8 -> take();
        case 9, 10 -> send();
        case 11, 12 -> receive();
        case 13 -> acknowledge();
        case 14 -> detach();
        case 15 -> move();
        default -> letTimePass();
      }
    }

    private void move() {
      switch (script.choose(5)) {
        case 0, 1 -> freeze();
        case 2 -> thaw();
        default -> holds(script.oneIn(2));
      }
    }

    private void freeze() {
      String expected = model.freeze();
      String[] actual = new String[1];
      Stages.on(
          session.freeze(),
          state ->
              actual[0] =
                  state.received()
                      + " up, "
                      + state.acked()
                      + " acked, "
                      + state.unacknowledged().size()
                      + " held, turn "
                      + state.turn(),
          failure -> {});
      assertSame(actual[0], expected);
    }

    private void thaw() {
      model.thaw(clock.getAsLong());
      session.thaw();
    }

    private void holds(boolean yes) {
      holds = yes;
      model.holds(yes);
      if (yes) {
        session.wake();
      }
    }

    private void offer() {
      Message message = message();
      Offer expected = model.offer(message, clock.getAsLong());
      assertThat(session.offer(message)).isEqualTo(expected);
    }

    private void answer() {
      Message message = message();
      Offer expected = model.answer(message);
      assertThat(session.answer(message)).isEqualTo(expected);
    }

    private Message message() {
      return Message.binary(new byte[script.choose(40)]);
    }

    private void attach() {
      RecordingReceiver by = receiver();
      long after = downNumber();
      long turn = turn();
      Batch batch = script.oneIn(3) ? batch() : null;
      String expected = model.attach(by, after, turn, batch, clock.getAsLong());
      String actual;
      try {
        actual = welcome(session.attach(by, after, turn, batch));
      } catch (ProtocolException e) {
        actual = refusal(e);
      }
      assertSame(actual, expected);
    }

    private void send() {
      Batch batch = batch();
      long turn = turn();
      String expected = model.send(batch, turn, clock.getAsLong());
      String actual;
      try {
        actual = "received " + session.send(batch, turn);
      } catch (ProtocolException e) {
        actual = refusal(e);
      }
      assertSame(actual, expected);
    }

    private void receive() {
      RecordingReceiver by = attachedOrAny();
      Value value = script.oneIn(12) ? POISON : fresh();
      String expected = model.receive(by, value, clock.getAsLong());
      String actual;
      try {
        actual = session.receive(by, value) ? "counted" : "ignored";
      } catch (ProtocolException e) {
        actual = refusal(e);
      }
      assertSame(actual, expected);
    }

    private void acknowledge() {
      RecordingReceiver by = attachedOrAny();
      long number = downNumber();
      String expected = model.acknowledge(by, number, clock.getAsLong());
      String actual = "done";
      try {
        session.acknowledge(by, number);
      } catch (ProtocolException e) {
        actual = refusal(e);
      }
      assertSame(actual, expected);
    }

    private void take() {
      take(attachedOrAny(), script.oneIn(3) ? script.choose(4) : Integer.MAX_VALUE);
    }

    private void take(RecordingReceiver by, int most) {
      List<Integer> expected = model.take(by, most);
      List<Integer> handed = new ArrayList<>();
      boolean attached =
          session.take(
              by,
              (number, message) -> {
                if (handed.size() == most) {
                  return false;
                }
                handed.add((int) number);
                if (message != model.down.get((int) number - 1)) {
                  throw new AssertionError("Message " + number + " is another one.");
                }
                return true;
              });
      assertSame(attached ? handed : null, expected);
      assertThat(attached || handed.isEmpty()).isTrue();
    }

    private void detach() {
      RecordingReceiver by = attachedOrAny();
      model.detach(by, clock.getAsLong());
      session.detach(by);
    }

    private void letTimePass() {
      switch (script.choose(16)) {
        case 15 -> close();
        case 14 -> {
          boolean idle = script.oneIn(2);
          receivers.forEach(receiver -> receiver.idle(idle));
        }
        default -> {
          clock.advance(script.choose(8) * 60L);
          model.check(clock.getAsLong());
          session.check(clock.getAsLong());
        }
      }
    }

    private void close() {
      model.close("kicked");
      session.close("kicked");
    }

    // ---- choices ----

    private RecordingReceiver receiver() {
      return receivers.get(script.choose(receivers.size()));
    }

    private RecordingReceiver attachedOrAny() {
      RecordingReceiver attached = model.receiver();
      return attached == null || script.oneIn(4) ? receiver() : attached;
    }

    private long downNumber() {
      return switch (script.choose(12)) {
        case 0, 1, 2 -> Session.UNKNOWN;
        case 3, 4, 5 -> model.sent();
        case 6 -> model.sent() + 1;
        case 7 -> model.acked() - 1;
        case 8 -> model.acked();
        default -> model.acked() + script.choose(1 + model.sent() - model.acked());
      };
    }

    private long upNumber() {
      return switch (script.choose(8)) {
        case 0, 1 -> Session.UNKNOWN;
        case 2, 3, 4 -> model.received();
        case 5 -> model.received() + 1;
        default -> Math.max(0, model.received() - script.choose(4));
      };
    }

    private long turn() {
      return switch (script.choose(8)) {
        case 0, 1, 2 -> Session.UNKNOWN;
        case 3, 4 -> model.turn();
        case 5 -> model.turn() - 1;
        default -> model.turn() + 1;
      };
    }

    private Batch batch() {
      long after = upNumber();
      long acknowledged = downNumber();
      List<Value> sent = new ArrayList<>();
      for (int i = script.choose(4); i > 0; i--) {
        sent.add(
            switch (script.choose(12)) {
              case 11 -> POISON;
              case 9, 10 -> CONTROL;
              default -> fresh();
            });
      }
      return new Batch(after, acknowledged, sent);
    }

    private Value fresh() {
      return text(Integer.toString(++values));
    }

    // ---- comparing ----

    private static String refusal(ProtocolException e) {
      byte[] members = e.describe(JsonWriter.object()).bytes();
      return members.length == 2
          ? e.code()
          : e.code() + " " + new String(members, StandardCharsets.US_ASCII);
    }

    private static String welcome(Message welcome) {
      String json = welcome.toString();
      int received = json.indexOf("\"received\":") + 11;
      int after = json.indexOf("\"after\":") + 8;
      assertThat(json).startsWith("{\"op\":\"welcome\",\"session\":\"s\",\"resumed\":true,");
      return "welcome received "
          + json.substring(received, json.indexOf(',', received))
          + " after "
          + json.substring(after, json.indexOf(',', after));
    }

    private static void assertSame(@Nullable Object actual, @Nullable Object expected) {
      if (!Objects.equals(actual, expected)) {
        assertThat(actual).isEqualTo(expected);
      }
    }

    private void compareEvents() {
      List<String> told = events.subList(compared, events.size());
      List<String> toTell = model.events.subList(compared, model.events.size());
      assertSame(told, toTell);
      compared = events.size();
    }

    /** A last receiver gets exactly what was not acknowledged, in order. */
    private void whatIsHeldCanBeHad() {
      RecordingReceiver last = receivers.get(4);
      String expected = model.attach(last, model.acked(), model.turn() + 1, null, 0);
      try {
        session.attach(last, model.acked(), model.turn());
        take(last, Integer.MAX_VALUE);
      } catch (ProtocolException e) {
        assertSame(refusal(e), expected);
      }
    }
  }
}
