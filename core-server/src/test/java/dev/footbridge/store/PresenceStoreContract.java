package dev.footbridge.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.support.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What every {@link PresenceStore} promises. */
public abstract class PresenceStoreContract {
  /** An empty store. */
  protected abstract PresenceStore open();

  protected static Member member(String id, @Nullable String user, String node) {
    return new Member(id, user, node, ("{\"member\":\"" + id + "\"}").getBytes(UTF_8));
  }

  /**
   * A roster as a follower keeps it: names and the nodes that carry them; and what was news,
   * whether the store said what had changed or how things stood.
   */
  public static final class Kept implements PresenceStore.Follower {
    private final Map<String, String> nodes = new TreeMap<>();
    private final List<String> told = new ArrayList<>();

    @Override
    public synchronized void reset(List<Member> members, boolean lost) {
      List<String> names = members.stream().map(Member::id).toList();
      List.copyOf(nodes.keySet()).stream().filter(id -> !names.contains(id)).forEach(this::out);
      members.forEach(this::in);
    }

    @Override
    public synchronized void changed(List<Member> joined, List<String> left) {
      joined.forEach(this::in);
      left.forEach(this::out);
    }

    private void in(Member member) {
      if (nodes.put(member.id(), member.node()) == null) {
        told.add("+" + member.id());
      }
    }

    private void out(String id) {
      if (nodes.remove(id) != null) {
        told.add("-" + id);
      }
    }

    public synchronized Map<String, String> nodes() {
      return new TreeMap<>(nodes);
    }

    public synchronized List<String> told() {
      return List.copyOf(told);
    }
  }

  private static void join(PresenceStore store, Member... members) {
    Stage.get(store.change("a", List.of(members), List.of()));
  }

  private static void leave(PresenceStore store, Member... members) {
    Stage.get(store.change("a", List.of(), List.of(members)));
  }

  private static PresenceStore.Excerpt read(PresenceStore store, int limit) {
    return Stage.get(store.read("a", limit));
  }

  @Test
  void a_channel_that_nobody_is_in_is_empty() {
    PresenceStore.Excerpt nobody = read(open(), 10);
    assertThat(nobody.members()).isEmpty();
    assertThat(nobody.count()).isZero();
    assertThat(nobody.users()).isZero();
  }

  @Test
  void sessions_and_users_are_counted_and_each_anonymous_session_is_one() {
    PresenceStore store = open();
    join(store, member("1", "ann", "n"), member("2", "ann", "n"), member("3", "bob", "n"));
    join(store, member("4", null, "n"), member("5", null, "n"));
    assertThat(read(store, 2).members()).hasSize(2);
    assertThat(read(store, 10).count()).isEqualTo(5);
    assertThat(read(store, 10).users()).isEqualTo(4);
    leave(store, member("1", "ann", "n"), member("5", null, "n"));
    assertThat(read(store, 10).count()).isEqualTo(3);
    assertThat(read(store, 10).users()).isEqualTo(3);
    leave(store, member("2", "ann", "n"));
    assertThat(read(store, 10).users()).isEqualTo(2);
  }

  @Test
  void a_follower_has_the_roster_and_then_what_changes() {
    PresenceStore store = open();
    join(store, member("1", "ann", "n"));
    Kept kept = new Kept();
    Stage.get(store.follow("a", kept));
    assertThat(kept.nodes()).containsOnlyKeys("1");
    join(store, member("2", "bob", "n"), member("3", null, "n"));
    leave(store, member("1", "ann", "n"));
    await().until(() -> kept.nodes().keySet().equals(java.util.Set.of("2", "3")));
    assertThat(kept.told()).containsExactlyInAnyOrder("+1", "+2", "+3", "-1");
  }

  @Test
  void one_that_comes_again_is_no_news() {
    PresenceStore store = open();
    Kept kept = new Kept();
    Stage.get(store.follow("a", kept));
    join(store, member("1", "ann", "n"));
    join(store, member("1", "ann", "n"));
    join(store, member("2", "bob", "n"));
    await().until(() -> kept.told().contains("+2"));
    assertThat(kept.told()).containsExactly("+1", "+2");
  }

  @Test
  void one_that_has_moved_does_not_leave_with_the_node_it_was_on() {
    PresenceStore store = open();
    Kept kept = new Kept();
    Stage.get(store.follow("a", kept));
    join(store, member("1", "ann", "old"));
    join(store, member("1", "ann", "new"));
    leave(store, member("1", "ann", "old"));
    await().until(() -> "new".equals(kept.nodes().get("1")));
    assertThat(read(store, 10).count()).isEqualTo(1);
    assertThat(read(store, 10).users()).isEqualTo(1);
    leave(store, member("1", "ann", "new"));
    await().until(() -> kept.nodes().isEmpty());
    assertThat(kept.told()).containsExactly("+1", "-1");
  }

  @Test
  void one_who_follows_no_more_is_told_nothing() {
    PresenceStore store = open();
    Kept gone = new Kept();
    Kept there = new Kept();
    PresenceStore.Following following = Stage.get(store.follow("a", gone));
    Stage.get(store.follow("a", there));
    following.stop();
    join(store, member("1", "ann", "n"));
    await().until(() -> there.told().contains("+1"));
    assertThat(gone.told()).isEmpty();
  }
}
