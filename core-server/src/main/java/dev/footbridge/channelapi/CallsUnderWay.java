package dev.footbridge.channelapi;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The calls of one session that wait for their result: so many at most, and forgotten when the
 * session ends, so that nobody works for a caller that has gone. Guarded by itself; cancels without
 * the lock.
 */
final class CallsUnderWay {
  private final int most;
  private @Nullable Set<Place> places;
  private boolean closed;

  CallsUnderWay(int most) {
    this.most = most;
  }

  /** The room of one call. */
  final class Place {
    private @Nullable CompletableFuture<byte[]> call;

    private Place() {}

    /** The call that is now under way in it; it is cancelled if the session has ended meanwhile. */
    CompletableFuture<byte[]> holds(CompletableFuture<byte[]> begun) {
      boolean late;
      synchronized (CallsUnderWay.this) {
        call = begun;
        late = closed;
      }
      if (late) {
        begun.cancel(false);
      }
      return begun;
    }

    /** The call has ended. */
    void leave() {
      synchronized (CallsUnderWay.this) {
        if (places != null) {
          places.remove(this);
        }
      }
    }
  }

  /**
   * Room for one more.
   *
   * @throws ProtocolException {@code rate_limited} if there is none
   */
  synchronized Place enter() throws ProtocolException {
    Set<Place> all = places == null ? new HashSet<>() : places;
    if (all.size() >= most) {
      throw new ProtocolException(
          ErrorCode.RATE_LIMITED, "A session may have " + most + " calls under way.");
    }
    Place place = new Place();
    all.add(place);
    places = all;
    return place;
  }

  /** The session has ended. */
  void close() {
    List<Place> waiting;
    synchronized (this) {
      closed = true;
      waiting = places == null ? List.of() : List.copyOf(places);
      places = null;
    }
    for (Place place : waiting) {
      CompletableFuture<byte[]> call;
      synchronized (this) {
        call = place.call;
      }
      if (call != null) {
        call.cancel(false);
      }
    }
  }
}
