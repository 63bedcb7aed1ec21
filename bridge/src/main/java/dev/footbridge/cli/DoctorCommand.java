package dev.footbridge.cli;

import dev.footbridge.doctor.Doctor;
import dev.footbridge.doctor.Finding;
import dev.footbridge.doctor.Limits;
import dev.footbridge.doctor.Report;
import dev.footbridge.doctor.Target;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code footbridge doctor URL}. */
@Command(
    name = "doctor",
    description = "Tells what the network between here and a server does to each transport.",
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:WebSocket and polls work.",
      "1:Something is impaired; a session is possible.",
      "2:The command line is wrong.",
      "3:Nothing works, or there is no Footbridge."
    },
    footer = {"", "The page /doctor of a server tells the same from a browser."})
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "URL",
      description = "The server, with its base path: https://example.org/realtime")
  private String url;

  @Option(names = "--json", description = "Prints one JSON object, and nothing of the progress.")
  private boolean json;

  @Option(
      names = "--quick",
      description = "Takes a few seconds instead of half a minute: nothing is held for long.")
  private boolean quick;

  @Override
  public Integer call() throws InterruptedException {
    Target target;
    try {
      target = Target.of(url, System.getenv());
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    PrintWriter err = spec.commandLine().getErr();
    if (!json) {
      String through = target.proxy() == null ? "" : " through the proxy " + target.proxy();
      err.println(
          "Examining "
              + target.url()
              + through
              + "; this takes "
              + (quick ? "a few seconds." : "half a minute."));
      err.flush();
    }
    Report report = new Doctor(target, quick ? Limits.QUICK : Limits.FULL, this::progress).run();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(report.json());
    } else {
      out.println();
      report.lines().forEach(out::println);
    }
    out.flush();
    return report.exitCode();
  }

  private void progress(Finding finding, boolean last) {
    if (!json) {
      PrintWriter err = spec.commandLine().getErr();
      err.println(
          "  "
              + finding.subject().title()
              + ": "
              + finding.verdict().key()
              + (last ? "" : " so far"));
      err.flush();
    }
  }
}
