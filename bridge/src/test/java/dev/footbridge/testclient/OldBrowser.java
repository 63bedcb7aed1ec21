package dev.footbridge.testclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.gargoylesoftware.htmlunit.BrowserVersion;
import com.gargoylesoftware.htmlunit.ScriptException;
import com.gargoylesoftware.htmlunit.ScriptPreProcessor;
import com.gargoylesoftware.htmlunit.WebClient;
import com.gargoylesoftware.htmlunit.html.HtmlElement;
import com.gargoylesoftware.htmlunit.html.HtmlPage;
import com.gargoylesoftware.htmlunit.javascript.JavaScriptEngine;
import com.gargoylesoftware.htmlunit.javascript.JavaScriptErrorListener;
import com.gargoylesoftware.htmlunit.javascript.PostponedAction;
import com.gargoylesoftware.htmlunit.javascript.background.BackgroundJavaScriptFactory;
import com.gargoylesoftware.htmlunit.javascript.background.JavaScriptJob;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.SocketTimeoutException;
import java.net.URL;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Level;
import java.util.logging.Logger;
import net.sourceforge.htmlunit.corejs.javascript.ContextAction;
import net.sourceforge.htmlunit.corejs.javascript.ContextFactory;

/**
 * Internet Explorer as HtmlUnit plays it, with one page. What HtmlUnit does on a single thread, and
 * a browser does not, happens on threads of its own here: requests, and scripts that are loading,
 * hold up neither timers nor each other. Its scripts still run one at a time.
 */
public final class OldBrowser implements AutoCloseable {
  private static final List<Logger> LOGS =
      List.of(Logger.getLogger("com.gargoylesoftware.htmlunit"), Logger.getLogger("org.apache"));
  private static final ObjectMapper JSON = new ObjectMapper();

  static {
    LOGS.forEach(log -> log.setLevel(Level.OFF));
    BackgroundJavaScriptFactory.setFactory(new OwnThreads());
  }

  private final WebClient client;
  private final CrossDomainRequests crossDomain = new CrossDomainRequests();
  private final List<String> errors = new CopyOnWriteArrayList<>();
  private HtmlPage page;

  /**
   * Starts one.
   *
   * @param xDomainRequest whether it has a stand-in for {@code XDomainRequest}
   */
  public OldBrowser(BrowserVersion version, boolean xDomainRequest) {
    client = new WebClient(version);
    client.setJavaScriptEngine(
        new JavaScriptEngine(client) {
          @Override
          public void addPostponedAction(PostponedAction action) {
            start("script", () -> load(action));
          }
        });
    client.getOptions().setThrowExceptionOnScriptError(false);
    client.getOptions().setThrowExceptionOnFailingStatusCode(false);
    client.setJavaScriptErrorListener(new Errors());
    client.setScriptPreProcessor(new Corrections(xDomainRequest));
  }

  /** Loads the page, and with it what it loads. */
  public void open(String url) throws IOException {
    page = client.getPage(url);
  }

  /** Executes a script in the page. */
  public Object run(String script) {
    return page.executeJavaScript(script).getJavaScriptResult();
  }

  /** The value of an expression that is a JSON text in the page. */
  public JsonNode json(String expression) throws IOException {
    return JSON.readTree(String.valueOf(run(expression)));
  }

  /** Requests that went by {@code XDomainRequest} so far. */
  public int crossDomainRequests() {
    return crossDomain.count();
  }

  /** What went wrong in the page's scripts. */
  public List<String> errors() {
    return errors;
  }

  @Override
  public void close() {
    crossDomain.close();
    client.closeAllWindows();
  }

  private void load(PostponedAction action) {
    try {
      action.execute();
    } catch (Exception e) {
      errors.add("a script that was loaded: " + e);
    }
  }

  private static void start(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }

  private static String resource(String name) {
    try (InputStream in = OldBrowser.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Requests start at once. */
  private static final class OwnThreads extends BackgroundJavaScriptFactory {
    @Override
    public JavaScriptJob createJavascriptXMLHttpRequestJob(
        ContextFactory contexts, ContextAction request) {
      start(
          "XMLHttpRequest",
          () -> {
            try {
              contexts.call(request);
            } catch (IllegalStateException e) {
              // The browser was closed.
            }
          });
      return createJavaScriptJob(0, null, () -> {});
    }
  }

  /** Sets the page right before its first script. */
  private final class Corrections implements ScriptPreProcessor {
    private final boolean xDomainRequest;
    private HtmlPage corrected;

    Corrections(boolean xDomainRequest) {
      this.xDomainRequest = xDomainRequest;
    }

    @Override
    public String preProcess(HtmlPage in, String code, String name, int line, HtmlElement element) {
      if (corrected != in) {
        corrected = in;
        in.executeJavaScript(resource("without-later.js"));
        if (xDomainRequest) {
          crossDomain.giveTo(in);
          in.executeJavaScript(resource("xdomainrequest.js"));
        }
      }
      return code;
    }
  }

  private final class Errors implements JavaScriptErrorListener {
    @Override
    public void scriptException(HtmlPage in, ScriptException e) {
      errors.add(e.getMessage() + " in line " + e.getFailingLineNumber());
    }

    @Override
    public void timeoutError(HtmlPage in, long allowed, long taken) {
      errors.add("a script took " + taken + " ms");
    }

    @Override
    public void malformedScriptURL(HtmlPage in, String url, MalformedURLException e) {
      errors.add("no address of a script: " + url);
    }

    @Override
    public void loadScriptError(HtmlPage in, URL url, Exception e) {
      // Otherwise the browser itself has given the request up, as it does with a page that ends.
      if (!(e instanceof InterruptedIOException) || e instanceof SocketTimeoutException) {
        errors.add("not loaded: " + url + ": " + e);
      }
    }
  }
}
