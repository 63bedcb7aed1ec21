package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One attachment of a session to a transport, from its beginning to its end. Two threads of its own
 * carry it: one reads, one writes.
 */
public abstract class Connection {
  private final SessionClient client;
  private final long turn;
  private final CompletableFuture<JsonNode> attached = new CompletableFuture<>();
  private final CompletableFuture<Ending> ending = new CompletableFuture<>();

  Connection(SessionClient client, long turn) {
    this.client = client;
    this.turn = turn;
  }

  /** Attaches, and hands on what comes, until the end. */
  abstract void receive() throws IOException, InterruptedException;

  /** Sends what the client has to send. */
  abstract void transmit() throws IOException, InterruptedException;

  /** Breaks all that there is, without a goodbye. Any thread. */
  abstract void cut();

  final void start() {
    thread(
        "receive",
        () -> {
          try {
            receive();
          } finally {
            cut();
          }
        });
    thread("send", this::sendAll);
  }

  private interface Work {
    void run() throws IOException, InterruptedException;
  }

  private void thread(String name, Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException e) {
                end(Ending.lost(e.toString()));
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } catch (RuntimeException | AssertionError e) {
                client.fail(e);
                end(Ending.of("failed"));
              }
            },
            "test-client-" + name);
    thread.setDaemon(true);
    thread.start();
  }

  private void sendAll() throws IOException, InterruptedException {
    while (!isOver()) {
      if (client.awaitWork(this)) {
        transmit();
      }
    }
  }

  final SessionClient client() {
    return client;
  }

  final long turn() {
    return turn;
  }

  /** The session is on this connection now. */
  final void attached(JsonNode welcome) {
    attached.complete(welcome);
    client.wake();
  }

  final boolean isAttached() {
    return attached.isDone();
  }

  final void end(Ending with) {
    if (ending.complete(with)) {
      attached.completeExceptionally(new IOException("refused: " + with));
      client.wake();
    }
  }

  /** Whether it has ended. */
  public final boolean isOver() {
    return ending.isDone();
  }

  /** Breaks the connection without a goodbye. */
  public final void kill() {
    end(Ending.of("cut"));
    cut();
  }

  /**
   * Waits until the session is attached.
   *
   * @return the {@code welcome}; null for a poll
   */
  public final JsonNode awaitAttached() {
    return get(attached, "attached");
  }

  /** Waits until it has ended. */
  public final Ending awaitEnding() {
    return get(ending, "ended");
  }

  private <T> T get(CompletableFuture<T> future, String what) {
    try {
      return future.get(SessionClient.PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    } catch (java.util.concurrent.ExecutionException e) {
      throw new AssertionError(e.getCause().getMessage(), e);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new AssertionError(this + " has not " + what + " in time; " + client, e);
    }
  }
}
