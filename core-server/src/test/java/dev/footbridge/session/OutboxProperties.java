package dev.footbridge.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.endpoint.Offer;
import dev.footbridge.support.Script;
import dev.footbridge.wire.Message;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The ring of messages beside a list that forgets nothing. */
class OutboxProperties {
  private static final int BOUND = 100;

  private static Message message(int size) {
    return Message.binary(new byte[size]);
  }

  @Property(tries = 5000, edgeCases = EdgeCasesMode.NONE)
  void an_outbox_holds_what_was_accepted_and_not_acknowledged(@ForAll("histories") Script history) {
    Outbox outbox = new Outbox(BOUND, 0);
    List<Message> accepted = new ArrayList<>();
    int acked = 0;
    while (history.step()) {
      int held = accepted.subList(acked, accepted.size()).stream().mapToInt(Message::size).sum();
      switch (history.choose(4)) {
        case 0, 1 -> {
          Message message = message(history.choose(40));
          boolean reserve = history.oneIn(3);
          boolean fits =
              acked == accepted.size() || held + message.size() <= (reserve ? 2 * BOUND : BOUND);
          Offer outcome = reserve ? outbox.offerFromReserve(message) : outbox.offer(message);
          assertThat(outcome).isEqualTo(fits ? Offer.ACCEPTED : Offer.OVERFLOWED);
          if (fits) {
            accepted.add(message);
          }
        }
        case 2 -> {
          for (int i = 0; i < 12; i++) {
            Message small = message(1);
            if (outbox.offer(small) == Offer.ACCEPTED) {
              accepted.add(small);
            }
          }
        }
        default -> {
          acked += history.choose(1 + Math.min(200, accepted.size() - acked));
          outbox.acknowledge(acked);
        }
      }
      assertHolds(outbox, accepted, acked);
    }
  }

  private static void assertHolds(Outbox outbox, List<Message> accepted, int acked) {
    assertThat(outbox.acked()).isEqualTo(acked);
    assertThat(outbox.sent()).isEqualTo(accepted.size());
    long bytes = 0;
    for (int number = acked + 1; number <= accepted.size(); number++) {
      assertThat(outbox.get(number)).isSameAs(accepted.get(number - 1));
      bytes += accepted.get(number - 1).size();
    }
    assertThat(outbox.bytes()).isEqualTo(bytes);
    assertThat(outbox.hasRoom()).isEqualTo(bytes <= 75);
  }

  @Provide
  Arbitrary<Script> histories() {
    return Script.scripts(5, 60);
  }

  @Example
  void one_message_over_the_bound_is_accepted_and_no_second_one() {
    Outbox outbox = new Outbox(BOUND, 0);
    assertThat(outbox.offer(message(BOUND + 1))).isEqualTo(Offer.ACCEPTED);
    assertThat(outbox.offer(message(0))).isEqualTo(Offer.OVERFLOWED);
    outbox.acknowledge(1);
    assertThat(outbox.offer(message(3 * BOUND))).isEqualTo(Offer.ACCEPTED);
    assertThat(outbox.offerFromReserve(message(1))).isEqualTo(Offer.OVERFLOWED);
  }

  @Example
  void exactly_the_bound_fits() {
    Outbox outbox = new Outbox(BOUND, 0);
    assertThat(outbox.offer(message(BOUND - 1))).isEqualTo(Offer.ACCEPTED);
    assertThat(outbox.offer(message(1))).isEqualTo(Offer.ACCEPTED);
    assertThat(outbox.offer(message(1))).isEqualTo(Offer.OVERFLOWED);
    assertThat(outbox.offerFromReserve(message(BOUND))).isEqualTo(Offer.ACCEPTED);
    assertThat(outbox.offerFromReserve(message(1))).isEqualTo(Offer.OVERFLOWED);
  }
}
