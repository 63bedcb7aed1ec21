package dev.footbridge.websocket;

import dev.footbridge.stream.Framing;
import dev.footbridge.wire.Message;
import java.nio.ByteBuffer;

/** A message is one text frame; an application's binary message is one binary frame. */
final class WebSocketFraming implements Framing {
  static final WebSocketFraming INSTANCE = new WebSocketFraming();
  private static final byte[] NOTHING = {};

  private WebSocketFraming() {}

  @Override
  public byte[] body(Message message) {
    return message.raw();
  }

  @Override
  public void header(ByteBuffer out, long number, int bodyLength, boolean binary) {
    FrameEncoder.putHeader(out, binary ? Opcode.BINARY : Opcode.TEXT, bodyLength);
  }

  @Override
  public byte[] trailer() {
    return NOTHING;
  }
}
