/* Reading HTTP/1.1 answers: the head at once, the body decoded in place as its bytes arrive. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_state { HTTP_HEAD, HTTP_LENGTH, HTTP_CHUNK_SIZE, HTTP_CHUNK_DATA, HTTP_CHUNK_END, HTTP_TRAILER, HTTP_UNTIL_CLOSE, HTTP_DONE };

/* All zero is the state before an answer. */
struct http {
    enum http_state state;
    int status;
    uint64_t left;      /* bytes left of the body or of the chunk; while a size line is read, the size so far */
    bool size_done;     /* the size line's digits are over: an extension or the line's end follows */
    unsigned line;      /* characters in the trailer line so far */
};

/* The length of the head at the start of p, up to and with its empty line, or 0 if it is not complete yet. */
size_t http_head_length(const char *p, size_t n);

/* The value of a header in a complete head, or NULL; the name is compared without regard to case. */
const char *http_header(const char *head, size_t n, const char *name, size_t *value_length);

/* Takes a complete head: sets status and how the body is framed. False if it is not an HTTP/1.1 answer. */
bool http_begin(struct http *h, const char *head, size_t n);

/*
 * Decodes the body bytes raw..end to `to`, where to <= *raw, and moves *raw past what was taken: all of it,
 * unless the body ended (state HTTP_DONE). Returns the end of the decoded bytes, or NULL if the framing is broken.
 */
char *http_decode(struct http *h, char *to, char **raw, char *end);

#endif
