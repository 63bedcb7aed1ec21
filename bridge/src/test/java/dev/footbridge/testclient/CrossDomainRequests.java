package dev.footbridge.testclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.gargoylesoftware.htmlunit.html.HtmlPage;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import net.sourceforge.htmlunit.corejs.javascript.BaseFunction;
import net.sourceforge.htmlunit.corejs.javascript.Context;
import net.sourceforge.htmlunit.corejs.javascript.Function;
import net.sourceforge.htmlunit.corejs.javascript.Scriptable;
import net.sourceforge.htmlunit.corejs.javascript.ScriptableObject;

/**
 * The network's part of a stand-in for Internet Explorer's {@code XDomainRequest} in an {@link
 * OldBrowser}; the other part is {@code xdomainrequest.js}. It sends its page's origin and no other
 * header of its own, and hands on an answer while it comes, but only one with status 200 that
 * allows that origin.
 */
final class CrossDomainRequests {
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Map<Integer, Thread> running = new ConcurrentHashMap<>();
  private final AtomicInteger ids = new AtomicInteger();

  /** Gives a page {@code openCrossDomain} and {@code closeCrossDomain}. */
  void giveTo(HtmlPage page) {
    Scriptable window = (Scriptable) page.getEnclosingWindow().getScriptObject();
    put(
        window,
        "openCrossDomain",
        arguments ->
            open(
                page,
                Context.toString(arguments[0]),
                Context.toString(arguments[1]),
                Context.toString(arguments[2]),
                (Function) arguments[3]));
    put(
        window,
        "closeCrossDomain",
        arguments -> {
          Thread thread = running.remove((int) Context.toNumber(arguments[0]));
          if (thread != null) {
            thread.interrupt();
          }
          return Context.getUndefinedValue();
        });
  }

  int count() {
    return ids.get();
  }

  /** Ends all of them. */
  void close() {
    running.values().forEach(Thread::interrupt);
  }

  private int open(HtmlPage page, String method, String url, String body, Function tell) {
    int id = ids.incrementAndGet();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url)).header("Origin", origin(page.getUrl()));
    if (method.equals("POST")) {
      request.header("Content-Type", "text/plain").POST(BodyPublishers.ofString(body));
    }
    Thread thread =
        new Thread(
            () -> {
              perform(page, request.build(), tell);
              running.remove(id);
            },
            "XDomainRequest " + id);
    thread.setDaemon(true);
    running.put(id, thread);
    thread.start();
    return id;
  }

  private void perform(HtmlPage page, HttpRequest request, Function tell) {
    StringBuilder text = new StringBuilder();
    try {
      HttpResponse<InputStream> response = http.send(request, BodyHandlers.ofInputStream());
      String allowed = response.headers().firstValue("Access-Control-Allow-Origin").orElse("");
      try (InputStream body = response.body();
          Reader reader = new InputStreamReader(body, UTF_8)) {
        if (response.statusCode() != 200
            || !(allowed.equals("*") || allowed.equals(origin(page.getUrl())))) {
          throw new IOException("not to be shown to the page");
        }
        char[] piece = new char[4096];
        for (int length = reader.read(piece); length >= 0; length = reader.read(piece)) {
          text.append(piece, 0, length);
          call(page, tell, "progress", text);
        }
      }
      call(page, tell, "load", text);
    } catch (IOException e) {
      call(page, tell, "error", text);
    } catch (InterruptedException e) {
      // The page has given it up.
    }
  }

  private static void call(HtmlPage page, Function tell, String event, CharSequence text) {
    page.getWebClient()
        .getJavaScriptEngine()
        .callFunction(
            page, tell, tell.getParentScope(), tell, new Object[] {event, text.toString()});
  }

  private static String origin(URL url) {
    return url.getProtocol() + "://" + url.getAuthority();
  }

  private static void put(
      Scriptable window, String name, java.util.function.Function<Object[], Object> body) {
    BaseFunction function =
        new BaseFunction(window, ScriptableObject.getFunctionPrototype(window)) {
          @Override
          public Object call(
              Context context, Scriptable scope, Scriptable self, Object[] arguments) {
            return body.apply(arguments);
          }
        };
    ScriptableObject.putProperty(window, name, function);
  }
}
