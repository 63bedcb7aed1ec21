package dev.footbridge.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The signals that stop a process: the first asks it to stop, a second one ends it at once, with
 * the exit code that the signal has by itself.
 *
 * <p>The class of the JDK that this needs is exported but no part of Java SE, so it is asked for by
 * name; without it, a shutdown hook stops the process and further signals change nothing.
 */
final class Signals {
  private static final Logger LOG = LoggerFactory.getLogger(Signals.class);
  private static final List<String> NAMES = List.of("TERM", "INT", "HUP");
  private static final int BY_SIGNAL = 128;

  private Signals() {}

  /**
   * Stops when a signal asks for it.
   *
   * @param stop is run once, on a thread of its own; it ends the process
   */
  static void onStop(Runnable stop) {
    AtomicBoolean stopping = new AtomicBoolean();
    boolean handled = false;
    for (String name : NAMES) {
      handled |= handle(name, stopping, stop);
    }
    if (!handled) {
      Runtime.getRuntime().addShutdownHook(new Thread(stop, "footbridge-stop"));
    }
  }

  private static boolean handle(String name, AtomicBoolean stopping, Runnable stop) {
    try {
      Class<?> signals = Class.forName("sun.misc.Signal");
      Class<?> handlers = Class.forName("sun.misc.SignalHandler");
      Object signal = signals.getConstructor(String.class).newInstance(name);
      int number = (int) signals.getMethod("getNumber").invoke(signal);
      Object handler =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handlers},
              (proxy, method, arguments) -> {
                if (!method.getName().equals("handle")) {
                  return null;
                }
                if (stopping.compareAndSet(false, true)) {
                  new Thread(stop, "footbridge-stop").start();
                } else {
                  LOG.warn("Asked to stop once more, so it ends at once.");
                  Runtime.getRuntime().halt(BY_SIGNAL + number);
                }
                return null;
              });
      signals.getMethod("handle", signals, handlers).invoke(null, signal, handler);
      return true;
    } catch (ReflectiveOperationException e) {
      // Also where the JVM was told to leave signals alone, or there is no such signal.
      Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
      LOG.debug("{} is not handled: {}", name, String.valueOf(cause));
      return false;
    }
  }
}
