package dev.footbridge.cli;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code footbridge publish CHANNEL JSON}. */
@Command(
    name = "publish",
    description = "Publishes one message to a channel of a running server.",
    mixinStandardHelpOptions = true)
final class PublishCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private Remote remote;

  @Parameters(index = "0", paramLabel = "CHANNEL")
  private String channel;

  @Parameters(index = "1", paramLabel = "JSON", description = "The data, such as '{\"n\":1}'.")
  private String json;

  @Override
  public Integer call() throws UserException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(remote.channel(channel))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(json))
            .build();
    try {
      HttpResponse<String> answer =
          HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != 200) {
        throw new UserException("The server refused: " + answer.body());
      }
      spec.commandLine().getOut().println(answer.body());
      return 0;
    } catch (IOException e) {
      throw remote.unreachable();
    }
  }

  /** Where the server is. */
  static final class Remote {
    @picocli.CommandLine.Option(
        names = "--url",
        description = "The server (default ${DEFAULT-VALUE}).",
        defaultValue = "http://localhost:8080/")
    private String url;

    URI channel(String name) throws UserException {
      try {
        return URI.create(url.endsWith("/") ? url : url + "/").resolve("channels/" + name);
      } catch (IllegalArgumentException e) {
        throw new UserException("\"" + url + "\" with \"" + name + "\" makes no address.");
      }
    }

    UserException unreachable() {
      return new UserException(
          "No server answers at " + url + "; start one with: footbridge serve");
    }
  }
}
