/*
 * The load generator's connections: subscribers of every transport, the publisher, and the few keep-alive connections
 * that post acknowledgements for the transports that cannot send upwards themselves. One thread, one epoll set.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "hist.h"
#include "http.h"
#include "json.h"
#include "sys.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum transport { TRANSPORT_WS, TRANSPORT_SSE, TRANSPORT_STREAM, TRANSPORT_LONGPOLL };
enum dialect {
    DIALECT_FOOTBRIDGE,     /* sessions, acknowledgements, commands */
    DIALECT_RAW             /* every connection is a subscriber; a WebSocket text goes to everybody else as it is */
};

enum role {
    ROLE_SUBSCRIBER,
    ROLE_PUBLISHER,
    ROLE_SENDER             /* posts acknowledgements of SSE and stream sessions */
};

enum state {
    STATE_UPGRADING,        /* the WebSocket handshake was sent */
    STATE_WELCOMING,        /* waiting for the welcome of a WebSocket */
    STATE_SUBSCRIBING,      /* waiting for the reply to the subscribe command */
    STATE_OPENING,          /* POST /sessions was sent */
    STATE_ATTACHING,        /* the GET of the stream was sent */
    STATE_LIVE,
    STATE_CLOSED
};

struct connection {
    int fd;
    int port;               /* our side's */
    enum role role;
    enum transport transport;
    enum state state;
    bool stalled;           /* stops reading once it is live */
    bool wants_write;
    bool acknowledgement_queued;
    bool number_known;      /* an SSE id line came for the event being read */
    struct http http;
    struct bytes in;        /* read, not understood yet */
    struct bytes out;       /* to be written */
    char session[96];
    uint64_t received;      /* counted values that came down */
    uint64_t acknowledged;
    uint64_t acknowledge_at;    /* a count of received */
    uint64_t unacknowledged_since;
    uint64_t number;        /* of the SSE event being read */
    uint64_t next_sequence; /* of the publisher's numbering, the next to come */
    uint64_t missed;        /* gaps in that numbering not filled since */
};

/* What the connections share. */
struct client {
    enum transport transport;
    enum dialect dialect;
    struct sockaddr_in address;
    char host_header[128];
    int port;
    int wait_seconds;       /* of a long poll */
    int epoll;

    struct connection *subscribers;
    int subscriber_count;
    int stalled_count;      /* the first so many of them */
    struct connection publisher;
    bool idle;              /* connections are held, never published to: no publisher */

    int live;               /* subscribers that read */
    int ready;              /* subscribers that have subscribed, stalled ones too */
    uint64_t now;           /* the clock, as of the last read */

    /* Counted since the start. */
    uint64_t published, delivered, lost, repeated, disordered, closed, errors, acknowledgements;
    uint64_t reads, bytes_in;
    uint64_t owed;          /* deliveries published and not yet seen */
    char first_error[256];

    struct hist latency;
    uint64_t measured_from; /* sequence number: earlier deliveries are not put into the histogram */
};

void client_init(struct client *c);

/* Opens everything and returns when every subscriber is subscribed and the publisher is ready; dies if one cannot. */
void client_open(struct client *c, uint64_t timeout_ns);

/* Handles what is ready, waiting for it at most until `until`; between two events `pump` (may be NULL) gets its turn. */
void client_turn(struct client *c, uint64_t until, void (*pump)(void *), void *argument);

/* Publishes the next message: `payload` bytes of data that say when it was due. */
void client_publish(struct client *c, uint64_t due_ns, size_t payload);

/* Counts what is owed as lost, so that a later phase starts clean. */
void client_write_off(struct client *c);

#endif
