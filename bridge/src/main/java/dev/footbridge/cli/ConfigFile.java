package dev.footbridge.cli;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.footbridge.config.ChannelRule;
import dev.footbridge.config.Config;
import dev.footbridge.config.ConfigException;
import dev.footbridge.store.Retention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Reads the YAML file. What it does not know stops the start with a sentence that names it. */
final class ConfigFile {
  private static final Set<String> RULE_KEYS = Set.of("pattern", "count", "bytes", "age-seconds");

  private ConfigFile() {}

  static void read(Path file, Config.Builder into) {
    JsonNode root;
    try {
      root = new YAMLMapper().readTree(Files.readString(file));
    } catch (JsonProcessingException e) {
      throw new ConfigException(
          "\"" + file + "\" is not valid YAML" + place(e.getLocation()) + ": " + reason(e) + ".");
    } catch (IOException e) {
      throw new ConfigException("\"" + file + "\" cannot be read: " + e.getMessage() + ".");
    }
    if (root == null || root.isNull() || root.isMissingNode()) {
      return;
    }
    read("", root, into);
  }

  private static String place(@Nullable JsonLocation at) {
    return at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
  }

  /** What is wrong; the lines after it draw the place with an arrow. */
  private static String reason(JsonProcessingException e) {
    return e.getOriginalMessage().lines().findFirst().orElse("it cannot be read").strip();
  }

  private static void read(String path, JsonNode node, Config.Builder into) {
    if (path.equals("channels")) {
      if (!node.isArray()) {
        throw new ConfigException("\"channels\" must be a list.");
      }
      node.forEach(rule -> into.channels(rule(rule)));
    } else if (path.equals("origins") && node.isArray()) {
      List<String> origins = new ArrayList<>();
      node.forEach(origin -> origins.add(origin.asText()));
      into.set(path, String.join(",", origins));
    } else if (node.isObject()) {
      node.properties()
          .forEach(
              field ->
                  read(
                      path.isEmpty() ? field.getKey() : path + "." + field.getKey(),
                      field.getValue(),
                      into));
    } else if (node.isArray() || path.isEmpty()) {
      throw new ConfigException("\"" + path + "\" must be a single value.");
    } else {
      into.set(path, node.asText());
    }
  }

  private static ChannelRule rule(JsonNode rule) {
    Set<String> unknown = new TreeSet<>();
    rule.fieldNames().forEachRemaining(unknown::add);
    unknown.removeAll(RULE_KEYS);
    if (!unknown.isEmpty() || !rule.path("pattern").isTextual()) {
      throw new ConfigException(
          "Each of \"channels\" has a \"pattern\" and may have \"count\", \"bytes\" and"
              + " \"age-seconds\""
              + (unknown.isEmpty() ? "." : ", but not " + unknown + "."));
    }
    return new ChannelRule(
        rule.get("pattern").asText(),
        new Retention(
            Math.toIntExact(number(rule, "count", 10_000, Integer.MAX_VALUE)),
            number(rule, "bytes", 16 << 20, Long.MAX_VALUE),
            TimeUnit.SECONDS.toNanos(number(rule, "age-seconds", 300, 31_536_000))));
  }

  private static long number(JsonNode rule, String key, long standard, long most) {
    JsonNode value = rule.get(key);
    if (value == null) {
      return standard;
    }
    if (!value.canConvertToLong() || value.asLong() < 0 || value.asLong() > most) {
      throw new ConfigException(
          "\"" + key + "\" of \"channels\" must be a whole number from 0 to " + most + ".");
    }
    return value.asLong();
  }
}
