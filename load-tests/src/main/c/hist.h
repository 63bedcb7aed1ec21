/* A log-linear histogram: 64 buckets per power of two, so a percentile is exact to 1.6 %. */
#ifndef HIST_H
#define HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_SUB (1u << HIST_SUB_BITS)
#define HIST_BUCKETS ((64 - HIST_SUB_BITS + 1) * HIST_SUB)

struct hist {
    uint64_t count, sum, min, max;
    uint64_t bucket[HIST_BUCKETS];
};

void hist_reset(struct hist *h);
void hist_add(struct hist *h, uint64_t value);
/* The value that `quantile` (0 to 1) of all values do not exceed; 0 when there are none. */
uint64_t hist_quantile(const struct hist *h, double quantile);

#endif
