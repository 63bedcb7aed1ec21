package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.websocket.FrameDecoder.Role;
import dev.footbridge.websocket.ReferenceDecoder.Outcome;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** The decoder beside a slow, obvious twin: whatever comes, both hear the same and fail alike. */
class FrameDecoderProperties {

  private static final int LIMIT = 1 << 20;

  /** Small enough for random messages to meet them. */
  private static final int SMALL_LIMIT = 150;

  private static final int FEW_FRAGMENTS = 4;

  @Property(tries = 1500)
  void a_conversation_arrives_as_it_was_sent_however_its_bytes_are_cut(
      @ForAll Role role,
      @ForAll("conversations") Conversation sent,
      @ForAll("chunks") List<Integer> chunks,
      @ForAll boolean direct) {
    FrameDecoder decoder = new FrameDecoder(role, LIMIT);

    Outcome outcome = feed(decoder, sent.bytes(role), chunks, direct);

    assertThat(outcome).isEqualTo(new Outcome(sent.events(), 0));
    assertThat(decoder.isDone()).isFalse();
    assertThat(decoder.heldBytes()).isZero();
  }

  @Property(tries = 4000)
  void a_conversation_with_damaged_bytes_means_the_same_to_both_decoders(
      @ForAll Role role,
      @ForAll("shortConversations") Conversation sent,
      @ForAll("damages") List<Damage> damages,
      @ForAll("chunks") List<Integer> chunks,
      @ForAll boolean direct) {
    byte[] bytes = sent.bytes(role);
    for (Damage damage : damages) {
      bytes = damage.applyTo(bytes);
    }

    assertBothAgree(role, bytes, chunks, direct);
  }

  @Property(tries = 4000)
  void frames_that_keep_hardly_any_rule_mean_the_same_to_both_decoders(
      @ForAll Role role,
      @ForAll("unrulyFrames") List<Unruly> frames,
      @ForAll("chunks") List<Integer> chunks,
      @ForAll boolean direct) {
    assertBothAgree(role, Unruly.join(frames, role), chunks, direct);
  }

  @Property(tries = 1000)
  void random_bytes_mean_the_same_to_both_decoders(
      @ForAll Role role, @ForAll byte[] bytes, @ForAll("chunks") List<Integer> chunks) {
    assertBothAgree(role, bytes, chunks, false);
  }

  @Property(tries = 500)
  void after_every_single_byte_both_decoders_stand_at_the_same_point(
      @ForAll Role role, @ForAll("unrulyFrames") List<Unruly> frames) {
    byte[] bytes = Unruly.join(frames, role);
    FrameDecoder decoder = new FrameDecoder(role, SMALL_LIMIT, FEW_FRAGMENTS);
    Recorder heard = new Recorder();
    int failure = 0;
    for (int length = 1; length <= bytes.length; length++) {
      try {
        decoder.decode(ByteBuffer.wrap(bytes, length - 1, 1), heard);
      } catch (WebSocketProtocolException e) {
        failure = e.closeCode();
      }

      byte[] prefix = Arrays.copyOf(bytes, length);
      assertThat(new Outcome(heard.events(), failure))
          .as("after %d of %d bytes", length, bytes.length)
          .isEqualTo(ReferenceDecoder.decode(role, SMALL_LIMIT, FEW_FRAGMENTS, prefix));
    }
  }

  private static void assertBothAgree(
      Role role, byte[] bytes, List<Integer> chunks, boolean direct) {
    FrameDecoder decoder = new FrameDecoder(role, SMALL_LIMIT, FEW_FRAGMENTS);
    Outcome expected = ReferenceDecoder.decode(role, SMALL_LIMIT, FEW_FRAGMENTS, bytes);

    Outcome outcome = feed(decoder, bytes, chunks, direct);

    assertThat(outcome).isEqualTo(expected);
  }

  /** Feeds all bytes in chunks of the sizes given, over and over, and goes on after a failure. */
  private static Outcome feed(
      FrameDecoder decoder, byte[] bytes, List<Integer> chunks, boolean direct) {
    ByteBuffer in =
        direct ? ByteBuffer.allocateDirect(bytes.length) : ByteBuffer.allocate(bytes.length);
    in.put(bytes).flip();
    Recorder heard = new Recorder();
    int failure = 0;
    for (int i = 0; in.position() < bytes.length; i++) {
      int end = Math.min(in.position() + chunks.get(i % chunks.size()), bytes.length);
      try {
        decoder.decode(in.limit(end), heard);
      } catch (WebSocketProtocolException e) {
        assertThat(failure).as("failures before this one").isZero();
        assertThat(e.getMessage().getBytes(UTF_8)).hasSizeLessThanOrEqualTo(123);
        assertThat(decoder.heldBytes()).isZero();
        failure = e.closeCode();
      }
      assertThat(in.position()).isEqualTo(end);
    }
    return new Outcome(heard.events(), failure);
  }

  @Provide
  Arbitrary<Conversation> conversations() {
    return Conversation.conversations(
        Arbitraries.frequencyOf(
            Tuple.of(20, Arbitraries.integers().between(0, 200)),
            Tuple.of(10, Arbitraries.integers().between(0, 6000)),
            Tuple.of(1, Arbitraries.integers().between(65_530, 70_000))));
  }

  @Provide
  Arbitrary<Conversation> shortConversations() {
    return Conversation.conversations(Arbitraries.integers().between(0, 200));
  }

  @Provide
  Arbitrary<List<Integer>> chunks() {
    return Arbitraries.frequencyOf(
        Tuple.of(1, Arbitraries.just(List.of(1))),
        Tuple.of(3, Arbitraries.integers().between(1, 20).list().ofMinSize(1).ofMaxSize(8)),
        Tuple.of(2, Arbitraries.integers().between(1, 5000).list().ofMinSize(1).ofMaxSize(8)),
        Tuple.of(1, Arbitraries.just(List.of(Integer.MAX_VALUE / 2))));
  }

  @Provide
  Arbitrary<List<Damage>> damages() {
    return Combinators.combine(
            Arbitraries.of(Damage.Kind.class),
            Arbitraries.doubles().between(0, 1),
            Arbitraries.integers().between(0, 255))
        .as(Damage::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(3);
  }

  @Provide
  Arbitrary<List<Unruly>> unrulyFrames() {
    Arbitrary<byte[]> payload =
        Arbitraries.oneOf(
            Conversation.texts(10).map(text -> text.getBytes(UTF_8)),
            Arbitraries.bytes().array(byte[].class).ofMaxSize(10),
            Arbitraries.integers().between(120, 160).map(byte[]::new),
            Arbitraries.of(0, 999, 1000, 1004, 1005, 1006, 1007, 1014, 1015, 3000, 5000)
                .map(code -> new byte[] {(byte) (code >> 8), code.byteValue(), 'x'}));
    Arbitrary<Integer> reserved =
        Arbitraries.frequencyOf(
            Tuple.of(60, Arbitraries.just(0)), Tuple.of(1, Arbitraries.integers().between(1, 7)));
    Arbitrary<Integer> opcode =
        Arbitraries.frequencyOf(
            Tuple.of(30, Arbitraries.of(0, 0, 0, 1, 1, 2, 8, 9, 9, 10)),
            Tuple.of(1, Arbitraries.integers().between(0, 15)));
    return Combinators.combine(
            Arbitraries.of(true, false),
            reserved,
            opcode,
            Arbitraries.frequency(Tuple.of(60, true), Tuple.of(1, false)),
            Arbitraries.frequency(Tuple.of(30, 0), Tuple.of(1, -1), Tuple.of(1, 1)),
            Arbitraries.frequency(
                Tuple.of(60, true), Tuple.of(1, false)), // the length in its shortest form
            payload,
            Arbitraries.integers())
        .as(
            (fin, bits, op, rightMask, lengthError, shortest, data, key) ->
                new Unruly(frame(fin, bits, op, lengthError, shortest, data), rightMask, key))
        .list()
        .ofMinSize(1)
        .ofMaxSize(8);
  }

  private static TestFrame frame(
      boolean fin, int reserved, int opcode, int lengthError, boolean shortest, byte[] payload) {
    TestFrame frame = TestFrame.of(opcode, payload);
    if (lengthError != 0) {
      frame = frame.announcing(Math.max(0, payload.length + lengthError));
    }
    if (!shortest) {
      frame = frame.withLengthBytes(8);
    }
    return (fin ? frame : frame.andMore()).withReservedBits(reserved);
  }

  /** A frame that may break any rule; masked as its receiver wants it, or not. */
  record Unruly(TestFrame frame, boolean rightMask, int key) {

    static byte[] join(List<Unruly> frames, Role receiver) {
      List<TestFrame> all = new ArrayList<>();
      for (Unruly unruly : frames) {
        boolean masked = (receiver == Role.SERVER) == unruly.rightMask;
        all.add(masked ? unruly.frame.masked(unruly.key) : unruly.frame);
      }
      return TestFrame.join(all.toArray(TestFrame[]::new));
    }
  }

  /** One thing that happens to bytes on their way, at a place between 0 (first) and 1 (last). */
  record Damage(Kind kind, double place, int value) {

    enum Kind {
      REPLACE,
      FLIP_BIT,
      INSERT,
      REMOVE,
      CUT_OFF
    }

    byte[] applyTo(byte[] bytes) {
      if (bytes.length == 0) {
        return bytes;
      }
      int at = (int) (place * (bytes.length - 1));
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.write(bytes, 0, at);
      switch (kind) {
        case REPLACE -> out.write(value);
        case FLIP_BIT -> out.write(bytes[at] ^ (1 << (value % 8)));
        case INSERT -> {
          out.write(value);
          out.write(bytes[at]);
        }
        case REMOVE -> {}
        case CUT_OFF -> {
          return out.toByteArray();
        }
      }
      out.write(bytes, at + 1, bytes.length - at - 1);
      return out.toByteArray();
    }
  }
}
