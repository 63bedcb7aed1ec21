package dev.footbridge.doctor;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A WebSocket that has no session: its handshake, its greeting, a ping, silence, and a ping. */
final class WebSocketCheck {
  private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final byte[] PING = "{\"op\":\"ping\"}".getBytes(US_ASCII);
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int SWITCHING = 101;
  private static final int KEY_BYTES = 16;

  private static final int TEXT = 0x1;
  private static final int CLOSE = 0x8;
  private static final int PROTOCOL_PING = 0x9;
  private static final int PROTOCOL_PONG = 0xA;
  private static final int FINAL = 0x80;
  private static final int MASKED = 0x80;
  private static final int OPCODE = 0xF;
  private static final int LENGTH = 0x7F;
  private static final int TWO_BYTES = 126;
  private static final int MOST_BYTES = 65_535;
  private static final int OCTET = 0xFF;

  private final Target target;
  private final Limits limits;
  private final Deadline deadline;
  private final Map<String, Object> times = new LinkedHashMap<>();

  WebSocketCheck(Target target, Limits limits) {
    this.target = target;
    this.limits = limits;
    this.deadline = new Deadline(limits.patienceMillis());
  }

  /** It was closed by a close frame. */
  private static final class Closed extends IOException {
    private static final long serialVersionUID = 1L;

    Closed(String message) {
      super(message);
    }
  }

  Finding run(Consumer<Finding> soFar) {
    try (Connection connection = Connection.open(target, deadline, true)) {
      return handshake(connection, soFar).with(times);
    } catch (SocketTimeoutException e) {
      return found(Verdict.HANGS, "The handshake is not answered.").with(times);
    } catch (IOException e) {
      return found(Verdict.BLOCKED, "The handshake fails: " + Words.of(e) + ".").with(times);
    }
  }

  private static Finding found(Verdict verdict, String detail) {
    return Finding.of(Subject.WEBSOCKET, verdict, detail);
  }

  private Finding handshake(Connection connection, Consumer<Finding> soFar) throws IOException {
    byte[] random = new byte[KEY_BYTES];
    RANDOM.nextBytes(random);
    String key = Base64.getEncoder().encodeToString(random);
    connection.request(
        "GET",
        "/ws?attach=1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: footbridge.v1",
        "Sec-WebSocket-Key: " + key);
    Connection.Head head = connection.head();
    if (head.status() != SWITCHING) {
      return refused(connection, head);
    } else if (!head.header("sec-websocket-accept").equals(accept(key))) {
      return found(Verdict.FOREIGN, "The handshake is answered by something else.");
    }
    long opened = deadline.passed();
    times.put("openedMillis", opened);
    return greeted(connection, opened, soFar);
  }

  private Finding refused(Connection connection, Connection.Head head) {
    String text;
    try {
      text = Reply.read(connection, deadline, 0, head).text();
    } catch (IOException e) {
      text = "";
    }
    Reply reply = new Reply(head, text, 0);
    return switch (reply.problem()) {
      case "" -> found(Verdict.BLOCKED, "The handshake is refused: " + reply.describe() + ".");
      case "upgrade_required", "malformed" ->
          found(
              Verdict.BLOCKED,
              "The request reaches the server, but something on the way has taken the upgrade out of"
                  + " it.");
      default -> found(Verdict.REFUSED, "The server refuses just now: " + reply.problem() + ".");
    };
  }

  private static String accept(String key) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-1");
      return Base64.getEncoder().encodeToString(sha.digest((key + GUID).getBytes(US_ASCII)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private Finding greeted(Connection connection, long opened, Consumer<Finding> soFar) {
    long greeted;
    String missing = "It opens, but what the server says does not come down.";
    try {
      deadline.in(limits.patienceMillis());
      JsonNode greeting = Reply.json(message(connection));
      String op = greeting.path("op").asText();
      if (op.equals("bye")) {
        return found(
            Verdict.REFUSED,
            "The server refuses just now: " + Words.code(greeting.path("code").asText()) + ".");
      } else if (!op.equals("pong")) {
        return found(Verdict.FOREIGN, "It opens, but something else than the server speaks.");
      }
      greeted = deadline.passed();
      times.put("greetingMillis", greeted);
      missing = "It opens and the server's greeting comes, but what is sent up does not arrive.";
      deadline.in(limits.patienceMillis());
      times.put("pongMillis", ping(connection));
    } catch (SocketTimeoutException e) {
      return found(Verdict.SWALLOWED, missing);
    } catch (IOException e) {
      return found(
          Verdict.CUT, "It opens and is broken off " + after(opened) + ": " + words(e) + ".");
    }
    return idle(connection, greeted, soFar);
  }

  private Finding idle(Connection connection, long greeted, Consumer<Finding> soFar) {
    Finding works = found(Verdict.WORKS, "The greeting came after " + Words.time(greeted) + ".");
    soFar.accept(works.with(times));
    long silentFrom = deadline.passed();
    long silent = TimeUnit.SECONDS.toMillis(limits.idleSeconds());
    try {
      deadline.in(silent);
      while (true) {
        String text = message(connection);
        if (Reply.json(text).path("op").asText().equals("bye")) {
          return found(
              Verdict.WORKS,
              works.detail()
                  + " The server ended it "
                  + after(silentFrom)
                  + ", as it is set up to.");
        }
      }
    } catch (SocketTimeoutException quiet) {
      try {
        deadline.in(limits.patienceMillis());
        times.put("pongAfterSilenceMillis", ping(connection));
        return found(
            Verdict.WORKS,
            works.detail() + " It is alive after " + limits.idleSeconds() + " s of silence.");
      } catch (SocketTimeoutException e) {
        return lost(
            Verdict.SWALLOWED,
            silent,
            "It opens, but after "
                + limits.idleSeconds()
                + " s of silence nothing arrives any more.");
      } catch (IOException e) {
        return lost(
            Verdict.CUT,
            silent,
            "It is dead " + after(silentFrom) + " of silence: " + words(e) + ".");
      }
    } catch (IOException e) {
      long lived = deadline.passed() - silentFrom;
      return lost(
          Verdict.CUT, lived, "It is cut " + after(silentFrom) + " of silence: " + words(e) + ".");
    }
  }

  private static Finding lost(Verdict verdict, long lived, String detail) {
    return Finding.of(Subject.WEBSOCKET, verdict, lived >= Arrivals.LONG_LIFE_MILLIS, detail);
  }

  private String after(long from) {
    return "after " + Words.seconds(deadline.passed() - from);
  }

  private static String words(IOException e) {
    return e instanceof Closed ? String.valueOf(e.getMessage()) : Words.of(e);
  }

  /** Asks whether anything arrives; milliseconds until the answer. */
  private long ping(Connection connection) throws IOException {
    long sent = deadline.passed();
    connection.send(frame(TEXT, PING));
    String op = "";
    while (!op.equals("pong")) {
      // The server's own ping, perhaps.
      op = Reply.json(message(connection)).path("op").asText();
    }
    return deadline.passed() - sent;
  }

  private static byte[] frame(int opcode, byte[] payload) {
    byte[] mask = new byte[4];
    RANDOM.nextBytes(mask);
    byte[] frame = new byte[2 + mask.length + payload.length];
    frame[0] = (byte) (FINAL | opcode);
    frame[1] = (byte) (MASKED | payload.length);
    System.arraycopy(mask, 0, frame, 2, mask.length);
    for (int i = 0; i < payload.length; i++) {
      frame[2 + mask.length + i] = (byte) (payload[i] ^ mask[i % mask.length]);
    }
    return frame;
  }

  /** The next text; pings of the protocol are answered meanwhile. */
  private static String message(Connection connection) throws IOException {
    while (true) {
      int opcode = connection.octet() & OPCODE;
      int length = connection.octet() & LENGTH;
      if (length == TWO_BYTES) {
        length = (connection.octet() << Byte.SIZE) | connection.octet();
      }
      if (length > MOST_BYTES || length == LENGTH) {
        throw new IOException("what comes is none of the server's");
      }
      byte[] payload = new byte[length];
      for (int i = 0; i < length; i++) {
        payload[i] = (byte) connection.octet();
      }
      switch (opcode) {
        case TEXT -> {
          return new String(payload, UTF_8);
        }
        case CLOSE ->
            throw new Closed(
                length < 2
                    ? "closed without a code"
                    : "closed with code "
                        + (((payload[0] & OCTET) << Byte.SIZE) | (payload[1] & OCTET)));
        case PROTOCOL_PING -> {
          if (length < TWO_BYTES) {
            connection.send(frame(PROTOCOL_PONG, payload));
          }
        }
        default -> {
          // Nothing that says anything here.
        }
      }
    }
  }
}
