package dev.footbridge.websocket;

import dev.footbridge.session.Bye;
import dev.footbridge.session.OpeningWish;
import dev.footbridge.session.Openings;
import dev.footbridge.session.Session;
import dev.footbridge.session.Sessions;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;

/**
 * A WebSocket that has no session until its client names or opens one. It only answers pings. Owned
 * by the connection's I/O thread, except where said.
 */
final class WaitingSocket {
  private final WebSocketTransport transport;
  private final WaitingSockets all;
  private final LateRequest.Client client;
  private final Sessions sessions;
  private final Openings openings;
  private final LateRequest.Responder responder;
  private final long sinceNanos;

  WaitingSocket(
      WebSocketTransport transport,
      WaitingSockets all,
      LateRequest.Client client,
      Sessions sessions,
      Openings openings,
      LateRequest.Responder responder) {
    this.transport = transport;
    this.all = all;
    this.client = client;
    this.sessions = sessions;
    this.openings = openings;
    this.responder = responder;
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
        AttachRequest request = attach((Value.Command) value);
        leave(() -> responder.attach(request));
      } else if (op.equals("open")) {
        OpeningRequest request = open((Value.Command) value, utf8);
        leave(() -> responder.open(request));
      } else {
        throw unexpected();
      }
    } catch (ProtocolException malformed) {
      transport.refuse(malformed);
    }
  }

  private void leave(Runnable next) {
    all.remove(this);
    transport.hold();
    // Not from within the reader: it has to put aside first what came with this.
    transport.lane().execute(next);
  }

  private OpeningRequest open(Value.Command open, byte[] utf8) throws ProtocolException {
    OpeningWish wish =
        OpeningWish.of(
            open.fields(), client.token(), client.address(), sessions.options().messageBytes());
    sessions.expect(wish.request(), wish.firstMessages());
    return new OpeningRequest(transport, client, openings, wish, utf8);
  }

  private AttachRequest attach(Value.Command attach) throws ProtocolException {
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
        "Before anything else this WebSocket needs an \"attach\" that names its session, or an"
            + " \"open\" that opens one.");
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
