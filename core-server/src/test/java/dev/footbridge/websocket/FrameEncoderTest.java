package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.websocket.FrameDecoder.Role;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FrameEncoderTest {

  private static byte[] hex(String hex) {
    return HexFormat.ofDelimiter(" ").parseHex(hex);
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private static byte[] written(ByteBuffer out) {
    byte[] bytes = new byte[out.flip().remaining()];
    out.get(bytes);
    return bytes;
  }

  @ParameterizedTest
  @CsvSource({
    "0, 82 00",
    "1, 82 01",
    "125, 82 7d",
    "126, 82 7e 00 7e",
    "65535, 82 7e ff ff",
    "65536, 82 7f 00 00 00 00 00 01 00 00",
    "9223372036854775807, 82 7f 7f ff ff ff ff ff ff ff"
  })
  void a_header_has_the_length_in_its_shortest_form(long length, String header) {
    for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN}) {
      ByteBuffer out = ByteBuffer.allocate(10).order(order);

      FrameEncoder.putHeader(out, Opcode.BINARY, length);

      assertThat(written(out)).isEqualTo(hex(header));
      assertThat(FrameEncoder.headerSize(length)).isEqualTo(hex(header).length);
    }
  }

  @Test
  void the_examples_of_rfc_6455_section_5_7_are_written() {
    byte[] hello = "Hello".getBytes(UTF_8);
    assertThat(FrameEncoder.frame(Opcode.TEXT, hello)).isEqualTo(hex("81 05 48 65 6c 6c 6f"));
    assertThat(FrameEncoder.frame(Opcode.PING, hello)).isEqualTo(hex("89 05 48 65 6c 6c 6f"));

    ByteBuffer out = ByteBuffer.allocate(11);
    FrameEncoder.putMasked(out, Opcode.TEXT, hello, 0, 5, 0x37fa213d);
    assertThat(written(out)).isEqualTo(hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 125, 126, 127, 65_535, 65_536, 65_537})
  void a_frame_of_any_length_is_as_the_slow_way_writes_it(int length) {
    byte[] payload = random(length);

    assertThat(FrameEncoder.frame(Opcode.BINARY, payload))
        .isEqualTo(TestFrame.of(Opcode.BINARY, payload).bytes());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 125, 126, 65_535, 65_536, 65_543})
  void a_masked_frame_of_any_length_is_as_the_slow_way_writes_it(int length) {
    byte[] payload = random(length);
    for (ByteBuffer out :
        new ByteBuffer[] {
          ByteBuffer.allocate(length + 14),
          ByteBuffer.allocateDirect(length + 14),
          ByteBuffer.allocate(length + 14).order(ByteOrder.LITTLE_ENDIAN),
          ByteBuffer.allocate(length + 17).position(3).slice()
        }) {
      FrameEncoder.putMasked(out, Opcode.BINARY, payload, 0, length, 0x81C2A37E);

      assertThat(written(out))
          .isEqualTo(TestFrame.of(Opcode.BINARY, payload).masked(0x81C2A37E).bytes());
    }
    assertThat(payload).as("the payload is left as it was").isEqualTo(random(length));
  }

  @Test
  void a_part_of_an_array_can_be_masked() {
    byte[] bytes = "..Hello..".getBytes(UTF_8);
    ByteBuffer out = ByteBuffer.allocate(20);

    FrameEncoder.putMasked(out, Opcode.TEXT, bytes, 2, 5, 42);

    assertThat(written(out)).isEqualTo(TestFrame.text("Hello").masked(42).bytes());
  }

  @Test
  void what_does_not_fit_is_not_written_at_all() {
    ByteBuffer three = ByteBuffer.allocate(3);
    ByteBuffer ten = ByteBuffer.allocate(10);

    assertThatThrownBy(() -> FrameEncoder.putHeader(three, Opcode.TEXT, 126))
        .isInstanceOf(BufferOverflowException.class);
    assertThatThrownBy(() -> FrameEncoder.putMasked(ten, Opcode.TEXT, new byte[5], 0, 5, 1))
        .isInstanceOf(BufferOverflowException.class);

    assertThat(three.position()).isZero();
    assertThat(ten.position()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, Opcode.CONTINUATION, 3, 7, 11, 15, 16, 0x81})
  void an_opcode_that_starts_no_frame_is_refused(int opcode) {
    assertThatThrownBy(() -> FrameEncoder.frame(opcode, new byte[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the opcode " + opcode);
    assertThatThrownBy(() -> FrameEncoder.putHeader(ByteBuffer.allocate(9), opcode, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void a_control_frame_over_125_bytes_is_refused() {
    FrameEncoder.frame(Opcode.PING, new byte[125]);

    assertThatThrownBy(() -> FrameEncoder.frame(Opcode.PING, new byte[126]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("A control frame holds at most 125 bytes, not 126.");
    ByteBuffer out = ByteBuffer.allocate(200);
    assertThatThrownBy(() -> FrameEncoder.putMasked(out, Opcode.PONG, new byte[126], 0, 126, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(out.position()).isZero();
  }

  @Test
  void a_range_outside_of_the_payload_is_refused() {
    ByteBuffer out = ByteBuffer.allocate(20);
    assertThatThrownBy(() -> FrameEncoder.putMasked(out, Opcode.TEXT, new byte[4], 2, 3, 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(out.position()).isZero();
  }

  @Test
  void a_negative_length_is_refused() {
    assertThatThrownBy(() -> FrameEncoder.headerSize(-1))
        .isInstanceOf(IllegalArgumentException.class);
    ByteBuffer out = ByteBuffer.allocate(10);
    assertThatThrownBy(() -> FrameEncoder.putHeader(out, Opcode.TEXT, -1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void a_close_frame_has_the_code_and_the_reason() {
    assertThat(FrameEncoder.close(CloseCode.GOING_AWAY, "bye"))
        .isEqualTo(hex("88 05 03 e9 62 79 65"));
    assertThat(FrameEncoder.close(4999, "")).isEqualTo(hex("88 02 13 87"));
  }

  @Test
  void a_close_frame_without_status_is_empty() {
    assertThat(FrameEncoder.close(CloseCode.NO_STATUS, "left out")).isEqualTo(hex("88 00"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 999, 1004, 1006, 1015, 2999, 5000, 66_536})
  void a_close_code_that_must_not_be_on_the_wire_is_refused(int code) {
    assertThatThrownBy(() -> FrameEncoder.close(code, ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the code " + code);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "é", "€", "🌍"})
  void a_long_reason_is_cut_after_a_whole_character(String character) throws Exception {
    int size = character.getBytes(UTF_8).length;
    for (int shift = 0; shift < 4; shift++) {
      String reason = "a".repeat(shift) + character.repeat(130);
      Recorder heard = new Recorder();

      byte[] frame = FrameEncoder.close(1000, reason);
      new FrameDecoder(Role.CLIENT, 1).decode(ByteBuffer.wrap(frame), heard);

      int kept = (123 - shift) / size;
      assertThat(heard.events())
          .containsExactly("close 1000 " + "a".repeat(shift) + character.repeat(kept));
    }
  }

  @Test
  void a_reason_that_just_fits_is_whole() {
    assertThat(FrameEncoder.closePayload(1000, "€".repeat(41))).hasSize(125);
    assertThat(FrameEncoder.closePayload(1000, "€".repeat(41))).endsWith("€".getBytes(UTF_8));
  }
}
