package dev.footbridge.doctor;

/**
 * How long things are tried.
 *
 * @param streamSeconds of the first stream, which tells soon whether anything is held back
 * @param longStreamSeconds of a second one, which tells whether it is let live; 0 for none
 * @param pollSeconds of the first held request
 * @param longPollSeconds of a second one; 0 for none
 * @param idleSeconds for which a WebSocket is silent
 * @param patienceMillis for which an answer is waited for beyond its time
 */
public record Limits(
    int streamSeconds,
    int longStreamSeconds,
    int pollSeconds,
    int longPollSeconds,
    int idleSeconds,
    int patienceMillis) {
  /** Everything, in about half a minute. */
  public static final Limits FULL = new Limits(3, 18, 2, 25, 20, 6000);

  /** What can be told in a few seconds. */
  public static final Limits QUICK = new Limits(3, 0, 2, 0, 2, 4000);
}
