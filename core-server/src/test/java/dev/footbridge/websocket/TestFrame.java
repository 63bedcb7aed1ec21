package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A frame written out the slow, obvious way, with every part of it free to be wrong. */
final class TestFrame {

  private static final int KEY = 0x37FA213D;

  private final int firstByte; // FIN, reserved bits and opcode
  private final @Nullable Integer maskKey; // null if not masked
  private final int lengthBytes; // of the extended length: 0, 2 or 8
  private final long announced; // the length that the header tells
  private final byte[] payload; // what follows the header, before masking

  private TestFrame(
      int firstByte, @Nullable Integer maskKey, int lengthBytes, long announced, byte[] payload) {
    this.firstByte = firstByte;
    this.maskKey = maskKey;
    this.lengthBytes = lengthBytes;
    this.announced = announced;
    this.payload = payload;
  }

  /** A right frame, not masked. */
  static TestFrame of(int opcode, byte[] payload) {
    int lengthBytes = payload.length <= 125 ? 0 : payload.length <= 65535 ? 2 : 8;
    return new TestFrame(0x80 | opcode, null, lengthBytes, payload.length, payload);
  }

  static TestFrame of(int opcode, String payload) {
    return of(opcode, payload.getBytes(UTF_8));
  }

  static TestFrame text(String payload) {
    return of(Opcode.TEXT, payload);
  }

  static TestFrame ping(String payload) {
    return of(Opcode.PING, payload);
  }

  static TestFrame continuation(String payload) {
    return of(Opcode.CONTINUATION, payload);
  }

  static TestFrame close(int code, byte[] reason) {
    byte[] payload = new byte[2 + reason.length];
    payload[0] = (byte) (code / 256);
    payload[1] = (byte) (code % 256);
    System.arraycopy(reason, 0, payload, 2, reason.length);
    return of(Opcode.CLOSE, payload);
  }

  static TestFrame close(int code, String reason) {
    return close(code, reason.getBytes(UTF_8));
  }

  /** The same without FIN: more fragments are to come. */
  TestFrame andMore() {
    return new TestFrame(firstByte & ~0x80, maskKey, lengthBytes, announced, payload);
  }

  TestFrame withReservedBits(int bits) {
    return new TestFrame(firstByte | bits << 4, maskKey, lengthBytes, announced, payload);
  }

  TestFrame withLengthBytes(int bytes) {
    return new TestFrame(firstByte, maskKey, bytes, announced, payload);
  }

  TestFrame announcing(long length) {
    int bytes = length >= 0 && length <= 125 ? 0 : length >= 0 && length <= 65535 ? 2 : 8;
    return new TestFrame(firstByte, maskKey, bytes, length, payload);
  }

  TestFrame masked(int key) {
    return new TestFrame(firstByte, key, lengthBytes, announced, payload);
  }

  TestFrame masked() {
    return masked(KEY);
  }

  byte[] bytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int masked = maskKey == null ? 0 : 0x80;
    out.write(firstByte);
    switch (lengthBytes) {
      case 0 -> out.write(masked | (int) announced);
      case 2 -> out.write(masked | 126);
      default -> out.write(masked | 127);
    }
    for (int i = lengthBytes - 1; i >= 0; i--) {
      out.write((int) (announced >> (8 * i)));
    }
    if (maskKey != null) {
      for (int i = 0; i < 4; i++) {
        out.write(keyByte(maskKey, i));
      }
    }
    for (int i = 0; i < payload.length; i++) {
      out.write(maskKey == null ? payload[i] : payload[i] ^ keyByte(maskKey, i));
    }
    return out.toByteArray();
  }

  @Override
  public String toString() {
    return HexFormat.of().formatHex(bytes());
  }

  static byte[] join(TestFrame... frames) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (TestFrame frame : frames) {
      out.writeBytes(frame.bytes());
    }
    return out.toByteArray();
  }

  private static int keyByte(int key, int i) {
    return (key >> (24 - 8 * (i % 4))) & 0xFF;
  }
}
