package dev.footbridge.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code footbridge subscribe CHANNEL}: one message a line, until Ctrl-C. */
@Command(
    name = "subscribe",
    description = "Prints the messages of a channel of a running server, one a line.",
    mixinStandardHelpOptions = true)
final class SubscribeCommand implements Callable<Integer> {
  private static final String ID = "id: ";
  private static final String DATA = "data: ";
  private static final long PAUSE_MILLIS = 500;

  @Spec private CommandSpec spec;
  @Mixin private PublishCommand.Remote remote;

  @Parameters(
      index = "0",
      paramLabel = "CHANNEL",
      description = "A channel, or several with commas between.")
  private String channel;

  private String position = "";

  @Override
  public Integer call() throws UserException, InterruptedException {
    HttpClient client = HttpClient.newHttpClient();
    boolean connected = false;
    while (true) {
      try {
        follow(client);
        connected = true;
      } catch (IOException e) {
        if (!connected && position.isEmpty()) {
          throw remote.unreachable();
        }
        spec.commandLine().getErr().println("The connection is lost; trying again.");
      }
      Thread.sleep(PAUSE_MILLIS);
    }
  }

  /** Prints until the feed ends; it goes on where the last one ended. */
  private void follow(HttpClient client) throws IOException, UserException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(remote.channel(channel)).header("Accept", "text/event-stream");
    if (!position.isEmpty()) {
      request.header("Last-Event-ID", position);
    }
    HttpResponse<Stream<String>> answer =
        client.send(request.build(), HttpResponse.BodyHandlers.ofLines());
    try (Stream<String> lines = answer.body()) {
      if (answer.statusCode() != 200) {
        throw new UserException("The server refused: " + lines.findFirst().orElse(""));
      }
      lines.forEach(this::line);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private void line(String line) {
    if (line.startsWith(ID)) {
      position = line.substring(ID.length());
    } else if (line.startsWith(DATA)) {
      PrintWriter out = spec.commandLine().getOut();
      out.println(line.substring(DATA.length()));
      out.flush();
    }
  }
}
