package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.text;
import static dev.footbridge.wire.Texts.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonWriterTest {
  @Test
  void members_are_parted_by_commas_at_every_level() {
    byte[] json =
        JsonWriter.object()
            .text("a", "b")
            .beginArray("c")
            .element(utf8("1"))
            .element(utf8("[]"))
            .end()
            .beginObject("d")
            .number("e", -5)
            .flag("f", true)
            .beginObject("g")
            .end()
            .end()
            .raw("h", utf8("null"))
            .bytes();
    assertThat(text(json))
        .isEqualTo("{\"a\":\"b\",\"c\":[1,[]],\"d\":{\"e\":-5,\"f\":true,\"g\":{}},\"h\":null}");
  }

  @Test
  void what_is_still_open_is_ended() {
    assertThat(text(JsonWriter.object().bytes())).isEqualTo("{}");
    assertThat(text(JsonWriter.array().bytes())).isEqualTo("[]");
    assertThat(text(JsonWriter.array().element(utf8("1")).element(utf8("2")).bytes()))
        .isEqualTo("[1,2]");
    assertThat(text(JsonWriter.object().beginObject("a").beginArray("b").bytes()))
        .isEqualTo("{\"a\":{\"b\":[]}}");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 119, 120, 121, 127, 128, 129, 1000, 100_000})
  void a_long_text_is_whole(int length) throws ProtocolException {
    String text = "x".repeat(length);
    JsonWriter json = JsonWriter.object().text("t", text);
    assertThat(json.size()).isEqualTo(length + 7);
    assertThat(Json.object(json.bytes()).text("t")).isEqualTo(text);
  }

  @Test
  void a_text_has_no_line_breaks_and_its_escapes_are_those_of_json() {
    assertThat(text(JsonWriter.quote("\"\\\b\f\n\r\t\u0001/ü€𝄞")))
        .isEqualTo("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001/ü€𝄞\"");
  }

  @Test
  void half_a_surrogate_pair_becomes_the_replacement_character() {
    assertThat(text(JsonWriter.quote("a\ud834"))).isEqualTo("\"a\ufffd\"");
    assertThat(text(JsonWriter.quote("\udd1eb\ud834c"))).isEqualTo("\"\ufffdb\ufffdc\"");
    assertThat(text(JsonWriter.quote("\udd1e\ud834\ud834\udd1e"))).isEqualTo("\"\ufffd\ufffd𝄞\"");
  }

  @Test
  void the_members_of_an_object_stand_among_others() {
    byte[] some = JsonWriter.object().number("b", 2).flag("c", true).bytes();
    assertThat(text(JsonWriter.object().number("a", 1).members(some).number("d", 3).bytes()))
        .isEqualTo("{\"a\":1,\"b\":2,\"c\":true,\"d\":3}");
    byte[] none = JsonWriter.object().bytes();
    assertThat(text(JsonWriter.object().members(none).number("d", 3).bytes()))
        .isEqualTo("{\"d\":3}");
  }
}
