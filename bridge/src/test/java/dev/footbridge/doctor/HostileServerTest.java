package dev.footbridge.doctor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What answers may be anything, and may want to do harm: the examination ends, and tells it. */
@Timeout(value = 30, unit = TimeUnit.SECONDS)
class HostileServerTest {
  private static final Limits SHORT = new Limits(1, 0, 1, 0, 1, 1500);
  private static final String PONG = "{\"op\":\"pong\"}";
  private static final String EVIL = "\\u001b]0;owned\\u0007\\u001b[2J\\u001b[31mAll is well";

  private ServerSocket listening;

  private record Request(String path, String key) {}

  private interface Answers {
    void answer(Request request, OutputStream out) throws Exception;
  }

  @BeforeEach
  void start() throws IOException {
    listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  }

  @AfterEach
  void stop() throws IOException {
    listening.close();
  }

  private Report examine(Answers answers) throws InterruptedException {
    background(
        () -> {
          while (true) {
            Socket socket = listening.accept();
            background(() -> serve(socket, answers));
          }
        });
    Target target = Target.of("http://127.0.0.1:" + listening.getLocalPort(), Map.of());
    return new Doctor(target, SHORT, (finding, last) -> {}).run();
  }

  private interface Work {
    void run() throws Exception;
  }

  private static void background(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Exception e) {
                // Whoever was examined has closed it.
                return;
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private static void serve(Socket socket, Answers answers) throws Exception {
    try (socket) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      while (true) {
        String path = line(in).split(" ", 3)[1];
        String key = "";
        int length = 0;
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
          if (line.startsWith("Sec-WebSocket-Key: ")) {
            key = line.substring("Sec-WebSocket-Key: ".length());
          } else if (line.startsWith("Content-Length: ")) {
            length = Integer.parseInt(line.substring("Content-Length: ".length()));
          }
        }
        in.skipNBytes(length);
        if (path.startsWith("/probe/poll?n=")) {
          write(socket.getOutputStream(), "200 OK", "application/json", PONG);
        } else {
          answers.answer(new Request(path, key), socket.getOutputStream());
        }
      }
    }
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new IOException("ended");
      }
      text.append((char) next);
    }
    return text.toString().strip();
  }

  private static void write(OutputStream out, String status, String type, String body)
      throws IOException {
    byte[] bytes = body.getBytes(UTF_8);
    String head =
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            .formatted(status, type, bytes.length);
    out.write(head.getBytes(ISO_8859_1));
    out.write(bytes);
    out.flush();
  }

  private static void assertHarmless(Report report) {
    for (String line : report.lines()) {
      assertThat(line).doesNotContainPattern("\\p{C}").doesNotContain("All is well");
    }
  }

  @Test
  void what_is_a_command_to_a_terminal_does_not_get_there() throws Exception {
    String bye = "{\"op\":\"bye\",\"code\":\"" + EVIL + "\"}";
    Report report =
        examine(
            (request, out) -> {
              if (request.path().startsWith("/ws")) {
                MessageDigest sha = MessageDigest.getInstance("SHA-1");
                String key = request.key() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
                String accept =
                    Base64.getEncoder().encodeToString(sha.digest(key.getBytes(ISO_8859_1)));
                String head =
                    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Accept: "
                        + accept
                        + "\r\n\r\n";
                out.write(head.getBytes(ISO_8859_1));
                out.write(new byte[] {(byte) 0x81, (byte) bye.length()});
                out.write(bye.getBytes(ISO_8859_1));
                out.flush();
              } else if (request.path().startsWith("/probe/events")) {
                write(out, "200 OK", "text/event-stream", "data: " + bye + "\n\n");
              } else if (request.path().startsWith("/probe/stream")) {
                write(
                    out, "200 OK", "text/html", "<title>\u001b[2J\u202eOne\u2028\u009b1m</title>");
              } else {
                write(out, "503 x", "application/problem+json", "{\"code\":\"" + EVIL + "\"}");
              }
            });
    assertHarmless(report);
    assertThat(report.finding(Subject.WEBSOCKET).verdict()).isEqualTo(Verdict.REFUSED);
    assertThat(report.finding(Subject.SSE).verdict()).isEqualTo(Verdict.REFUSED);
    assertThat(report.finding(Subject.STREAM).detail()).contains("One");
    assertThat(report.finding(Subject.LONGPOLL).verdict()).isEqualTo(Verdict.FOREIGN);
    assertThat(report.finding(Subject.SHORTPOLL).verdict()).isEqualTo(Verdict.FOREIGN);
  }

  @Test
  void a_page_that_is_all_titles_takes_no_time() throws Exception {
    long began = System.nanoTime();
    Report report =
        examine((request, out) -> write(out, "200 OK", "text/html", "<title".repeat(170_000)));
    assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began)).isLessThan(10);
    assertThat(report.finding(Subject.LONGPOLL).verdict()).isEqualTo(Verdict.FOREIGN);
  }

  @Test
  void a_title_is_what_stands_between_its_tags() {
    assertThat(Reply.title("<head><TITLE lang=en>\n Welcome  </title>")).isEqualTo("Welcome");
    assertThat(Reply.title("<title></title>")).isEmpty();
    assertThat(Reply.title("<title")).isEmpty();
    assertThat(Reply.title("no page")).isEmpty();
    assertThat(Reply.title("<title>" + "x".repeat(1000))).hasSizeLessThan(100).startsWith("xxx");
  }

  @Test
  void headers_without_end_are_told() throws Exception {
    Report report =
        examine(
            (request, out) -> {
              out.write("HTTP/1.1 200 OK\r\n".getBytes(ISO_8859_1));
              for (int i = 0; true; i++) {
                out.write(("h" + i + ": " + "x".repeat(16_000) + "\r\n").getBytes(ISO_8859_1));
              }
            });
    for (Subject subject : Subject.values()) {
      if (subject != Subject.REACH) {
        assertThat(report.finding(subject).verdict()).isEqualTo(Verdict.BLOCKED);
        assertThat(report.finding(subject).detail()).contains("more than 64 KiB of headers");
      }
    }
  }

  @Test
  void values_without_end_are_told() throws Exception {
    Report report =
        examine(
            (request, out) -> {
              boolean events = request.path().contains("events");
              String type = events ? "text/event-stream" : "application/x-ndjson";
              String head = "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n\r\n";
              out.write(head.getBytes(ISO_8859_1));
              byte[] values = "{}\n".repeat(20_000).getBytes(ISO_8859_1);
              while (true) {
                out.write(values);
              }
            });
    for (Subject subject : new Subject[] {Subject.SSE, Subject.STREAM}) {
      Finding finding = report.finding(subject);
      assertThat(finding.verdict()).isEqualTo(Verdict.FOREIGN);
      assertThat(finding.detail()).contains("more than 200 values");
      assertThat(finding.times().get("arrivedMillis").toString()).hasSizeLessThan(2000);
    }
  }
}
