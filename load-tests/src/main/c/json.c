#include "json.h"

#include <string.h>

const char *json_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* p is at the opening quote; returns what follows the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    const char *from = p + 1;
    while (from < end) {
        const char *quote = memchr(from, '"', (size_t)(end - from));
        if (quote == NULL)
            return NULL;
        const char *back = quote;
        while (back > p + 1 && back[-1] == '\\')
            back--;
        if ((quote - back) % 2 == 0)
            return quote + 1;
        from = quote + 1;
    }
    return NULL;
}

const char *json_skip(const char *p, const char *end)
{
    p = json_space(p, end);
    if (p == end)
        return NULL;
    if (*p == '"')
        return skip_string(p, end);
    if (*p != '{' && *p != '[') {
        while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')
            p++;
        return p;
    }
    int depth = 0;
    while (p < end) {
        switch (*p) {
        case '"':
            p = skip_string(p, end);
            if (p == NULL)
                return NULL;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return p + 1;
            break;
        default:
            break;
        }
        p++;
    }
    return NULL;
}

bool json_member(struct slice v, const char *name, struct slice *out)
{
    const char *end = v.p + v.n;
    size_t name_len = strlen(name);
    const char *p = json_space(v.p, end);
    if (p == end || *p != '{')
        return false;
    p = json_space(p + 1, end);
    while (p < end && *p == '"') {
        const char *key = p + 1;
        const char *after_key = skip_string(p, end);
        if (after_key == NULL)
            return false;
        size_t key_len = (size_t)(after_key - 1 - key);
        p = json_space(after_key, end);
        if (p == end || *p != ':')
            return false;
        const char *value = json_space(p + 1, end);
        const char *value_end = json_skip(value, end);
        if (value_end == NULL)
            return false;
        if (key_len == name_len && memcmp(key, name, name_len) == 0) {
            out->p = value;
            out->n = (size_t)(value_end - value);
            return true;
        }
        p = json_space(value_end, end);
        if (p == end || *p != ',')
            return false;
        p = json_space(p + 1, end);
    }
    return false;
}

bool json_is(struct slice v, const char *string)
{
    size_t n = strlen(string);
    return v.n == n + 2 && v.p[0] == '"' && memcmp(v.p + 1, string, n) == 0;
}

bool json_u64(struct slice v, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    while (i < v.n && v.p[i] >= '0' && v.p[i] <= '9')
        value = value * 10 + (uint64_t)(v.p[i++] - '0');
    *out = value;
    return i > 0;
}
