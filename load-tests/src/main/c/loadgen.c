/*
 * A load generator for fan-out: many subscribers, one publisher, one thread. It is meant to cost much less than the
 * server it measures, and tells when it did not (generator.cpu_percent). The result is one JSON object on stdout.
 */
#define _GNU_SOURCE
#include "client.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define DRAIN_NS (10 * SECOND)
#define SETTLE_NS (SECOND / 2)
#define MAX_WINDOWS 16
#define FILL_PAYLOAD 16384

struct options {
    const char *host;
    double rate;
    bool saturate, idle;
    int windows[MAX_WINDOWS], window_count;
    double seconds, window_seconds, warmup, open_timeout;
    size_t payload, fill;
    pid_t server_pid;
    int server_core;
};

/* One stretch of publishing, either by the clock or with so many publishes under way at once. */
struct phase {
    struct client *client;
    int window;             /* 0: by the clock */
    uint64_t period, next;  /* by the clock: between publishes, and when the next one is due */
    uint64_t end;
    uint64_t remaining;     /* publishes left to do, if they are limited */
    size_t payload;
    uint64_t lag_max;       /* how late the clock's worst publish was */
};

/* Meters that are read before and after. */
struct reading {
    uint64_t time, delivered, published, server_cpu, own_cpu, reads, bytes_in, acknowledgements;
    struct core_ticks core;
};

struct result {
    struct reading from, to;
    uint64_t lag_max;
};

static const char *const transport_names[] = {"ws", "sse", "stream", "longpoll"};
static const char *const dialect_names[] = {"footbridge", "raw"};
static struct options options = {
    .host = "127.0.0.1", .rate = 0, .seconds = 10, .window_seconds = 5, .warmup = 2, .open_timeout = 60, .payload = 128,
    .server_core = -1, .windows = {4, 16, 64}, .window_count = 3,
};

/* ---- phases ----------------------------------------------------------------------------------------------------- */

static void pump(void *argument)
{
    struct phase *ph = argument;
    struct client *c = ph->client;
    if (c->publisher.state == STATE_CLOSED)
        return;
    if (ph->window == 0) {
        while (ph->next <= c->now && ph->next < ph->end) {
            if (c->now - ph->next > ph->lag_max)
                ph->lag_max = c->now - ph->next;
            client_publish(c, ph->next, ph->payload);   /* due then, even if it is late: no omission is hidden */
            ph->next += ph->period;
        }
    } else {
        /* All but one in a hundred must have the earlier ones: one straggler does not hold up everybody. */
        uint64_t allowed = (uint64_t)(ph->window - 1) * (uint64_t)c->live + (uint64_t)c->live / 100;
        while (c->now < ph->end && ph->remaining > 0 && c->live > 0 && c->owed <= allowed) {
            ph->remaining--;
            client_publish(c, c->now, ph->payload);
        }
    }
}

static void take(struct reading *r, struct client *c)
{
    r->server_cpu = options.server_pid > 0 ? process_cpu_ns(options.server_pid) : 0;
    if (options.server_core < 0 || !core_ticks(options.server_core, &r->core))
        memset(&r->core, 0, sizeof r->core);
    r->own_cpu = own_cpu_ns();
    r->time = c->now = now_ns();
    r->delivered = c->delivered;
    r->published = c->published;
    r->reads = c->reads;
    r->bytes_in = c->bytes_in;
    r->acknowledgements = c->acknowledgements;
}

/* Waits until everything published has arrived; what has not after some seconds is lost. */
static void drain(struct client *c)
{
    uint64_t deadline = c->now + DRAIN_NS;
    while (c->owed > 0 && c->now < deadline)
        client_turn(c, deadline, NULL, NULL);
    if (c->owed > 0)
        client_write_off(c);
}

static void pause_for(struct client *c, uint64_t ns)
{
    uint64_t until = c->now + ns;
    while (c->now < until)
        client_turn(c, until, NULL, NULL);
}

static struct result run_phase(struct client *c, struct phase ph, double seconds)
{
    struct result result;
    hist_reset(&c->latency);
    c->measured_from = c->published + 1;
    take(&result.from, c);
    ph.client = c;
    ph.next = c->now;
    ph.end = c->now + (uint64_t)(seconds * SECOND);
    if (ph.payload == 0)
        ph.payload = options.payload;
    if (ph.remaining == 0)
        ph.remaining = UINT64_MAX;
    pump(&ph);
    while (c->now < ph.end && c->publisher.state != STATE_CLOSED && (ph.remaining > 0 || c->owed > 0)) {
        uint64_t until = ph.window == 0 && ph.next < ph.end ? ph.next : ph.end;
        client_turn(c, until, pump, &ph);
    }
    take(&result.to, c);
    result.lag_max = ph.lag_max;
    drain(c);
    return result;
}

/* ---- reporting -------------------------------------------------------------------------------------------------- */

static double per_second(uint64_t n, const struct result *r)
{
    return (double)n / ((double)(r->to.time - r->from.time) / (double)SECOND);
}

static double share_percent(uint64_t cpu_ns, const struct result *r)
{
    return 100.0 * (double)cpu_ns / (double)(r->to.time - r->from.time);
}

/* How much of the server's core went to others: the sign of a disturbed measurement. */
static double others_percent(const struct result *r)
{
    uint64_t total = r->to.core.total - r->from.core.total;
    if (total == 0)
        return 0;
    uint64_t used = r->to.core.busy + r->to.core.steal - r->from.core.busy - r->from.core.steal;
    double others = 100.0 * (double)used / (double)total - share_percent(r->to.server_cpu - r->from.server_cpu, r);
    return others > 0 ? others : 0;
}

static void print_result(const struct client *c, const struct result *r)
{
    const struct hist *h = &c->latency;
    uint64_t deliveries = r->to.delivered - r->from.delivered;
    uint64_t cpu = r->to.server_cpu - r->from.server_cpu;
    uint64_t own = r->to.own_cpu - r->from.own_cpu;
    double each = deliveries > 0 ? (double)deliveries : 1;
    printf("\"seconds\":%.3f,\"publishes_per_s\":%.1f,\"deliveries\":%llu,\"deliveries_per_s\":%.0f,",
           (double)(r->to.time - r->from.time) / (double)SECOND, per_second(r->to.published - r->from.published, r),
           (unsigned long long)deliveries, per_second(deliveries, r));
    printf("\"latency_us\":{\"count\":%llu,\"min\":%.1f,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f},",
           (unsigned long long)h->count, h->count > 0 ? (double)h->min / 1e3 : 0,
           h->count > 0 ? (double)h->sum / (double)h->count / 1e3 : 0, (double)hist_quantile(h, .5) / 1e3,
           (double)hist_quantile(h, .9) / 1e3, (double)hist_quantile(h, .99) / 1e3, (double)hist_quantile(h, .999) / 1e3,
           (double)h->max / 1e3);
    if (options.server_pid > 0)
        printf("\"server\":{\"cpu_us_per_delivery\":%.3f,\"cpu_percent\":%.1f,\"rss_kb\":%llu,\"others_on_core_percent\":%.1f},",
               (double)cpu / 1e3 / each, share_percent(cpu, r), (unsigned long long)process_rss_kb(options.server_pid),
               others_percent(r));
    printf("\"generator\":{\"cpu_us_per_delivery\":%.3f,\"cpu_percent\":%.1f,\"publish_lag_max_us\":%.1f},",
           (double)own / 1e3 / each, share_percent(own, r), (double)r->lag_max / 1e3);
    printf("\"wire_bytes_per_delivery\":%.1f,\"reads_per_delivery\":%.3f,\"acknowledgements\":%llu",
           (double)(r->to.bytes_in - r->from.bytes_in) / each, (double)(r->to.reads - r->from.reads) / each,
           (unsigned long long)(r->to.acknowledgements - r->from.acknowledgements));
}

static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void print_stalled(const struct client *c)
{
    long queued, most = 0;
    int held = 0;
    for (int i = 0; i < c->stalled_count; i++) {
        queued = peer_send_queue(c->port, c->subscribers[i].port);
        held += queued >= 0;
        most = queued > most ? queued : most;
    }
    printf(",\"stalled\":{\"count\":%d,\"still_connected\":%d,\"largest_send_queue_bytes\":%ld}", c->stalled_count, held, most);
}

static void print_totals(const struct client *c)
{
    printf(",\"checks\":{\"published\":%llu,\"delivered\":%llu,\"lost\":%llu,\"repeated\":%llu,\"disordered\":%llu,\"closed\":%llu,\"errors\":%llu",
           (unsigned long long)c->published, (unsigned long long)c->delivered, (unsigned long long)c->lost,
           (unsigned long long)c->repeated, (unsigned long long)c->disordered, (unsigned long long)c->closed,
           (unsigned long long)c->errors);
    if (c->first_error[0] != 0) {
        printf(",\"first_error\":");
        print_json_string(c->first_error);
    }
    printf("}}\n");
}

/* ---- modes ------------------------------------------------------------------------------------------------------ */

static void print_setup(const struct client *c, const char *mode)
{
    printf("{\"mode\":\"%s\",\"transport\":\"%s\",\"dialect\":\"%s\",\"subscribers\":%d,\"payload_bytes\":%zu", mode,
           transport_names[c->transport], dialect_names[c->dialect], c->subscriber_count, options.payload);
}

static void fan_out(struct client *c)
{
    pause_for(c, SETTLE_NS);
    if (options.fill > 0) {
        struct phase filling = {.window = 2, .payload = FILL_PAYLOAD, .remaining = options.fill / FILL_PAYLOAD + 1};
        run_phase(c, filling, 600);
    }
    if (options.warmup > 0) {
        fprintf(stderr, "warming up for %.0f s\n", options.warmup);
        run_phase(c, (struct phase){.window = 4}, options.warmup);
        pause_for(c, SETTLE_NS);
    }
    print_setup(c, "fanout");
    if (options.rate > 0) {
        fprintf(stderr, "%.0f publishes/s for %.0f s\n", options.rate, options.seconds);
        struct phase by_clock = {.period = (uint64_t)((double)SECOND / options.rate)};
        struct result result = run_phase(c, by_clock, options.seconds);
        printf(",\"rate\":{");
        print_result(c, &result);
        printf("}");
        pause_for(c, SETTLE_NS);
    }
    if (options.saturate) {
        double best = -1;
        int best_window = 0;
        printf(",\"saturation\":{\"windows\":[");
        for (int i = 0; i < options.window_count; i++) {
            fprintf(stderr, "%d publishes under way for %.0f s\n", options.windows[i], options.window_seconds);
            struct result result = run_phase(c, (struct phase){.window = options.windows[i]}, options.window_seconds);
            double rate = per_second(result.to.delivered - result.from.delivered, &result);
            if (rate > best) {
                best = rate;
                best_window = options.windows[i];
            }
            printf("%s{\"window\":%d,", i > 0 ? "," : "", options.windows[i]);
            print_result(c, &result);
            printf("}");
        }
        printf("],\"best_window\":%d,\"best_deliveries_per_s\":%.0f}", best_window, best);
    }
    if (c->stalled_count > 0)
        print_stalled(c);
    print_totals(c);
}

static bool input_ended(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char discarded[256];
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, discarded, sizeof discarded) <= 0;
}

/* Holds the sessions for some seconds, or, if that is 0, until standard input ends. */
static void hold(struct client *c, uint64_t rss_before)
{
    uint64_t until = options.seconds > 0 ? c->now + (uint64_t)(options.seconds * SECOND) : UINT64_MAX;
    fprintf(stderr, "ready %d\n", c->ready);
    while (c->now < until && !(until == UINT64_MAX && input_ended()))
        client_turn(c, c->now + SECOND / 10, NULL, NULL);
    print_setup(c, "idle");
    printf(",\"open\":%d", c->live);
    if (options.server_pid > 0)
        printf(",\"server\":{\"rss_kb_before\":%llu,\"rss_kb\":%llu}", (unsigned long long)rss_before,
               (unsigned long long)process_rss_kb(options.server_pid));
    print_totals(c);
}

/* ---- command line ----------------------------------------------------------------------------------------------- */

static const char usage[] =
    "loadgen --port PORT [options]\n"
    "  --transport ws|sse|stream|longpoll   how subscribers connect (ws)\n"
    "  --dialect footbridge|raw             sessions, or a plain broadcast server (footbridge)\n"
    "  --host HOST                          (127.0.0.1)\n"
    "  --subscribers N                      (1000)\n"
    "  --rate R                             publishes a second, by the clock (20 unless --saturate)\n"
    "  --seconds S                          of the rate phase, or of --idle: 0 there means until stdin ends (10)\n"
    "  --saturate                           as fast as it goes, with a bounded number of publishes under way\n"
    "  --windows 4,16,64                    these bounds, one after the other\n"
    "  --window-seconds S                   for each of them (5)\n"
    "  --warmup S                           saturated and not measured, first (2)\n"
    "  --payload BYTES                      of the published data, 64 to 1048000 (128)\n"
    "  --idle                               only open the sessions and hold them\n"
    "  --stalled K                          so many of the subscribers stop reading\n"
    "  --fill BYTES                         published first in 16 KiB messages, to fill a stalled one's buffers (0)\n"
    "  --wait S                             of a long poll (50)\n"
    "  --server-pid PID                     report its processor time and memory\n"
    "  --server-core N                      report what others took of that core\n"
    "  --open-timeout S                     for all subscribers together (60)\n";

enum option_code { HOST = 256, PORT, TRANSPORT, DIALECT, SUBSCRIBERS, RATE, SECONDS, SATURATE, WINDOWS, WINDOW_SECONDS, WARMUP,
                   PAYLOAD, IDLE, STALLED, FILL, WAIT, SERVER_PID, SERVER_CORE, OPEN_TIMEOUT, HELP };

static const struct option long_options[] = {
    {"host", 1, NULL, HOST}, {"port", 1, NULL, PORT}, {"transport", 1, NULL, TRANSPORT}, {"dialect", 1, NULL, DIALECT},
    {"subscribers", 1, NULL, SUBSCRIBERS}, {"rate", 1, NULL, RATE}, {"seconds", 1, NULL, SECONDS},
    {"saturate", 0, NULL, SATURATE}, {"windows", 1, NULL, WINDOWS}, {"window-seconds", 1, NULL, WINDOW_SECONDS},
    {"warmup", 1, NULL, WARMUP}, {"payload", 1, NULL, PAYLOAD}, {"idle", 0, NULL, IDLE}, {"stalled", 1, NULL, STALLED},
    {"fill", 1, NULL, FILL}, {"wait", 1, NULL, WAIT}, {"server-pid", 1, NULL, SERVER_PID},
    {"server-core", 1, NULL, SERVER_CORE}, {"open-timeout", 1, NULL, OPEN_TIMEOUT}, {"help", 0, NULL, HELP}, {0},
};

static int choice(const char *option, const char *value, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    die("--%s %s is unknown; see --help.", option, value);
}

static double number(const char *option, const char *value, double least, double most)
{
    char *end;
    double n = strtod(value, &end);
    if (*value == 0 || *end != 0 || !(n >= least && n <= most))
        die("--%s %s must be a number from %.15g to %.15g.", option, value, least, most);
    return n;
}

static void parse_windows(const char *value)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", value);
    options.window_count = 0;
    for (char *part = strtok(copy, ","); part != NULL && options.window_count < MAX_WINDOWS; part = strtok(NULL, ","))
        options.windows[options.window_count++] = (int)number("windows", part, 1, 10000);
    if (options.window_count == 0)
        die("--windows needs at least one number.");
}

static void parse(int argc, char **argv, struct client *c)
{
    int code, index;
    while ((code = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        const char *name = code == '?' ? "" : long_options[index].name;
        switch (code) {
        case HOST: options.host = optarg; break;
        case PORT: c->port = (int)number(name, optarg, 1, 65535); break;
        case TRANSPORT: c->transport = (enum transport)choice(name, optarg, transport_names, 4); break;
        case DIALECT: c->dialect = (enum dialect)choice(name, optarg, dialect_names, 2); break;
        case SUBSCRIBERS: c->subscriber_count = (int)number(name, optarg, 1, 28000); break;
        case RATE: options.rate = number(name, optarg, 0.01, 1e6); break;
        case SECONDS: options.seconds = number(name, optarg, 0, 86400); break;
        case SATURATE: options.saturate = true; break;
        case WINDOWS: parse_windows(optarg); break;
        case WINDOW_SECONDS: options.window_seconds = number(name, optarg, 0.1, 86400); break;
        case WARMUP: options.warmup = number(name, optarg, 0, 86400); break;
        case PAYLOAD: options.payload = (size_t)number(name, optarg, 64, 1048000); break;
        case IDLE: options.idle = true; break;
        case STALLED: c->stalled_count = (int)number(name, optarg, 0, 28000); break;
        case FILL: options.fill = (size_t)number(name, optarg, 0, 1e12); break;
        case WAIT: c->wait_seconds = (int)number(name, optarg, 1, 55); break;
        case SERVER_PID: options.server_pid = (pid_t)number(name, optarg, 1, 1e9); break;
        case SERVER_CORE: options.server_core = (int)number(name, optarg, 0, 4096); break;
        case OPEN_TIMEOUT: options.open_timeout = number(name, optarg, 1, 86400); break;
        case HELP: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(1);
        }
    }
    if (optind < argc)
        die("%s is not an option; see --help.", argv[optind]);
    if (c->port == 0)
        die("--port is needed.");
    if (c->stalled_count >= c->subscriber_count)
        die("--stalled must be less than --subscribers.");
    if (options.rate == 0 && !options.saturate)
        options.rate = 20;
}

int main(int argc, char **argv)
{
    static struct client client = {.subscriber_count = 1000, .wait_seconds = 50};
    parse(argc, argv, &client);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit((size_t)client.subscriber_count + 64);
    client.address = resolve(options.host, client.port);
    client.idle = options.idle;
    snprintf(client.host_header, sizeof client.host_header, "%s:%d", options.host, client.port);
    client_init(&client);
    uint64_t rss_before = options.server_pid > 0 ? process_rss_kb(options.server_pid) : 0;
    client_open(&client, (uint64_t)(options.open_timeout * SECOND));
    if (options.idle)
        hold(&client, rss_before);
    else
        fan_out(&client);
    return client.lost + client.repeated + client.disordered + client.errors > 0 ? 2 : 0;
}
