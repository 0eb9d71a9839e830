/* Load at a fixed rate, as an open loop: `bench/rate.py` builds and starts it, and says why.
 *
 *     rate HOST PORT CONNECTIONS PER_SECOND SECONDS TIMEOUT_SECONDS EXPECTED < requests
 *
 * A request is four bytes with its length, the lowest first, and what is sent. They are sent in turns, request n at
 * n / PER_SECOND after the start, on the connection that has been idle longest. Where none is idle it waits in line.
 * Its wait counts from when it was due. Right is an answer of 200 or 202 with EXPECTED in its body; what has no
 * content-length is none of the servers' that are measured here, and wrong. One line of JSON tells what was seen. One
 * thread with epoll, and little else: it shares its core with the stores of the server that it loads. Linux only. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define START_NS_MAX (30 * SECOND)   /* until all connections are open */
#define DRAIN_NS_MAX (3 * SECOND)    /* for what is under way at the end */
#define RETRY_NS (SECOND / 100)      /* a connection that broke is opened again after this */
#define TICK_NS (SECOND / 5000)      /* sleeps so long at a time: half of its CPU time went into being woken */
#define OPENING_MAX 64               /* at a time: fewer than any server's backlog */
#define EVENTS_MAX 64                /* then requests that are due have their turn */
#define REQUESTS_MAX 100000000LL
#define ANSWER_MAX (1 << 20)
#define SAMPLE_MAX 300

/* Every connection is in one of four lines, first come first, so the first has been there longest. */
enum state { CLOSED, OPENING, IDLE, WAITING, STATES };
enum ending { RIGHT, WRONG, BROKEN, TIMEOUT, ENDINGS };

struct connection {
    struct connection *before, *after;
    enum state state;
    int fd;
    uint32_t watched;     /* events of epoll */
    int64_t since;        /* in this state, ns */
    int64_t number;       /* of the request that waits */
    size_t sent;          /* bytes of it */
    size_t held;          /* bytes of an answer that has not ended */
    char *part;
};

static struct line { struct connection *first, *last; long count; } lines[STATES];
static struct request { const char *text; size_t length; } *requests;
static size_t requests_count;

static struct addrinfo *address;
static const char *expected;
static size_t expected_length;
static double per_second;
static int64_t timeout_ns, started_ns;
static int64_t total, due, sent, endings[ENDINGS], idle_lost, ended_ns;

static int poller;
static uint32_t *waits_us, *late_us;  /* of answers in the order they came; of requests, until we saw they were due */
static int64_t waits_count;
static char answer[ANSWER_MAX], sample[SAMPLE_MAX + 1];

static void fail(const char *why, int error)
{
    fprintf(stderr, "rate: %s%s%s\n", why, error ? ": " : "", error ? strerror(error) : "");
    exit(1);
}

static void *reserve(size_t count, size_t size)
{
    void *room = calloc(count ? count : 1, size);
    if (room == NULL)
        fail("no memory", 0);
    return room;
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static int64_t due_ns(int64_t number)
{
    return started_ns + (int64_t)((double)number * 1e9 / per_second);
}

static uint32_t microseconds(int64_t ns)
{
    int64_t us = ns < 0 ? 0 : ns / 1000;
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* ---- connections ---- */

static void line_up(struct connection *one, enum state state, int64_t now)
{
    struct line *line = &lines[state];
    one->before = line->last;
    one->after = NULL;
    *(line->last ? &line->last->after : &line->first) = one;
    line->last = one;
    line->count++;
    one->state = state;
    one->since = now;
}

static void move(struct connection *one, enum state state, int64_t now)
{
    struct line *line = &lines[one->state];
    *(one->before ? &one->before->after : &line->first) = one->after;
    *(one->after ? &one->after->before : &line->last) = one->before;
    line->count--;
    line_up(one, state, now);
}

static void watch(struct connection *one, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = one};
    if (one->watched == events)
        return;
    if (epoll_ctl(poller, one->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, one->fd, &event))
        fail("epoll_ctl", errno);
    one->watched = events;
}

/* What waited on a connection has ended, well or not. A wrong answer may come fast, so its wait is not one. */
static void end(struct connection *one, enum ending how, int64_t now)
{
    endings[how]++;
    ended_ns = now;
    if (how == RIGHT || how == TIMEOUT)
        waits_us[waits_count++] = microseconds(now - due_ns(one->number));
}

/* Close it; what waits on it ends like that. */
static void drop(struct connection *one, enum ending how, int64_t now)
{
    if (one->state == WAITING)
        end(one, how, now);
    else if (one->state == IDLE)
        idle_lost++;
    close(one->fd);
    one->fd = -1;
    one->watched = 0;
    one->held = one->sent = 0;
    move(one, CLOSED, now);
}

static void open_again(struct connection *one, int64_t now)
{
    int yes = 1;
    static const char no_pacing[] = "reno";     /* BBR, if it is the system's default, would spread what is due */
    one->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one->fd < 0)
        fail("a socket (`ulimit -n` says how many files a process may open)", errno);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(one->fd, IPPROTO_TCP, TCP_CONGESTION, no_pacing, sizeof no_pacing - 1);
    move(one, OPENING, now);
    if (connect(one->fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS)
        drop(one, BROKEN, now);
    else
        watch(one, EPOLLOUT);
}

static void opened(struct connection *one, int64_t now)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        drop(one, BROKEN, now);
        return;
    }
    watch(one, EPOLLIN);
    move(one, IDLE, now);
}

/* What was closed is opened, and what takes too long is closed. */
static void look_after(int64_t now)
{
    struct connection *one;
    while ((one = lines[WAITING].first) && now - one->since > timeout_ns)
        drop(one, TIMEOUT, now);
    while ((one = lines[OPENING].first) && now - one->since > timeout_ns)
        drop(one, BROKEN, now);
    while ((one = lines[CLOSED].first) && now - one->since > RETRY_NS && lines[OPENING].count < OPENING_MAX)
        open_again(one, now);
}

/* ---- requests and answers ---- */

static void push(struct connection *one, int64_t now)
{
    const struct request *request = &requests[(size_t)one->number % requests_count];
    while (one->sent < request->length) {
        ssize_t taken = send(one->fd, request->text + one->sent, request->length - one->sent, MSG_NOSIGNAL);
        if (taken >= 0) {
            one->sent += (size_t)taken;
        } else if (errno == EAGAIN) {
            watch(one, EPOLLIN | EPOLLOUT);
            return;
        } else if (errno != EINTR) {
            drop(one, BROKEN, now);
            return;
        }
    }
    watch(one, EPOLLIN);
}

/* As many of those that are due as there are idle connections. */
static void send_due(int64_t now)
{
    int64_t by_now = now < started_ns ? 0 : (int64_t)((double)(now - started_ns) * per_second / 1e9) + 1;
    for (; due < total && due < by_now; due++)
        late_us[due] = microseconds(now - due_ns(due));
    while (sent < due && lines[IDLE].first) {
        struct connection *one = lines[IDLE].first;
        one->number = sent++;
        one->sent = 0;
        move(one, WAITING, now);
        push(one, now);
    }
}

/* The value of a header, or -1 where the line is another. */
static int64_t content_length(const char *line, const char *stop)
{
    static const char name[] = "content-length:";
    size_t length = sizeof name - 1;
    if ((size_t)(stop - line) <= length || strncasecmp(line, name, length))
        return -1;
    for (line += length; line < stop && *line == ' '; line++)
        ;
    int64_t value = line < stop && isdigit((unsigned char)*line) ? 0 : -1;
    for (; value >= 0 && value <= ANSWER_MAX && line < stop && isdigit((unsigned char)*line); line++)
        value = value * 10 + (*line - '0');
    return value;
}

/* How long the head and the body of an answer are; false where that cannot be told: `head` is 0 until it is complete. */
static bool lengths(const char *text, size_t held, size_t *head, size_t *body)
{
    int64_t length = -1;
    const char *stop = memmem(text, held, "\r\n\r\n", 4);
    *head = *body = 0;
    if (stop == NULL)
        return held < ANSWER_MAX;
    *head = (size_t)(stop - text) + 4;
    for (const char *line = text; line < stop && length < 0;) {
        const char *next = memmem(line, (size_t)(stop + 2 - line), "\r\n", 2);
        length = content_length(line, next);
        line = next + 2;
    }
    if (length < 0 || *head + (size_t)length > ANSWER_MAX)
        return false;
    *body = (size_t)length;
    return true;
}

static bool is_right(const char *text, size_t head, size_t body)
{
    if (head < 16 || strncmp(text, "HTTP/1.1 ", 9) || (strncmp(text + 9, "200", 3) && strncmp(text + 9, "202", 3)))
        return false;
    return expected_length == 0 || memmem(text + head, body, expected, expected_length) != NULL;
}

static void keep_sample(const char *text, size_t held)
{
    if (sample[0])
        return;
    for (size_t at = 0; at < held && at < SAMPLE_MAX; at++)
        sample[at] = text[at] == '"' || text[at] == '\\' ? '\'' : isprint((unsigned char)text[at]) ? text[at] : ' ';
}

static void keep_part(struct connection *one, size_t held)
{
    one->part = realloc(one->part, held);
    if (one->part == NULL)
        fail("no memory", 0);
    memcpy(one->part, answer, held);
    one->held = held;
}

static void receive(struct connection *one)
{
    size_t head, body, held = one->held;
    if (held)
        memcpy(answer, one->part, held);
    ssize_t more = recv(one->fd, answer + held, ANSWER_MAX - held, 0);
    int64_t now = clock_ns();
    if (more < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (more <= 0 || one->state != WAITING) {       /* nobody asked: then it is no answer */
        drop(one, BROKEN, now);
        return;
    }
    held += (size_t)more;
    if (!lengths(answer, held, &head, &body) || (head && held > head + body)) {
        keep_sample(answer, held);
        drop(one, WRONG, now);
    } else if (head == 0 || held < head + body) {
        keep_part(one, held);
    } else {
        bool right = is_right(answer, head, body);
        if (!right)
            keep_sample(answer, held);
        end(one, right ? RIGHT : WRONG, now);
        one->held = 0;
        move(one, IDLE, now);
    }
}

/* ---- the loop ---- */

static void handle(struct connection *one, uint32_t events)
{
    if (one->state == OPENING) {
        opened(one, clock_ns());
        return;
    }
    if (events & EPOLLOUT && one->state == WAITING)
        push(one, clock_ns());
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP) && one->fd >= 0)
        receive(one);
}

/* Until the next tick, however many answers come meanwhile, unless there was more than one look could take. */
static void tick(void)
{
    static struct epoll_event events[EVENTS_MAX];
    static int64_t next_ns;
    static int count;
    int64_t now = clock_ns();
    if (count < EVENTS_MAX && now < next_ns) {
        struct timespec until = {next_ns / SECOND, next_ns % SECOND};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    next_ns = (next_ns > now ? next_ns : now) + TICK_NS;
    count = epoll_wait(poller, events, EVENTS_MAX, 0);
    if (count < 0 && errno != EINTR)
        fail("epoll_wait", errno);
    for (int at = 0; at < count; at++)
        handle(events[at].data.ptr, events[at].events);
}

static void open_all(long connections)
{
    struct connection *all = reserve((size_t)connections, sizeof *all);
    int64_t now = clock_ns(), first = now + timeout_ns, deadline = now + START_NS_MAX;
    for (long at = 0; at < connections; at++) {
        all[at].fd = -1;
        line_up(&all[at], CLOSED, now - 2 * RETRY_NS);
    }
    while (lines[IDLE].count < connections) {
        if ((now = clock_ns()) > (lines[IDLE].count ? deadline : first))
            fail("the server does not take all connections", 0);
        look_after(now);
        tick();
    }
    idle_lost = 0;
}

static int64_t ended(void)
{
    return endings[RIGHT] + endings[WRONG] + endings[BROKEN] + endings[TIMEOUT];
}

static void run(double seconds)
{
    started_ns = ended_ns = clock_ns();
    int64_t deadline = started_ns + (int64_t)(seconds * 1e9) + DRAIN_NS_MAX, now;
    while (ended() < total && (now = clock_ns()) < deadline) {
        send_due(now);
        look_after(now);
        tick();
    }
}

/* ---- the result ---- */

static int ascending(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static uint32_t at_share(const uint32_t *sorted, int64_t count, double share)
{
    int64_t at = (int64_t)((double)count * share);
    return count == 0 ? UINT32_MAX : sorted[at < count ? at : count - 1];
}

/* What never came has waited at least until now, in line or on its connection. */
static int64_t count_unanswered(int64_t now)
{
    int64_t unanswered = total - ended();
    for (struct connection *one = lines[WAITING].first; one; one = one->after)
        waits_us[waits_count++] = microseconds(now - due_ns(one->number));
    for (; sent < total; sent++)
        waits_us[waits_count++] = microseconds(now - due_ns(sent));
    return unanswered;
}

static void tell(double seconds)
{
    struct rusage used;
    int64_t unanswered = count_unanswered(clock_ns());
    double took = (double)(ended_ns - started_ns) / 1e9;
    getrusage(RUSAGE_SELF, &used);
    qsort(waits_us, (size_t)waits_count, sizeof *waits_us, ascending);
    qsort(late_us, (size_t)due, sizeof *late_us, ascending);
    printf("{\"right\": %lld, \"wrong\": %lld, \"broken\": %lld, \"timeouts\": %lld, \"unanswered\": %lld, ",
           (long long)endings[RIGHT], (long long)endings[WRONG], (long long)endings[BROKEN],
           (long long)endings[TIMEOUT], (long long)unanswered);
    printf("\"idle_lost\": %lld, \"seconds\": %.6f, \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u, ",
           (long long)idle_lost, took > seconds ? took : seconds, at_share(waits_us, waits_count, 0.5),
           at_share(waits_us, waits_count, 0.99), at_share(waits_us, waits_count, 0.999),
           at_share(waits_us, waits_count, 1.0));
    printf("\"late_p99_us\": %u, \"late_max_us\": %u, \"cpu_us\": %lld, \"sample\": \"%s\"}\n",
           at_share(late_us, due, 0.99), at_share(late_us, due, 1.0),
           (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec,
           sample);
}

static void read_requests(void)
{
    unsigned char head[4];
    size_t room = 0;
    while (fread(head, 1, 4, stdin) == 4) {
        size_t length = head[0] | head[1] << 8 | head[2] << 16 | (size_t)head[3] << 24;
        char *text = reserve(length, 1);
        if (fread(text, 1, length, stdin) != length)
            fail("a request ends in the middle", 0);
        if (requests_count == room) {
            room = room ? 2 * room : 64;
            if ((requests = realloc(requests, room * sizeof *requests)) == NULL)
                fail("no memory", 0);
        }
        requests[requests_count++] = (struct request){text, length};
    }
    if (requests_count == 0)
        fail("no requests", 0);
}

static void prepare(const char *host, const char *port, double seconds)
{
    struct rlimit files;
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1UL);      /* the system wakes us up to 50 microseconds late otherwise */
    if (getaddrinfo(host, port, &wanted, &address))
        fail("no such host", 0);
    if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0)
        fail("epoll", errno);
    total = (int64_t)(per_second * seconds);
    if (total < 1 || total > REQUESTS_MAX || timeout_ns <= 0)
        fail("too many requests, or none", 0);
    waits_us = reserve((size_t)total, sizeof *waits_us);
    late_us = reserve((size_t)total, sizeof *late_us);
}

int main(int count, char **values)
{
    if (count != 8) {
        fputs("rate HOST PORT CONNECTIONS PER_SECOND SECONDS TIMEOUT_SECONDS EXPECTED < requests\n", stderr);
        return 2;
    }
    long connections = atol(values[3]);
    double seconds = atof(values[5]);
    per_second = atof(values[4]);
    timeout_ns = (int64_t)(atof(values[6]) * 1e9);
    expected = values[7];
    expected_length = strlen(expected);
    read_requests();
    prepare(values[1], values[2], seconds);
    if (connections < 1)
        fail("no connections", 0);
    open_all(connections);
    run(seconds);
    tell(seconds);
    return 0;
}
