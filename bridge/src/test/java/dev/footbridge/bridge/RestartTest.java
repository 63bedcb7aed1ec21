package dev.footbridge.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A server that stops and starts again with a data directory: sessions and channels go on. */
class RestartTest {
  @TempDir Path directory;

  private TestServer start(int port) throws IOException {
    return TestServer.start(
        builder -> builder.port(port).set("data-dir", directory.resolve("data").toString()));
  }

  private Path snapshot() {
    return directory.resolve("data").resolve("snapshot");
  }

  private static String publish(int number) {
    return "{\"op\":\"publish\",\"id\":"
        + number
        + ",\"channel\":\"news\",\"data\":"
        + number
        + "}";
  }

  private static List<Integer> offsets(SessionClient client) {
    List<Integer> offsets = new ArrayList<>();
    for (JsonNode value : client.received()) {
      if (value.path("op").asText().equals("message")) {
        assertThat(value.path("data").asInt()).isEqualTo(value.path("offset").asInt());
        offsets.add(value.path("offset").asInt());
      }
    }
    return offsets;
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_session_goes_on_over_a_restart_with_nothing_lost_or_repeated(Transport transport)
      throws IOException {
    TestServer server = start(0);
    int port = server.port();
    SessionClient client = SessionClient.open(server, transport);
    client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"news\"}");
    IntStream.rangeClosed(1, 300).forEach(number -> client.send(publish(number)));
    client.awaitReceived(50);
    String id = client.id();

    server.close();
    IntStream.rangeClosed(301, 400).forEach(number -> client.send(publish(number)));
    assertThat(Files.getPosixFilePermissions(snapshot()))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));

    TestServer again = start(port);
    try {
      assertThat(snapshot()).doesNotExist();
      JsonNode welcome = client.connect(transport).awaitAttached();
      if (welcome != null && !welcome.isNull()) {
        assertThat(welcome.path("resumed").asBoolean()).isTrue();
      }
      client.awaitReply(IntNode.valueOf(400));
      client.awaitValue(value -> value.path("offset").asInt() == 400);
      assertThat(client.id()).isEqualTo(id);
      assertThat(offsets(client))
          .containsExactlyElementsOf(IntStream.rangeClosed(1, 400).boxed().toList());
    } finally {
      again.close();
    }
  }

  @Test
  void a_channel_keeps_its_epoch_its_history_and_its_keys() throws IOException {
    TestServer server = start(0);
    String first = server.post("/channels/news", "1", "Idempotency-Key: k").text();
    assertThat(first).contains("\"offset\":1");
    server.close();
    try (TestServer again = start(server.port())) {
      assertThat(again.post("/channels/news", "1", "Idempotency-Key: k").text()).isEqualTo(first);
      JsonNode history = again.get("/channels/news").json();
      assertThat(history.path("offset").asInt()).isEqualTo(1);
      assertThat(history.path("messages")).hasSize(1);
    }
  }

  @Test
  void a_damaged_file_stops_the_start_unless_told_otherwise() throws IOException {
    TestServer server = start(0);
    server.post("/channels/news", "1");
    server.close();
    byte[] whole = Files.readAllBytes(snapshot());
    for (int at : new int[] {0, 10, whole.length / 2, whole.length - 1}) {
      byte[] damaged = whole.clone();
      damaged[at] ^= 1;
      Files.write(snapshot(), damaged);
      assertThatThrownBy(() -> start(0))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(snapshot().toString())
          .hasMessageContaining("--start-empty");
    }
    Files.write(snapshot(), whole);
    try (TestServer again = start(0)) {
      assertThat(again.get("/channels/news").json().path("offset").asInt()).isEqualTo(1);
    }
  }

  @Test
  void one_process_has_the_directory_and_a_failed_start_leaves_it_as_it_was() throws IOException {
    TestServer server = start(0);
    assertThatThrownBy(() -> start(0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another Footbridge");
    server.post("/channels/news", "1");
    server.close();
    try (TestServer other = TestServer.start()) {
      assertThatThrownBy(() -> start(other.port())).hasMessageContaining("cannot be listened on");
    }
    assertThat(snapshot()).exists();
  }

  @Test
  void what_cannot_be_written_is_said_at_the_end() throws IOException {
    TestServer server = start(0);
    Files.createDirectories(directory.resolve("data/snapshot.tmp/full"));
    assertThatThrownBy(server::close)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("could not be kept");
  }
}
