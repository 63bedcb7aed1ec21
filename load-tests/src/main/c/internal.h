/* What the parts of the client know of each other: client.c moves bytes, transports.c cuts them into values, messages.c
 * understands these. */
#ifndef INTERNAL_H
#define INTERNAL_H

#include "client.h"

#define SENDERS 4
#define ACKNOWLEDGE_EVERY 64

/* client.c */

/* Notes what went wrong and closes the connection; ends the program while connections are still being opened. */
void fail(struct client *c, struct connection *k, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes now what the kernel takes, the rest when it is ready. */
void send_bytes(struct client *c, struct connection *k, const char *p, size_t n);
void send_text(struct client *c, struct connection *k, const char *text, size_t n);
/* A body means JSON; without one, `accept` tells what is wanted. */
void send_request(struct client *c, struct connection *k, const char *method, const char *target, const char *accept,
                  const char *body);
void open_connection(struct client *c, struct connection *k);

/* transports.c */

/* Sends the first request of a connection. */
void open_session(struct client *c, struct connection *k);
/* Takes what a connection has read: `kept` bytes that were left of k->in, then `got` new ones. Sets k->in to what is still needed. */
void on_bytes(struct client *c, struct connection *k, char *p, size_t kept, size_t got);

/* messages.c */

void messages_init(struct client *c);
/* Opens the connections that post acknowledgements, if the transport needs them. */
void open_senders(struct client *c);
void became_live(struct client *c, struct connection *k);
void on_message(struct client *c, struct connection *k, struct slice v);
/* A sender's request was answered. */
void sender_is_free(struct client *c, struct connection *sender);
/* Acknowledges what has waited long enough; to be called about once a second. */
void acknowledge_old(struct client *c);

#endif
