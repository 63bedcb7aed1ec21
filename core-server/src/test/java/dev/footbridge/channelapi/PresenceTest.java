package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.io.Lane;
import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class PresenceTest {
  private static final String PRESENT = channel("room") + ",\"presence\":true";
  private static final long GATHERED = 100;

  private final TestHub hub = TestHub.roomy();
  private final TestClient ann = hub.client("ann");
  private final TestClient bob = hub.client("bob");

  private static List<String> users(JsonNode members) {
    List<String> users = new ArrayList<>();
    members.forEach(member -> users.add(member.path("user").textValue()));
    return users;
  }

  private void enter(TestClient client) {
    hub.ask(client, "subscribe", PRESENT);
  }

  /** Everybody is in the room, and everybody has been told so. */
  private void enterAndTell(TestClient... clients) {
    for (TestClient client : clients) {
      enter(client);
    }
    hub.letPass(GATHERED, MILLISECONDS);
    for (TestClient client : clients) {
      client.heard();
    }
  }

  private JsonNode onlyChange(TestClient client) {
    List<JsonNode> heard = client.heard();
    assertThat(heard).hasSize(1);
    assertThat(heard.get(0).get("op").textValue()).isEqualTo("presence");
    assertThat(heard.get(0).get("channel").textValue()).isEqualTo("room");
    return heard.get(0);
  }

  @Test
  void members_are_told_who_joins_and_how_many_there_are() {
    enterAndTell(ann);
    enter(bob);
    assertThat(ann.heard()).isEmpty();
    hub.letPass(GATHERED, MILLISECONDS);
    JsonNode change = onlyChange(ann);
    assertThat(users(change.get("joined"))).containsExactly("bob");
    assertThat(change.get("left")).isEmpty();
    assertThat(change.get("count").intValue()).isEqualTo(2);
  }

  @Test
  void whoever_recovers_the_channel_was_there_all_the_time() {
    enterAndTell(ann, bob);
    JsonNode top = hub.ask(ann, "history", channel("room"));
    hub.ask(
        ann,
        "recover",
        "\"positions\":{\"room\":" + Messages.position(top.get("epoch").textValue(), 0) + "}");
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(bob.heard()).isEmpty();
    assertThat(hub.ask(bob, "presence", channel("room")).get("count").intValue()).isEqualTo(2);
  }

  @Test
  void a_herd_is_told_how_many_there_are_and_the_others_are_told_who() {
    enterAndTell(ann);
    List<TestClient> herd = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      TestClient one = hub.client("u" + i);
      herd.add(one);
      enter(one);
    }
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(onlyChange(ann).get("joined")).hasSize(40);
    JsonNode toOne = onlyChange(herd.get(7));
    assertThat(toOne.get("joined")).isEmpty();
    assertThat(toOne.get("count").intValue()).isEqualTo(41);
  }

  @Test
  void nobody_is_told_of_itself() {
    enter(ann);
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(ann.heard()).isEmpty();
    enter(bob);
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(bob.heard()).isEmpty();
  }

  @Test
  void those_who_join_together_are_told_once_and_of_each_other() {
    enterAndTell(hub.client("old"));
    TestClient cid = hub.client("cid");
    enter(ann);
    enter(bob);
    enter(cid);
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(users(onlyChange(ann).get("joined"))).containsExactlyInAnyOrder("bob", "cid");
    JsonNode toBob = onlyChange(bob);
    assertThat(users(toBob.get("joined"))).containsExactlyInAnyOrder("ann", "cid");
    assertThat(toBob.get("count").intValue()).isEqualTo(4);
  }

  @Test
  void members_are_told_who_leaves() {
    enterAndTell(ann, bob);
    hub.ask(bob, "unsubscribe", channel("room"));
    hub.letPass(GATHERED, MILLISECONDS);
    JsonNode change = onlyChange(ann);
    assertThat(users(change.get("left"))).containsExactly("bob");
    assertThat(change.get("joined")).isEmpty();
    assertThat(change.get("count").intValue()).isEqualTo(1);
    assertThat(bob.heard()).isEmpty();
  }

  @Test
  void a_session_that_ends_leaves() {
    enterAndTell(ann, bob);
    bob.session().close("closed");
    hub.settle();
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(users(onlyChange(ann).get("left"))).containsExactly("bob");
  }

  @Test
  void losing_the_connection_is_not_leaving() {
    enterAndTell(ann, bob);
    bob.disconnect();
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(ann.heard()).isEmpty();
  }

  @Test
  void whoever_leaves_and_comes_back_soon_was_never_gone() {
    enterAndTell(ann, bob);
    hub.ask(bob, "unsubscribe", channel("room"));
    enter(bob);
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(ann.heard()).isEmpty();
    assertThat(hub.ask(ann, "presence", channel("room")).get("count").intValue()).isEqualTo(2);
  }

  @Test
  void whoever_comes_and_leaves_soon_was_never_there() {
    enterAndTell(ann);
    enter(bob);
    hub.ask(bob, "unsubscribe", channel("room"));
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(ann.heard()).isEmpty();
  }

  @Test
  void a_subscriber_without_presence_is_neither_seen_nor_told() {
    enterAndTell(ann);
    hub.ask(bob, "subscribe", channel("room"));
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(ann.heard()).isEmpty();
    enter(hub.client("cid"));
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(bob.heard()).isEmpty();
    assertThat(users(onlyChange(ann).get("joined"))).containsExactly("cid");
  }

  @Test
  void the_members_of_a_channel_can_be_asked_for_from_outside() {
    enterAndTell(ann, bob);
    JsonNode present = hub.ask(hub.client(), "presence", channel("room"));
    assertThat(present.get("count").intValue()).isEqualTo(2);
    assertThat(users(present.get("members"))).containsExactly("ann", "bob");
    JsonNode nobody = hub.ask(ann, "presence", channel("empty"));
    assertThat(nobody.get("count").intValue()).isZero();
    assertThat(nobody.get("members")).isEmpty();
  }

  @Test
  void a_member_is_a_public_id_a_user_and_what_the_application_says_of_it() {
    enterAndTell(ann);
    JsonNode member = hub.ask(ann, "presence", channel("room")).at("/members/0");
    assertThat(member.get("member").textValue())
        .isEqualTo(ann.session().publicId())
        .isNotEqualTo(ann.session().id());
    assertThat(ann.session().id()).doesNotContain(ann.session().publicId());
    assertThat(member.get("user").textValue()).isEqualTo("ann");
    assertThat(member.at("/info/nick").intValue()).isEqualTo(1);
    TestClient nobody = hub.client();
    enterAndTell(nobody);
    ann.heard();
    assertThat(hub.ask(ann, "presence", channel("room")).at("/members/1").has("user")).isFalse();
  }

  @Test
  void an_answer_has_so_many_members_and_the_whole_count() {
    TestHub small =
        TestHub.builder().limits(new HubLimits(10, 1, 1, 1000, 1000, 3, 10_000)).build();
    for (int i = 0; i < 5; i++) {
      small.ask(small.client("u" + i), "subscribe", PRESENT);
    }
    JsonNode present = small.ask(small.client(), "presence", channel("room"));
    assertThat(present.get("members")).hasSize(3);
    assertThat(present.get("count").intValue()).isEqualTo(5);
  }

  @Test
  void presence_needs_permission_and_a_good_name() {
    assertThat(hub.error(ann, "presence", channel("secret"))).isEqualTo("forbidden");
    assertThat(hub.error(ann, "presence", channel("a b"))).isEqualTo("malformed");
    assertThat(hub.error(ann, "presence", "")).isEqualTo("malformed");
  }

  @Test
  void nothing_is_left_of_a_channel_that_everybody_has_left() {
    enterAndTell(ann);
    hub.ask(ann, "unsubscribe", channel("room"));
    hub.letPass(GATHERED, MILLISECONDS);
    enterAndTell(bob);
    assertThat(users(hub.ask(bob, "presence", channel("room")).get("members")))
        .containsExactly("bob");
  }

  // ---- a store that takes its time ----

  /** The memory store, to be made worse. */
  private abstract static class OnMemory implements PresenceStore {
    final MemoryPresenceStore memory = new MemoryPresenceStore();

    @Override
    public CompletionStage<?> change(
        String channel, Collection<Member> joined, Collection<Member> left) {
      return memory.change(channel, joined, left);
    }

    @Override
    public CompletionStage<Following> follow(String channel, Follower one) {
      return memory.follow(channel, one);
    }

    @Override
    public CompletionStage<Excerpt> read(String channel, int limit) {
      return memory.read(channel, limit);
    }
  }

  /** Does what it is asked when it is let. */
  private static final class SlowStore extends OnMemory {
    private final List<Runnable> asked = new ArrayList<>();
    private boolean away;

    private <T> CompletionStage<T> later(Supplier<CompletionStage<T>> step) {
      CompletableFuture<T> answer = new CompletableFuture<>();
      asked.add(
          () -> {
            if (away) {
              answer.completeExceptionally(
                  new ProtocolException(ErrorCode.UNAVAILABLE, "The store is away."));
            } else {
              step.get().thenAccept(answer::complete);
            }
          });
      return answer;
    }

    @Override
    public CompletionStage<?> change(
        String channel, Collection<Member> joined, Collection<Member> left) {
      return later(() -> super.change(channel, joined, left).thenApply(done -> done));
    }

    @Override
    public CompletionStage<Following> follow(String channel, Follower one) {
      return later(() -> super.follow(channel, one));
    }

    private void goOn() {
      List<Runnable> steps = List.copyOf(asked);
      asked.clear();
      steps.forEach(Runnable::run);
    }
  }

  @Test
  void whoever_has_joined_finds_itself_whatever_the_store_has_been_told_yet() {
    SlowStore store = new SlowStore();
    TestHub here = TestHub.builder().node("here", store, Colleagues.NONE).build();
    TestClient cat = here.client("cat");
    here.ask(cat, "subscribe", PRESENT);
    cat.command("presence", channel("room"));
    here.settle();
    assertThat(cat.heard()).isEmpty();
    store.goOn();
    here.settle();
    JsonNode first = cat.heard().get(0).get("data");
    assertThat(users(first.get("members"))).containsExactly("cat");

    here.letPass(GATHERED, MILLISECONDS);
    assertThat(store.asked).hasSize(1);
    JsonNode underWay = here.ask(cat, "presence", channel("room"));
    assertThat(users(underWay.get("members"))).containsExactly("cat");
    store.goOn();
    here.letPass(GATHERED, MILLISECONDS);
    assertThat(here.ask(cat, "presence", channel("room")).get("count").intValue()).isEqualTo(1);

    here.ask(cat, "unsubscribe", channel("room"));
    here.letPass(GATHERED, MILLISECONDS);
    assertThat(store.asked).hasSize(1);
    assertThat(here.ask(cat, "presence", channel("room")).get("count").intValue()).isZero();
  }

  @Test
  void whoever_asks_a_store_that_is_away_is_told_so_and_finds_itself_when_it_is_back() {
    SlowStore store = new SlowStore();
    TestHub here = TestHub.builder().node("here", store, Colleagues.NONE).build();
    TestClient cat = here.client("cat");
    here.ask(cat, "subscribe", PRESENT);
    cat.command("presence", channel("room"));
    store.away = true;
    store.goOn();
    here.settle();
    assertThat(cat.heard().get(0).at("/error/code").textValue()).isEqualTo("unavailable");

    store.away = false;
    here.letPass(10_000, MILLISECONDS);
    cat.command("presence", channel("room"));
    here.settle();
    assertThat(cat.heard()).isEmpty();
    store.goOn();
    here.settle();
    assertThat(users(cat.heard().get(0).at("/data/members"))).containsExactly("cat");
  }

  /** A client that says something the moment it hears its value of that number. */
  private TestClient eager(List<JsonNode> heard, int number, String op, String fields) {
    List<TestClient> self = new ArrayList<>();
    Lane lane =
        new Lane(
            task -> {
              task.run();
              for (TestClient client : self) {
                int before = heard.size();
                heard.addAll(client.heard());
                if (before < number && heard.size() >= number) {
                  client.command(op, fields);
                }
              }
            });
    self.add(new TestClient(hub.open("eve"), lane));
    return self.get(0);
  }

  @Test
  void whoever_asks_as_soon_as_the_subscription_is_answered_finds_itself() {
    List<JsonNode> heard = new ArrayList<>();
    TestClient eve = eager(heard, 1, "presence", channel("room"));
    hub.hesitate();
    eve.command("subscribe", PRESENT);
    hub.decide();
    assertThat(heard).hasSize(2);
    assertThat(users(heard.get(1).at("/data/members"))).containsExactly("eve");
  }

  @Test
  void whoever_goes_while_it_is_coming_is_not_there() {
    hub.ask(ann, "publish", channel("room") + ",\"data\":1");
    List<JsonNode> heard = new ArrayList<>();
    TestClient eve = eager(heard, 2, "unsubscribe", channel("room"));
    hub.hesitate();
    eve.command("subscribe", PRESENT + ",\"last\":1");
    hub.decide();
    hub.letPass(GATHERED, MILLISECONDS);
    assertThat(heard).hasSize(3);
    assertThat(hub.ask(ann, "presence", channel("room")).get("count").intValue()).isZero();
  }

  // ---- a store that has lost its roster ----

  /** Its followers can be told anything. */
  private static final class ForgetfulStore extends OnMemory {
    private Follower follower;

    @Override
    public CompletionStage<Following> follow(String channel, Follower one) {
      follower = one;
      return super.follow(channel, one);
    }
  }

  @Test
  void whom_the_store_has_lost_has_time_to_be_announced_again_however_often_it_is_read() {
    ForgetfulStore store = new ForgetfulStore();
    TestHub here = TestHub.builder().node("here", store, Colleagues.NONE).build();
    TestClient cat = here.client("cat");
    here.ask(cat, "subscribe", PRESENT);
    Member eve = new Member("eve", "\"eve\"", "there", "{\"member\":\"eve\"}".getBytes(UTF_8));
    store.change("room", List.of(eve), List.of());
    here.letPass(2 * GATHERED, MILLISECONDS);
    cat.heard();
    Member own =
        store.memory.read("room", 10).toCompletableFuture().join().members().stream()
            .filter(member -> member.node().equals("here"))
            .findFirst()
            .orElseThrow();

    store.follower.reset(List.of(), true);
    here.letPass(2 * GATHERED, MILLISECONDS);
    store.follower.reset(List.of(own), false);
    here.letPass(2 * GATHERED, MILLISECONDS);
    assertThat(cat.heard()).isEmpty();
    store.follower.changed(List.of(eve), List.of());
    here.letPass(10_000, MILLISECONDS);
    assertThat(cat.heard()).isEmpty();

    store.follower.reset(List.of(own), true);
    here.letPass(4000, MILLISECONDS);
    assertThat(cat.heard()).isEmpty();
    here.letPass(2000, MILLISECONDS);
    assertThat(cat.heard().get(0).get("left")).hasSize(1);
  }

  @Test
  void whoever_has_left_and_comes_in_by_another_node_is_there() {
    ForgetfulStore store = new ForgetfulStore();
    TestHub here = TestHub.builder().node("here", store, Colleagues.NONE).build();
    TestClient cat = here.client("cat");
    TestClient dan = here.client("dan");
    here.ask(cat, "subscribe", PRESENT);
    here.ask(dan, "subscribe", PRESENT);
    here.letPass(2 * GATHERED, MILLISECONDS);
    here.exchange(dan, "unsubscribe", channel("room"));
    here.letPass(2 * GATHERED, MILLISECONDS);
    String id = dan.session().publicId();
    Member elsewhere = new Member(id, "\"dan\"", "there", "{\"user\":\"dan\"}".getBytes(UTF_8));
    store.change("room", List.of(elsewhere), List.of());
    cat.heard();
    assertThat(users(here.ask(cat, "presence", channel("room")).get("members")))
        .containsExactly("cat", "dan");
  }

  @Test
  void whoever_has_left_leaves_again_where_the_store_has_it_still() {
    ForgetfulStore store = new ForgetfulStore();
    TestHub here = TestHub.builder().node("here", store, Colleagues.NONE).build();
    TestClient cat = here.client("cat");
    here.ask(cat, "subscribe", PRESENT);
    here.letPass(2 * GATHERED, MILLISECONDS);
    cat.heard();
    byte[] json = "{\"member\":\"eve\"}".getBytes(UTF_8);
    store.change("room", List.of(new Member("eve", "\"eve\"", "here", json)), List.of());
    here.letPass(2 * GATHERED, MILLISECONDS);
    assertThat(store.memory.read("room", 10).toCompletableFuture().join().count()).isEqualTo(1);
  }
}
