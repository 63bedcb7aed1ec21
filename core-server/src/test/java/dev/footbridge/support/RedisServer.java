package dev.footbridge.support;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/**
 * A real {@code redis-server} or {@code redis-sentinel} on a free port of the loopback interface,
 * in a directory of its own. What still runs when the JVM ends is killed.
 */
public final class RedisServer implements RedisDeployment {
  /** What has to be installed for a program. */
  private static final Map<String, String> PACKAGES =
      Map.of(
          "redis-server", "redis-server",
          "redis-sentinel", "redis-sentinel",
          "redis-cli", "redis-tools");

  /** How far a cluster's nodes' own port is from the one for clients. */
  private static final int BUS = 10_000;

  private static final int HIGHEST_PORT = 65_535;
  private static final Set<RedisServer> OPEN = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> OPEN.forEach(RedisServer::close)));
  }

  private final List<String> command = new ArrayList<>();
  private final int port;
  private final Path directory;
  private Process process;

  private RedisServer(String program) {
    this.port = freePort();
    try {
      this.directory = Files.createTempDirectory("footbridge-redis-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    command.add(program);
    OPEN.add(this);
  }

  /**
   * Starts a server, which keeps nothing on disk unless told to.
   *
   * @param options of the command line, besides those that every server here has
   */
  public static RedisServer with(String... options) {
    RedisServer server = new RedisServer("redis-server");
    server.command.addAll(List.of("--port", "" + server.port, "--bind", "127.0.0.1"));
    server.command.addAll(List.of("--save", "", "--dir", server.directory.toString()));
    server.command.addAll(List.of(options));
    server.start();
    return server;
  }

  /**
   * Starts a Sentinel.
   *
   * @param configuration besides its address
   */
  static RedisServer sentinel(String... configuration) {
    RedisServer sentinel = new RedisServer("redis-sentinel");
    List<String> lines = new ArrayList<>(List.of(configuration));
    lines.add(0, "port " + sentinel.port);
    lines.add(1, "bind 127.0.0.1");
    lines.add(2, "dir " + sentinel.directory);
    Path file = sentinel.directory.resolve("sentinel.conf");
    try {
      Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    sentinel.command.add(file.toString());
    sentinel.start();
    return sentinel;
  }

  private static int freePort() {
    while (true) {
      int port = bindable(0);
      if (port + BUS <= HIGHEST_PORT && bindable(port + BUS) > 0) {
        return port;
      }
    }
  }

  private static int bindable(int port) {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException taken) {
      return -1;
    }
  }

  // ---- its life ----

  /** Starts it with what it has on disk, if it does not run. */
  public void start() {
    if (process != null && process.isAlive()) {
      return;
    }
    process = start(new ProcessBuilder(command).redirectOutput(log().toFile()));
    Awaitility.await(command.get(0) + " answers").until(this::answers);
  }

  private static Process start(ProcessBuilder builder) {
    try {
      return builder.redirectErrorStream(true).start();
    } catch (IOException e) {
      String program = builder.command().get(0);
      throw new IllegalStateException(
          program + " is missing, which these tests start: apt install " + PACKAGES.get(program),
          e);
    }
  }

  private Path log() {
    return directory.resolve("log");
  }

  private boolean answers() {
    if (!process.isAlive()) {
      throw new IllegalStateException(command.get(0) + " has ended: " + read(log()));
    }
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
      socket.setSoTimeout(1000);
      socket.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
      byte[] answer = socket.getInputStream().readNBytes(5);
      // Otherwise it is still loading what it has on disk.
      return new String(answer, StandardCharsets.US_ASCII).equals("+PONG");
    } catch (IOException notYet) {
      return false;
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Kills it, and all that it has not on disk. */
  public void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  /** Shuts it down in good order. */
  public void stop() {
    process.destroy();
    awaitEnd();
  }

  private void awaitEnd() {
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException(command.get(0) + " does not end.");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets it do nothing at all, with its connections standing, until {@link #resume}. */
  public void pause() {
    signal("-STOP");
  }

  /** Lets it go on. */
  public void resume() {
    signal("-CONT");
  }

  private void signal(String signal) {
    run("kill", signal, Long.toString(process.pid()));
  }

  // ---- what it is asked ----

  public int port() {
    return port;
  }

  /** Host and port. */
  String address() {
    return "127.0.0.1:" + port;
  }

  @Override
  public String url() {
    return "redis://" + address();
  }

  @Override
  public List<RedisServer> primaries() {
    return List.of(this);
  }

  /** Sends it a command, and gives its answer as {@code redis-cli} prints it to a file. */
  public String tell(String... words) {
    List<String> line = new ArrayList<>(List.of("redis-cli", "-e", "-p", Integer.toString(port)));
    line.addAll(List.of(words));
    return run(line.toArray(new String[0]));
  }

  /** What a program prints; it must succeed. */
  static String run(String... line) {
    Process program = start(new ProcessBuilder(line));
    try {
      program.getOutputStream().close();
      String output =
          new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = program.waitFor();
      if (status != 0) {
        throw new IllegalStateException(
            String.join(" ", line) + " gives " + status + ": " + output);
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    if (!OPEN.remove(this)) {
      return;
    }
    if (process != null) {
      kill();
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
