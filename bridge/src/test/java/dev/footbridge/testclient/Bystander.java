package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sessions that have nothing to do with a test, and a steady numbered feed that they must receive
 * whole, in order, without interruption and in time while it goes on.
 */
public final class Bystander implements AutoCloseable {
  private static final String CHANNEL = "steady";
  private static final long EVERY_MILLIS = 5;

  private final TestServer server;
  private final ScheduledExecutorService publisher = Executors.newSingleThreadScheduledExecutor();
  private final List<SessionClient> clients = new ArrayList<>();
  private final List<Connection> connections = new ArrayList<>();
  private final AtomicInteger published = new AtomicInteger();

  private Bystander(TestServer server) {
    this.server = server;
  }

  /** Begins: one session on a WebSocket, one on Server-Sent Events, one on long polls. */
  public static Bystander begin(TestServer server) throws IOException {
    Bystander bystander = new Bystander(server);
    for (Transport transport :
        List.of(Transport.WEBSOCKET, Transport.SSE, Transport.LONGPOLL_GET)) {
      SessionClient client = SessionClient.open(server, transport);
      client.command("{\"op\":\"subscribe\",\"id\":0,\"channel\":\"" + CHANNEL + "\"}");
      bystander.clients.add(client);
      bystander.connections.add(client.connection());
    }
    var unused =
        bystander.publisher.scheduleAtFixedRate(
            bystander::publish, 0, EVERY_MILLIS, TimeUnit.MILLISECONDS);
    return bystander;
  }

  private void publish() {
    server.footbridge().publish(CHANNEL, published.incrementAndGet());
  }

  /** Checks that nobody has noticed anything so far. */
  public void assertUndisturbed() {
    int last = published.get();
    for (int i = 0; i < clients.size(); i++) {
      SessionClient client = clients.get(i);
      client.awaitValue(value -> value.path("data").asInt() >= last);
      if (connections.get(i).isOver()) {
        throw new AssertionError(
            connections.get(i) + " has ended: " + connections.get(i).awaitEnding());
      }
      // The first value is the reply to the subscription.
      List<JsonNode> values = client.received();
      for (int number = 1; number < values.size(); number++) {
        if (values.get(number).path("data").asInt() != number) {
          throw new AssertionError("not number " + number + ": " + values.get(number));
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    publisher.shutdownNow();
    for (SessionClient client : clients) {
      client.close();
    }
  }
}
