package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertRefused;
import static dev.footbridge.testclient.Values.assertFine;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** WebSockets that are opened without a session and attached later. */
class LateAttachTest {
  private static final String PING = "{\"op\":\"ping\"}";
  private static final String PONG = "{\"op\":\"pong\"}";

  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    server = TestServer.start();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static FrameSocket waiting(String... headers) throws IOException {
    return FrameSocket.openLate(server, headers);
  }

  private static String attach(String session, String more) {
    return "{\"op\":\"attach\",\"session\":\"" + session + "\"" + more + "}";
  }

  private static void echo(String session, String... texts) throws IOException {
    server.post(
        "/sessions/" + session + "/send", "{\"messages\":[" + String.join(",", texts) + "]}");
  }

  private static String command(int id) {
    return "{\"op\":\"history\",\"id\":" + id + ",\"channel\":\"late\"}";
  }

  @Test
  void it_opens_no_session_answers_pings_and_says_nothing_else() throws IOException {
    int before = server.footbridge().sessions();
    try (FrameSocket socket = waiting()) {
      socket.frame(FrameSocket.PING, "x".getBytes(UTF_8));
      assertThat(socket.read().head()).isEqualTo(FrameSocket.PONG);
      for (int i = 0; i < 3; i++) {
        socket.text(PING);
        assertThat(socket.read().text()).isEqualTo(PONG);
      }
      assertThat(server.footbridge().sessions()).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Sec-WebSocket-Protocol: footbridge.v1", "X-None: x"})
  void from_the_attach_on_it_is_as_one_that_was_opened_with_its_session(String header)
      throws IOException {
    String session = server.open();
    echo(session, command(1), command(2));
    try (FrameSocket late = waiting(header);
        FrameSocket next = waiting(header)) {
      late.text(PING).text(attach(session, ",\"after\":1,\"turn\":3"));
      assertThat(late.read().text()).isEqualTo(PONG);
      JsonNode welcome = late.value();
      assertThat(welcome.path("op").asText()).isEqualTo("welcome");
      assertThat(welcome.path("resumed").asBoolean()).isTrue();
      assertThat(welcome.path("received").asInt()).isEqualTo(2);
      assertThat(welcome.path("after").asInt()).isEqualTo(1);
      assertThat(late.value().path("id").asInt()).isEqualTo(2);

      late.text(command(3));
      assertFine(late.await("reply"));
      assertProblem(server.get("/sessions/" + session + "/poll?turn=2"), 409, "superseded");

      next.text(attach(session, ",\"after\":3"));
      assertThat(next.value().path("after").asInt()).isEqualTo(3);
      assertThat(late.await("bye").path("code").asText()).isEqualTo("superseded");
    }
  }

  @Test
  void what_follows_the_attach_in_the_same_packet_is_the_sessions() throws IOException {
    String session = server.open("{\"endpoint\":\"/\"}");
    try (FrameSocket socket = waiting()) {
      ByteArrayOutputStream packet = new ByteArrayOutputStream();
      for (String text : new String[] {PING, attach(session, ""), command(1), PING, command(2)}) {
        packet.write(FrameSocket.encode(FrameSocket.TEXT, true, text.getBytes(UTF_8)));
      }
      socket.socket().write(packet.toByteArray());
      assertThat(socket.read().text()).isEqualTo(PONG);
      assertThat(socket.value().path("op").asText()).isEqualTo("welcome");
      assertThat(socket.await("reply").path("id").asInt()).isEqualTo(1);
      assertThat(socket.await("reply").path("id").asInt()).isEqualTo(2);
    }
  }

  @Test
  void a_large_message_is_taken_once_it_is_attached() throws IOException {
    String session = server.open();
    try (FrameSocket socket = waiting()) {
      socket.text(attach(session, ""));
      socket.await("welcome");
      socket.text(
          "{\"op\":\"publish\",\"id\":1,\"channel\":\"late.large\",\"data\":\""
              + "x".repeat(500_000)
              + "\"}");
      assertFine(socket.await("reply"));
    }
  }

  @Test
  void a_session_that_cannot_be_had_is_refused_as_with_the_query() throws IOException {
    String session = server.open();
    server.get("/sessions/" + session + "/poll?turn=5");
    String[][] tries = {
      {attach("m.AAAAAAAAAAAAAAAAAAAAAA", ""), "session_gone"},
      {attach("nonsense", ""), "not_found"},
      {attach(session, ",\"after\":7"), "gap"},
      {attach(session, ",\"turn\":4"), "superseded"},
      {attach(session, ",\"after\":-1"), "malformed"},
      {attach(session, ",\"turn\":\"x\""), "malformed"},
      {"{\"op\":\"attach\"}", "malformed"},
    };
    for (String[] wish : tries) {
      try (FrameSocket socket = waiting()) {
        socket.text(wish[0]);
        assertRefused(socket, wish[1]);
      }
    }
    assertThat(server.get("/sessions/" + session + "/poll").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"op\":\"subscribe\",\"id\":1,\"channel\":\"x\"}",
        "{\"op\":\"ack\",\"received\":0}",
        "{\"op\":\"pong\"}",
        "\"text\"",
        "7",
        "{"
      })
  void anything_else_before_is_malformed(String text) throws IOException {
    try (FrameSocket socket = waiting()) {
      socket.text(text);
      assertRefused(socket, "malformed");
    }
  }

  @Test
  void what_is_binary_too_large_or_against_the_rules_is_ended() throws IOException {
    try (FrameSocket socket = waiting()) {
      socket.frame(FrameSocket.BINARY, new byte[] {1});
      assertRefused(socket, "malformed");
    }
    try (TestServer small = TestServer.start(it -> it.set(Setting.LIMITS_MESSAGE_BYTES, 4096))) {
      try (FrameSocket socket = FrameSocket.openLate(small)) {
        socket.frame(FrameSocket.TEXT, "x".repeat(10_000).getBytes(UTF_8));
        assertThat(socket.value().path("code").asText()).isEqualTo("too_large");
        assertThat(socket.awaitClose().closeCode()).isEqualTo(1009);
      }
      try (FrameSocket socket = FrameSocket.openLate(small)) {
        socket.frame(0x01, "\"".getBytes(UTF_8));
        for (int i = 0; i < 50; i++) {
          socket.frame(0x00, "x".repeat(100).getBytes(UTF_8));
        }
        assertThat(socket.await("bye").path("code").asText()).isEqualTo("too_large");
      }
    }
    try (FrameSocket socket = waiting()) {
      ByteArrayOutputStream fragments = new ByteArrayOutputStream();
      fragments.write(FrameSocket.encode(0x01, true, new byte[0]));
      for (int i = 0; i < 140_000; i++) {
        fragments.write(FrameSocket.encode(0x00, true, new byte[0]));
      }
      socket.socket().write(fragments.toByteArray());
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1008);
    }
    try (FrameSocket socket = waiting()) {
      socket.frame(0xf1, new byte[0]);
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1002);
    }
    try (FrameSocket socket = waiting()) {
      socket.frame(FrameSocket.CLOSE, new byte[] {3, (byte) 0xe8});
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1000);
    }
  }

  @Test
  void a_flood_of_pings_that_nobody_reads_is_not_gathered_and_the_attach_still_counts()
      throws IOException {
    String session = server.open();
    try (HttpSocket slow = HttpSocket.connect(server.port(), 4096);
        FrameSocket socket = FrameSocket.open(slow, "/ws?attach=1")) {
      byte[] ping = FrameSocket.encode(FrameSocket.PING, true, new byte[125]);
      byte[] value = FrameSocket.encode(FrameSocket.TEXT, true, PING.getBytes(UTF_8));
      ByteArrayOutputStream flood = new ByteArrayOutputStream();
      for (int i = 0; i < 1000; i++) {
        flood.write(ping);
        flood.write(value);
      }
      for (int i = 0; i < 100; i++) {
        slow.write(flood.toByteArray());
      }
      socket.text(attach(session, ""));
      int pongs = 0;
      FrameSocket.Frame frame = socket.read();
      for (; !frame.text().contains("welcome"); frame = socket.read()) {
        pongs++;
      }
      assertThat(pongs).isLessThan(200_000);
    }
  }

  @Test
  void the_query_cannot_name_a_session_as_well() throws IOException {
    for (String query : new String[] {"attach=2", "attach=1&session=x", "attach=1&turn=1"}) {
      try (FrameSocket socket = FrameSocket.open(server, "/ws?" + query)) {
        assertRefused(socket, "malformed");
      }
    }
    try (HttpSocket socket = server.connect()) {
      Answer answer = socket.request("GET", "/ws?attach=1", null).answer();
      assertProblem(answer, 426, "upgrade_required");
    }
  }

  @Test
  void an_attach_when_there_is_a_session_is_an_unknown_command() throws IOException {
    String session = server.open();
    try (FrameSocket socket = waiting()) {
      socket.text(attach(session, ""));
      socket.await("welcome");
      socket.text(attach(session, ",\"id\":1"));
      assertThat(socket.await("reply").at("/error/code").asText()).isEqualTo("malformed");
      socket.text(attach(session, ""));
      assertThat(socket.await("bye").path("code").asText()).isEqualTo("malformed");
    }
  }

  @Test
  void those_that_wait_when_the_server_goes_down_are_told_so() throws IOException {
    TestServer closing = TestServer.start();
    try (FrameSocket socket = FrameSocket.openLate(closing)) {
      Thread closer = new Thread(closing::close);
      closer.start();
      JsonNode bye = socket.value();
      assertThat(bye.path("code").asText()).isEqualTo("draining");
      assertThat(bye.path("reconnect").asBoolean()).isTrue();
      assertThat(bye.path("delay").isIntegralNumber()).isTrue();
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1012);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"LIMITS_SESSIONS", "LIMITS_SESSIONS_PER_ADDRESS"})
  void there_may_be_as_many_of_them_as_sessions(String limit) throws IOException {
    try (TestServer small = TestServer.start(it -> it.set(Setting.valueOf(limit), 2));
        FrameSocket one = FrameSocket.openLate(small)) {
      FrameSocket two = FrameSocket.openLate(small);
      try (FrameSocket three = FrameSocket.open(small, "/ws?attach=1")) {
        assertRefused(three, "rate_limited");
      }
      // Whoever leaves or attaches makes room.
      two.close();
      await().until(() -> isServed(small));
      one.text(attach(small.open(), ""));
      one.await("welcome");
      try (FrameSocket again = FrameSocket.openLate(small)) {
        assertThat(isServed(small)).isTrue();
        again.text(PING);
        assertThat(again.read().text()).isEqualTo(PONG);
      }
    }
  }

  private static boolean isServed(TestServer small) throws IOException {
    try (FrameSocket socket = FrameSocket.open(small, "/ws?attach=1")) {
      return socket.value().path("op").asText().equals("pong");
    }
  }
}
