package dev.footbridge.websocket;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Decodes bytes that are all there at once, slowly and obviously, in the order of RFC 6455, section
 * 5.2. Bytes that end in the middle of a frame are read as far as they go.
 */
final class ReferenceDecoder {

  /** What came out, and the close code of the failure or 0. */
  record Outcome(List<String> events, int failure) {}

  private static final class Failure extends Exception {
    private static final long serialVersionUID = 1L;
    private final int code;

    Failure(int code) {
      this.code = code;
    }
  }

  private static final class EndOfBytes extends Exception {
    private static final long serialVersionUID = 1L;
  }

  private final boolean server;
  private final int maxMessageBytes;
  private final int maxFragments;
  private final byte[] bytes;
  private int at;

  private final List<String> events = new ArrayList<>();
  private boolean closed;

  private int messageOpcode;
  private int fragments;
  private ByteArrayOutputStream message = new ByteArrayOutputStream();

  private ReferenceDecoder(
      FrameDecoder.Role role, int maxMessageBytes, int maxFragments, byte[] bytes) {
    this.server = role == FrameDecoder.Role.SERVER;
    this.maxMessageBytes = maxMessageBytes;
    this.maxFragments = maxFragments;
    this.bytes = bytes;
  }

  static Outcome decode(
      FrameDecoder.Role role, int maxMessageBytes, int maxFragments, byte[] bytes) {
    ReferenceDecoder decoder = new ReferenceDecoder(role, maxMessageBytes, maxFragments, bytes);
    try {
      while (!decoder.closed) {
        decoder.frame();
      }
      return new Outcome(decoder.events, 0);
    } catch (EndOfBytes e) {
      return new Outcome(decoder.events, 0);
    } catch (Failure e) {
      return new Outcome(decoder.events, e.code);
    }
  }

  private void frame() throws Failure, EndOfBytes {
    int first = next();
    boolean fin = first >= 0x80;
    int reserved = (first / 16) % 8;
    int opcode = first % 16;
    boolean control = opcode >= 8;
    require(reserved == 0, 1002);
    require(List.of(0, 1, 2, 8, 9, 10).contains(opcode), 1002);
    if (control) {
      require(fin, 1002);
    } else if (opcode == 0) {
      require(messageOpcode != 0, 1002);
    } else {
      require(messageOpcode == 0, 1002);
      messageOpcode = opcode;
    }
    if (!control) {
      fragments++;
      require(fragments <= maxFragments, 1008);
    }

    int second = next();
    boolean masked = second >= 0x80;
    require(masked == server, 1002);
    long length = second % 128;
    if (control) {
      require(length <= 125, 1002);
      require(opcode != 8 || length != 1, 1002);
    } else if (length == 126) {
      length = number(2);
      require(length > 125, 1002);
    } else if (length == 127) {
      length = number(8);
      require(length >= 0, 1002);
      require(length > 65535, 1002);
    }
    require(control || length <= maxMessageBytes - message.size(), 1009);

    int[] key = new int[4];
    if (masked) {
      for (int i = 0; i < 4; i++) {
        key[i] = next();
      }
    }

    int present = (int) Math.min(length, bytes.length - at);
    byte[] payload = new byte[present];
    for (int i = 0; i < present; i++) {
      payload[i] = (byte) (next() ^ key[i % 4]);
    }
    boolean whole = present == length;
    if (control) {
      if (!whole) {
        throw new EndOfBytes();
      }
      control(opcode, payload);
    } else {
      message.writeBytes(payload);
      boolean text = messageOpcode == 1;
      require(!text || ReferenceUtf8.canBecomeValid(message.toByteArray()), 1007);
      if (!whole) {
        throw new EndOfBytes();
      }
      if (fin) {
        require(!text || ReferenceUtf8.isValid(message.toByteArray()), 1007);
        byte[] data = message.toByteArray();
        events.add(text ? Recorder.text(data) : Recorder.binary(data));
        message = new ByteArrayOutputStream();
        messageOpcode = 0;
        fragments = 0;
      }
    }
  }

  private void control(int opcode, byte[] payload) throws Failure {
    if (opcode == 9) {
      events.add(Recorder.ping(payload));
    } else if (opcode == 10) {
      events.add(Recorder.pong(payload));
    } else if (payload.length == 0) {
      close(1005, payload);
    } else {
      int code = (payload[0] & 0xFF) * 256 + (payload[1] & 0xFF);
      boolean named = code >= 1000 && code <= 1014 && !List.of(1004, 1005, 1006).contains(code);
      require(named || (code >= 3000 && code <= 4999), 1002);
      byte[] reason = Arrays.copyOfRange(payload, 2, payload.length);
      require(ReferenceUtf8.isValid(reason), 1007);
      close(code, reason);
    }
  }

  private void close(int code, byte[] reason) {
    events.add(Recorder.close(code, reason));
    closed = true;
  }

  private long number(int size) throws EndOfBytes {
    long number = 0;
    for (int i = 0; i < size; i++) {
      number = number * 256 + next();
    }
    return number;
  }

  private int next() throws EndOfBytes {
    if (at == bytes.length) {
      throw new EndOfBytes();
    }
    return bytes[at++] & 0xFF;
  }

  private static void require(boolean right, int code) throws Failure {
    if (!right) {
      throw new Failure(code);
    }
  }
}
