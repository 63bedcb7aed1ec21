package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.util.Arrays;

/** UTF-8 as the JDK's own decoder sees it. */
final class ReferenceUtf8 {

  /*
   * The bytes that can come after the lead of an unfinished character. Whatever the lead, one of these
   * may come second: A0 after E0, 80 after ED and F4, 90 after F0, any after the others.
   */
  private static final int[] SECOND = {0x80, 0x90, 0xA0};

  private ReferenceUtf8() {}

  static boolean isValid(byte[] bytes) {
    CharsetDecoder decoder =
        UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    return !decoder.decode(ByteBuffer.wrap(bytes), out, true).isError();
  }

  /** Whether the bytes are valid, or would be with up to three more. */
  static boolean canBecomeValid(byte[] bytes) {
    if (isValid(bytes)) {
      return true;
    }
    for (int second : SECOND) {
      byte[] longer = bytes;
      for (int more = 1; more <= 3; more++) {
        longer = Arrays.copyOf(longer, longer.length + 1);
        longer[longer.length - 1] = (byte) (more == 1 ? second : 0x80);
        if (isValid(longer)) {
          return true;
        }
      }
    }
    return false;
  }
}
