package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.text;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ProtocolExceptionTest {
  @Test
  void an_answer_has_no_stack_trace() {
    assertThat(ProtocolException.malformed("No.").getStackTrace()).isEmpty();
  }

  @Test
  void a_refused_connection_is_told_code_members_and_sentence() {
    ProtocolException gap =
        new ProtocolException(ErrorCode.GAP, "Too far back.")
            .with("direction", JsonWriter.quote("down"))
            .with("first", 3);
    assertThat(gap.bye())
        .hasToString(
            "{\"op\":\"bye\",\"code\":\"gap\",\"reconnect\":false,\"message\":\"Too far back.\","
                + "\"direction\":\"down\",\"first\":3}");
  }

  @Test
  void an_applications_own_code_is_cleaned_and_cut() {
    assertThat(ProtocolException.application("out of stock!", "x").code())
        .isEqualTo("out_of_stock_");
    assertThat(ProtocolException.application("c".repeat(100), "x").code()).hasSize(64);
    assertThat(ProtocolException.application("a.b:c-D_9", "x").code()).isEqualTo("a.b:c-D_9");
  }

  @Test
  void every_code_is_one_word_of_its_own_with_an_http_status() {
    assertThat(Arrays.stream(ErrorCode.values()).map(ErrorCode::code))
        .doesNotHaveDuplicates()
        .allMatch(code -> code.matches("[a-z_]+"));
    assertThat(Arrays.stream(ErrorCode.values()))
        .allMatch(c -> c.status() >= 400 && c.status() < 600);
    assertThat(text(JsonWriter.quote(ErrorCode.NO_CALLEE.code()))).isEqualTo("\"no_callee\"");
  }
}
