package dev.footbridge.session;

import dev.footbridge.endpoint.Offer;
import dev.footbridge.session.Session.Batch;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.Value;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A session as plain lists that keep everything: slow, obvious, single-threaded. Each method says
 * what a session must answer; {@link #events} is what the session must have told others.
 */
final class SessionModel {
  static final String SUPERSEDED = "superseded";
  static final String GONE = "session_gone";
  static final String MALFORMED = "malformed";

  final List<String> events = new ArrayList<>();
  final List<Message> down = new ArrayList<>();
  final List<Value> up = new ArrayList<>();
  private final SessionOptions options;
  private final Value poison;
  private int lane;
  private long turn;
  private int acked;
  private int cursor;
  private @Nullable RecordingReceiver receiver;
  private boolean signalled;
  private boolean starved;
  private long starvedSince;
  private long touched;
  private boolean closed;
  private boolean holds = true;
  private boolean frozen;
  private int lastOfState;
  private final List<Value> waiting = new ArrayList<>();

  /**
   * @param poison a value that the endpoint refuses
   */
  SessionModel(SessionOptions options, Value poison) {
    this.options = options;
    this.poison = poison;
  }

  int acked() {
    return acked;
  }

  int sent() {
    return down.size();
  }

  int received() {
    return up.size();
  }

  long turn() {
    return turn;
  }

  @Nullable RecordingReceiver receiver() {
    return receiver;
  }

  Offer offer(Message message, long now) {
    if (closed) {
      return Offer.CLOSED;
    }
    if (!fits(message, options.bufferBytes())) {
      if (!starved) {
        starved = true;
        starvedSince = now;
      }
      return Offer.OVERFLOWED;
    }
    append(message);
    return Offer.ACCEPTED;
  }

  Offer answer(Message message) {
    if (closed) {
      return Offer.CLOSED;
    }
    if (!fits(message, 2 * options.bufferBytes())) {
      close("overflow");
      return Offer.OVERFLOWED;
    }
    append(message);
    return Offer.ACCEPTED;
  }

  private boolean fits(Message message, int bound) {
    return acked == down.size() || held() + message.size() <= bound;
  }

  private int held() {
    return down.subList(acked, down.size()).stream().mapToInt(Message::size).sum();
  }

  private void append(Message message) {
    down.add(message);
    if (receiver != null && !signalled) {
      signalled = true;
      events.add(receiver + " ready");
    }
  }

  /** The numbers of what is handed over, or null where the receiver is not the attached one. */
  @Nullable List<Integer> take(RecordingReceiver by, int most) {
    if (receiver != by) {
      return null;
    }
    signalled = false;
    List<Integer> numbers = new ArrayList<>();
    int last = !holds ? 0 : frozen ? lastOfState : down.size();
    while (cursor < last && numbers.size() < most) {
      numbers.add(++cursor);
    }
    return numbers;
  }

  String attach(RecordingReceiver by, long after, long withTurn, @Nullable Batch batch, long now) {
    if (closed) {
      return GONE;
    }
    if (!works()) {
      return frozen ? "draining" : "unavailable";
    }
    if (isStale(withTurn)) {
      return SUPERSEDED;
    }
    long from = after == Session.UNKNOWN ? acked : after;
    if (from < acked || from > down.size()) {
      return downGap();
    }
    String refusal = batch == null ? null : refusal(batch, withTurn);
    if (refusal != null) {
      return refusal;
    }
    turn = Math.max(turn, withTurn);
    touched = now;
    if (receiver != null && receiver != by) {
      events.add(receiver + " end superseded");
    }
    receiver = by;
    waiting.clear();
    signalled = true;
    cursor = (int) from;
    boolean roomAgain = acknowledge(from, now);
    List<Value> fresh = batch == null ? List.of() : fresh(batch);
    up.addAll(fresh);
    roomAgain |= batch != null && acknowledge(batch.acknowledged(), now);
    if (by.streaming() && by.laneNumber() != lane) {
      lane = by.laneNumber();
      events.add("moved to lane " + lane);
    }
    tell(roomAgain, fresh);
    return "welcome received " + up.size() + " after " + cursor;
  }

  String send(Batch batch, long withTurn, long now) {
    if (closed) {
      return GONE;
    }
    if (!works()) {
      return frozen ? "draining" : "unavailable";
    }
    if (isStale(withTurn)) {
      return SUPERSEDED;
    }
    String refusal = refusal(batch, withTurn);
    if (refusal != null) {
      return refusal;
    }
    turn = Math.max(turn, withTurn);
    touched = now;
    if (receiver != null && receiver.duplex()) {
      events.add(receiver + " end superseded");
      receiver = null;
      waiting.clear();
    }
    List<Value> fresh = fresh(batch);
    up.addAll(fresh);
    tell(acknowledge(batch.acknowledged(), now), fresh);
    return "received " + up.size();
  }

  String receive(RecordingReceiver by, Value value, long now) {
    if (receiver != by) {
      return "ignored";
    }
    if (value == poison) {
      return MALFORMED;
    }
    if (!works()) {
      // There is room for one.
      if (!waiting.isEmpty()) {
        events.add(receiver + " end unavailable");
        detach(by, now);
        return "ignored";
      }
      waiting.add(value);
      return "counted";
    }
    waiting.add(value);
    letIn();
    return "counted";
  }

  private boolean works() {
    return holds && !frozen;
  }

  private void letIn() {
    if (works()) {
      List<Value> all = List.copyOf(waiting);
      waiting.clear();
      up.addAll(all);
      tell(false, all);
    }
  }

  /** The numbers of the state, or null where there is none to be had. */
  @Nullable String freeze() {
    if (closed || frozen) {
      return null;
    }
    frozen = true;
    lastOfState = down.size();
    events.add("settle");
    return state();
  }

  private String state() {
    return up.size() + " up, " + acked + " acked, " + (down.size() - acked) + " held, turn " + turn;
  }

  void thaw(long now) {
    if (closed || !frozen) {
      return;
    }
    frozen = false;
    touched = now;
    signalRest();
    events.add("resumeWork");
    letIn();
  }

  void holds(boolean yes) {
    holds = yes;
    if (yes && !closed) {
      signalRest();
      letIn();
    }
  }

  private void signalRest() {
    if (cursor < down.size() && receiver != null && !signalled) {
      signalled = true;
      events.add(receiver + " ready");
    }
  }

  String acknowledge(RecordingReceiver by, long number, long now) {
    if (receiver != by) {
      return "done";
    }
    if (number > down.size()) {
      return downGap();
    }
    tell(acknowledge(number, now), List.of());
    return "done";
  }

  void detach(RecordingReceiver by, long now) {
    if (receiver == by) {
      receiver = null;
      waiting.clear();
      touched = now;
    }
  }

  void check(long now) {
    if (closed) {
      return;
    }
    if (receiver == null) {
      if (works() && now - touched > options.ttlNanos()) {
        close("expired");
      }
    } else if (works()
        && receiver.streaming()
        && starved
        && cursor == down.size()
        && receiver.idle()
        && now - starvedSince > options.windowNanos()) {
      events.add(receiver + " end window");
      receiver = null;
      waiting.clear();
      touched = now;
    } else {
      events.add(receiver + " check");
    }
  }

  void close(String code) {
    if (closed) {
      return;
    }
    closed = true;
    if (receiver != null) {
      events.add(receiver + " end " + code);
      receiver = null;
    }
    events.add("closed");
  }

  private boolean isStale(long withTurn) {
    return withTurn != Session.UNKNOWN && withTurn < turn;
  }

  private @Nullable String refusal(Batch batch, long withTurn) {
    if (receiver != null && receiver.duplex() && withTurn <= turn) {
      return SUPERSEDED;
    }
    if (batch.after() > up.size()) {
      return "gap {\"direction\":\"up\",\"received\":" + up.size() + "}";
    }
    if (batch.acknowledged() > down.size()) {
      return downGap();
    }
    return batch.values().contains(poison) ? MALFORMED : null;
  }

  private String downGap() {
    return "gap {\"direction\":\"down\",\"first\":" + acked + ",\"last\":" + down.size() + "}";
  }

  /** Those values of a batch that count and that the session has not had yet. */
  private List<Value> fresh(Batch batch) {
    List<Value> counted = batch.values().stream().filter(Value::counts).toList();
    int had = batch.after() == Session.UNKNOWN ? 0 : up.size() - (int) batch.after();
    return counted.subList(Math.min(had, counted.size()), counted.size());
  }

  private boolean acknowledge(long number, long now) {
    if (number <= acked) {
      return false;
    }
    acked = (int) number;
    cursor = Math.max(cursor, acked);
    if (!starved) {
      return false;
    }
    starvedSince = now;
    starved = held() > options.bufferBytes() - options.bufferBytes() / 4;
    return !starved;
  }

  private void tell(boolean roomAgain, List<Value> fresh) {
    if (roomAgain) {
      events.add("drained");
    }
    fresh.forEach(value -> events.add("receive " + RecordingEndpoint.name(value)));
  }
}
