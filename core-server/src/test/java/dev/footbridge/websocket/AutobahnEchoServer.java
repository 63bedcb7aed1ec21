package dev.footbridge.websocket;

import dev.footbridge.io.Lane;
import dev.footbridge.io.SinkWriter;
import dev.footbridge.stream.FrameFiller;
import io.undertow.Undertow;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;

/**
 * Sends every text and binary message back, by the codec, reader and writer that sessions run on.
 * The build runs the Autobahn suite against it.
 */
public final class AutobahnEchoServer {
  private static final int MAX_MESSAGE_BYTES = 64 << 20;

  private AutobahnEchoServer() {}

  /** Listens on the port that is given; the server's threads live on after this returns. */
  public static void main(String[] args) {
    Undertow.builder()
        .addHttpListener(Integer.parseInt(args[0]), "0.0.0.0")
        .setHandler(AutobahnEchoServer::accept)
        .build()
        .start();
  }

  private static void accept(HttpServerExchange exchange) {
    Handshake.Result result =
        Handshake.check(
            exchange.getRequestMethod().toString(),
            name -> exchange.getRequestHeaders().get(name),
            List.of());
    if (result instanceof Handshake.Accepted accepted) {
      exchange.getResponseHeaders().put(Headers.UPGRADE, "websocket");
      exchange
          .getResponseHeaders()
          .put(new HttpString("Sec-WebSocket-Accept"), accepted.acceptKey());
      exchange.upgradeChannel((connection, upgraded) -> new Echo(connection).start());
    } else if (result instanceof Handshake.Rejected rejected) {
      exchange.setStatusCode(rejected.status());
    }
    exchange.endExchange();
  }

  /** One connection; owned by its I/O thread. */
  private static final class Echo implements WebSocketReader.Handler, SinkWriter.Source {
    private final StreamConnection connection;
    private final Lane lane;
    private final SinkWriter writer;
    private final WebSocketReader reader;
    private final FrameFiller filler = new FrameFiller(WebSocketFraming.INSTANCE);
    private final Queue<byte[]> frames = new ArrayDeque<>();
    private boolean closing;
    private boolean closed;

    Echo(StreamConnection connection) {
      this.connection = connection;
      this.lane = new Lane(connection.getIoThread());
      this.writer = new SinkWriter(lane, this, false);
      this.reader = new WebSocketReader(connection.getSourceChannel(), MAX_MESSAGE_BYTES, this);
    }

    void start() {
      writer.open(connection.getSinkChannel());
      reader.start();
    }

    private void send(byte[] frame) {
      if (!closing) {
        frames.add(frame);
      }
    }

    private void close(int code, String reason) {
      send(FrameEncoder.close(code == CloseCode.NO_STATUS ? CloseCode.NORMAL : code, reason));
      closing = true;
    }

    @Override
    public void onText(byte[] utf8) {
      send(FrameEncoder.frame(Opcode.TEXT, utf8));
    }

    @Override
    public void onBinary(byte[] data) {
      send(FrameEncoder.frame(Opcode.BINARY, data));
    }

    @Override
    public void onPing(byte[] data) {
      send(FrameEncoder.frame(Opcode.PONG, data));
    }

    @Override
    public void onPong(byte[] data) {}

    @Override
    public void onClose(int code, byte[] reasonUtf8) {
      close(code, "");
    }

    @Override
    public void violated(WebSocketProtocolException violation) {
      close(violation.closeCode(), violation.getMessage());
    }

    @Override
    public void pause() {
      writer.flush();
    }

    @Override
    public void ended() {
      IoUtils.safeClose(connection);
    }

    @Override
    public void fill(ByteBuffer out) {
      while (filler.resume(out)) {
        byte[] frame = frames.peek();
        if (frame == null) {
          finishWhenClosing();
          return;
        }
        if (!filler.beginFramed(out, frame)) {
          return;
        }
        frames.remove();
      }
    }

    private void finishWhenClosing() {
      if (closing && !closed) {
        closed = true;
        // Runs after the bytes have been handed to the connection or kept for it.
        lane.execute(
            () -> {
              reader.discard();
              writer.shutdown();
            });
      }
    }

    @Override
    public void failed(IOException reason) {
      IoUtils.safeClose(connection);
    }
  }
}
