package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.SessionStore;
import dev.footbridge.store.SessionStore.Claimed;
import dev.footbridge.store.SessionStore.Tenancy;
import dev.footbridge.support.Stage;
import dev.footbridge.support.Together;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class RedisSessionStoreTest {
  @Parameter RedisKind redis;

  private static final String ID = "one.AAAAAAAAAAAAAAAAAAAAAA";
  private static final long LIFE = 60_000;
  private static final byte[] META = "meta".getBytes(UTF_8);
  private static final byte[] STATE = {0, 1, (byte) 0xff, '\n'};
  private static final Tenancy FIRST = new Tenancy("one", 1);

  private SessionStore store;

  @BeforeEach
  void anEmptyStoreWithOneSession() {
    store = new RedisSessionStore(redis.connections(), RedisKind.newPrefix());
    assertThat(Stage.get(store.put(ID, FIRST, META, LIFE))).isTrue();
  }

  @Test
  void a_session_is_found_with_its_owner() {
    assertThat(Stage.get(store.find(ID))).contains(FIRST);
    assertThat(Stage.get(store.find("one.BBBBBBBBBBBBBBBBBBBBBB"))).isEmpty();
  }

  @Test
  void a_claim_makes_another_node_the_owner_with_a_higher_fence() {
    Claimed claimed = Stage.get(store.claim(ID, "two", FIRST, LIFE)).orElseThrow();
    assertThat(claimed.fence()).isEqualTo(2);
    assertThat(claimed.meta()).isEqualTo(META);
    assertThat(claimed.state()).isNull();
    assertThat(Stage.get(store.find(ID))).contains(new Tenancy("two", 2));
  }

  @Test
  void of_many_that_claim_at_once_one_succeeds() {
    List<Optional<Claimed>> claims =
        Together.call(8, node -> () -> Stage.get(store.claim(ID, "n" + node, FIRST, LIFE)));
    assertThat(claims.stream().filter(Optional::isPresent)).hasSize(1);
  }

  @Test
  void a_former_owner_writes_releases_and_removes_nothing_any_more() {
    Stage.get(store.claim(ID, "two", FIRST, LIFE));
    assertThat(Stage.get(store.put(ID, FIRST, META, LIFE))).isFalse();
    assertThat(Stage.get(store.put(ID, FIRST, null, LIFE))).isFalse();
    assertThat(Stage.get(store.release(ID, FIRST, META, STATE, LIFE))).isFalse();
    Stage.get(store.remove(ID, FIRST));
    assertThat(Stage.get(store.find(ID))).contains(new Tenancy("two", 2));
  }

  @Test
  void one_that_was_released_comes_whole_and_once() {
    assertThat(Stage.get(store.release(ID, FIRST, META, STATE, LIFE))).isTrue();
    Tenancy nobody = Stage.get(store.find(ID)).orElseThrow();
    assertThat(nobody.node()).isEqualTo(SessionStore.NOBODY);
    Claimed claimed = Stage.get(store.claim(ID, "two", nobody, LIFE)).orElseThrow();
    assertThat(claimed.state()).isEqualTo(STATE);
    Tenancy two = new Tenancy("two", claimed.fence());
    assertThat(Stage.get(store.claim(ID, "three", two, LIFE)).orElseThrow().state()).isNull();
  }

  @Test
  void who_did_not_hear_that_it_was_given_one_claims_it_again_and_gets_it_whole() {
    Stage.get(store.release(ID, FIRST, META, STATE, LIFE));
    Stage.get(store.claim(ID, "two", Stage.get(store.find(ID)).orElseThrow(), LIFE));
    Tenancy unheard = Stage.get(store.find(ID)).orElseThrow();
    Claimed again = Stage.get(store.claim(ID, "two", unheard, LIFE)).orElseThrow();
    assertThat(again.state()).isEqualTo(STATE);

    Tenancy two = new Tenancy("two", again.fence());
    assertThat(Stage.get(store.put(ID, two, META, LIFE))).isTrue();
    assertThat(Stage.get(store.claim(ID, "two", two, LIFE)).orElseThrow().state()).isNull();
  }

  @Test
  void a_release_may_be_repeated_until_somebody_has_claimed_it() {
    assertThat(Stage.get(store.release(ID, FIRST, META, STATE, LIFE))).isTrue();
    assertThat(Stage.get(store.release(ID, FIRST, META, STATE, LIFE))).isTrue();
    Stage.get(store.claim(ID, "two", Stage.get(store.find(ID)).orElseThrow(), LIFE));
    assertThat(Stage.get(store.release(ID, FIRST, META, STATE, LIFE))).isFalse();
    assertThat(Stage.get(store.find(ID)).orElseThrow().node()).isEqualTo("two");
  }

  @Test
  void what_is_kept_alive_is_the_owners_own_life_only() {
    assertThat(Stage.get(store.put(ID, FIRST, null, LIFE))).isTrue();
    Tenancy next = new Tenancy("two", 2);
    assertThat(Stage.get(store.put(ID, next, null, LIFE))).isFalse();
    assertThat(Stage.get(store.put(ID, next, META, LIFE))).isTrue();
    assertThat(Stage.get(store.find(ID))).contains(next);
  }

  @Test
  void one_that_is_not_there_is_written_with_its_meta_only() {
    String other = "one.CCCCCCCCCCCCCCCCCCCCCC";
    assertThat(Stage.get(store.put(other, FIRST, null, LIFE))).isFalse();
    assertThat(Stage.get(store.put(other, FIRST, META, LIFE))).isTrue();
    Stage.get(store.remove(other, FIRST));
    assertThat(Stage.get(store.find(other))).isEmpty();
  }

  @Test
  void after_a_loss_of_data_the_higher_fence_wins() {
    Tenancy later = new Tenancy("two", 5);
    assertThat(Stage.get(store.put(ID, later, META, LIFE))).isTrue();
    assertThat(Stage.get(store.put(ID, FIRST, META, LIFE))).isFalse();
    assertThat(Stage.get(store.find(ID))).contains(later);
  }

  @Test
  void an_opening_is_known_for_a_while_by_the_first_that_begins_it_or_the_newest() {
    assertThat(Stage.get(store.findOpening("k"))).isEmpty();
    Stage.get(store.putOpening("k", "one", false, LIFE));
    Stage.get(store.putOpening("k", "two", false, LIFE));
    assertThat(Stage.get(store.findOpening("k"))).contains("one");
    Stage.get(store.putOpening("k", "three", true, LIFE));
    assertThat(Stage.get(store.findOpening("k"))).contains("three");
    Stage.get(store.putOpening("k", "three", true, 1));
    await().until(() -> Stage.get(store.findOpening("k")).isEmpty());
  }
}
