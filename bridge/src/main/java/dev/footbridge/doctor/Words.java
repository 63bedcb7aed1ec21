package dev.footbridge.doctor;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;

/** Times and failures, for people. */
final class Words {
  private static final double SECOND = 1000;
  private static final Pattern UNCLEAN = Pattern.compile("[\\p{C}\\p{Zl}\\p{Zp}]");
  private static final Pattern CODE = Pattern.compile("[a-z0-9_]{1,64}");

  private Words() {}

  /** Nothing that a terminal would take for a command or for another order, and not endless. */
  static String clean(String text, int most) {
    String begin = text.length() > most ? text.substring(0, most) + "…" : text;
    return UNCLEAN.matcher(begin).replaceAll(" ");
  }

  /** A code of the protocol; something else where it is none. */
  static String code(String text) {
    return isCode(text) ? text : "for a reason that is none of the protocol's";
  }

  static boolean isCode(String text) {
    return CODE.matcher(text).matches();
  }

  /** {@code 12 ms}, or {@code 3.1 s} where it is long. */
  static String time(long millis) {
    return millis < SECOND ? millis + " ms" : seconds(millis);
  }

  static String seconds(long millis) {
    return String.format(Locale.ROOT, "%.1f s", millis / SECOND);
  }

  /** What went wrong, to go on a sentence. */
  static String of(IOException failure) {
    String message = String.valueOf(failure.getMessage());
    if (failure instanceof SocketTimeoutException) {
      return "nothing answers";
    } else if (failure instanceof UnknownHostException) {
      return "the host's name is not known here";
    } else if (failure instanceof NoRouteToHostException) {
      return "there is no way to the host";
    } else if (failure instanceof ConnectException) {
      return message.toLowerCase(Locale.ROOT).contains("refused")
          ? "the connection is refused: nothing listens there, or something forbids it"
          : message;
    } else if (failure instanceof SSLException) {
      return "TLS fails (" + message + ")";
    } else if (failure instanceof EOFException) {
      return "the connection is ended without an answer";
    } else if (message.contains("reset") || message.contains("Broken pipe")) {
      return "the connection is reset";
    }
    return message;
  }
}
