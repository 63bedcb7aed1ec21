package dev.footbridge.examples;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.Footbridge;
import dev.footbridge.auth.Identity;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An auction of one thing. Everybody may watch the channel {@code auction}; whoever has a name may
 * call the procedure {@code bid}; only the auction itself publishes, so that a subscriber can trust
 * what it sees and in which order.
 *
 * <p>Safe for any thread. The bids are guarded by this; publishing does not block, so it is done
 * with the lock held and the channel has the bids in the order in which they were taken.
 */
public final class Auction implements AutoCloseable {
  /** The channel that tells of every bid and of the end. */
  public static final String CHANNEL = "auction";

  private static final String BIDDER = "bidder:";
  private static final Pattern NAME = Pattern.compile("[a-z]{1,16}");

  private long highest;
  private @Nullable String leader;
  private boolean over;
  private @Nullable Footbridge footbridge;

  private Auction(long reserve) {
    this.highest = reserve;
  }

  /**
   * Opens an auction.
   *
   * @param port where to listen; 0 takes any free port
   * @param reserve what the first bid must exceed
   * @throws IOException if the port cannot be listened on
   */
  public static Auction open(int port, long reserve) throws IOException {
    Auction auction = new Auction(reserve);
    // Bids may come as soon as the server listens; until it is known here they wait at the lock.
    synchronized (auction) {
      auction.footbridge =
          Footbridge.builder()
              .port(port)
              .host("127.0.0.1")
              .onConnect((token, address) -> identify(token))
              .onPublish((who, channel) -> CompletableFuture.completedStage(false))
              .procedure("bid", auction::bid)
              .start();
    }
    return auction;
  }

  /** A real application would ask its own accounts, and answer when these have. */
  private static CompletionStage<Identity> identify(@Nullable String token) {
    if (token == null) {
      return CompletableFuture.completedStage(Identity.ANONYMOUS);
    }
    String name = token.startsWith(BIDDER) ? token.substring(BIDDER.length()) : "";
    return NAME.matcher(name).matches()
        ? CompletableFuture.completedStage(Identity.of(name))
        : CompletableFuture.failedStage(
            new ProtocolException(
                ErrorCode.UNAUTHENTICATED, "A token is bidder:NAME in small letters."));
  }

  /** Takes {@code {"amount":N}}; what a caller did wrong is an error with a code of ours. */
  private synchronized CompletionStage<?> bid(Footbridge.Call call) {
    Footbridge open = footbridge;
    String user = call.user();
    JsonNode amount = call.data().path("amount");
    if (open == null || over) {
      return refused("over", "The auction is over.");
    }
    if (user == null) {
      return refused("no_name", "Only bidders with a name may bid.");
    }
    if (!amount.canConvertToLong() || !amount.isIntegralNumber()) {
      return refused("no_amount", "\"amount\" must be a whole number.");
    }
    if (amount.longValue() <= highest) {
      return refused("too_low", "The next bid must be more than " + highest + ".");
    }
    highest = amount.longValue();
    leader = user;
    // The bidder's answer waits for the publication: a bid that it is told of is one that all see.
    return open.publish(CHANNEL, Map.of("bid", highest, "bidder", user))
        .thenApply(position -> Map.of("leading", true, "offset", position.offset()));
  }

  private static CompletionStage<?> refused(String code, String message) {
    return CompletableFuture.failedStage(ProtocolException.application(code, message));
  }

  /** Where a browser on this machine finds the auction. */
  public synchronized String url() {
    Footbridge open = footbridge;
    if (open == null) {
      throw new IllegalStateException("The auction is closed.");
    }
    return open.url();
  }

  /**
   * Takes no more bids and tells everybody who has won. Again does nothing.
   *
   * <p>This is not a part of {@link #close}: a message needs a moment to reach its subscribers, and
   * closing sends them away.
   */
  public synchronized void end() {
    Footbridge open = footbridge;
    if (open == null || over) {
      return;
    }
    over = true;
    Map<String, Object> result =
        leader == null
            ? Map.of("over", true)
            : Map.of("over", true, "winner", leader, "price", highest);
    open.publish(CHANNEL, result).toCompletableFuture().join();
  }

  /** Sends the clients away and stops. Again does nothing. */
  @Override
  public void close() {
    Footbridge open;
    synchronized (this) {
      open = footbridge;
      footbridge = null;
    }
    // Not under the lock: closing waits for I/O threads, and a bid on one of them may wait for it.
    if (open != null) {
      open.close();
    }
  }

  /** Runs an auction on port 8080 for five minutes, or until Ctrl-C. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    try (Auction auction = open(8080, 100)) {
      Runtime.getRuntime().addShutdownHook(new Thread(auction::close, "auction-close"));
      System.out.println("Bidding is open at " + auction.url());
      TimeUnit.MINUTES.sleep(5);
      auction.end();
      // Time for everybody to see it.
      TimeUnit.SECONDS.sleep(5);
    }
  }
}
