/*
 * The floor: what fan-out costs a program that does nothing else. One thread, one epoll set, the message encoded once,
 * one write() for each delivery. No sessions, no acknowledgements, no authentication: a bound for servers to be compared
 * with, not a server to be used.
 *
 *   GET /ws      WebSocket; a text message goes to everybody else
 *   GET /sse     Server-Sent Events
 *   GET /stream  one message a line, in chunks
 *   GET /poll?after=N&wait=S   long poll; without `after` it tells at once where the numbering stands
 *
 * `floor --calibrate` instead measures the machine: a fixed loop of arithmetic, and a fixed number of small writes and
 * reads over loopback TCP. Both vary with what else the machine is doing.
 */
#define _GNU_SOURCE
#include "http.h"
#include "sys.h"
#include "ws.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (256u << 10)
#define MAX_PENDING (1u << 20)      /* of a peer that does not read: then it is dropped */
#define LOG_SIZE 1024               /* messages kept for polls that are between two requests */
#define SECOND 1000000000ull

enum kind { KIND_HTTP, KIND_WS, KIND_SSE, KIND_STREAM, KIND_POLL, KIND_CLOSED };
#define KINDS KIND_CLOSED

struct peer {
    int fd;
    enum kind kind;
    int place;              /* in its kind's list */
    bool wants_write;
    struct bytes in, out;
    uint64_t after;         /* of the poll that it holds */
    uint64_t poll_until;
};

struct list {
    struct peer **p;
    int n, room;
};

static int epoll;
static struct list peers[KINDS];
static char work[READ_SIZE * 5];
static struct bytes history[LOG_SIZE];
static uint64_t top;        /* number of the last message */

/* ---- peers ------------------------------------------------------------------------------------------------------ */

static void list_add(struct list *list, struct peer *peer)
{
    if (list->n == list->room) {
        list->room = list->room == 0 ? 64 : list->room * 2;
        list->p = realloc(list->p, (size_t)list->room * sizeof *list->p);
        if (list->p == NULL)
            die("Out of memory.");
    }
    peer->place = list->n;
    list->p[list->n++] = peer;
}

static void list_remove(struct list *list, struct peer *peer)
{
    struct peer *last = list->p[--list->n];
    list->p[peer->place] = last;
    last->place = peer->place;
}

static void become(struct peer *peer, enum kind kind)
{
    list_remove(&peers[peer->kind], peer);
    peer->kind = kind;
    if (kind != KIND_CLOSED)
        list_add(&peers[kind], peer);
}

/* A peer's memory is not given back at once: an event for it may still be waiting in the same batch. */
static void drop(struct peer *peer)
{
    if (peer->kind == KIND_CLOSED)
        return;
    become(peer, KIND_CLOSED);
    close(peer->fd);
    free(peer->in.p);
    free(peer->out.p);
    memset(&peer->in, 0, sizeof peer->in);
    memset(&peer->out, 0, sizeof peer->out);
}

static void watch(struct peer *peer, int operation)
{
    peer->wants_write = peer->out.n > 0;
    struct epoll_event event = {.events = EPOLLIN | (peer->wants_write ? EPOLLOUT : 0), .data.ptr = peer};
    epoll_ctl(epoll, operation, peer->fd, &event);
}

/* One write(); only what the kernel does not take is copied. Returns false if the peer was dropped. */
static bool deliver(struct peer *peer, const char *p, size_t n)
{
    ssize_t written = peer->out.n > 0 ? 0 : write(peer->fd, p, n);
    if (written == (ssize_t)n)
        return true;
    if (written < 0 && errno == EAGAIN)
        written = 0;
    if (written < 0 || peer->out.n + n > MAX_PENDING) {
        drop(peer);
        return false;
    }
    bytes_append(&peer->out, p + written, n - (size_t)written);
    if (!peer->wants_write)
        watch(peer, EPOLL_CTL_MOD);
    return true;
}

static void flush(struct peer *peer)
{
    if (peer->out.n > 0) {
        ssize_t n = write(peer->fd, peer->out.p, peer->out.n);
        if (n > 0)
            bytes_drop_front(&peer->out, (size_t)n);
        else if (n < 0 && errno != EAGAIN) {
            drop(peer);
            return;
        }
    }
    if (peer->wants_write != (peer->out.n > 0))
        watch(peer, EPOLL_CTL_MOD);
}

/* ---- broadcasting ----------------------------------------------------------------------------------------------- */

/* What is new for a poller, as a whole answer. */
static void poll_answer(struct bytes *answer, uint64_t after)
{
    static struct bytes body;
    char text[160];
    uint64_t first = after + 1;
    if (top >= LOG_SIZE && first + LOG_SIZE <= top)
        first = top - LOG_SIZE + 1;     /* the poller came too late: it sees the gap in the numbering */
    bytes_set(&body, text, (size_t)sprintf(text, "{\"first\":%llu,\"messages\":[", (unsigned long long)first));
    for (uint64_t i = first; i <= top; i++) {
        if (i > first)
            bytes_append(&body, ",", 1);
        bytes_append(&body, history[i % LOG_SIZE].p, history[i % LOG_SIZE].n);
    }
    bytes_append(&body, "]}", 2);
    bytes_set(answer, text, (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.n));
    bytes_append(answer, body.p, body.n);
}

static void deliver_to_polls(void)
{
    static struct bytes answer;
    uint64_t answer_after = UINT64_MAX;
    struct list *polls = &peers[KIND_POLL];
    for (int i = polls->n - 1; i >= 0; i--) {
        struct peer *peer = polls->p[i];
        if (peer->after != answer_after) {
            answer_after = peer->after;
            poll_answer(&answer, answer_after);
        }
        if (deliver(peer, answer.p, answer.n))
            become(peer, KIND_HTTP);
    }
}

static void deliver_to_all(struct list *list, const struct peer *except, const struct bytes *encoded)
{
    for (int i = list->n - 1; i >= 0; i--)      /* downwards: a dropped peer's place is taken by the last one */
        if (list->p[i] != except)
            deliver(list->p[i], encoded->p, encoded->n);
}

static void broadcast(const struct peer *from, const char *p, size_t n)
{
    static struct bytes encoded;
    char head[32];
    top++;
    bytes_set(&history[top % LOG_SIZE], p, n);

    bytes_set(&encoded, head, ws_head(head, WS_TEXT, n));
    bytes_append(&encoded, p, n);
    deliver_to_all(&peers[KIND_WS], from, &encoded);

    if (peers[KIND_SSE].n > 0) {
        bytes_set(&encoded, head, (size_t)sprintf(head, "%zx\r\ndata: ", n + 8));
        bytes_append(&encoded, p, n);
        bytes_append(&encoded, "\n\n\r\n", 4);
        deliver_to_all(&peers[KIND_SSE], from, &encoded);
    }
    if (peers[KIND_STREAM].n > 0) {
        bytes_set(&encoded, head, (size_t)sprintf(head, "%zx\r\n", n + 1));
        bytes_append(&encoded, p, n);
        bytes_append(&encoded, "\n\r\n", 3);
        deliver_to_all(&peers[KIND_STREAM], from, &encoded);
    }
    deliver_to_polls();
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static void answer_text(struct peer *peer, const char *text)
{
    deliver(peer, text, strlen(text));
}

static void upgrade(struct peer *peer, const char *head, size_t n)
{
    size_t length;
    const char *key = http_header(head, n, "sec-websocket-key", &length);
    if (key == NULL) {
        answer_text(peer, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    char accept[WS_ACCEPT_LENGTH + 1], text[256];
    ws_accept(key, length, accept);
    snprintf(text, sizeof text,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    become(peer, KIND_WS);
    answer_text(peer, text);
}

static void begin_stream(struct peer *peer, enum kind kind, const char *type)
{
    char text[192];
    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n", type);
    become(peer, kind);
    answer_text(peer, text);
}

static void begin_poll(struct peer *peer, const char *head, size_t n)
{
    const char *line_end = memchr(head, '\r', n);
    const char *after = memmem(head, (size_t)(line_end - head), "after=", 6);
    const char *wait = memmem(head, (size_t)(line_end - head), "wait=", 5);
    peer->after = after == NULL ? top : strtoull(after + 6, NULL, 10);
    peer->poll_until = now_ns() + (wait == NULL ? 0 : strtoull(wait + 5, NULL, 10) * SECOND);
    if (after == NULL || peer->after < top) {
        static struct bytes answer;
        poll_answer(&answer, peer->after);
        deliver(peer, answer.p, answer.n);
    } else {
        become(peer, KIND_POLL);
    }
}

static void on_request(struct peer *peer, const char *head, size_t n)
{
    if (memcmp(head, "GET /ws ", 8) == 0)
        upgrade(peer, head, n);
    else if (memcmp(head, "GET /sse ", 9) == 0)
        begin_stream(peer, KIND_SSE, "text/event-stream");
    else if (memcmp(head, "GET /stream ", 12) == 0)
        begin_stream(peer, KIND_STREAM, "application/x-ndjson");
    else if (memcmp(head, "GET /poll ", 10) == 0 || memcmp(head, "GET /poll?", 10) == 0)
        begin_poll(peer, head, n);
    else
        answer_text(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

static size_t on_frames(struct peer *peer, char *p, size_t n)
{
    size_t used = 0, length;
    struct ws_frame frame;
    while (peer->kind == KIND_WS && (length = ws_read(p + used, n - used, &frame)) > 0) {
        used += length;
        if (frame.opcode == WS_TEXT)
            broadcast(peer, frame.payload, frame.length);
        else if (frame.opcode == WS_CLOSE)
            drop(peer);
    }
    return used;
}

static void on_readable(struct peer *peer)
{
    size_t kept = peer->in.n;
    if (kept + READ_SIZE > sizeof work) {
        drop(peer);
        return;
    }
    if (kept > 0)
        memcpy(work, peer->in.p, kept);
    ssize_t got = read(peer->fd, work + kept, READ_SIZE);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(peer);
        return;
    }
    size_t n = kept + (size_t)got, used = 0, head;
    while (peer->kind == KIND_HTTP && (head = http_head_length(work + used, n - used)) > 0) {
        on_request(peer, work + used, head);
        used += head;
    }
    if (peer->kind == KIND_WS)
        used += on_frames(peer, work + used, n - used);
    if (peer->kind != KIND_CLOSED)
        bytes_set(&peer->in, work + used, n - used);
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        set_nodelay(fd);
        struct peer *peer = calloc(1, sizeof *peer);
        if (peer == NULL)
            die("Out of memory.");
        peer->fd = fd;
        peer->kind = KIND_HTTP;
        list_add(&peers[KIND_HTTP], peer);
        watch(peer, EPOLL_CTL_ADD);
    }
}

static void end_old_polls(void)
{
    uint64_t now = now_ns();
    struct list *polls = &peers[KIND_POLL];
    for (int i = polls->n - 1; i >= 0; i--) {
        struct peer *peer = polls->p[i];
        if (now >= peer->poll_until) {
            become(peer, KIND_HTTP);
            answer_text(peer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}");
        }
    }
}

static _Noreturn void serve(int port)
{
    raise_descriptor_limit(15000);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = resolve("127.0.0.1", port);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
        die("Listening on 127.0.0.1:%d failed: %s.", port, strerror(errno));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[128];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    fprintf(stderr, "http://127.0.0.1:%d\n", port);
    uint64_t next_look = now_ns() + SECOND;
    for (;;) {
        int n = epoll_wait(epoll, events, 128, 1000);
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer == NULL) {
                accept_all(listener);
                continue;
            }
            if (peer->kind != KIND_CLOSED && (events[i].events & EPOLLOUT))
                flush(peer);
            if (peer->kind != KIND_CLOSED && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                on_readable(peer);
        }
        if (now_ns() >= next_look) {
            end_old_polls();
            next_look = now_ns() + SECOND;
        }
    }
}

/* ---- calibration ------------------------------------------------------------------------------------------------ */

static uint64_t arithmetic_ns(void)
{
    uint64_t start = now_ns(), x = 88172645463325252ull;
    for (int i = 0; i < 100000000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    volatile uint64_t used = x;
    (void)used;
    return now_ns() - start;
}

static uint64_t loopback_ns(void)
{
    enum { TIMES = 50000 };
    char message[128] = {0};
    int listener = socket(AF_INET, SOCK_STREAM, 0), in, out = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = resolve("127.0.0.1", 0);
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&address, &length) != 0
        || connect(out, (struct sockaddr *)&address, length) != 0 || (in = accept(listener, NULL, NULL)) < 0)
        die("A loopback connection failed: %s.", strerror(errno));
    set_nodelay(out);
    uint64_t start = now_ns();
    for (int i = 0; i < TIMES; i++)
        if (write(out, message, sizeof message) != sizeof message || read(in, message, sizeof message) != sizeof message)
            die("Loopback did not carry a small message in one piece.");
    return (now_ns() - start) / TIMES;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--calibrate") == 0) {
        unsigned long long arithmetic = arithmetic_ns(), loopback = loopback_ns();
        printf("{\"arithmetic_ms\":%.1f,\"loopback_write_read_ns\":%llu}\n", (double)arithmetic / 1e6, loopback);
        return 0;
    }
    if (argc != 3 || strcmp(argv[1], "--port") != 0 || atoi(argv[2]) < 1 || atoi(argv[2]) > 65535)
        die("floor --port PORT, or floor --calibrate");
    serve(atoi(argv[2]));
}
