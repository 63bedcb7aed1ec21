package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.assertMalformed;
import static dev.footbridge.wire.Texts.text;
import static dev.footbridge.wire.Texts.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ValueTest {
  private static Value parse(String json) throws ProtocolException {
    return Value.parse(utf8(json));
  }

  private static Value.Command command(String json) throws ProtocolException {
    return (Value.Command) parse(json);
  }

  @Test
  void an_object_with_op_is_a_command() throws ProtocolException {
    String json = " {\"op\":\"publish\",\"id\":1,\"data\":[1,\n2]}\n";
    Value.Command command = command(json);
    assertThat(command.op()).isEqualTo("publish");
    assertThat(text(command.fields().raw("data"))).isEqualTo("[1,2]");
    assertThat(command.counts()).isTrue();
    assertThat(command.size()).isEqualTo(json.length());
  }

  @ParameterizedTest
  @ValueSource(strings = {"welcome", "ack", "ping", "pong", "bye"})
  void a_control_value_carries_no_number(String op) throws ProtocolException {
    assertThat(parse("{\"op\":\"" + op + "\"}").counts()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"publish", "nonsense", "", "PING", "result", "reply"})
  void every_other_command_carries_one_also_where_nobody_knows_it(String op)
      throws ProtocolException {
    assertThat(parse("{\"op\":\"" + op + "\"}").counts()).isTrue();
  }

  @Test
  void a_string_is_an_applications_text_and_keeps_its_bytes() throws ProtocolException {
    Value value = parse(" \n\"h\\u00fc ü\"\r\n ");
    assertThat(value).isInstanceOf(Value.Text.class);
    assertThat(text(((Value.Text) value).json())).isEqualTo("\"h\\u00fc ü\"");
    assertThat(value.counts()).isTrue();
  }

  @Test
  void binary_comes_in_base64() throws ProtocolException {
    Value value = parse("{\"op\":\"binary\",\"data\":\"AP8B\"}");
    assertThat(((Value.Binary) value).data()).containsExactly(0, 255, 1);
    assertThat(value.size()).isEqualTo(3);
    assertThat(value.counts()).isTrue();
    assertThat(((Value.Binary) parse("{\"op\":\"binary\",\"data\":\"\"}")).data()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1",
        "true",
        "null",
        "[]",
        "[\"a\"]",
        "{}",
        "{\"op\":1}",
        "{\"op\":null}",
        "{\"op\":[\"ping\"]}",
        "{\"Op\":\"ping\"}",
        "\"a\" \"b\"",
        "\"a\"x",
        "{\"op\":\"binary\"}",
        "{\"op\":\"binary\",\"data\":1}",
        "{\"op\":\"binary\",\"data\":\"A\"}",
        "{\"op\":\"binary\",\"data\":\"A-_B\"}",
        "{\"op\":\"binary\",\"data\":\"AP8B\\n\"}"
      })
  void anything_else_is_no_value(String json) {
    assertMalformed(() -> parse(json));
  }

  @Test
  void the_last_of_two_ops_counts() throws ProtocolException {
    assertThat(command("{\"op\":\"ping\",\"op\":\"publish\"}").op()).isEqualTo("publish");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "-5", "1.5e3", "\"a\"", "\"\"", "\"ü\\n\"", "0"})
  void an_id_is_a_string_or_a_number_and_comes_back_as_it_was(String id) throws ProtocolException {
    assertThat(text(command("{\"op\":\"x\",\"id\":" + id + "}").id())).isEqualTo(id);
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "true", "false", "{}", "[1]"})
  void nothing_else_is_an_id(String id) throws ProtocolException {
    assertThat(command("{\"op\":\"x\",\"id\":" + id + "}").id()).isNull();
    assertThat(command("{\"op\":\"x\"}").id()).isNull();
  }

  @Test
  void an_id_has_at_most_256_bytes() throws ProtocolException {
    assertThat(command("{\"op\":\"x\",\"id\":\"" + "i".repeat(254) + "\"}").id()).hasSize(256);
    assertThat(command("{\"op\":\"x\",\"id\":\"" + "i".repeat(255) + "\"}").id()).isNull();
  }

  @Test
  void a_batch_is_read_as_a_whole_or_not_at_all() throws ProtocolException {
    byte[] good = utf8("{\"op\":\"x\"}");
    assertThat(Value.parseAll(List.of(good, utf8("\"t\"")), 100)).hasSize(2);
    assertThat(Value.parseAll(List.of(), 100)).isEmpty();
    assertMalformed(() -> Value.parseAll(List.of(good, utf8("5")), 100));
  }

  @Test
  void a_message_over_the_limit_is_too_large_and_one_at_the_limit_is_not()
      throws ProtocolException {
    assertThat(Value.parseAll(List.of(utf8("\"1234\"")), 6)).hasSize(1);
    assertThatThrownBy(() -> Value.parseAll(List.of(utf8("\"12345\"")), 6))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo("too_large"));
  }
}
