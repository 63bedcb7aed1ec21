package dev.footbridge.wire;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Text to bytes and back, and the one way in which bad text may be answered. */
final class Texts {
  private Texts() {}

  static byte[] utf8(String text) {
    return text.getBytes(UTF_8);
  }

  static String text(byte[] utf8) {
    return new String(utf8, UTF_8);
  }

  static JsonObject object(String json) {
    try {
      return Json.object(utf8(json));
    } catch (ProtocolException e) {
      throw new AssertionError("Refused: " + json, e);
    }
  }

  static void assertMalformed(ThrowingCallable reading) {
    Throwable thrown = catchThrowable(reading);
    assertThat(thrown).isInstanceOf(ProtocolException.class);
    assertThat(((ProtocolException) thrown).code()).isEqualTo("malformed");
    assertThat(thrown.getMessage()).matches("[A-Z\"].*\\.");
  }
}
