package dev.footbridge.support;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** A real {@code redis-server} on a free port of the loopback interface; keeps nothing on disk. */
public final class RedisServer implements AutoCloseable {
  private final List<String> options;
  private final int port;
  private final Path directory;
  private Process process;

  private RedisServer(List<String> options) {
    this.options = List.copyOf(options);
    this.port = freePort();
    try {
      this.directory = Files.createTempDirectory("footbridge-redis-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start();
  }

  /**
   * Starts a server.
   *
   * @param options of the command line, besides those that every server here has
   */
  public static RedisServer with(String... options) {
    return new RedisServer(List.of(options));
  }

  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts it, empty, if it does not run. */
  public void start() {
    List<String> command = new ArrayList<>(List.of("redis-server", "--port", "" + port));
    command.addAll(List.of("--bind", "127.0.0.1", "--save", "", "--appendonly", "no"));
    command.addAll(List.of("--dir", directory.toString(), "--daemonize", "no"));
    command.addAll(options);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("log").toFile());
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new IllegalStateException(
          "redis-server is missing, which these tests start: apt install redis-server", e);
    }
    Awaitility.await("redis-server listens").until(this::listens);
  }

  private boolean listens() {
    if (!process.isAlive()) {
      throw new IllegalStateException("redis-server has ended; see " + directory.resolve("log"));
    }
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
      return true;
    } catch (IOException notYet) {
      return false;
    }
  }

  /** Its URL. */
  public String url() {
    return "redis://127.0.0.1:" + port;
  }

  /** Kills it, and all that it had. */
  public void kill() {
    process.destroyForcibly();
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    kill();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
