/* Moves the bytes: sockets, the epoll set and its timer, opening and closing, and the publisher. */
#define _GNU_SOURCE
#include "internal.h"

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
#define SWEEP_NS 1000000000u

static char work[WORK_SIZE];        /* what is being understood: a connection's rest and what was just read */
static int timer;
static uint64_t timer_at;           /* when it fires; 0 when it is not set */
static uint64_t next_sweep;
static bool opened;                 /* before that, any failure ends the program */

/* ---- closing ------------------------------------------------------------------------------------------------------ */

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

void fail(struct client *c, struct connection *k, const char *format, ...)
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

/* ---- writing ------------------------------------------------------------------------------------------------------ */

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

void send_bytes(struct client *c, struct connection *k, const char *p, size_t n)
{
    bytes_append(&k->out, p, n);
    if (!k->wants_write)
        flush(c, k);
}

void send_text(struct client *c, struct connection *k, const char *text, size_t n)
{
    static char frame[MAX_PAYLOAD + 1024];
    send_bytes(c, k, frame, ws_masked(frame, WS_TEXT, text, n));
}

void send_request(struct client *c, struct connection *k, const char *method, const char *target, const char *accept,
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

/* ---- reading ------------------------------------------------------------------------------------------------------ */

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
    on_bytes(c, k, work, kept, (size_t)got);
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
    if (c->now >= next_sweep) {
        next_sweep = c->now + SWEEP_NS;
        acknowledge_old(c);
    }
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

void open_connection(struct client *c, struct connection *k)
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
    if (c->subscribers == NULL)
        die("Out of memory.");
    messages_init(c);
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
    open_senders(c);
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

/* ---- publishing --------------------------------------------------------------------------------------------------- */

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
