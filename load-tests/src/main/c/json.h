/*
 * Just enough JSON to read a server's messages without parsing all of them: values are stepped over, not built.
 * The input is trusted to be JSON; broken input is reported as "not found", never read beyond its end.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *p;
    size_t n;
};

/* The end of the value that starts at p (white space before it is skipped), or NULL if it is cut short. */
const char *json_skip(const char *p, const char *end);

/* The first character at or after p that is not white space. */
const char *json_space(const char *p, const char *end);

/* The value of a member of the object `v` itself (not of objects within it). Strings come with their quotes. */
bool json_member(struct slice v, const char *name, struct slice *out);

/* Whether the value is this string, written without escapes. */
bool json_is(struct slice v, const char *string);

/* The unsigned integer that `v` starts with. */
bool json_u64(struct slice v, uint64_t *out);

#endif
