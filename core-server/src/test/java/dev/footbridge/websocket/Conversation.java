package dev.footbridge.websocket;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** What a well-behaved peer sends: messages in fragments, with control frames between them. */
record Conversation(List<Message> messages) {

  /** A payload; a class of its own so that a failed test can print it. */
  static final class Payload {
    private final byte[] bytes;

    Payload(byte[] bytes) {
      this.bytes = bytes.clone();
    }

    byte[] bytes() {
      return bytes.clone();
    }

    @Override
    public String toString() {
      return HexFormat.of().formatHex(bytes);
    }
  }

  /**
   * One message.
   *
   * @param cuts where it is cut into fragments; each taken modulo its length + 1
   * @param between the control frames, one after each fragment but the last while there are any
   */
  record Message(boolean text, Payload payload, List<Integer> cuts, List<Control> between) {}

  record Control(boolean ping, Payload payload) {

    TestFrame frame() {
      return TestFrame.of(ping ? Opcode.PING : Opcode.PONG, payload.bytes());
    }

    String event() {
      return ping ? Recorder.ping(payload.bytes()) : Recorder.pong(payload.bytes());
    }
  }

  List<TestFrame> frames() {
    List<TestFrame> frames = new ArrayList<>();
    for (Message message : messages) {
      byte[] whole = message.payload().bytes();
      int[] cuts =
          message.cuts().stream().mapToInt(cut -> cut % (whole.length + 1)).sorted().toArray();
      int from = 0;
      int opcode = message.text() ? Opcode.TEXT : Opcode.BINARY;
      for (int i = 0; i < cuts.length; i++) {
        frames.add(TestFrame.of(opcode, Arrays.copyOfRange(whole, from, cuts[i])).andMore());
        opcode = Opcode.CONTINUATION;
        from = cuts[i];
        if (i < message.between().size()) {
          frames.add(message.between().get(i).frame());
        }
      }
      frames.add(TestFrame.of(opcode, Arrays.copyOfRange(whole, from, whole.length)));
    }
    return frames;
  }

  byte[] bytes(FrameDecoder.Role receiver) {
    List<TestFrame> frames = frames();
    if (receiver == FrameDecoder.Role.SERVER) {
      for (int i = 0; i < frames.size(); i++) {
        frames.set(i, frames.get(i).masked(0x9E3779B9 * (i + 1)));
      }
    }
    return TestFrame.join(frames.toArray(TestFrame[]::new));
  }

  List<String> events() {
    List<String> events = new ArrayList<>();
    for (Message message : messages) {
      message.between().stream()
          .limit(message.cuts().size())
          .forEach(control -> events.add(control.event()));
      byte[] payload = message.payload().bytes();
      events.add(message.text() ? Recorder.text(payload) : Recorder.binary(payload));
    }
    return events;
  }

  /** Conversations whose binary messages have the lengths given, and whose texts are short. */
  static Arbitrary<Conversation> conversations(Arbitrary<Integer> lengths) {
    return messages(lengths).list().ofMaxSize(5).map(Conversation::new);
  }

  private static Arbitrary<Message> messages(Arbitrary<Integer> lengths) {
    Arbitrary<List<Integer>> cuts = Arbitraries.integers().between(0, 100_000).list().ofMaxSize(4);
    Arbitrary<List<Control>> between =
        Combinators.combine(Arbitraries.of(true, false), payloads(controlLengths()))
            .as(Control::new)
            .list()
            .ofMaxSize(3);
    return Arbitraries.oneOf(
        Combinators.combine(texts(40), cuts, between)
            .as(
                (text, where, control) ->
                    new Message(
                        true, new Payload(text.getBytes(StandardCharsets.UTF_8)), where, control)),
        Combinators.combine(payloads(lengths), cuts, between)
            .as((payload, where, control) -> new Message(false, payload, where, control)));
  }

  private static Arbitrary<Integer> controlLengths() {
    return Arbitraries.frequencyOf(
        Tuple.of(4, Arbitraries.integers().between(0, 8)), Tuple.of(1, Arbitraries.of(124, 125)));
  }

  private static Arbitrary<Payload> payloads(Arbitrary<Integer> lengths) {
    return Combinators.combine(lengths, Arbitraries.integers())
        .as(
            (length, seed) -> {
              byte[] bytes = new byte[length];
              new Random(seed).nextBytes(bytes);
              return new Payload(bytes);
            });
  }

  /**
   * Texts of characters of one to four bytes in UTF-8, the first and last of each kind among them.
   */
  static Arbitrary<String> texts(int maxCharacters) {
    Arbitrary<Integer> any =
        Arbitraries.integers()
            .between(0, Character.MAX_CODE_POINT)
            .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE);
    Arbitrary<Integer> edges =
        Arbitraries.of(0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF);
    Arbitrary<Integer> ascii = Arbitraries.integers().between(' ', '~');
    Arbitrary<String> mixed =
        Arbitraries.frequencyOf(Tuple.of(3, ascii), Tuple.of(1, edges), Tuple.of(1, any))
            .map(Character::toString)
            .list()
            .ofMaxSize(maxCharacters)
            .map(characters -> String.join("", characters));
    Arbitrary<Integer> run = Arbitraries.integers().between(0, 40);
    return Combinators.combine(run, mixed).as((length, end) -> "a".repeat(length) + end);
  }
}
