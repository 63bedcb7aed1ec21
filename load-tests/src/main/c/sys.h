/* What both programs ask of the operating system: clocks, descriptors, sockets, and what /proc tells of the server. */
#ifndef SYS_H
#define SYS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A growing run of bytes. */
struct bytes {
    char *p;
    size_t n, room;
};

void bytes_append(struct bytes *b, const char *p, size_t n);
/* Makes a copy of p..p+n, which lies elsewhere, the whole content. */
void bytes_set(struct bytes *b, const char *p, size_t n);
void bytes_drop_front(struct bytes *b, size_t n);

/* Prints one sentence on stderr and ends the program with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);          /* CLOCK_MONOTONIC */
uint64_t own_cpu_ns(void);      /* processor time of this process */

void raise_descriptor_limit(size_t wanted);
struct sockaddr_in resolve(const char *host, int port);
void set_nonblocking(int fd);
void set_nodelay(int fd);

uint64_t process_cpu_ns(pid_t pid);    /* user and system time of all its threads, to the nanosecond */
uint64_t process_rss_kb(pid_t pid);

/* Clock ticks of one processor since boot. */
struct core_ticks {
    uint64_t total, busy, steal;
};
bool core_ticks(int core, struct core_ticks *out);

/* Bytes in the server's kernel send queue towards our port; -1 if the server no longer holds that connection open. */
long peer_send_queue(int server_port, int our_port);

#endif
