#define _GNU_SOURCE
#include "sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void bytes_append(struct bytes *b, const char *p, size_t n)
{
    if (b->n + n > b->room) {
        size_t room = b->room * 2 > b->n + n ? b->room * 2 : b->n + n;
        b->p = realloc(b->p, room);
        if (b->p == NULL)
            die("Out of memory.");
        b->room = room;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void bytes_set(struct bytes *b, const char *p, size_t n)
{
    b->n = 0;
    if (n > 0)
        bytes_append(b, p, n);
}

void bytes_drop_front(struct bytes *b, size_t n)
{
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t own_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void raise_descriptor_limit(size_t wanted)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return;
    if (limit.rlim_max < wanted) {
        struct rlimit higher = {wanted, wanted};
        if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
            return;
        die("%zu open files are needed, but the hard limit is %llu: raise it with ulimit -Hn or ask for less.", wanted,
            (unsigned long long)limit.rlim_max);
    }
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("Raising the limit of open files to %zu failed: %s.", wanted, strerror(errno));
}

struct sockaddr_in resolve(const char *host, int port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error != 0)
        die("The host %s was not found: %s.", host, gai_strerror(error));
    struct sockaddr_in address;
    memcpy(&address, found->ai_addr, sizeof address);
    freeaddrinfo(found);
    address.sin_port = htons((uint16_t)port);
    return address;
}

void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void set_nodelay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Reads a small file of /proc into `out`, which it ends with a zero. */
static bool slurp(const char *path, char *out, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, room - 1);
    close(fd);
    if (n <= 0)
        return false;
    out[n] = 0;
    return true;
}

uint64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0)
        die("The server process %d is not there.", (int)pid);
    return clock_ns(clock);
}

uint64_t process_rss_kb(pid_t pid)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (!slurp(path, text, sizeof text))
        return 0;
    const char *line = strstr(text, "\nVmRSS:");
    return line == NULL ? 0 : strtoull(line + 7, NULL, 10);
}

bool core_ticks(int core, struct core_ticks *out)
{
    static char text[65536];
    char name[32];
    unsigned long long t[8];
    snprintf(name, sizeof name, "\ncpu%d ", core);
    if (!slurp("/proc/stat", text, sizeof text))
        return false;
    const char *line = strstr(text, name);
    if (line == NULL
        || sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
                  &t[6], &t[7]) != 8)
        return false;
    out->total = 0;
    for (int i = 0; i < 8; i++)
        out->total += t[i];
    out->steal = t[7];
    out->busy = out->total - t[3] - t[4] - t[7];
    return true;
}

/* Looks in one of /proc/net/tcp and tcp6 (a JVM listens on an IPv6 socket also for IPv4). -2: not in this table. */
static long send_queue_in(const char *table, int server_port, int our_port)
{
    FILE *f = fopen(table, "re");
    if (f == NULL)
        return -2;
    char line[512];
    long found = -2;
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned local, remote, state;
        unsigned long queued;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %lx:", &local, &remote, &state, &queued) == 4
            && (int)local == server_port && (int)remote == our_port) {
            found = state == 1 ? (long)queued : -1;     /* 1 is ESTABLISHED */
            break;
        }
    }
    fclose(f);
    return found;
}

long peer_send_queue(int server_port, int our_port)
{
    long queued = send_queue_in("/proc/net/tcp", server_port, our_port);
    if (queued == -2)
        queued = send_queue_in("/proc/net/tcp6", server_port, our_port);
    return queued < 0 ? -1 : queued;
}
