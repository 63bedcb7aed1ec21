package dev.footbridge.cli;

import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.demo.Demo;
import dev.footbridge.node.Node;
import dev.footbridge.server.Pages;
import dev.footbridge.server.Server;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code footbridge serve}: everything in one process. */
@Command(
    name = "serve",
    description = "Serves every transport in one process.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ServeCommand implements Callable<Integer> {
  private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

  @Spec private CommandSpec spec;

  @Option(names = "--port", description = "Where to listen (default 8080; 0 takes any free port).")
  private @Nullable Integer port;

  @Option(names = "--host", description = "The address to listen on (default all).")
  private @Nullable String host;

  @Option(names = "--demo", description = "Serves the demo pages at /.")
  private boolean demo;

  @Option(
      names = "--store",
      description =
          "Where channels and sessions are kept: memory (default), or the URL of a Redis that"
              + " several nodes share, such as redis://127.0.0.1:6379.")
  private @Nullable String store;

  @Option(
      names = "--internal-port",
      description = "Where to listen for other nodes (default any free port).")
  private @Nullable Integer internalPort;

  @Option(
      names = "--internal-host",
      description = "The address to listen on for other nodes (default the one towards Redis).")
  private @Nullable String internalHost;

  @Option(
      names = "--advertise",
      description = "HOST:PORT at which other nodes find this one, if not where it listens.")
  private @Nullable String advertise;

  @Option(
      names = "--data-dir",
      description = "Where to keep channels and sessions while the server is not running.")
  private @Nullable String dataDir;

  @Option(
      names = "--start-empty",
      description = "Begins with nothing if what is in the data directory is damaged.")
  private boolean startEmpty;

  @Option(names = "--config", description = "A YAML file with settings.")
  private @Nullable Path file;

  @Option(
      names = "--set",
      description = "Any setting: --set limits.message-bytes=65536. Can be repeated.")
  private Map<String, String> settings = Map.of();

  @Override
  public Integer call() throws UserException, InterruptedException {
    Config config = config();
    Demo stage = demo ? new Demo() : null;
    Server server;
    try {
      server =
          Server.start(
              config,
              stage == null ? Node.Application.open() : stage.application(),
              node -> stage == null ? new Pages() : stage.pages());
    } catch (IOException e) {
      throw new UserException(e.getMessage() == null ? e.toString() : e.getMessage());
    }
    if (stage != null) {
      stage.start(server.node());
    }
    Signals.onStop(() -> stop(server));
    announce(server, config);
    // Every other thread is a daemon; only a signal ends the program.
    new CountDownLatch(1).await();
    return 0;
  }

  private Config config() {
    Config.Builder builder = Config.builder();
    if (file != null) {
      ConfigFile.read(file, builder);
    }
    builder.environment(System.getenv());
    settings.forEach(builder::set);
    if (port != null) {
      builder.set(Setting.PORT, port);
    }
    if (host != null) {
      builder.host(host);
    }
    if (store != null) {
      builder.store(store);
    }
    if (internalPort != null) {
      builder.set(Setting.INTERNAL_PORT, internalPort);
    }
    if (internalHost != null) {
      builder.internalHost(internalHost);
    }
    if (advertise != null) {
      builder.advertise(advertise);
    }
    if (dataDir != null) {
      builder.dataDir(dataDir);
    }
    return builder.startEmpty(startEmpty).build();
  }

  private void announce(Server server, Config config) {
    PrintWriter out = spec.commandLine().getOut();
    long millis = ManagementFactory.getRuntimeMXBean().getUptime();
    String url = "http://localhost:" + server.port() + config.basePath() + "/";
    out.println("Footbridge is listening on " + url + " (started in " + millis + " ms)");
    if (demo) {
      out.println("Open it in two browsers. Ctrl-C stops it.");
    } else {
      out.println("Try: curl -N -H 'Accept: text/event-stream' " + url + "channels/news");
      out.println("and: curl -d '\"Hello\"' " + url + "channels/news");
    }
    out.flush();
  }

  private static void stop(Server server) {
    try {
      server.close();
    } catch (RuntimeException e) {
      LOG.error("Stopping failed.", e);
      Runtime.getRuntime().halt(1);
    }
    // Nothing is left to be done, and hooks could not change the exit code.
    Runtime.getRuntime().halt(0);
  }
}
