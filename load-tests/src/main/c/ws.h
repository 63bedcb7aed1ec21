/* WebSocket (RFC 6455): the handshake's key and the framing, for a client and for a server. */
#ifndef WS_H
#define WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#define WS_ACCEPT_LENGTH 28
#define WS_MAX_HEAD 14

/* The Sec-WebSocket-Accept value for a Sec-WebSocket-Key; `out` takes WS_ACCEPT_LENGTH characters and a zero. */
void ws_accept(const char *key, size_t key_length, char out[WS_ACCEPT_LENGTH + 1]);

struct ws_frame {
    bool fin;
    enum ws_opcode opcode;
    char *payload;
    size_t length;
};

/* Reads the frame at p and unmasks it in place. Returns its whole length, 0 if it is not complete yet. */
size_t ws_read(char *p, size_t n, struct ws_frame *frame);

/* Writes a server's frame head (no mask); returns its length. */
size_t ws_head(char *out, enum ws_opcode opcode, size_t length);

/* Writes a client's whole frame, masked; `out` has room for WS_MAX_HEAD + length. Returns its length. */
size_t ws_masked(char *out, enum ws_opcode opcode, const char *payload, size_t length);

#endif
