package dev.footbridge.websocket;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The Autobahn plugin judges only the messages of a case, not the way the connection was closed,
 * and would accept the report of an earlier run. Run by the build before the suite ({@code clear})
 * and after it ({@code check <number of cases>}).
 */
public final class AutobahnReport {
  /** Where the plugin writes, relative to the directory Maven was started in. */
  private static final Path INDEX = Path.of("target", "autobahntestsuite-reports", "index.json");

  private static final Set<String> PASSED = Set.of("OK", "INFORMATIONAL");

  private AutobahnReport() {}

  /** Clears the last report, or checks the one just written. */
  public static void main(String[] args) throws IOException {
    if (args[0].equals("clear")) {
      Files.deleteIfExists(INDEX);
      return;
    }
    check(Integer.parseInt(args[1]));
  }

  private static void check(int expectedCases) throws IOException {
    if (!Files.exists(INDEX)) {
      throw new IllegalStateException("Autobahn left no report at " + INDEX.toAbsolutePath());
    }
    int cases = 0;
    Map<String, String> failed = new TreeMap<>();
    JsonNode agents = new ObjectMapper().readTree(INDEX.toFile());
    for (JsonNode agent : agents) {
      for (Map.Entry<String, JsonNode> result : agent.properties()) {
        cases++;
        String behavior = result.getValue().path("behavior").asText();
        String close = result.getValue().path("behaviorClose").asText();
        if (!PASSED.contains(behavior) || !PASSED.contains(close)) {
          failed.put(result.getKey(), behavior + ", close " + close);
        }
      }
    }
    if (cases != expectedCases || !failed.isEmpty()) {
      throw new IllegalStateException(
          "Autobahn ran "
              + cases
              + " of "
              + expectedCases
              + " cases, "
              + failed.size()
              + " not passed: "
              + failed);
    }
    System.out.println("Autobahn: " + cases + " cases passed");
  }
}
