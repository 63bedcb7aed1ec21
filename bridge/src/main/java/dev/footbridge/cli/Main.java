package dev.footbridge.cli;

import dev.footbridge.config.ConfigException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The program's entry. */
@Command(
    name = "footbridge",
    description = "The real-time server that reaches every client.",
    mixinStandardHelpOptions = true,
    subcommands = {
      ServeCommand.class,
      PublishCommand.class,
      SubscribeCommand.class,
      DoctorCommand.class
    },
    footer = {
      "",
      "First steps:",
      "  footbridge serve --demo          then open the address that it prints",
      "  footbridge subscribe news        in a second terminal",
      "  footbridge publish news '\"Hi\"'   in a third",
      "  footbridge doctor http://localhost:8080/",
      "                                   what lies between here and there"
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  /**
   * Runs the program; exit code 0 is success, 1 a failure, 2 a wrong command line. Those of {@code
   * doctor} are its own. Without memory it ends with 3 at once.
   */
  public static void main(String[] arguments) {
    OutOfMemory.endsTheProgram();
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setExecutionExceptionHandler(
            (failure, commandLine, parsed) -> {
              PrintWriter err = commandLine.getErr();
              if (failure instanceof ConfigException || failure instanceof UserException) {
                err.println(failure.getMessage());
                return failure instanceof ConfigException ? 2 : 1;
              }
              throw failure;
            });
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Say what to do; for example: serve --demo");
  }
}
