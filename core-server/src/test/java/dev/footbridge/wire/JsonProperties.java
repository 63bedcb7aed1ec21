package dev.footbridge.wire;

import static dev.footbridge.wire.Texts.text;
import static dev.footbridge.wire.Texts.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** The codec beside Jackson's own trees. */
class JsonProperties {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  /** For numbers of any size, that the other cannot hold. */
  private static final JsonMapper ROUGH_MAPPER =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  @Property(tries = 2000)
  void a_random_value_means_the_same_after_it_has_passed(
      @ForAll("values") JsonNode value, @ForAll boolean pretty) throws Exception {
    byte[] passed = Json.value(write(value, pretty));

    assertThat(text(passed)).doesNotContain("\n", "\r");
    assertThat(MAPPER.readTree(passed)).isEqualTo(value);
  }

  @Property(tries = 2000)
  void every_member_of_a_random_object_is_found_as_it_was(
      @ForAll("objects") ObjectNode value, @ForAll boolean pretty) throws Exception {
    JsonObject object = Json.object(write(value, pretty));

    assertThat(object.names()).containsExactlyElementsOf(value::fieldNames);
    for (String name : object.names()) {
      JsonNode member = value.get(name);
      assertThat(text(object.raw(name))).doesNotContain("\n", "\r");
      assertThat(MAPPER.readTree(object.raw(name))).isEqualTo(member);
      assertThat(object.has(name)).isEqualTo(!member.isNull());
      if (member.isTextual()) {
        assertThat(object.text(name)).isEqualTo(member.textValue());
      } else if (member.isArray()) {
        List<byte[]> elements = object.array(name);
        assertThat(elements).hasSameSizeAs(member);
        for (int i = 0; i < elements.size(); i++) {
          assertThat(MAPPER.readTree(elements.get(i))).isEqualTo(member.get(i));
        }
      } else if (member.isObject()) {
        assertThat(object.object(name).names()).hasSameSizeAs(member);
      }
    }
  }

  @Property(tries = 2000)
  void what_the_writer_makes_is_read_back(
      @ForAll String name, @ForAll String value, @ForAll long number, @ForAll boolean flag)
      throws Exception {
    byte[] json =
        JsonWriter.object()
            .beginObject("nested")
            .text(name, value)
            .end()
            .number("number", number)
            .beginArray("list")
            .element(JsonWriter.quote(value))
            .end()
            .flag("flag", flag)
            .bytes();

    JsonNode read = MAPPER.readTree(json);
    String whole = wellFormed(value);
    assertThat(read.at("/nested").get(wellFormed(name)).textValue()).isEqualTo(whole);
    assertThat(read.at("/number").longValue()).isEqualTo(number);
    assertThat(read.at("/list/0").textValue()).isEqualTo(whole);
    assertThat(read.at("/flag").booleanValue()).isEqualTo(flag);
    assertThat(Json.string(JsonWriter.quote(value))).isEqualTo(whole);
  }

  @Property(tries = 4000)
  void damaged_text_is_what_jackson_says_or_malformed_and_nothing_else(
      @ForAll("objects") ObjectNode value,
      @ForAll boolean pretty,
      @ForAll @IntRange(max = 10_000) int place,
      @ForAll("oddities") String oddity)
      throws Exception {
    String json = text(write(value, pretty));
    int at = place % (json.length() + 1);
    if (at > 0 && at < json.length() && Character.isLowSurrogate(json.charAt(at))) {
      at--;
    }
    String damaged = json.substring(0, at) + oddity + json.substring(at);

    JsonNode expected = tree(damaged);
    try {
      byte[] passed = Json.value(utf8(damaged));
      assertThat(ROUGH_MAPPER.readTree(passed)).isEqualTo(expected);
    } catch (ProtocolException e) {
      assertThat(e.code()).isEqualTo("malformed");
      assertThat(expected).isNull();
    }
    try {
      Value.parse(utf8(damaged));
    } catch (ProtocolException e) {
      assertThat(e.code()).isEqualTo("malformed");
    }
  }

  @Property(tries = 4000)
  void random_characters_are_what_jackson_says_or_malformed_and_nothing_else(
      @ForAll("nearlyJson") String json) throws Exception {
    JsonNode expected = tree(json);
    try {
      assertThat(ROUGH_MAPPER.readTree(Json.value(utf8(json)))).isEqualTo(expected);
    } catch (ProtocolException e) {
      assertThat(e.code()).isEqualTo("malformed");
      assertThat(expected).isNull();
    }
  }

  private static JsonNode tree(String json) throws IOException {
    try {
      JsonNode tree = ROUGH_MAPPER.readTree(json);
      return tree.isMissingNode() ? null : tree;
    } catch (JsonProcessingException notJson) {
      return null;
    }
  }

  private static byte[] write(JsonNode value, boolean pretty) throws IOException {
    return pretty
        ? MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(value)
        : MAPPER.writeValueAsBytes(value);
  }

  private static String wellFormed(String text) {
    StringBuilder whole = new StringBuilder();
    text.codePoints()
        .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
        .forEach(whole::appendCodePoint);
    return whole.toString();
  }

  private static Arbitrary<String> strings() {
    return Arbitraries.oneOf(
            Arbitraries.strings().ofMaxLength(8),
            Arbitraries.strings().withChars("\"\\\n\r\t/\u0000\u2028ü€").ofMaxLength(6),
            Arbitraries.of("𝄞", "a𝄞b", ""))
        .map(JsonProperties::wellFormed);
  }

  @Provide
  Arbitrary<JsonNode> values() {
    return values(3);
  }

  private static Arbitrary<JsonNode> values(int depth) {
    Arbitrary<JsonNode> flat =
        Arbitraries.oneOf(
            strings().map(NODES::textNode),
            Arbitraries.longs().map(NODES::numberNode).map(JsonProperties::canonical),
            Arbitraries.bigDecimals()
                .between(new BigDecimal("-1e30"), new BigDecimal("1e30"))
                .ofScale(3)
                .map(JsonProperties::decimal),
            Arbitraries.of(true, false).map(NODES::booleanNode),
            Arbitraries.just(NODES.nullNode()));
    if (depth == 0) {
      return flat;
    }
    return Arbitraries.oneOf(
        flat,
        Arbitraries.lazy(() -> values(depth - 1))
            .list()
            .ofMaxSize(4)
            .map(list -> NODES.arrayNode().addAll(list)),
        Arbitraries.lazy(() -> objects(depth - 1)));
  }

  private static JsonNode canonical(JsonNode number) {
    return number.canConvertToInt() ? NODES.numberNode(number.intValue()) : number;
  }

  /** Never whole, so that it stays a decimal number in any way of writing. */
  private static JsonNode decimal(BigDecimal number) {
    return NODES.numberNode(number.setScale(3).add(new BigDecimal("0.0001")));
  }

  @Provide
  Arbitrary<ObjectNode> objects() {
    return objects(2);
  }

  private static Arbitrary<ObjectNode> objects(int depth) {
    return Combinators.combine(strings().list().ofMaxSize(4), values(depth).list().ofMaxSize(4))
        .as(
            (names, members) -> {
              ObjectNode object = NODES.objectNode();
              for (int i = 0; i < Math.min(names.size(), members.size()); i++) {
                object.set(names.get(i), members.get(i));
              }
              return object;
            });
  }

  @Provide
  Arbitrary<String> oddities() {
    return Arbitraries.of(
        "{", "}", "[", "]", ",", ":", "\"", "\\", "0", "-", "e", "\n", "\u0000", "n", "ü", "//",
        "\uFEFF", " ", "\t", "'");
  }

  @Provide
  Arbitrary<String> nearlyJson() {
    return Arbitraries.strings()
        .withChars("{}[]:,\"\\0123456789-+.eEtruefalsn \n\r\t\u0000ü")
        .ofMaxLength(12);
  }
}
