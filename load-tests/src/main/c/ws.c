#include "ws.h"

#include <string.h>

/* SHA-1 (RFC 3174), for inputs of at most 119 bytes: two blocks are enough for the handshake. */
static void sha1(const uint8_t *data, size_t n, uint8_t digest[20])
{
    uint8_t block[128] = {0};
    size_t blocks = n < 56 ? 1 : 2;
    memcpy(block, data, n);
    block[n] = 0x80;
    uint64_t bits = (uint64_t)n * 8;
    for (int i = 0; i < 8; i++)
        block[blocks * 64 - 1 - (size_t)i] = (uint8_t)(bits >> (8 * i));

    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (size_t b = 0; b < blocks; b++) {
        uint32_t w[80];
        const uint8_t *p = block + b * 64;
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[i * 4] << 24 | (uint32_t)p[i * 4 + 1] << 16 | (uint32_t)p[i * 4 + 2] << 8 | p[i * 4 + 3];
        for (int i = 16; i < 80; i++) {
            uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
            w[i] = x << 1 | x >> 31;
        }
        uint32_t s[5];
        memcpy(s, h, sizeof s);
        for (int i = 0; i < 80; i++) {
            uint32_t f, k;
            if (i < 20) {
                f = (s[1] & s[2]) | (~s[1] & s[3]);
                k = 0x5A827999;
            } else if (i < 40) {
                f = s[1] ^ s[2] ^ s[3];
                k = 0x6ED9EBA1;
            } else if (i < 60) {
                f = (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]);
                k = 0x8F1BBCDC;
            } else {
                f = s[1] ^ s[2] ^ s[3];
                k = 0xCA62C1D6;
            }
            uint32_t next = (s[0] << 5 | s[0] >> 27) + f + s[4] + k + w[i];
            s[4] = s[3];
            s[3] = s[2];
            s[2] = s[1] << 30 | s[1] >> 2;
            s[1] = s[0];
            s[0] = next;
        }
        for (int i = 0; i < 5; i++)
            h[i] += s[i];
    }
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *in, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t x = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0);
        *out++ = digits[x >> 18];
        *out++ = digits[x >> 12 & 63];
        *out++ = i + 1 < n ? digits[x >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[x & 63] : '=';
    }
    *out = 0;
}

void ws_accept(const char *key, size_t key_length, char out[WS_ACCEPT_LENGTH + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t joined[119], digest[20];
    if (key_length > sizeof joined - (sizeof guid - 1))
        key_length = sizeof joined - (sizeof guid - 1);
    memcpy(joined, key, key_length);
    memcpy(joined + key_length, guid, sizeof guid - 1);
    sha1(joined, key_length + sizeof guid - 1, digest);
    base64(digest, sizeof digest, out);
}

static void apply_mask(char *p, size_t n, const uint8_t mask[4])
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(p[i] ^ mask[i & 3]);
}

size_t ws_read(char *p, size_t n, struct ws_frame *frame)
{
    if (n < 2)
        return 0;
    const uint8_t *u = (const uint8_t *)p;
    size_t head = 2;
    uint64_t length = u[1] & 0x7f;
    if (length == 126) {
        if (n < 4)
            return 0;
        length = (uint64_t)u[2] << 8 | u[3];
        head = 4;
    } else if (length == 127) {
        if (n < 10)
            return 0;
        length = 0;
        for (int i = 2; i < 10; i++)
            length = length << 8 | u[i];
        head = 10;
    }
    uint8_t mask[4] = {0};
    bool masked = u[1] & 0x80;
    if (masked) {
        if (n < head + 4)
            return 0;
        memcpy(mask, p + head, 4);
        head += 4;
    }
    if (n - head < length)
        return 0;
    frame->fin = u[0] & 0x80;
    frame->opcode = (enum ws_opcode)(u[0] & 0x0f);
    frame->payload = p + head;
    frame->length = (size_t)length;
    if (masked)
        apply_mask(frame->payload, frame->length, mask);
    return head + frame->length;
}

size_t ws_head(char *out, enum ws_opcode opcode, size_t length)
{
    uint8_t *u = (uint8_t *)out;
    u[0] = (uint8_t)(0x80 | opcode);
    if (length < 126) {
        u[1] = (uint8_t)length;
        return 2;
    }
    if (length < 65536) {
        u[1] = 126;
        u[2] = (uint8_t)(length >> 8);
        u[3] = (uint8_t)length;
        return 4;
    }
    u[1] = 127;
    for (int i = 0; i < 8; i++)
        u[2 + i] = (uint8_t)((uint64_t)length >> (56 - 8 * i));
    return 10;
}

size_t ws_masked(char *out, enum ws_opcode opcode, const char *payload, size_t length)
{
    static uint32_t random = 0x9E3779B9;
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    uint8_t mask[4];
    memcpy(mask, &random, 4);
    size_t head = ws_head(out, opcode, length);
    out[1] = (char)(out[1] | 0x80);
    memcpy(out + head, mask, 4);
    memcpy(out + head + 4, payload, length);
    apply_mask(out + head + 4, length, mask);
    return head + 4 + length;
}
