package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.fromTo;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.position;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.io.Lane;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.support.Stage;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import dev.footbridge.support.Together;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/**
 * Subscribers on several threads that come, fall behind, catch up and move to other threads while
 * several others publish: each hears everything from its beginning on, once and in order.
 */
class ConcurrentSubscribersTest {
  private static final int PUBLISHERS = 2;

  /** All of them stay in the history. */
  private static final int MOST_PUBLICATIONS = 1500;

  private static final int OWNERS = 2;
  private static final int CLIENTS_EACH = 8;

  private final TestHub hub = TestHub.builder().buffer(3000).build();
  private final List<ExecutorService> threads =
      IntStream.range(0, 3).mapToObj(i -> Executors.newSingleThreadExecutor()).toList();
  private final List<Lane> lanes = threads.stream().map(Lane::new).toList();

  private final AtomicInteger ownersAtWork = new AtomicInteger(OWNERS);

  @AfterEach
  void stopThreads() {
    threads.forEach(ExecutorService::shutdownNow);
  }

  /** A client, and the first offset that it must hear, once its reply has told. */
  private static final class Subscriber {
    private final TestClient client;
    private final List<JsonNode> heard = new ArrayList<>();
    private final long since;
    private final long last;

    Subscriber(TestClient client, long since, long last) {
      this.client = client;
      this.since = since;
      this.last = last;
    }

    void subscribe(String epoch) {
      String fields = channel("news");
      if (since >= 0) {
        fields += ",\"since\":" + position(epoch, since);
      } else if (last > 0) {
        fields += ",\"last\":" + last;
      }
      client.command("subscribe", fields);
    }

    /** The first offset to hear, as the reply says. */
    private long first() {
      JsonNode reply = heard.get(0).get("data");
      assertThat(reply.get("recovered").booleanValue()).isTrue();
      return since >= 0 ? since + 1 : Math.max(1, reply.get("offset").longValue() - last + 1);
    }

    boolean hasHeard(long top) {
      heard.addAll(client.heard());
      return !heard.isEmpty() && heard.size() > top - first() + 1;
    }

    void assertHeardAll(long top) {
      assertThat(offsets(heard.subList(1, heard.size()))).isEqualTo(fromTo(first(), top));
    }
  }

  @RepeatedTest(10)
  void each_subscriber_hears_everything_from_its_beginning_once_and_in_order(RepetitionInfo run) {
    String epoch = publish(0).epoch();
    List<List<Subscriber>> owned =
        Together.call(
            PUBLISHERS + OWNERS,
            thread ->
                thread < PUBLISHERS
                    ? publisher()
                    : owner(epoch, new Random(31L * run.getCurrentRepetition() + thread)));
    Position top = Stage.get(hub.hub().history("news", null, 0)).top();
    for (Subscriber subscriber : owned.stream().flatMap(List::stream).toList()) {
      await().pollDelay(Duration.ZERO).until(() -> subscriber.hasHeard(top.offset()));
      subscriber.assertHeardAll(top.offset());
    }
  }

  private Position publish(int number) {
    byte[] data = Integer.toString(number).getBytes(US_ASCII);
    return Stage.get(hub.hub().publish(new Publication("news", data, null, null)));
  }

  private Callable<List<Subscriber>> publisher() {
    return () -> {
      for (int i = 0; i < MOST_PUBLICATIONS && ownersAtWork.get() > 0; i++) {
        publish(i);
      }
      return List.of();
    };
  }

  /** Has clients of its own and does with them what clients do. */
  private Callable<List<Subscriber>> owner(String epoch, Random random) {
    return () -> {
      List<Subscriber> mine = new ArrayList<>();
      while (mine.size() < CLIENTS_EACH) {
        TestClient client = new TestClient(hub.open(null), lane(random));
        boolean recovers = random.nextInt(3) == 0;
        Subscriber subscriber =
            new Subscriber(client, recovers ? random.nextInt(2) : -1, random.nextInt(3) * 20L);
        mine.add(subscriber);
        subscriber.subscribe(epoch);
        for (int i = 0; i < 10; i++) {
          disturb(mine.get(random.nextInt(mine.size())).client, random);
        }
      }
      ownersAtWork.decrementAndGet();
      mine.forEach(subscriber -> subscriber.client.acknowledges(true));
      return mine;
    };
  }

  private void disturb(TestClient client, Random random) {
    switch (random.nextInt(4)) {
      case 0 -> client.acknowledges(false);
      case 1 -> client.acknowledges(true);
      case 2 -> client.connect(lane(random));
      default -> {}
    }
  }

  private Lane lane(Random random) {
    return lanes.get(random.nextInt(lanes.size()));
  }
}
