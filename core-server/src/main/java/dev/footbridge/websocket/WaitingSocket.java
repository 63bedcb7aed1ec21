package dev.footbridge.websocket;

import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;

/**
 * A WebSocket that has no session until its client names one. It only answers pings. Owned by the
 * connection's I/O thread, except where said.
 */
final class WaitingSocket {
  private final WebSocketTransport transport;
  private final WaitingSockets all;
  private final AttachRequest.Client client;
  private final AttachRequest.Attacher attacher;
  private final long sinceNanos;

  WaitingSocket(
      WebSocketTransport transport,
      WaitingSockets all,
      AttachRequest.Client client,
      AttachRequest.Attacher attacher) {
    this.transport = transport;
    this.all = all;
    this.client = client;
    this.attacher = attacher;
    this.sinceNanos = all.now();
  }

  String address() {
    return client.address();
  }

  /** Since when it waits. Any thread. */
  long sinceNanos() {
    return sinceNanos;
  }

  void onText(byte[] utf8) {
    try {
      Value value = Value.parse(utf8);
      String op = value instanceof Value.Command command ? command.op() : "";
      if (op.equals("ping")) {
        transport.pong();
      } else if (op.equals("attach")) {
        AttachRequest request = request((Value.Command) value);
        all.remove(this);
        transport.hold();
        // Not from within the reader: it has to put aside first what came with this.
        transport.lane().execute(() -> attacher.attach(request));
      } else {
        throw unexpected();
      }
    } catch (ProtocolException malformed) {
      transport.refuse(malformed);
    }
  }

  private AttachRequest request(Value.Command attach) throws ProtocolException {
    return new AttachRequest(
        transport,
        client,
        attach.fields().requiredText("session"),
        attach.fields().integer("after", Session.UNKNOWN, 0, Long.MAX_VALUE),
        attach.fields().integer("turn", Session.UNKNOWN, 0, Long.MAX_VALUE));
  }

  void onBinary() {
    transport.refuse(unexpected());
  }

  private static ProtocolException unexpected() {
    return ProtocolException.malformed(
        "Before anything else this WebSocket needs an \"attach\" that names its session.");
  }

  /** Waits no longer; says so and ends the connection. Any thread. */
  void end(Bye last) {
    transport
        .lane()
        .execute(
            () -> {
              if (all.remove(this)) {
                transport.bye(last);
              }
            });
  }

  /** The connection has gone. Any thread; again does nothing. */
  void ended() {
    all.remove(this);
  }
}
