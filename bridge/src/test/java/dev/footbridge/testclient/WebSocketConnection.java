package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** WebSocket, by the platform's own client. */
final class WebSocketConnection extends Connection {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final CountDownLatch ended = new CountDownLatch(1);
  private final StringBuilder text = new StringBuilder();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();
  private volatile WebSocket socket;
  private volatile String why = "cut";
  private long number;

  WebSocketConnection(SessionClient client, long turn) {
    super(client, turn);
  }

  @Override
  void receive() throws IOException, InterruptedException {
    String id = client().id();
    number = client().after();
    String target =
        id == null
            ? "/ws?endpoint=" + client().endpoint() + "&turn=" + turn()
            : "/ws?session=" + id + "&after=" + number + "&turn=" + turn();
    try {
      HTTP.newWebSocketBuilder()
          .subprotocols("footbridge.v1")
          .buildAsync(client().server().uri("ws", target), new Listener())
          .get(SessionClient.PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
      throw new IOException(e);
    }
    if (isOver()) {
      cut();
    }
    ended.await();
    end(Ending.lost(why));
  }

  private final class Listener implements WebSocket.Listener {
    @Override
    public void onOpen(WebSocket from) {
      socket = from;
      from.request(1);
    }

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      text.append(part);
      if (last) {
        String json = text.toString();
        text.setLength(0);
        guarded(() -> value(Answer.parse(json)));
      }
      from.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket from, ByteBuffer part, boolean last) {
      byte[] bytes = new byte[part.remaining()];
      part.get(bytes);
      data.writeBytes(bytes);
      if (last) {
        JsonNode value = SessionClient.binaryValue(data.toByteArray());
        data.reset();
        guarded(() -> deliver(value));
      }
      from.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
      why = "closed: " + code + " " + reason;
      ended.countDown();
      return null;
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
      why = error.toString();
      ended.countDown();
    }
  }

  private void guarded(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException | AssertionError e) {
      client().fail(e);
    }
  }

  private void value(JsonNode value) {
    switch (value.path("op").asText()) {
      case "welcome" -> {
        client().opened(value.path("session").asText());
        client().confirm(this, value.path("received").asLong());
        attached(value);
      }
      case "ack" -> client().confirm(this, value.path("received").asLong());
      case "bye" -> end(Ending.bye(value));
      case "ping", "pong" -> {
        // The platform answers protocol pings; nothing here is idle for long enough.
      }
      default -> deliver(value);
    }
  }

  private void deliver(JsonNode value) {
    number++;
    client().deliver(this, number, value);
  }

  @Override
  void transmit() throws IOException, InterruptedException {
    SessionClient.Batch batch = client().unsent(this);
    try {
      for (JsonNode value : batch.values()) {
        if (value.path("op").asText().equals("binary")) {
          byte[] bytes = Base64.getDecoder().decode(value.path("data").asText());
          socket.sendBinary(ByteBuffer.wrap(bytes), true).join();
        } else {
          socket.sendText(value.toString(), true).join();
        }
      }
      if (batch.received() >= 0) {
        socket.sendText("{\"op\":\"ack\",\"received\":" + batch.received() + "}", true).join();
      }
    } catch (CompletionException e) {
      throw new IOException(e);
    }
  }

  @Override
  void cut() {
    WebSocket open = socket;
    if (open != null) {
      open.abort();
    }
    ended.countDown();
  }

  @Override
  public String toString() {
    return "websocket";
  }
}
