/* What an event is worth: its token, its samples, its record. The rules are those of quick.plainly_good. */

#define BODY 92                 /* of a token, before its signature */
#define MAC 16
#define KIND_MAX 4
#define LARGEST ((long long)1 << 62)

typedef struct {
    unsigned long long chain_id, now_ms;
    long long skew_ms, client, origin, visible_min, screen_min, angle_below, gap_max, still_ms, video_ms;
    long long frozen_ms, sample_gap_ms;
    const char *network;
    Py_ssize_t network_length;
    Hash token_hash, viewer_hash, click_hash;
    uint8_t marked[16];         /* whose mark was made last: a batch comes from one viewer */
    int64_t mark;
    int has_mark;
} About;

typedef struct { long long needed_ms, since_ms, first_ms, last_ms, seen_ms, count; } Watched;

enum { T_MS, VISIBLE, SCREEN, ANGLE, ACTIVE, FOREGROUND, SAMPLE_FIELDS };

static Watched watching(const About *about, int is_video)
{
    return (Watched){is_video ? about->video_ms : about->still_ms, -1, 0, -1, 0, 0};
}

/* One more sample, as viewability.plainly_viewable_at_ms; 0 when time does not go forward. */
static inline int watch(Watched *so_far, const About *about, const long long n[4], int is_there)
{
    long long t_ms = n[T_MS];
    if (t_ms <= so_far->last_ms) return 0;
    if (n[VISIBLE] < about->visible_min || n[SCREEN] < about->screen_min || n[ANGLE] >= about->angle_below || !is_there)
        so_far->since_ms = -1;
    else if (so_far->since_ms < 0 || t_ms - so_far->last_ms > about->gap_max)
        so_far->since_ms = t_ms;
    else if (!so_far->seen_ms && t_ms - so_far->since_ms >= so_far->needed_ms)
        so_far->seen_ms = t_ms;
    if (!so_far->count++) so_far->first_ms = t_ms;
    so_far->last_ms = t_ms;
    return 1;
}

/* Whether it was seen, not by a robot, and within the time that has passed since the decision. */
static int is_plain(const Watched *all, const About *about, long long latest_ms)
{
    long long watched_ms = all->last_ms - all->first_ms;
    return all->seen_ms && all->last_ms <= latest_ms && watched_ms < about->frozen_ms
        && watched_ms >= all->count * about->sample_gap_ms;
}

/* The body of a token that is good for these circumstances; 0 when it needs a closer look. */
static int opened(const uint8_t token[LETTERS], const About *about, uint8_t raw[BODY + MAC])
{
    uint8_t mac[MAC], differs = 0;
    if (!decoded(token, raw)) return 0;
    digest_of(about->token_hash, raw, BODY, mac);
    for (int i = 0; i < MAC; i++) differs |= mac[i] ^ raw[BODY + i];        /* as long for any other signature */
    if (differs || raw[0] != 2 || raw[69] >= KIND_MAX) return 0;
    long long client = raw[87], origin = (long long)big(raw + 88, 4);
    return big(raw + 17, 8) == about->chain_id && about->now_ms <= big(raw + 70, 8) && big(raw + 33, 8)
        && (origin == about->origin || !origin || !about->origin)
        && (client == about->client || !client || !about->client);
}

enum { VIEW = 1, CLICK };       /* as KIND_BYTE in core/events.py */
enum { PER_VIEW, PER_CLICK, PER_ACTION };       /* as BID_KINDS in core/decision_token.py */

/* All of a record but its samples: what stands before them, and after. */
static char *put_head(char *to, const uint8_t *raw, int kind, long long occurred_ms)
{
    static const char *KINDS[KIND_MAX] = {"vcpm", "cpc", "cpa", "sponsorship"};
    to = PUT(to, "[\"accepted\",\"");
    to = put_hex(to, raw + 1, 16);
    to = kind == VIEW ? PUT(to, "01\",\"") : PUT(to, "02\",\"");
    to = put_hex(to, raw + 1, 16);
    to = kind == VIEW ? PUT(to, "\",\"viewable\",\"") : PUT(to, "\",\"click\",\"");
    to = put(to, KINDS[raw[69]], strlen(KINDS[raw[69]]));
    *to++ = '"';
    for (int at = 25; at <= 49; at += 8) { *to++ = ','; to = put_number(to, big(raw + at, 8)); }
    *to++ = ',';
    to = put_number(to, big(raw + 57, 4));
    *to++ = ',';
    to = put_number(to, raw[69] == (kind == VIEW ? PER_VIEW : PER_CLICK) ? big(raw + 61, 8) : 0);
    *to++ = ',';
    to = put_signed(to, occurred_ms);
    *to++ = ',';
    return to;
}

static int64_t viewer_mark(const uint8_t *raw, About *about)
{
    uint8_t message[16], mark[16];
    memcpy(message, raw + 78, 8);
    memcpy(message + 8, raw + 49, 8);
    if (!about->has_mark || memcmp(message, about->marked, 16)) {
        digest_of(about->viewer_hash, message, 16, mark);
        memcpy(about->marked, message, 16);
        about->mark = (int64_t)big(mark, 8);
        about->has_mark = 1;
    }
    return about->mark;
}

/* As core/click_id.py: the reference of the decision's click id. */
static char *put_reference(char *to, const uint8_t *decision, const About *about)
{
    uint8_t named[32], text[43], digest[32];
    memcpy(named, decision, 16);
    digest_of(about->click_hash, decision, 16, named + 16);
    encoded(named, 32, text);
    keccak256(text, sizeof text, digest);
    return PUT(put_hex(PUT(to, "\"0x"), digest, 32), "\"");
}

static char *put_tail(char *to, const uint8_t *raw, int kind, About *about)
{
    *to++ = ',';
    to = put_number(to, raw[69] == PER_ACTION ? big(raw + 61, 8) : 0);
    *to++ = ',';
    to = kind == VIEW ? PUT(to, "null") : put_reference(to, raw + 1, about);
    *to++ = ',';
    to = put_signed(to, viewer_mark(raw, about));
    *to++ = ',';
    to = put(to, about->network, (size_t)about->network_length);
    *to++ = ']';
    return to;
}

#define RECORD_MAX 512          /* without its samples */

/* When it happened by the client's word, but never before the decision nor after now. */
static long long occurred_ms(const uint8_t *raw, const About *about, long long rendered_ms, long long seen_ms)
{
    long long decided_ms = (long long)big(raw + 1, 6), at_ms = rendered_ms + seen_ms;
    if (at_ms > (long long)about->now_ms) at_ms = (long long)about->now_ms;
    return at_ms < decided_ms ? decided_ms : at_ms;
}

static long long latest_ms(const uint8_t *raw, const About *about)
{
    return (long long)about->now_ms + about->skew_ms - (long long)big(raw + 1, 6);
}

#define CLAIM 13

static void put_claim(uint8_t *to, const uint8_t *raw, int kind)
{
    memcpy(to, raw + 5, CLAIM - 1);
    to[CLAIM - 1] = (uint8_t)kind;
}
