#define _GNU_SOURCE
#include "client.h"

#include "ws.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WORK_SIZE (8u << 20)
#define READ_SIZE (256u << 10)
#define MAX_PAYLOAD (1u << 20)
#define OPENING_AT_ONCE 64
#define SENDERS 4
#define ACKNOWLEDGE_EVERY 64
#define ACKNOWLEDGE_AFTER_NS 4000000000u        /* looked at once a second, so at most 5 s */
#define SWEEP_NS 1000000000u
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static char work[WORK_SIZE];        /* what is being understood: a connection's rest and what was just read */
static struct connection senders[SENDERS];
static struct connection **waiting; /* ring of sessions whose acknowledgement waits for a free sender */
static int waiting_first, waiting_count;
static int timer;
static uint64_t timer_at;           /* when it fires; 0 when it is not set */
static uint64_t next_sweep;
static bool opened;                 /* before that, any failure ends the program */

static void fail(struct client *c, struct connection *k, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- closing ---------------------------------------------------------------------------------------------------- */

static void close_connection(struct client *c, struct connection *k)
{
    if (k->state == STATE_CLOSED)
        return;
    if (k->role == ROLE_SUBSCRIBER && k->state == STATE_LIVE && !k->stalled) {
        uint64_t missing = c->published - (k->next_sequence - 1);
        c->owed -= missing;
        c->lost += missing;
        c->live--;
    }
    k->state = STATE_CLOSED;
    close(k->fd);
    c->closed++;
}

static void fail(struct client *c, struct connection *k, const char *format, ...)
{
    static const char *const roles[] = {"subscriber", "publisher", "acknowledging connection"};
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!opened)
        die("A %s could not be opened: %s.", roles[k->role], text);
    c->errors++;
    if (c->first_error[0] == 0)
        snprintf(c->first_error, sizeof c->first_error, "%s: %s", roles[k->role], text);
    close_connection(c, k);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void watch(struct client *c, struct connection *k, int operation, bool write_too)
{
    /* Edge-triggered, which spares the kernel a second look at each socket that was read. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (write_too ? EPOLLOUT : 0), .data.ptr = k};
    epoll_ctl(c->epoll, operation, k->fd, &event);
    k->wants_write = write_too;
}

static void flush(struct client *c, struct connection *k)
{
    ssize_t n = write(k->fd, k->out.p, k->out.n);
    if (n > 0)
        bytes_drop_front(&k->out, (size_t)n);
    else if (n < 0 && errno != EAGAIN)
        fail(c, k, "writing failed, %s", strerror(errno));
    if (k->state != STATE_CLOSED && k->wants_write != (k->out.n > 0))
        watch(c, k, EPOLL_CTL_MOD, k->out.n > 0);
}

static void send_bytes(struct client *c, struct connection *k, const char *p, size_t n)
{
    bytes_append(&k->out, p, n);
    if (!k->wants_write)
        flush(c, k);
}

static void send_text(struct client *c, struct connection *k, const char *text, size_t n)
{
    static char frame[MAX_PAYLOAD + 1024];
    send_bytes(c, k, frame, ws_masked(frame, WS_TEXT, text, n));
}

static void send_request(struct client *c, struct connection *k, const char *method, const char *target, const char *accept,
                         const char *body)
{
    char request[1024];
    int n;
    if (body == NULL)
        n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n\r\n", method, target,
                     c->host_header, accept);
    else
        n = snprintf(request, sizeof request,
                     "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", method,
                     target, c->host_header, strlen(body), body);
    send_bytes(c, k, request, (size_t)n);
}

/* ---- acknowledging ---------------------------------------------------------------------------------------------- */

static void post_acknowledgement(struct client *c, struct connection *sender, struct connection *k)
{
    char target[160], body[64];
    k->acknowledgement_queued = false;
    k->acknowledged = k->received;
    snprintf(target, sizeof target, "/sessions/%s/send", k->session);
    snprintf(body, sizeof body, "{\"received\":%llu}", (unsigned long long)k->received);
    sender->state = STATE_ATTACHING;
    send_request(c, sender, "POST", target, NULL, body);
}

static void acknowledge(struct client *c, struct connection *k)
{
    c->acknowledgements++;
    k->acknowledge_at = k->received + ACKNOWLEDGE_EVERY;
    if (k->transport == TRANSPORT_WS) {
        char text[64];
        int n = snprintf(text, sizeof text, "{\"op\":\"ack\",\"received\":%llu}", (unsigned long long)k->received);
        k->acknowledged = k->received;
        send_text(c, k, text, (size_t)n);
        return;
    }
    if (k->acknowledgement_queued)
        return;
    for (int i = 0; i < SENDERS; i++) {
        if (senders[i].state == STATE_LIVE) {
            post_acknowledgement(c, &senders[i], k);
            return;
        }
    }
    k->acknowledgement_queued = true;
    waiting[(waiting_first + waiting_count++) % c->subscriber_count] = k;
}

static void sender_is_free(struct client *c, struct connection *sender)
{
    sender->state = STATE_LIVE;
    while (waiting_count > 0 && sender->state == STATE_LIVE) {
        struct connection *k = waiting[waiting_first];
        waiting_first = (waiting_first + 1) % c->subscriber_count;
        waiting_count--;
        if (k->state == STATE_LIVE)
            post_acknowledgement(c, sender, k);
    }
}

/* One more value that the protocol numbers. A long poll acknowledges by its next request. */
static void count(struct client *c, struct connection *k)
{
    if (k->received++ == k->acknowledged)
        k->unacknowledged_since = c->now;
    if (k->received >= k->acknowledge_at && k->transport != TRANSPORT_LONGPOLL)
        acknowledge(c, k);
}

static void sweep_one(struct client *c, struct connection *k)
{
    if (k->state == STATE_LIVE && !k->stalled && k->transport != TRANSPORT_LONGPOLL && k->received > k->acknowledged
        && c->now - k->unacknowledged_since >= ACKNOWLEDGE_AFTER_NS)
        acknowledge(c, k);
}

static void sweep(struct client *c)
{
    next_sweep = c->now + SWEEP_NS;
    if (c->dialect != DIALECT_FOOTBRIDGE)
        return;
    for (int i = 0; i < c->subscriber_count; i++)
        sweep_one(c, &c->subscribers[i]);
    sweep_one(c, &c->publisher);
}

/* ---- understanding messages ------------------------------------------------------------------------------------- */

static void became_live(struct client *c, struct connection *k)
{
    k->state = STATE_LIVE;
    if (k->role != ROLE_SUBSCRIBER)
        return;
    c->ready++;
    k->next_sequence = c->published + 1;
    if (k->stalled)
        epoll_ctl(c->epoll, EPOLL_CTL_DEL, k->fd, NULL);
    else
        c->live++;
}

/* A published message, which carries its sequence number and when it was due: ..."seq":17,"sent":123456789,... */
static void deliver(struct client *c, struct connection *k, struct slice v)
{
    static const char mark[] = "\"seq\":", sent_mark[] = ",\"sent\":";
    const char *end = v.p + v.n;
    const char *p = memmem(v.p, v.n, mark, sizeof mark - 1);
    uint64_t sequence = 0, sent = 0;
    if (p != NULL) {
        p += sizeof mark - 1;
        while (p < end && *p >= '0' && *p <= '9')
            sequence = sequence * 10 + (uint64_t)(*p++ - '0');
        size_t n = sizeof sent_mark - 1;
        if ((size_t)(end - p) > n && memcmp(p, sent_mark, n) == 0)
            json_u64((struct slice){p + n, (size_t)(end - p) - n}, &sent);
    }
    if (sent == 0 || sequence > c->published) {
        fail(c, k, "a message that was not published here: %.*s", (int)(v.n < 120 ? v.n : 120), v.p);
        return;
    }
    if (sequence < k->next_sequence) {
        if (k->missed > 0) {
            k->missed--;
            c->lost--;
            c->disordered++;
        } else {
            c->repeated++;
        }
        return;
    }
    uint64_t gap = sequence - k->next_sequence;
    if (gap > 0) {
        k->missed += gap;
        c->lost += gap;
    }
    k->next_sequence = sequence + 1;
    c->owed -= gap + 1;
    c->delivered++;
    if (sequence >= c->measured_from)
        hist_add(&c->latency, c->now > sent ? c->now - sent : 0);
}

static void on_reply(struct client *c, struct connection *k, struct slice v)
{
    struct slice error;
    if (json_member(v, "error", &error))
        fail(c, k, "the server answered with the error %.*s", (int)error.n, error.p);
    else if (k->state == STATE_SUBSCRIBING)
        became_live(c, k);
}

static void on_welcome(struct client *c, struct connection *k)
{
    static const char subscribe[] = "{\"op\":\"subscribe\",\"id\":1,\"channel\":\"bench\"}";
    if (k->state == STATE_WELCOMING && k->role == ROLE_SUBSCRIBER) {
        k->state = STATE_SUBSCRIBING;
        send_text(c, k, subscribe, sizeof subscribe - 1);
    } else if (k->state == STATE_WELCOMING || k->state == STATE_ATTACHING) {
        became_live(c, k);
    }
}

/* One value of the footbridge dialect. */
static void on_value(struct client *c, struct connection *k, struct slice v)
{
    static const char message[] = "{\"op\":\"message\"", pong[] = "{\"op\":\"pong\"}";
    if (v.n > sizeof message && memcmp(v.p, message, sizeof message - 1) == 0) {
        count(c, k);
        deliver(c, k, v);
        return;
    }
    struct slice op;
    if (!json_member(v, "op", &op)) {
        fail(c, k, "a value without op: %.*s", (int)(v.n < 120 ? v.n : 120), v.p);
    } else if (json_is(op, "message")) {
        count(c, k);
        deliver(c, k, v);
    } else if (json_is(op, "welcome")) {
        on_welcome(c, k);
    } else if (json_is(op, "ping")) {
        if (k->transport == TRANSPORT_WS)
            send_text(c, k, pong, sizeof pong - 1);
    } else if (json_is(op, "bye")) {
        fail(c, k, "the server said %.*s", (int)v.n, v.p);
    } else if (!json_is(op, "ack") && !json_is(op, "pong")) {
        count(c, k);
        if (json_is(op, "reply"))
            on_reply(c, k, v);
        else
            fail(c, k, "an unexpected value: %.*s", (int)(v.n < 120 ? v.n : 120), v.p);
    }
}

static void on_message(struct client *c, struct connection *k, struct slice v)
{
    if (c->dialect == DIALECT_FOOTBRIDGE)
        on_value(c, k, v);
    else if (k->role == ROLE_SUBSCRIBER)
        deliver(c, k, v);
}

/* ---- WebSocket -------------------------------------------------------------------------------------------------- */

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

/* ---- HTTP transports -------------------------------------------------------------------------------------------- */

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

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Returns whether there may be more to read. */
static bool read_once(struct client *c, struct connection *k)
{
    size_t kept = k->in.n;
    if (kept + READ_SIZE > WORK_SIZE) {
        fail(c, k, "a message of more than %u bytes", WORK_SIZE - READ_SIZE);
        return false;
    }
    if (kept > 0)
        memcpy(work, k->in.p, kept);
    ssize_t got = read(k->fd, work + kept, READ_SIZE);
    c->now = now_ns();
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0) {
        fail(c, k, got == 0 ? "the server closed the connection" : "the connection was lost");
        return false;
    }
    c->reads++;
    c->bytes_in += (uint64_t)got;
    if (k->transport == TRANSPORT_WS) {
        size_t used = on_ws_bytes(c, k, work, kept + (size_t)got);
        bytes_set(&k->in, work + used, kept + (size_t)got - used);
    } else {
        on_http_bytes(c, k, work, kept, (size_t)got);
    }
    return k->state != STATE_CLOSED && !(k->stalled && k->state == STATE_LIVE) && got == READ_SIZE;
}

static void on_readable(struct client *c, struct connection *k, bool ended)
{
    while (read_once(c, k) || (ended && k->state != STATE_CLOSED))
        ;       /* a short read has emptied the socket, unless the other side's end is still to be seen */
}

static void arm_timer(uint64_t at)
{
    if (at == timer_at)
        return;
    timer_at = at;
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at / 1000000000u), .tv_nsec = (long)(at % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void client_turn(struct client *c, uint64_t until, void (*pump)(void *), void *argument)
{
    struct epoll_event events[128];
    arm_timer(until < next_sweep ? until : next_sweep);
    int n = epoll_wait(c->epoll, events, 128, -1);
    c->now = now_ns();
    for (int i = 0; i < n; i++) {
        struct connection *k = events[i].data.ptr;
        if (k == NULL) {
            uint64_t expirations;
            if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
                die("Reading the timer failed: %s.", strerror(errno));
            timer_at = 0;
        } else if (k->state != STATE_CLOSED) {
            if (events[i].events & EPOLLOUT)
                flush(c, k);
            if (k->state != STATE_CLOSED && (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                on_readable(c, k, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
        }
        if (pump != NULL)
            pump(argument);
    }
    if (c->now >= next_sweep)
        sweep(c);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static void open_connection(struct client *c, struct connection *k)
{
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (k->fd < 0)
        die("No socket: %s.", strerror(errno));
    if (k->stalled) {
        /* As from afar: small packets and a small window, so that little fits into the kernel's buffers. */
        int small = 4096, segment = 1400;
        setsockopt(k->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        setsockopt(k->fd, IPPROTO_TCP, 2 /* TCP_MAXSEG */, &segment, sizeof segment);
    }
    if (connect(k->fd, (struct sockaddr *)&c->address, sizeof c->address) != 0)
        die("Connecting to %s failed: %s.", c->host_header, strerror(errno));
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    getsockname(k->fd, (struct sockaddr *)&own, &length);
    k->port = ntohs(own.sin_port);
    set_nonblocking(k->fd);
    set_nodelay(k->fd);
    watch(c, k, EPOLL_CTL_ADD, false);
}

static void open_session(struct client *c, struct connection *k)
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

void client_init(struct client *c)
{
    prctl(PR_SET_TIMERSLACK, 1);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(c->epoll, EPOLL_CTL_ADD, timer, &event);
    c->now = now_ns();
    next_sweep = c->now + SWEEP_NS;
    hist_reset(&c->latency);

    c->subscribers = calloc((size_t)c->subscriber_count, sizeof *c->subscribers);
    waiting = calloc((size_t)c->subscriber_count, sizeof *waiting);
    if (c->subscribers == NULL || waiting == NULL)
        die("Out of memory.");
    for (int i = 0; i < c->subscriber_count; i++) {
        struct connection *k = &c->subscribers[i];
        k->role = ROLE_SUBSCRIBER;
        k->transport = c->transport;
        k->stalled = i < c->stalled_count;
        k->acknowledge_at = 1 + (uint64_t)i % ACKNOWLEDGE_EVERY;    /* or all would acknowledge the same message */
    }
    c->publisher.role = ROLE_PUBLISHER;
    c->publisher.transport = TRANSPORT_WS;
    c->publisher.acknowledge_at = ACKNOWLEDGE_EVERY;
}

void client_open(struct client *c, uint64_t timeout_ns)
{
    uint64_t deadline = c->now + timeout_ns;
    int started = 0;
    if (c->dialect == DIALECT_FOOTBRIDGE && (c->transport == TRANSPORT_SSE || c->transport == TRANSPORT_STREAM)) {
        for (int i = 0; i < SENDERS; i++) {
            senders[i].role = ROLE_SENDER;
            senders[i].transport = c->transport;
            senders[i].state = STATE_LIVE;
            open_connection(c, &senders[i]);
        }
    }
    while (c->ready < c->subscriber_count) {
        while (started < c->subscriber_count && started - c->ready < OPENING_AT_ONCE) {
            open_connection(c, &c->subscribers[started]);
            open_session(c, &c->subscribers[started++]);
        }
        if (c->now > deadline)
            die("Only %d of %d subscribers were ready after %llu s.", c->ready, c->subscriber_count,
                (unsigned long long)(timeout_ns / 1000000000u));
        client_turn(c, deadline + 1, NULL, NULL);
    }
    if (!c->idle) {
        open_connection(c, &c->publisher);
        open_session(c, &c->publisher);
        while (c->publisher.state != STATE_LIVE && c->now <= deadline)
            client_turn(c, deadline + 1, NULL, NULL);
        if (c->publisher.state != STATE_LIVE)
            die("The publisher was not ready after %llu s.", (unsigned long long)(timeout_ns / 1000000000u));
    }
    opened = true;
}

/* ---- publishing ------------------------------------------------------------------------------------------------- */

void client_publish(struct client *c, uint64_t due_ns, size_t payload)
{
    static char text[MAX_PAYLOAD + 256];
    size_t n = 0;
    c->published++;
    unsigned long long sequence = c->published;
    if (c->dialect == DIALECT_FOOTBRIDGE)
        n = (size_t)sprintf(text, "{\"op\":\"publish\",\"id\":%llu,\"channel\":\"bench\",\"data\":", sequence);
    size_t from = n;
    n += (size_t)sprintf(text + n, "{\"seq\":%llu,\"sent\":%llu,\"pad\":\"", sequence, (unsigned long long)due_ns);
    size_t used = n - from + 2;
    if (used < payload) {
        memset(text + n, 'x', payload - used);
        n += payload - used;
    }
    text[n++] = '"';
    text[n++] = '}';
    if (c->dialect == DIALECT_FOOTBRIDGE)
        text[n++] = '}';
    c->owed += (uint64_t)c->live;
    send_text(c, &c->publisher, text, n);
}

void client_write_off(struct client *c)
{
    for (int i = 0; i < c->subscriber_count; i++) {
        struct connection *k = &c->subscribers[i];
        if (k->state != STATE_LIVE || k->stalled)
            continue;
        uint64_t missing = c->published + 1 - k->next_sequence;
        k->missed += missing;
        c->lost += missing;
        k->next_sequence += missing;
    }
    c->owed = 0;
}
