package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A WebSocket whose every bit can be chosen, also those that are against the rules. */
public final class FrameSocket implements AutoCloseable {
  /** The first octet of a whole text message. */
  public static final int TEXT = 0x81;

  /** The first octet of a whole binary message. */
  public static final int BINARY = 0x82;

  /** The first octet of a close frame. */
  public static final int CLOSE = 0x88;

  /** The first octet of a ping. */
  public static final int PING = 0x89;

  /** The first octet of a pong. */
  public static final int PONG = 0x8a;

  private static final byte[] MASK = {0x12, 0x34, 0x56, 0x78};

  private final HttpSocket socket;
  private final DataInputStream in;
  private final Answer handshake;

  private FrameSocket(HttpSocket socket, Answer handshake) {
    this.socket = socket;
    this.in = new DataInputStream(socket.in());
    this.handshake = handshake;
  }

  /**
   * A frame.
   *
   * @param head the first octet
   */
  public record Frame(int head, byte[] payload) {
    /** The status code of a close frame. */
    public int closeCode() {
      if (head != CLOSE) {
        throw new AssertionError("not a close frame: " + this);
      }
      return ByteBuffer.wrap(payload).getShort() & 0xffff;
    }

    /** The payload as text. */
    public String text() {
      return new String(payload, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
      return Integer.toHexString(head) + " " + text();
    }
  }

  /** Opens one; the handshake must succeed. */
  public static FrameSocket open(TestServer server, String target, String... headers)
      throws IOException {
    return open(HttpSocket.connect(server.port()), target, headers);
  }

  /** Opens one that attaches later; the server must greet it. */
  public static FrameSocket openLate(TestServer server, String... headers) throws IOException {
    FrameSocket socket = open(server, "/ws?attach=1", headers);
    Frame greeting = socket.read();
    if (greeting == null || !greeting.text().equals("{\"op\":\"pong\"}")) {
      throw new IOException("no greeting: " + greeting);
    }
    return socket;
  }

  /** Opens one on a connection; the handshake must succeed. */
  public static FrameSocket open(HttpSocket socket, String target, String... headers)
      throws IOException {
    Answer answer = shake(socket, target, headers);
    if (answer.status() != 101) {
      throw new IOException("no WebSocket: " + answer);
    }
    return new FrameSocket(socket, answer);
  }

  /** Asks for a WebSocket; the answer's body is not read. */
  public static Answer shake(HttpSocket socket, String target, String... headers)
      throws IOException {
    String[] all = new String[headers.length + 4];
    all[0] = "Upgrade: websocket";
    all[1] = "Connection: Upgrade";
    all[2] = "Sec-WebSocket-Version: 13";
    all[3] = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    System.arraycopy(headers, 0, all, 4, headers.length);
    return socket.request("GET", target, null, all).head();
  }

  /** The answer that opened it. */
  public Answer handshake() {
    return handshake;
  }

  /** The connection below. */
  public HttpSocket socket() {
    return socket;
  }

  /** Sends a text message. */
  public FrameSocket text(String text) throws IOException {
    return frame(TEXT, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Sends a frame, masked as it must be. */
  public FrameSocket frame(int head, byte[] payload) throws IOException {
    socket.write(encode(head, true, payload));
    return this;
  }

  /** A frame's octets. */
  public static byte[] encode(int head, boolean masked, byte[] payload) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(payload.length + 14);
    out.write(head);
    int mask = masked ? 0x80 : 0;
    if (payload.length < 126) {
      out.write(mask | payload.length);
    } else if (payload.length < 65_536) {
      out.write(mask | 126);
      out.writeBytes(ByteBuffer.allocate(2).putShort((short) payload.length).array());
    } else {
      out.write(mask | 127);
      out.writeBytes(ByteBuffer.allocate(8).putLong(payload.length).array());
    }
    if (masked) {
      out.writeBytes(MASK);
      byte[] hidden = payload.clone();
      for (int i = 0; i < hidden.length; i++) {
        hidden[i] ^= MASK[i % 4];
      }
      out.writeBytes(hidden);
    } else {
      out.writeBytes(payload);
    }
    return out.toByteArray();
  }

  /** The next frame; null when the server has ended the connection. */
  public Frame read() throws IOException {
    int head = in.read();
    if (head < 0) {
      return null;
    }
    int second = in.readUnsignedByte();
    if ((second & 0x80) != 0) {
      throw new IOException("a server must not mask");
    }
    long length = second;
    if (second == 126) {
      length = in.readUnsignedShort();
    } else if (second == 127) {
      length = in.readLong();
    }
    byte[] payload = in.readNBytes(Math.toIntExact(length));
    if (payload.length < length) {
      throw new EOFException("the connection has ended in a frame");
    }
    return new Frame(head, payload);
  }

  /** The next value, whatever it is. */
  public JsonNode value() throws IOException {
    Frame frame = read();
    if (frame == null || frame.head() != TEXT) {
      throw new IOException("not a value: " + frame);
    }
    return Answer.parse(frame.text());
  }

  /** The next value with the op; others are passed over. */
  public JsonNode await(String op) throws IOException {
    while (true) {
      JsonNode value = value();
      if (value.path("op").asText().equals(op)) {
        return value;
      }
    }
  }

  /** The close frame that must come next but for values and pings. */
  public Frame awaitClose() throws IOException {
    Frame frame = read();
    while (frame != null && frame.head() != CLOSE) {
      frame = read();
    }
    if (frame == null) {
      throw new IOException("the connection has ended without a close frame");
    }
    return frame;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
