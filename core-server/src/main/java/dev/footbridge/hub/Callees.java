package dev.footbridge.hub;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * This node's callees, and whose turn it is. A turn goes over all callees that there are: the local
 * ones one by one, another node as often as it has callees. Safe for any thread.
 */
final class Callees {
  /** Turns of procedures without local callees that are remembered; beyond, they begin anew. */
  private static final int MOST_TURNS = 10_000;

  private final Map<String, List<Procedures.Callee>> here = new ConcurrentHashMap<>();
  private final Map<String, Integer> turns = new ConcurrentHashMap<>();

  /** Whom a call is offered to, in this order. A callee here, or the name of another node. */
  record Candidate(Procedures.Callee callee, String node) {
    private static final Procedures.Callee NOBODY = invocation -> false;

    static Candidate here(Procedures.Callee callee) {
      return new Candidate(callee, "");
    }

    static Candidate elsewhere(String node) {
      return new Candidate(NOBODY, node);
    }

    boolean isHere() {
      return node.isEmpty();
    }
  }

  /** How many there are now of the procedure. */
  int add(String procedure, Procedures.Callee callee) {
    return here.compute(
            procedure,
            (name, callees) -> {
              if (callees != null && callees.contains(callee)) {
                return callees;
              }
              List<Procedures.Callee> more = new ArrayList<>(callees == null ? List.of() : callees);
              more.add(callee);
              return List.copyOf(more);
            })
        .size();
  }

  /** How many there are now of the procedure. */
  int remove(String procedure, Procedures.Callee callee) {
    List<Procedures.Callee> left =
        here.computeIfPresent(
            procedure,
            (name, callees) -> {
              List<Procedures.Callee> fewer = new ArrayList<>(callees);
              fewer.remove(callee);
              return fewer.isEmpty() ? null : List.copyOf(fewer);
            });
    return left == null ? 0 : left.size();
  }

  /** The procedures that have callees here. */
  Set<String> procedures() {
    return Set.copyOf(here.keySet());
  }

  int count(String procedure) {
    return here.getOrDefault(procedure, List.of()).size();
  }

  /**
   * Everybody who could take a call, beginning with the one whose turn it is.
   *
   * @param elsewhere how many callees other nodes have
   */
  List<Candidate> inTurn(String procedure, Map<String, Integer> elsewhere) {
    List<Procedures.Callee> local = here.getOrDefault(procedure, List.of());
    int total = local.size() + elsewhere.values().stream().mapToInt(Integer::intValue).sum();
    if (total == 0) {
      turns.remove(procedure);
      return List.of();
    }
    if (turns.size() > MOST_TURNS) {
      turns.clear();
    }
    int turn = turns.merge(procedure, 1, (before, one) -> (before + one) & Integer.MAX_VALUE) - 1;
    return rotate(order(local, elsewhere), turn % total);
  }

  /** Each candidate with how many turns in a row it has. */
  private static Map<Candidate, Integer> order(
      List<Procedures.Callee> local, Map<String, Integer> elsewhere) {
    Map<Candidate, Integer> order = new LinkedHashMap<>();
    local.forEach(callee -> order.put(Candidate.here(callee), 1));
    elsewhere.forEach((node, count) -> order.put(Candidate.elsewhere(node), count));
    return order;
  }

  private static List<Candidate> rotate(Map<Candidate, Integer> order, int turn) {
    List<Candidate> passed = new ArrayList<>();
    List<Candidate> rotated = new ArrayList<>(order.size());
    int left = turn;
    for (Map.Entry<Candidate, Integer> each : order.entrySet()) {
      if (left >= each.getValue()) {
        passed.add(each.getKey());
        left -= each.getValue();
      } else {
        rotated.add(each.getKey());
        left = 0;
      }
    }
    rotated.addAll(passed);
    return rotated;
  }
}
