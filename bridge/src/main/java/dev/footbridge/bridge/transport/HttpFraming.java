package dev.footbridge.bridge.transport;

import dev.footbridge.stream.Framing;
import dev.footbridge.wire.Message;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A message on an HTTP response that stays open: as a Server-Sent Event or as one line of NDJSON,
 * and, on HTTP/1.1, as a chunk of its own (RFC 9112, section 7.1).
 */
public final class HttpFraming implements Framing {
  private static final HttpFraming SSE = new HttpFraming(false, "data: ", "\n\n");
  private static final HttpFraming SSE_CHUNKED = new HttpFraming(true, "data: ", "\n\n");
  private static final HttpFraming NDJSON = new HttpFraming(false, "", "\n");
  private static final HttpFraming NDJSON_CHUNKED = new HttpFraming(true, "", "\n");

  private static final byte[] CRLF = {'\r', '\n'};
  private static final byte[] LAST_CHUNK = "0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] NOTHING = {};
  private static final byte[] ID = "id: ".getBytes(StandardCharsets.US_ASCII);

  private final boolean chunked;
  private final byte[] lead;
  private final byte[] trailer;
  private final int ending;

  private HttpFraming(boolean chunked, String lead, String ending) {
    this.chunked = chunked;
    this.lead = lead.getBytes(StandardCharsets.US_ASCII);
    this.trailer = (chunked ? ending + "\r\n" : ending).getBytes(StandardCharsets.US_ASCII);
    this.ending = ending.length();
  }

  /**
   * The framing of a response.
   *
   * @param events whether it has Server-Sent Events or else lines
   * @param chunked whether it is on HTTP/1.1
   */
  public static HttpFraming of(boolean events, boolean chunked) {
    if (events) {
      return chunked ? SSE_CHUNKED : SSE;
    }
    return chunked ? NDJSON_CHUNKED : NDJSON;
  }

  private boolean isEvents() {
    return lead.length > 0;
  }

  @Override
  public byte[] body(Message message) {
    return message.json();
  }

  @Override
  public void header(ByteBuffer out, long number, int bodyLength, boolean binary) {
    boolean numbered = isEvents() && number != NO_NUMBER;
    if (chunked) {
      int id = numbered ? ID.length + digits(number) + 1 : 0;
      putHex(out, id + lead.length + bodyLength + ending);
      out.put(CRLF);
    }
    if (numbered) {
      out.put(ID);
      putDecimal(out, number);
      out.put((byte) '\n');
    }
    out.put(lead);
  }

  @Override
  public byte[] trailer() {
    return trailer;
  }

  /** What ends the response. */
  public byte[] end() {
    return chunked ? LAST_CHUNK : NOTHING;
  }

  /** Octets that a client skips: a comment, or white space. */
  public byte[] padding(int bytes) {
    String filler = (isEvents() ? ":" : " ") + " ".repeat(bytes) + (isEvents() ? "\n\n" : "\n");
    String text =
        chunked ? Integer.toHexString(filler.length()) + "\r\n" + filler + "\r\n" : filler;
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static int digits(long number) {
    int digits = 1;
    for (long rest = number; rest >= 10; rest /= 10) {
      digits++;
    }
    return digits;
  }

  private static void putDecimal(ByteBuffer out, long number) {
    int digits = digits(number);
    int at = out.position() + digits;
    out.position(at);
    for (long rest = number; digits > 0; digits--, rest /= 10) {
      out.put(--at, (byte) ('0' + rest % 10));
    }
  }

  private static void putHex(ByteBuffer out, int number) {
    int shift = 28;
    while (shift > 0 && number >>> shift == 0) {
      shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
      out.put((byte) "0123456789abcdef".charAt((number >>> shift) & 0xf));
    }
  }
}
