#define _GNU_SOURCE
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t http_head_length(const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    return end == NULL ? 0 : (size_t)(end - p) + 4;
}

const char *http_header(const char *head, size_t n, const char *name, size_t *value_length)
{
    const char *end = head + n;
    size_t name_length = strlen(name);
    const char *line = memchr(head, '\n', n);
    while (line != NULL && ++line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = next == NULL ? end : next;
        if ((size_t)(line_end - line) > name_length && line[name_length] == ':'
            && strncasecmp(line, name, name_length) == 0) {
            const char *value = line + name_length + 1;
            while (value < line_end && *value == ' ')
                value++;
            while (line_end > value && (line_end[-1] == '\r' || line_end[-1] == ' '))
                line_end--;
            *value_length = (size_t)(line_end - value);
            return value;
        }
        line = next;
    }
    return NULL;
}

bool http_begin(struct http *h, const char *head, size_t n)
{
    memset(h, 0, sizeof *h);
    if (n < 12 || memcmp(head, "HTTP/1.", 7) != 0)
        return false;
    h->status = atoi(head + 9);
    size_t length;
    const char *value;
    if (h->status == 101 || h->status == 204 || h->status == 304) {
        h->state = HTTP_DONE;
    } else if ((value = http_header(head, n, "transfer-encoding", &length)) != NULL) {
        if (length != 7 || strncasecmp(value, "chunked", 7) != 0)
            return false;
        h->state = HTTP_CHUNK_SIZE;
    } else if ((value = http_header(head, n, "content-length", &length)) != NULL) {
        h->left = strtoull(value, NULL, 10);
        h->state = h->left > 0 ? HTTP_LENGTH : HTTP_DONE;
    } else {
        h->state = HTTP_UNTIL_CLOSE;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of "1a;extension\r\n". False if it cannot be there. */
static bool size_line(struct http *h, char c)
{
    if (c == '\n') {
        h->state = h->left > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILER;
        h->size_done = false;
        h->line = 0;
        return true;
    }
    int digit = h->size_done ? -1 : hex_digit(c);
    if (digit >= 0) {
        h->left = h->left * 16 + (uint64_t)digit;
        return h->left < ((uint64_t)1 << 40);
    }
    if (!h->size_done && c != ';' && c != '\r' && c != ' ')
        return false;
    h->size_done = true;
    return true;
}

char *http_decode(struct http *h, char *to, char **raw, char *end)
{
    char *p = *raw;
    while (p < end && h->state != HTTP_DONE) {
        size_t take;
        switch (h->state) {
        case HTTP_CHUNK_SIZE:
            if (!size_line(h, *p++))
                return NULL;
            break;
        case HTTP_LENGTH:
        case HTTP_CHUNK_DATA:
            take = (size_t)(end - p) < h->left ? (size_t)(end - p) : (size_t)h->left;
            if (to != p)
                memmove(to, p, take);
            to += take;
            p += take;
            h->left -= take;
            if (h->left == 0)
                h->state = h->state == HTTP_LENGTH ? HTTP_DONE : HTTP_CHUNK_END;
            break;
        case HTTP_CHUNK_END:
            if (*p != '\r' && *p != '\n')
                return NULL;
            if (*p++ == '\n')
                h->state = HTTP_CHUNK_SIZE;
            break;
        case HTTP_TRAILER:
            if (*p == '\n') {
                if (h->line == 0)
                    h->state = HTTP_DONE;
                h->line = 0;
            } else if (*p != '\r') {
                h->line++;
            }
            p++;
            break;
        case HTTP_UNTIL_CLOSE:
            take = (size_t)(end - p);
            if (to != p)
                memmove(to, p, take);
            to += take;
            p = end;
            break;
        default:
            return NULL;
        }
    }
    *raw = p;
    return to;
}
