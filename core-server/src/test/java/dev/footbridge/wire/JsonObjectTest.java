package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.assertMalformed;
import static dev.footbridge.wire.Texts.object;
import static dev.footbridge.wire.Texts.text;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonObjectTest {
  private static final long ABSENT = -7;

  private static long integer(String json) throws ProtocolException {
    return object("{\"n\":" + json + "}").integer("n", ABSENT, -100, 1000);
  }

  private static long seconds(String json) throws ProtocolException {
    return object("{\"s\":" + json + "}").secondsAsNanos("s", ABSENT, 0, 300);
  }

  @Test
  void a_member_keeps_its_own_bytes() {
    JsonObject object =
        object(
            "{ \"a\" : 1.50e+2 , \"b\":[ 1,\t2 ],\"c\":{\"d\" : \"ü\\u00fc\"},\"e\":-0,\"f\":null}");
    assertThat(text(object.raw("a"))).isEqualTo("1.50e+2");
    assertThat(text(object.raw("b"))).isEqualTo("[ 1,\t2 ]");
    assertThat(text(object.raw("c"))).isEqualTo("{\"d\" : \"ü\\u00fc\"}");
    assertThat(text(object.raw("e"))).isEqualTo("-0");
    assertThat(text(object.raw("f"))).isEqualTo("null");
    assertThat(object.raw("g")).isNull();
    assertThat(object.names()).containsExactly("a", "b", "c", "e", "f");
  }

  @Test
  void line_breaks_inside_a_member_are_removed() {
    JsonObject object = object("{\n\"a\":\r\n[1,\n{\"b\":\r2}\n]\n,\"c\":\n3\n}");
    assertThat(text(object.raw("a"))).isEqualTo("[1,{\"b\":2}]");
    assertThat(text(object.raw("c"))).isEqualTo("3");
  }

  @Test
  void members_after_text_of_several_bytes_a_character_are_found() {
    JsonObject object = object("{\"ü€𝄞\":\"ü€𝄞\",\"b\":\"𝄞\",\"c\":[\"€\"],\"d\":4}");
    assertThat(text(object.raw("ü€𝄞"))).isEqualTo("\"ü€𝄞\"");
    assertThat(text(object.raw("b"))).isEqualTo("\"𝄞\"");
    assertThat(text(object.raw("c"))).isEqualTo("[\"€\"]");
    assertThat(text(object.raw("d"))).isEqualTo("4");
  }

  @Test
  void of_members_with_the_same_name_the_last_one_counts() throws ProtocolException {
    JsonObject object = object("{\"a\":1,\"b\":2,\"a\":3,\"\\u0061\":4}");
    assertThat(object.integer("a", ABSENT, 0, 9)).isEqualTo(4);
    assertThat(object.names()).containsExactly("a", "b");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 9, 31, 32, 33, 64, 65, 1000})
  void every_one_of_many_members_is_found_by_its_name(int count) throws ProtocolException {
    JsonObject object =
        object(
            IntStream.range(0, 2 * count)
                .mapToObj(i -> "\"m" + i % count + "\":" + i)
                .collect(Collectors.joining(",", "{", "}")));
    assertThat(object.names()).hasSize(count).startsWith("m0");
    for (int i = 0; i < count; i++) {
      assertThat(object.integer("m" + i, ABSENT, 0, 10_000)).isEqualTo(count + i);
    }
    assertThat(object.has("m" + count)).isFalse();
  }

  @Test
  void a_hundred_thousand_members_are_read_in_no_time() {
    String json =
        IntStream.range(0, 100_000)
            .mapToObj(i -> "\"m" + i + "\":0")
            .collect(Collectors.joining(",", "{", "}"));
    assertThat(object(json).names()).hasSize(100_000);
  }

  @Test
  void null_counts_as_absent() throws ProtocolException {
    JsonObject object = object("{\"a\":null}");
    assertThat(object.has("a")).isFalse();
    assertThat(object.text("a")).isNull();
    assertThat(object.integer("a", ABSENT, 0, 9)).isEqualTo(ABSENT);
    assertThat(object.secondsAsNanos("a", ABSENT, 0, 9)).isEqualTo(ABSENT);
    assertThat(object.flag("a")).isFalse();
    assertThat(object.object("a")).isNull();
    assertThat(object.array("a")).isEmpty();
    assertThat(object.texts("a")).isEmpty();
    assertMalformed(() -> object.requiredText("a"));
    assertMalformed(() -> object.requiredText("b"));
  }

  @Test
  void a_string_is_decoded() throws ProtocolException {
    JsonObject object =
        object("{\"a\":\"plain\",\"b\":\"\",\"c\":\"ü\\n\\ud834\\udd1e\",\"d\":\"\\ud834\"}");
    assertThat(object.text("a")).isEqualTo("plain");
    assertThat(object.text("b")).isEmpty();
    assertThat(object.text("c")).isEqualTo("ü\n𝄞");
    assertThat(object.text("d")).isEqualTo("\ud834");
    assertThat(object.requiredText("a")).isEqualTo("plain");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "true", "[]", "{}", "[\"a\"]"})
  void only_a_string_is_a_string(String json) {
    assertMalformed(() -> object("{\"a\":" + json + "}").text("a"));
  }

  @ParameterizedTest
  @CsvSource({
    "0,0",
    "-0,0",
    "7,7",
    "-100,-100",
    "1000,1000",
    "1e3,1000",
    "1.0,1",
    "10e-1,1",
    "1.50e1,15"
  })
  void a_whole_number_may_be_written_in_any_way(String json, long value) throws ProtocolException {
    assertThat(integer(json)).isEqualTo(value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1001",
        "-101",
        "1.5",
        "1e-1",
        "9223372036854775808",
        "1e19",
        "1e999999999",
        "-1e999999999",
        "1e-999999999",
        "1e99999999999999999999",
        "0e999999999",
        "\"1\"",
        "true",
        "[]"
      })
  void another_number_than_a_whole_one_within_the_bounds_is_malformed(String json) {
    assertMalformed(() -> integer(json));
  }

  @ParameterizedTest
  @CsvSource({
    "0,0",
    "1,1000000000",
    "0.5,500000000",
    "300,300000000000",
    "1e-9,1",
    "1e-10,0",
    "3e2,300000000000"
  })
  void seconds_become_nanoseconds(String json, long nanos) throws ProtocolException {
    assertThat(seconds(json)).isEqualTo(nanos);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "-0.001", "300.001", "1e999999999", "1e-999999999", "\"1\"", "{}"})
  void seconds_out_of_range_are_malformed(String json) {
    assertMalformed(() -> seconds(json));
  }

  @Test
  void the_bounds_of_a_long_are_whole_numbers() throws ProtocolException {
    JsonObject object = object("{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
    assertThat(object.integer("a", 0, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(Long.MAX_VALUE);
    assertThat(object.integer("b", 0, Long.MIN_VALUE, Long.MAX_VALUE)).isEqualTo(Long.MIN_VALUE);
  }

  @Test
  void a_flag_is_true_or_false() throws ProtocolException {
    JsonObject object = object("{\"a\":true,\"b\":false,\"c\":1,\"d\":\"true\"}");
    assertThat(object.flag("a")).isTrue();
    assertThat(object.flag("b")).isFalse();
    assertMalformed(() -> object.flag("c"));
    assertMalformed(() -> object.flag("d"));
  }

  @Test
  void an_object_within_is_read_in_its_turn() throws ProtocolException {
    JsonObject object = object("{\"x\":\"ü\",\"a\":{\"b\":{\"c\":[1,\n2]},\"d\":\"€\"},\"e\":[]}");
    JsonObject inner = object.object("a");
    assertThat(text(inner.object("b").raw("c"))).isEqualTo("[1,2]");
    assertThat(inner.text("d")).isEqualTo("€");
    assertMalformed(() -> object.object("x"));
    assertMalformed(() -> object.object("e"));
  }

  @Test
  void the_elements_of_an_array_keep_their_own_bytes() throws ProtocolException {
    JsonObject object =
        object(
            "{\"x\":\"ü\",\"a\":[ 1 ,\n-2.50,\"ü,\",[3,\n[4]], {\"b\" :[ ]},true,null],\"c\":[]}");
    assertThat(object.array("a").stream().map(Texts::text))
        .containsExactly("1", "-2.50", "\"ü,\"", "[3,[4]]", "{\"b\" :[ ]}", "true", "null");
    assertThat(object.array("c")).isEmpty();
    assertThat(object.array("d")).isEmpty();
    assertMalformed(() -> object.array("x"));
  }

  @Test
  void an_array_of_strings_is_decoded() throws ProtocolException {
    JsonObject object = object("{\"a\":[\"b\",\"\\u00fc\",\"\"],\"c\":[\"d\",1]}");
    assertThat(object.texts("a")).isEqualTo(List.of("b", "ü", ""));
    assertMalformed(() -> object.texts("c"));
  }

  @Test
  void what_is_shown_of_an_object_is_its_names() {
    assertThat(object("{\"token\":\"secret\"}")).hasToString("JsonObject[token]");
  }
}
