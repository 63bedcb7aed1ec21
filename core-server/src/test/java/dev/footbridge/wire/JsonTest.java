package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.assertMalformed;
import static dev.footbridge.wire.Texts.text;
import static dev.footbridge.wire.Texts.utf8;
import static java.nio.charset.StandardCharsets.UTF_16BE;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.Charset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  private static String value(String json) throws ProtocolException {
    return text(Json.value(utf8(json)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0",
        "-0",
        "1e999999999",
        "-12.5E-3",
        "true",
        "null",
        "\"\"",
        "\"\\u0000\\ud834\\udd1e\\/\"",
        "\"ü€𝄞\"",
        "[]",
        "{}",
        "[1,[2,{\"a\":[]}]]",
        "{\"a\":1,\"a\":2}",
        " \t[1, 2] "
      })
  void a_value_passes_through_as_the_same_bytes(String json) throws ProtocolException {
    assertThat(value(json)).isEqualTo(json);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "\n",
        "{",
        "}",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"\t\"",
        "tru",
        "TRUE",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        ".5",
        "1.",
        "1e",
        "0x10",
        "1 2",
        "{}{}",
        "[] //",
        "/**/1",
        "\uFEFF1",
        "\u00001",
        "1\u0000",
        "\u00a01"
      })
  void what_is_no_json_is_malformed_and_nothing_else(String json) {
    assertMalformed(() -> Json.value(utf8(json)));
    assertMalformed(() -> Json.object(utf8(json)));
    assertMalformed(() -> Value.parse(utf8(json)));
  }

  @Test
  void text_in_another_encoding_is_malformed() {
    for (Charset charset : new Charset[] {UTF_16BE, UTF_16LE, Charset.forName("UTF-32BE")}) {
      byte[] object = "{\"op\":\"ping\"}".getBytes(charset);
      assertMalformed(() -> Json.value(object));
      assertMalformed(() -> Json.object(object));
      assertMalformed(() -> Value.parse(object));
    }
  }

  @Test
  void line_breaks_between_tokens_are_removed() throws ProtocolException {
    assertThat(value("\r\n{\n\"a\" :\r[1,\n 2]\n}\n")).isEqualTo("{\"a\" :[1, 2]}");
  }

  @Test
  void a_line_break_that_a_string_names_by_its_escape_stays() throws ProtocolException {
    assertThat(value("[\n\"a\\nb\\r\"]")).isEqualTo("[\"a\\nb\\r\"]");
  }

  @Test
  void a_value_may_be_128_levels_deep_and_not_129() throws ProtocolException {
    String most = "[".repeat(128) + "]".repeat(128);
    assertThat(value(most)).isEqualTo(most);
    assertMalformed(() -> value("[" + most + "]"));
    assertMalformed(() -> value("{\"a\":".repeat(129) + "1" + "}".repeat(129)));
    assertMalformed(() -> Json.object(utf8("{\"a\":" + most + "}")));
  }

  @Test
  void a_million_brackets_are_malformed_and_harmless() {
    assertMalformed(() -> value("[".repeat(1_000_000)));
    assertMalformed(() -> value("{\"a\":".repeat(1_000_000)));
  }

  @Test
  void a_number_may_have_256_digits_and_not_many_more() throws ProtocolException {
    String most = "9".repeat(256);
    assertThat(value(most)).isEqualTo(most);
    assertMalformed(() -> value("9".repeat(1000)));
    assertMalformed(() -> value("[1." + "9".repeat(1000) + "]"));
    assertMalformed(() -> Json.object(utf8("{\"a\":" + "9".repeat(100_000) + "}")));
  }

  @Test
  void a_name_may_have_1024_characters_and_not_many_more() throws ProtocolException {
    String most = "{\"" + "n".repeat(1024) + "\":1}";
    assertThat(value(most)).isEqualTo(most);
    assertMalformed(() -> value("{\"" + "n".repeat(5000) + "\":1}"));
  }

  @Test
  void a_string_may_be_as_long_as_it_likes() throws ProtocolException {
    String json = "\"" + "ü".repeat(1_000_000) + "\"";
    assertThat(value(json)).isEqualTo(json);
    assertThat(Json.string(utf8(json))).isEqualTo("ü".repeat(1_000_000));
  }

  @Test
  void only_a_string_decodes_as_a_string() throws ProtocolException {
    assertThat(Json.string(utf8("\"a\\u00fc\\n\\\"\\\\\""))).isEqualTo("aü\n\"\\");
    assertMalformed(() -> Json.string(utf8("1")));
    assertMalformed(() -> Json.string(utf8("[\"a\"]")));
    assertMalformed(() -> Json.string(utf8("")));
  }

  @Test
  void only_an_object_is_read_as_an_object() {
    assertMalformed(() -> Json.object(utf8("[]")));
    assertMalformed(() -> Json.object(utf8("\"a\"")));
    assertMalformed(() -> Json.object(utf8("null")));
  }
}
