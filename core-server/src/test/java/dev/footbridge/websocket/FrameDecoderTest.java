package dev.footbridge.websocket;

import static dev.footbridge.websocket.TestFrame.close;
import static dev.footbridge.websocket.TestFrame.continuation;
import static dev.footbridge.websocket.TestFrame.join;
import static dev.footbridge.websocket.TestFrame.ping;
import static dev.footbridge.websocket.TestFrame.text;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.footbridge.websocket.FrameDecoder.Role;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Most tests stand on the client's side, where frames are not masked and so easier to read. */
class FrameDecoderTest {

  private static final int LIMIT = 1 << 20;

  private final FrameDecoder decoder = new FrameDecoder(Role.CLIENT, LIMIT);
  private final Recorder heard = new Recorder();

  private void decode(byte[] bytes) throws WebSocketProtocolException {
    decode(decoder, bytes);
  }

  private void decode(FrameDecoder decoder, byte[] bytes) throws WebSocketProtocolException {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    decoder.decode(in, heard);
    assertThat(in.hasRemaining()).isFalse();
  }

  private void decode(TestFrame... frames) throws WebSocketProtocolException {
    decode(join(frames));
  }

  private static WebSocketProtocolException failure(FrameDecoder decoder, byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    WebSocketProtocolException failure =
        catchThrowableOfType(
            WebSocketProtocolException.class, () -> decoder.decode(in, new Recorder()));
    assertThat(failure).as("failure").isNotNull();
    assertThat(in.hasRemaining()).isFalse();
    assertThat(decoder.isDone()).isTrue();
    assertThat(decoder.heldBytes()).isZero();
    return failure;
  }

  private static void assertFails(int closeCode, FrameDecoder decoder, byte[] bytes) {
    assertThat(failure(decoder, bytes).closeCode()).isEqualTo(closeCode);
  }

  private void assertFails(int closeCode, byte[] bytes) {
    assertFails(closeCode, decoder, bytes);
  }

  private void assertFails(int closeCode, TestFrame... frames) {
    assertFails(closeCode, join(frames));
  }

  private static byte[] hex(String hex) {
    return HexFormat.ofDelimiter(" ").parseHex(hex);
  }

  @Nested
  class Messages {

    @Test
    void the_examples_of_rfc_6455_section_5_7_are_understood() throws Exception {
      decode(hex("81 05 48 65 6c 6c 6f"));
      decode(hex("01 03 48 65 6c"));
      decode(hex("80 02 6c 6f"));
      decode(hex("89 05 48 65 6c 6c 6f"));
      FrameDecoder server = new FrameDecoder(Role.SERVER, LIMIT);
      decode(server, hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"));
      decode(server, hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58"));

      assertThat(heard.events())
          .containsExactly(
              "text Hello", "text Hello", "ping 48656c6c6f", "text Hello", "pong 48656c6c6f");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 65_537, LIMIT})
    void a_message_of_any_length_arrives_whole(int length) throws Exception {
      byte[] payload = new byte[length];
      for (int i = 0; i < length; i++) {
        payload[i] = (byte) (i * 31);
      }

      decode(TestFrame.of(Opcode.BINARY, payload));
      decode(
          new FrameDecoder(Role.SERVER, LIMIT),
          TestFrame.of(Opcode.BINARY, payload).masked().bytes());

      assertThat(heard.events())
          .containsExactly(Recorder.binary(payload), Recorder.binary(payload));
    }

    @Test
    void bytes_may_come_one_at_a_time() throws Exception {
      byte[] bytes =
          join(
              text("Grüße, 世界 🌍").masked(),
              ping("").masked(),
              TestFrame.of(Opcode.BINARY, new byte[200]).masked());

      FrameDecoder server = new FrameDecoder(Role.SERVER, LIMIT);
      for (byte b : bytes) {
        decode(server, new byte[] {b});
      }

      assertThat(heard.events())
          .containsExactly("text Grüße, 世界 🌍", "ping ", Recorder.binary(new byte[200]));
    }

    @Test
    void several_messages_may_come_in_one_buffer() throws Exception {
      decode(text("a"), text(""), text("b"));

      assertThat(heard.events()).containsExactly("text a", "text ", "text b");
    }

    @Test
    void whoever_interrupts_finds_the_rest_where_it_was() throws Exception {
      byte[] bytes = join(text("a").masked(), text("b").masked(), text("c").masked());
      ByteBuffer in = ByteBuffer.wrap(bytes);
      FrameDecoder server = new FrameDecoder(Role.SERVER, LIMIT);
      for (String letter : List.of("a", "b", "c")) {
        Recorder until =
            new Recorder() {
              @Override
              public void onText(byte[] utf8) {
                super.onText(utf8);
                server.interrupt();
              }
            };
        server.decode(in, until);
        assertThat(until.events()).containsExactly("text " + letter);
      }
      assertThat(in.hasRemaining()).isFalse();
    }

    @Test
    void a_message_may_come_in_fragments() throws Exception {
      decode(text("one ").andMore(), continuation("two ").andMore(), continuation("three"));

      assertThat(heard.events()).containsExactly("text one two three");
    }

    @Test
    void fragments_may_be_empty() throws Exception {
      decode(text("").andMore(), continuation("").andMore(), continuation("a").andMore());
      decode(continuation(""), text("").andMore(), continuation(""));

      assertThat(heard.events()).containsExactly("text a", "text ");
    }

    @Test
    void a_character_may_be_split_over_fragments() throws Exception {
      byte[] globe = "🌍".getBytes(UTF_8);

      decode(
          TestFrame.of(Opcode.TEXT, Arrays.copyOfRange(globe, 0, 1)).andMore(),
          TestFrame.of(Opcode.CONTINUATION, Arrays.copyOfRange(globe, 1, 3)).andMore(),
          TestFrame.of(Opcode.CONTINUATION, Arrays.copyOfRange(globe, 3, 4)));

      assertThat(heard.events()).containsExactly("text 🌍");
    }

    @Test
    void a_control_frame_may_come_between_fragments() throws Exception {
      decode(text("a").andMore(), ping("hi"), continuation("b").andMore());
      decode(TestFrame.of(Opcode.PONG, ""), continuation("c"));

      assertThat(heard.events()).containsExactly("ping 6869", "pong ", "text abc");
    }

    @Test
    void the_close_may_come_between_fragments() throws Exception {
      decode(text("a").andMore(), close(1001, "bye"));

      assertThat(heard.events()).containsExactly("close 1001 bye");
      assertThat(decoder.heldBytes()).isZero();
    }

    @Test
    void a_binary_message_need_not_be_utf8() throws Exception {
      decode(TestFrame.of(Opcode.BINARY, hex("ff c0 80")));

      assertThat(heard.events()).containsExactly("binary ffc080");
    }

    @Test
    void any_kind_of_buffer_will_do_and_is_left_as_it_was() throws Exception {
      byte[] bytes = join(text("hello there, everyone").masked(), ping("?").masked());
      ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
      ByteBuffer slice = ByteBuffer.allocate(bytes.length + 3).put(3, bytes).position(3).slice();
      for (ByteBuffer in :
          List.of(
              direct,
              slice,
              ByteBuffer.wrap(bytes.clone()).asReadOnlyBuffer(),
              ByteBuffer.wrap(bytes.clone()).order(ByteOrder.LITTLE_ENDIAN))) {
        new FrameDecoder(Role.SERVER, LIMIT).decode(in, heard);

        assertThat(in.hasRemaining()).isFalse();
        assertThat(in.flip()).isEqualTo(ByteBuffer.wrap(bytes));
      }
      assertThat(heard.events()).hasSize(8).containsOnly("text hello there, everyone", "ping 3f");
    }
  }

  @Nested
  class Close {

    @Test
    void without_a_body_has_no_status() throws Exception {
      decode(TestFrame.of(Opcode.CLOSE, ""));

      assertThat(heard.events()).containsExactly("close 1005 ");
    }

    @Test
    void tells_its_code_and_reason() throws Exception {
      decode(close(4001, "müde"));

      assertThat(heard.events()).containsExactly("close 4001 müde");
    }

    @ParameterizedTest
    @ValueSource(
        ints = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999})
    void may_carry_any_code_that_is_allowed_on_the_wire(int code) throws Exception {
      decode(close(code, ""));

      assertThat(heard.events()).containsExactly("close " + code + " ");
    }

    @Test
    void is_the_end_and_later_bytes_are_ignored() throws Exception {
      decode(close(1000, ""), text("ignored"));
      decode(hex("ff ff ff ff"));

      assertThat(heard.events()).containsExactly("close 1000 ");
      assertThat(decoder.isDone()).isTrue();
    }
  }

  @Nested
  class Refuses {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 7})
    void reserved_bits(int bits) {
      assertFails(1002, text("a").withReservedBits(bits));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    void reserved_opcodes(int opcode) {
      assertFails(1002, TestFrame.of(opcode, ""));
    }

    @Test
    void an_unmasked_frame_from_a_client() {
      FrameDecoder server = new FrameDecoder(Role.SERVER, LIMIT);
      WebSocketProtocolException failure = failure(server, text("a").bytes());

      assertThat(failure.closeCode()).isEqualTo(1002);
      assertThat(failure).hasMessage("A frame from a client is not masked.");
    }

    @Test
    void a_masked_frame_from_a_server() {
      WebSocketProtocolException failure = failure(decoder, text("a").masked().bytes());

      assertThat(failure.closeCode()).isEqualTo(1002);
      assertThat(failure).hasMessage("A frame from a server is masked.");
    }

    @ParameterizedTest
    @ValueSource(ints = {Opcode.CLOSE, Opcode.PING, Opcode.PONG})
    void a_fragmented_control_frame(int opcode) {
      assertFails(1002, TestFrame.of(opcode, "").andMore());
    }

    @ParameterizedTest
    @ValueSource(ints = {Opcode.CLOSE, Opcode.PING, Opcode.PONG})
    void a_control_frame_over_125_bytes(int opcode) {
      byte[] payload = new byte[126];
      payload[0] = (byte) (1000 >> 8);
      payload[1] = (byte) 1000;
      assertFails(1002, TestFrame.of(opcode, payload));
    }

    @Test
    void a_control_frame_with_a_64_bit_length() {
      assertFails(1002, ping("").announcing(65_536));
    }

    @Test
    void a_continuation_of_nothing() {
      assertFails(1002, continuation("a"));
    }

    @Test
    void a_continuation_of_a_message_that_has_ended() {
      assertFails(1002, text("a").andMore(), continuation("b"), continuation("c"));
    }

    @Test
    void a_new_message_within_another() {
      assertFails(1002, text("a").andMore(), text("b"));
    }

    @Test
    void a_16_bit_length_that_7_bits_could_hold() {
      assertFails(1002, text("a".repeat(125)).withLengthBytes(2));
    }

    @Test
    void a_64_bit_length_that_16_bits_could_hold() {
      assertFails(1002, text("a".repeat(65_535)).withLengthBytes(8));
    }

    @Test
    void a_length_over_63_bits() {
      byte[] bytes = text("").announcing(Long.MIN_VALUE).bytes();
      WebSocketProtocolException failure = failure(decoder, bytes);

      assertThat(failure.closeCode()).isEqualTo(1002);
      assertThat(failure).hasMessage("A frame's length is over 63 bits.");
    }

    @Test
    void a_close_frame_with_half_a_code() {
      assertFails(1002, TestFrame.of(Opcode.CLOSE, "a"));
    }

    @ParameterizedTest
    @ValueSource(
        ints = {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32_768, 65_535})
    void a_close_code_that_must_not_be_on_the_wire(int code) {
      assertFails(1002, close(code, ""));
    }

    @Test
    void a_close_reason_that_is_not_utf8() {
      assertFails(1007, close(1000, hex("c0 80")));
    }

    @Test
    void a_close_reason_that_ends_within_a_character() {
      assertFails(1007, close(1000, hex("e2 82")));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "80",
          "c0 af",
          "e0 80 af",
          "ed a0 80",
          "f0 80 80 af",
          "f4 90 80 80",
          "f8 88 80 80 80",
          "ff",
          "61 62 63 64 65 66 67 68 69 ce ba ff"
        })
    void text_that_is_not_utf8(String bytes) {
      assertFails(1007, TestFrame.of(Opcode.TEXT, hex(bytes)));
    }

    @Test
    void text_that_ends_within_a_character() {
      assertFails(1007, TestFrame.of(Opcode.TEXT, hex("e2 82")));
    }

    @Test
    void text_whose_last_fragment_is_empty_and_leaves_a_character_unfinished() {
      assertFails(1007, TestFrame.of(Opcode.TEXT, hex("e2 82")).andMore(), continuation(""));
    }

    @Test
    void text_at_its_first_bad_byte_though_the_frame_is_not_complete() {
      assertFails(1007, TestFrame.of(Opcode.TEXT, hex("61 ed a0")).announcing(1000));
    }

    @Test
    void text_that_becomes_bad_in_a_later_fragment_before_that_is_complete() {
      assertFails(
          1007,
          TestFrame.of(Opcode.TEXT, hex("e2 82")).andMore(),
          ping(""),
          continuation("a").announcing(10));
    }

    @Test
    void a_message_over_the_limit_as_soon_as_its_header_says_so() {
      byte[] header = Arrays.copyOf(text("").announcing(LIMIT + 1).bytes(), 10);
      assertFails(1009, header);
    }

    @Test
    void a_message_of_the_longest_length_that_a_header_can_say() {
      assertFails(1009, text("").announcing(Long.MAX_VALUE));
    }

    @Test
    void fragments_that_are_over_the_limit_together() {
      FrameDecoder small = new FrameDecoder(Role.CLIENT, 10);
      assertFails(1009, small, join(text("123456").andMore(), continuation("").announcing(5)));
    }

    @Test
    void more_fragments_than_allowed_even_if_they_are_empty() throws Exception {
      FrameDecoder three = new FrameDecoder(Role.CLIENT, LIMIT, 3);
      byte[] allowed = join(text("a").andMore(), continuation("").andMore(), continuation(""));
      decode(three, allowed);
      decode(three, allowed);
      assertThat(heard.events()).containsExactly("text a", "text a");

      assertFails(
          1008,
          three,
          join(
              text("a").andMore(),
              continuation("").andMore(),
              ping(""),
              continuation("").andMore(),
              continuation("")));
    }
  }

  @Nested
  class OnceFailed {

    @Test
    void it_stays_failed_and_ignores_all() throws Exception {
      assertFails(1002, text("a").masked());

      decode(text("ignored"));
      decode(text("ignored").masked());

      assertThat(heard.events()).isEmpty();
    }

    @Test
    void what_came_before_in_the_same_buffer_has_been_handed_over() {
      byte[] bytes = join(text("good"), text("bad").masked());

      assertThatThrownBy(() -> decoder.decode(ByteBuffer.wrap(bytes), heard))
          .isInstanceOf(WebSocketProtocolException.class);

      assertThat(heard.events()).containsExactly("text good");
    }

    @Test
    void the_exception_tells_what_was_wrong_and_costs_no_stack_trace() {
      WebSocketProtocolException failure = failure(decoder, continuation("a").bytes());

      assertThat(failure).hasMessage("A continuation frame has no message to continue.");
      assertThat(failure.getStackTrace()).isEmpty();
    }
  }

  @Nested
  class AHandler {

    @Test
    void may_stop_the_decoder_in_the_middle_of_a_buffer() throws Exception {
      List<String> seen = new ArrayList<>();
      ByteBuffer in = ByteBuffer.wrap(join(ping("1"), ping("2"), text("3").andMore()));

      decoder.decode(
          in,
          new OnPing(
              data -> {
                seen.add(new String(data, UTF_8));
                decoder.stop();
              }));

      assertThat(seen).containsExactly("1");
      assertThat(decoder.isDone()).isTrue();
      assertThat(in.hasRemaining()).isFalse();
    }

    @Test
    void that_throws_leaves_the_decoder_before_the_next_frame() throws Exception {
      ByteBuffer in = ByteBuffer.wrap(join(text("a").andMore(), ping("1"), continuation("b")));

      assertThatThrownBy(
              () ->
                  decoder.decode(
                      in,
                      new OnPing(
                          data -> {
                            throw new IllegalStateException("handler");
                          })))
          .isInstanceOf(IllegalStateException.class);
      decoder.decode(in, heard);

      assertThat(heard.events()).containsExactly("text ab");
    }
  }

  @Nested
  class Memory {

    @Test
    void no_buffer_is_held_between_messages() throws Exception {
      assertThat(decoder.heldBytes()).isZero();

      decode(text("a".repeat(100_000)), ping("x"), text("b").andMore(), continuation("c"));

      assertThat(decoder.heldBytes()).isZero();
    }

    @Test
    void an_announced_length_costs_next_to_nothing_until_the_bytes_come() throws Exception {
      FrameDecoder server = new FrameDecoder(Role.SERVER, 2 << 20);

      decode(server, text("").masked().announcing(2 << 20).bytes());
      assertThat(server.heldBytes()).isZero();
      decode(server, new byte[] {0x37});
      assertThat(server.heldBytes()).isEqualTo(4096);
    }

    @Test
    void the_buffer_is_at_most_twice_what_has_come() throws Exception {
      int total = 1_000_000;
      decode(TestFrame.of(Opcode.BINARY, "").announcing(total));

      for (int received = 1000; received < total; received += 1000) {
        decode(new byte[1000]);
        assertThat(decoder.heldBytes())
            .isBetween(received, Math.max(4096, 2 * received))
            .isLessThanOrEqualTo(total);
      }
    }

    @Test
    void the_buffer_of_fragments_is_at_most_twice_what_has_come_and_never_over_the_limit()
        throws Exception {
      FrameDecoder limited = new FrameDecoder(Role.CLIENT, 3000);
      decode(limited, text("a").andMore().bytes());

      for (int received = 2; received < 3000; received++) {
        decode(limited, continuation("a").andMore().bytes());
        assertThat(limited.heldBytes()).isBetween(received, Math.min(3000, 2 * received));
      }
      decode(limited, continuation("a").bytes());

      assertThat(heard.events()).containsExactly("text " + "a".repeat(3000));
    }

    @Test
    void fragments_do_not_each_cost_a_new_buffer() throws Exception {
      Set<Integer> sizes = new HashSet<>();
      decode(text("").andMore());

      for (int i = 0; i < 100_000; i++) {
        decode(continuation("a").andMore());
        sizes.add(decoder.heldBytes());
      }

      assertThat(sizes).hasSizeLessThan(20);
    }

    @Test
    void a_message_in_the_finest_fragments_of_the_autobahn_suite_is_within_the_default()
        throws Exception {
      FrameDecoder wide = new FrameDecoder(Role.CLIENT, 4 << 20);
      String piece = "a".repeat(64);
      decode(wide, text(piece).andMore().bytes());
      for (int i = 1; i < 65_536; i++) {
        decode(wide, continuation(piece).andMore().bytes());
      }
      decode(wide, continuation("").bytes());

      assertThat(heard.events()).containsExactly("text " + "a".repeat(4 << 20));
    }

    @Test
    void dropping_an_unfinished_message_frees_its_buffer() throws Exception {
      decode(text("abc").andMore(), ping("abc").announcing(10));
      assertThat(decoder.heldBytes()).isEqualTo(3 + 10);

      decoder.stop();

      assertThat(decoder.heldBytes()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {Integer.MIN_VALUE, -1, 0, Integer.MAX_VALUE - 7, Integer.MAX_VALUE})
  void a_message_limit_out_of_range_is_refused(int limit) {
    assertThatThrownBy(() -> new FrameDecoder(Role.SERVER, limit))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("maxMessageBytes is " + limit + "; allowed are 1 to 2147483639.");
  }

  @Test
  void the_limits_may_be_as_low_as_one() throws Exception {
    FrameDecoder one = new FrameDecoder(Role.CLIENT, 1, 1);

    decode(one, join(text("a"), text("b")));

    assertThat(heard.events()).containsExactly("text a", "text b");
    assertFails(1009, one, text("ab").bytes());
  }

  @Test
  void the_message_limit_may_be_as_high_as_an_array_can_be() throws Exception {
    FrameDecoder huge = new FrameDecoder(Role.CLIENT, Integer.MAX_VALUE - 8);

    decode(huge, text("abc").announcing(Integer.MAX_VALUE - 8).bytes());

    assertThat(huge.heldBytes()).isEqualTo(4096);
  }

  @Test
  void a_fragment_limit_out_of_range_is_refused() {
    assertThatThrownBy(() -> new FrameDecoder(Role.SERVER, LIMIT, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("maxFragments is 0; allowed is 1 or more.");
  }

  /** A handler that acts on pings and forgets the rest. */
  private record OnPing(Consumer<byte[]> action) implements FrameHandler {

    @Override
    public void onText(byte[] utf8) {}

    @Override
    public void onBinary(byte[] data) {}

    @Override
    public void onPing(byte[] data) {
      action.accept(data);
    }

    @Override
    public void onPong(byte[] data) {}

    @Override
    public void onClose(int code, byte[] reasonUtf8) {}
  }
}
