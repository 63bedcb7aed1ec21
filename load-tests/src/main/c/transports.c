/* The four transports, read: each cuts the bytes that came into values. Their requests are written here too. */
#define _GNU_SOURCE
#include "internal.h"

#include "ws.h"

#include <stdio.h>
#include <string.h>

#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* ---- WebSocket ---------------------------------------------------------------------------------------------------- */

static size_t on_frames(struct client *c, struct connection *k, char *p, size_t n)
{
    size_t used = 0, length;
    struct ws_frame frame;
    while (k->state != STATE_CLOSED && (length = ws_read(p + used, n - used, &frame)) > 0) {
        used += length;
        if (!frame.fin || frame.opcode == WS_CONTINUATION) {
            fail(c, k, "a fragmented message, which this program does not put together");
        } else if (frame.opcode == WS_TEXT) {
            on_message(c, k, (struct slice){frame.payload, frame.length});
        } else if (frame.opcode == WS_PING && frame.length < 126) {
            char pong[WS_MAX_HEAD + 126];
            send_bytes(c, k, pong, ws_masked(pong, WS_PONG, frame.payload, frame.length));
        } else if (frame.opcode == WS_CLOSE) {
            unsigned code = frame.length < 2 ? 1005 : (uint8_t)frame.payload[0] << 8 | (uint8_t)frame.payload[1];
            fail(c, k, "the server closed the WebSocket with %u", code);
        }
    }
    return used;
}

static void on_upgrade(struct client *c, struct connection *k, const char *head, size_t n)
{
    size_t length;
    const char *accept = http_header(head, n, "sec-websocket-accept", &length);
    if (k->http.status != 101)
        fail(c, k, "the handshake was answered with status %d", k->http.status);
    else if (accept == NULL || length != WS_ACCEPT_LENGTH || memcmp(accept, HANDSHAKE_ACCEPT, length) != 0)
        fail(c, k, "the handshake's Sec-WebSocket-Accept is wrong");
    else if (c->dialect == DIALECT_FOOTBRIDGE)
        k->state = STATE_WELCOMING;
    else
        became_live(c, k);
}

static size_t on_ws_bytes(struct client *c, struct connection *k, char *p, size_t n)
{
    size_t head = 0;
    if (k->state == STATE_UPGRADING) {
        head = http_head_length(p, n);
        if (head == 0)
            return 0;
        if (!http_begin(&k->http, p, head))
            fail(c, k, "the handshake's answer is not HTTP");
        else
            on_upgrade(c, k, p, head);
    }
    return head + on_frames(c, k, p + head, n - head);
}

/* ---- HTTP --------------------------------------------------------------------------------------------------------- */

static void poll_again(struct client *c, struct connection *k)
{
    char target[224];
    unsigned long long after = k->received;
    if (c->dialect == DIALECT_FOOTBRIDGE)
        snprintf(target, sizeof target, "/sessions/%s/poll?after=%llu&wait=%d", k->session, after, c->wait_seconds);
    else if (k->state == STATE_LIVE)
        snprintf(target, sizeof target, "/poll?after=%llu&wait=%d", after, c->wait_seconds);
    else
        snprintf(target, sizeof target, "/poll");       /* answers at once where the numbering stands */
    send_request(c, k, "GET", target, "application/json", NULL);
}

/* The session exists: take up its receiving half. */
static void attach(struct client *c, struct connection *k)
{
    char target[160];
    k->state = STATE_ATTACHING;
    if (k->transport == TRANSPORT_LONGPOLL) {
        poll_again(c, k);
        if (c->dialect == DIALECT_FOOTBRIDGE)
            became_live(c, k);
    } else if (c->dialect == DIALECT_RAW) {
        bool sse = k->transport == TRANSPORT_SSE;
        send_request(c, k, "GET", sse ? "/sse" : "/stream", sse ? "text/event-stream" : "application/x-ndjson", NULL);
    } else if (k->transport == TRANSPORT_SSE) {
        snprintf(target, sizeof target, "/sessions/%s/events", k->session);
        send_request(c, k, "GET", target, "text/event-stream", NULL);
    } else {
        snprintf(target, sizeof target, "/sessions/%s/stream?after=0", k->session);
        send_request(c, k, "GET", target, "application/x-ndjson", NULL);
    }
}

static void on_session(struct client *c, struct connection *k, struct slice body)
{
    struct slice session;
    if (!json_member(body, "session", &session) || session.n < 3 || session.n - 2 >= sizeof k->session) {
        fail(c, k, "opening a session was answered without a session: %.*s", (int)(body.n < 120 ? body.n : 120), body.p);
        return;
    }
    memcpy(k->session, session.p + 1, session.n - 2);
    k->session[session.n - 2] = 0;
    attach(c, k);
}

static void on_poll(struct client *c, struct connection *k, struct slice body)
{
    struct slice first, messages, bye;
    uint64_t number;
    if (json_member(body, "bye", &bye)) {
        fail(c, k, "the server said %.*s", (int)bye.n, bye.p);
        return;
    }
    if (!json_member(body, "messages", &messages)) {
        fail(c, k, "a poll was answered without messages: %.*s", (int)(body.n < 120 ? body.n : 120), body.p);
        return;
    }
    if (json_member(body, "first", &first) && json_u64(first, &number)) {
        if (c->dialect == DIALECT_RAW && k->state == STATE_ATTACHING)
            k->received = number - 1;
        if (number != k->received + 1) {
            fail(c, k, "a poll after %llu was answered from %llu on", (unsigned long long)k->received, (unsigned long long)number);
            return;
        }
    }
    const char *end = messages.p + messages.n;
    const char *p = json_space(messages.p + 1, end);
    while (p < end && *p != ']' && k->state != STATE_CLOSED) {
        const char *value_end = json_skip(p, end);
        if (value_end == NULL)
            break;
        if (c->dialect == DIALECT_RAW)
            k->received++;
        on_message(c, k, (struct slice){p, (size_t)(value_end - p)});
        p = json_space(value_end, end);
        if (p < end && *p == ',')
            p = json_space(p + 1, end);
    }
    if (k->state == STATE_CLOSED)
        return;
    if (k->state == STATE_ATTACHING)
        became_live(c, k);
    k->acknowledged = k->received;
    poll_again(c, k);
}

static void on_whole_body(struct client *c, struct connection *k, struct slice body)
{
    int expected = k->state == STATE_OPENING ? 201 : 200;
    if (k->http.status != expected)
        fail(c, k, "status %d instead of %d: %.*s", k->http.status, expected, (int)(body.n < 120 ? body.n : 120), body.p);
    else if (k->role == ROLE_SENDER)
        sender_is_free(c, k);
    else if (k->state == STATE_OPENING)
        on_session(c, k, body);
    else
        on_poll(c, k, body);
}

/* One line of an event stream: the number comes before the data. */
static void on_sse_line(struct client *c, struct connection *k, const char *p, size_t n)
{
    struct slice value;
    if (n > 3 && memcmp(p, "id:", 3) == 0) {
        value.p = json_space(p + 3, p + n);
        value.n = (size_t)(p + n - value.p);
        k->number_known = json_u64(value, &k->number);
    } else if (n > 5 && memcmp(p, "data:", 5) == 0) {
        value.p = p[5] == ' ' ? p + 6 : p + 5;
        value.n = (size_t)(p + n - value.p);
        on_message(c, k, value);
        if (c->dialect == DIALECT_FOOTBRIDGE && k->number_known && k->number != k->received && k->state != STATE_CLOSED)
            fail(c, k, "event %llu has the id %llu", (unsigned long long)k->received, (unsigned long long)k->number);
        k->number_known = false;
    }
}

/* Both streaming transports are made of lines. Returns how much was understood. */
static size_t on_lines(struct client *c, struct connection *k, const char *p, size_t n)
{
    const char *from = p, *end = p + n, *newline;
    while (k->state != STATE_CLOSED && (newline = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        size_t length = (size_t)(newline - from);
        if (length > 0 && from[length - 1] == '\r')
            length--;
        if (k->transport == TRANSPORT_SSE)
            on_sse_line(c, k, from, length);
        else if (length > 0)
            on_message(c, k, (struct slice){from, length});
        from = newline + 1;
    }
    return (size_t)(from - p);
}

static bool is_streaming(const struct connection *k)
{
    return k->role == ROLE_SUBSCRIBER && k->transport != TRANSPORT_LONGPOLL && k->state != STATE_OPENING
        && k->http.status == 200;
}

/* p..p+kept was decoded before, got more bytes follow raw. Leaves in k->in what is still needed. */
static void on_http_bytes(struct client *c, struct connection *k, char *p, size_t kept, size_t got)
{
    char *start = p, *filled = p + kept, *raw = filled, *end = filled + got;
    while (k->state != STATE_CLOSED) {
        if (k->http.state == HTTP_HEAD) {
            size_t head = http_head_length(start, (size_t)(end - start));
            if (head == 0) {
                filled = end;
                break;
            }
            if (!http_begin(&k->http, start, head)) {
                fail(c, k, "an answer that is not HTTP/1.1: %.40s", start);
                return;
            }
            start = filled = raw = start + head;
            if (is_streaming(k) && c->dialect == DIALECT_RAW)
                became_live(c, k);
        }
        filled = http_decode(&k->http, filled, &raw, end);
        if (filled == NULL) {
            fail(c, k, "broken chunks");
            return;
        }
        if (is_streaming(k)) {
            start += on_lines(c, k, start, (size_t)(filled - start));
            if (k->http.state == HTTP_DONE)
                fail(c, k, "the server ended the stream");
            break;
        }
        if (k->http.state != HTTP_DONE)
            break;
        struct slice body = {start, (size_t)(filled - start)};
        k->http.state = HTTP_HEAD;
        on_whole_body(c, k, body);
        start = filled = raw;
        if (raw == end)
            break;
    }
    if (k->state != STATE_CLOSED)
        bytes_set(&k->in, start, (size_t)(filled - start));
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

void open_session(struct client *c, struct connection *k)
{
    if (k->transport == TRANSPORT_WS) {
        char request[512];
        int n = snprintf(request, sizeof request,
                         "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " HANDSHAKE_KEY "\r\n%s\r\n",
                         c->host_header, c->dialect == DIALECT_FOOTBRIDGE ? "Sec-WebSocket-Protocol: footbridge.v1\r\n" : "");
        k->state = STATE_UPGRADING;
        send_bytes(c, k, request, (size_t)n);
    } else if (c->dialect == DIALECT_FOOTBRIDGE) {
        k->state = STATE_OPENING;
        send_request(c, k, "POST", "/sessions", NULL, "{\"subscribe\":[\"bench\"]}");
    } else {
        attach(c, k);
    }
}

void on_bytes(struct client *c, struct connection *k, char *p, size_t kept, size_t got)
{
    if (k->transport == TRANSPORT_WS) {
        size_t used = on_ws_bytes(c, k, p, kept + got);
        bytes_set(&k->in, p + used, kept + got - used);
    } else {
        on_http_bytes(c, k, p, kept, got);
    }
}
