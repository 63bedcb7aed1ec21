package dev.footbridge.channelapi;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The forms of the hub's answers. */
final class Replies {
  private static final Logger LOG = LoggerFactory.getLogger(Replies.class);
  static final byte[] EMPTY = {'{', '}'};

  private Replies() {}

  static Message reply(byte[] id, byte[] data) {
    return Message.json(
        JsonWriter.object().text("op", "reply").raw("id", id).raw("data", data).bytes());
  }

  static Message error(byte[] id, Throwable failure) {
    return Message.json(
        JsonWriter.object()
            .text("op", "reply")
            .raw("id", id)
            .raw("error", errorJson(failure))
            .bytes());
  }

  /** {@code {"code":…,"message":…}}; what the server's own code threw is logged and not told. */
  static byte[] errorJson(Throwable failure) {
    ProtocolException error;
    if (failure instanceof ProtocolException known) {
      error = known;
    } else {
      LOG.error("A command failed.", failure);
      error = new ProtocolException(ErrorCode.INTERNAL, "The server failed to do this.");
    }
    JsonWriter json =
        JsonWriter.object().text("code", error.code()).text("message", error.detail());
    return error.describe(json).bytes();
  }
}
