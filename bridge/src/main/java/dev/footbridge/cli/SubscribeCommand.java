package dev.footbridge.cli;

import java.io.IOException;
import java.io.PrintWriter;
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
  @Spec private CommandSpec spec;
  @Mixin private PublishCommand.Remote remote;

  @Parameters(
      index = "0",
      paramLabel = "CHANNEL",
      description = "A channel, or several with commas between.")
  private String channel;

  @Override
  public Integer call() throws UserException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(remote.channel(channel))
            .header("Accept", "application/x-ndjson")
            .build();
    PrintWriter out = spec.commandLine().getOut();
    try {
      HttpResponse<Stream<String>> answer =
          HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines());
      try (Stream<String> lines = answer.body()) {
        if (answer.statusCode() != 200) {
          throw new UserException("The server refused: " + lines.findFirst().orElse(""));
        }
        lines
            .filter(line -> !line.equals("{\"op\":\"ping\"}"))
            .forEach(
                line -> {
                  out.println(line);
                  out.flush();
                });
      }
      return 0;
    } catch (IOException e) {
      throw remote.unreachable();
    }
  }
}
