/* What the server says, once a transport has cut it into values: counting, acknowledging, checking, timing. */
#define _GNU_SOURCE
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define ACKNOWLEDGE_AFTER_NS 4000000000u        /* looked at once a second, so at most 5 s */

static struct connection senders[SENDERS];
static struct connection **waiting; /* ring of sessions whose acknowledgement waits for a free sender */
static int waiting_first, waiting_count;

/* ---- acknowledging ------------------------------------------------------------------------------------------------ */

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

void sender_is_free(struct client *c, struct connection *sender)
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

static void acknowledge_if_old(struct client *c, struct connection *k)
{
    if (k->state == STATE_LIVE && !k->stalled && k->transport != TRANSPORT_LONGPOLL && k->received > k->acknowledged
        && c->now - k->unacknowledged_since >= ACKNOWLEDGE_AFTER_NS)
        acknowledge(c, k);
}

void acknowledge_old(struct client *c)
{
    if (c->dialect != DIALECT_FOOTBRIDGE)
        return;
    for (int i = 0; i < c->subscriber_count; i++)
        acknowledge_if_old(c, &c->subscribers[i]);
    acknowledge_if_old(c, &c->publisher);
}

void messages_init(struct client *c)
{
    waiting = calloc((size_t)c->subscriber_count, sizeof *waiting);
    if (waiting == NULL)
        die("Out of memory.");
}

void open_senders(struct client *c)
{
    if (c->dialect != DIALECT_FOOTBRIDGE || (c->transport != TRANSPORT_SSE && c->transport != TRANSPORT_STREAM))
        return;
    for (int i = 0; i < SENDERS; i++) {
        senders[i].role = ROLE_SENDER;
        senders[i].transport = c->transport;
        senders[i].state = STATE_LIVE;
        open_connection(c, &senders[i]);
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

void became_live(struct client *c, struct connection *k)
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

void on_message(struct client *c, struct connection *k, struct slice v)
{
    if (c->dialect == DIALECT_FOOTBRIDGE)
        on_value(c, k, v);
    else if (k->role == ROLE_SUBSCRIBER)
        deliver(c, k, v);
}
