/* A body as it comes: no more than the plainest JSON, as JSON.stringify writes it. */

#define EVENTS_MAX 100          /* as in reports.py; one more, and Python refuses the batch */
#define SAMPLES_MAX 600
#define MINUTES_MAX 4           /* of expiry, in one batch */
#define DIGITS_MAX 18
#define MINUTE_MS 60000         /* as door.SEEN_MS */

typedef struct { const char *at, *end; } Text;

typedef struct {
    int count;
    uint8_t viewer[8], claims[EVENTS_MAX][CLAIM];
    uint64_t minutes[EVENTS_MAX];
} Claims;

static inline int taken(Text *text, const char *word, size_t length)
{
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length)) return 0;
    text->at += length;
    return 1;
}
#define TAKEN(text, word) taken(text, word, sizeof(word) - 1)

/* A number without a sign, of few digits; -1 for anything else. */
static inline long long taken_number(Text *text)
{
    const char *at = text->at, *last = text->end - at > DIGITS_MAX ? at + DIGITS_MAX : text->end;
    long long value = 0;
    while (at < last && *at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
    if (at == text->at || (*text->at == '0' && at - text->at > 1)) return -1;
    text->at = at;
    return value;       /* where digits follow, no sign that is expected does */
}

static inline int taken_truth(Text *text)
{
    if (TAKEN(text, "true")) return 1;
    return TAKEN(text, "false") ? 0 : -1;
}

static int taken_sample(Text *text, const About *about, Watched *watched)
{
    long long n[4];
    if (!TAKEN(text, "[")) return 0;
    for (int i = 0; i < 4; i++) {
        n[i] = taken_number(text);
        if (n[i] < 0 || !TAKEN(text, ",")) return 0;
    }
    int active = taken_truth(text);
    if (active < 0 || !TAKEN(text, ",")) return 0;
    int foreground = taken_truth(text);
    return foreground >= 0 && TAKEN(text, "]") && n[VISIBLE] <= 10000 && n[SCREEN] <= 10000 && n[ANGLE] <= 18000
        && watch(watched, about, n, active && foreground);
}

static int taken_samples(Text *text, const About *about, Watched *watched)
{
    if (!TAKEN(text, "[")) return 0;
    do {
        if (watched->count == SAMPLES_MAX || !taken_sample(text, about, watched)) return 0;
    } while (TAKEN(text, ","));
    return TAKEN(text, "]");
}

/* Remember whose it is and its name; 0 for another viewer's, and for a twin. */
static int is_new(Claims *claims, const uint8_t *raw, int kind)
{
    uint8_t *claim = claims->claims[claims->count];
    if (!claims->count) memcpy(claims->viewer, raw + 78, 8);
    if (memcmp(claims->viewer, raw + 78, 8)) return 0;
    put_claim(claim, raw, kind);
    for (int i = 0; i < claims->count; i++)
        if (!memcmp(claims->claims[i], claim, CLAIM)) return 0;
    claims->minutes[claims->count++] = big(raw + 70, 8) / MINUTE_MS;
    return 1;
}

/* A token and the sign behind it, opened; 0 when it needs a closer look. */
static int taken_token(Text *text, const About *about, uint8_t raw[BODY + MAC])
{
    if (text->end - text->at < LETTERS || !opened((const uint8_t *)text->at, about, raw)) return 0;
    text->at += LETTERS;
    return TAKEN(text, "\"") && latest_ms(raw, about) >= 0;
}

/* What follows the token of a view. Samples stay as they are. */
static char *taken_view(Text *text, char *to, const char *limit, const uint8_t *raw, About *about)
{
    if (!TAKEN(text, ",\"samples\":")) return NULL;
    const char *samples = text->at;
    Watched watched = watching(about, raw[86] != 0);
    if (!taken_samples(text, about, &watched) || !is_plain(&watched, about, latest_ms(raw, about))) return NULL;
    size_t length = (size_t)(text->at - samples);
    long long at_ms = (long long)about->now_ms;
    if (TAKEN(text, ",\"rendered_at_ms\":")) {
        long long rendered_ms = taken_number(text);
        if (rendered_ms < 0) return NULL;
        at_ms = occurred_ms(raw, about, rendered_ms, watched.seen_ms);
    }
    if (!TAKEN(text, "}") || (size_t)(limit - to) < length + RECORD_MAX) return NULL;
    return put_tail(put(put_head(to, raw, VIEW, at_ms), samples, length), raw, VIEW, about);
}

static char *taken_click(Text *text, char *to, const char *limit, const uint8_t *raw, About *about)
{
    if (!TAKEN(text, "}") || limit - to < RECORD_MAX) return NULL;
    return put_tail(PUT(put_head(to, raw, CLICK, (long long)about->now_ms), "[]"), raw, CLICK, about);
}

/* One event; where its record ends, or NULL when it needs a closer look. */
static char *taken_event(Text *text, char *to, const char *limit, About *about, Claims *claims)
{
    uint8_t raw[BODY + MAC];
    if (claims->count == EVENTS_MAX || !TAKEN(text, "{\"kind\":\"")) return NULL;
    int kind = TAKEN(text, "viewable\"") ? VIEW : CLICK;
    if ((kind == CLICK && !TAKEN(text, "click\"")) || !TAKEN(text, ",\"token\":\"") || !taken_token(text, about, raw)
        || !is_new(claims, raw, kind))
        return NULL;
    return (kind == VIEW ? taken_view : taken_click)(text, to, limit, raw, about);
}

#define WIRE "$13\r\n"           /* before a claim, in what Redis reads; behind it comes another \r\n */
#define WIRE_LENGTH (5 + CLAIM + 2)

/* ((minute of expiry, claims, the claims as Redis reads them) …) in the order in which the minutes come; NULL without
 * an error when there are too many.
 */
static PyObject *by_minute(const Claims *claims)
{
    uint64_t minutes[MINUTES_MAX];
    char some[EVENTS_MAX * WIRE_LENGTH];
    int found = 0;
    for (int i = 0; i < claims->count; i++) {
        int known = 0;
        while (known < found && minutes[known] != claims->minutes[i]) known++;
        if (known == MINUTES_MAX) return NULL;
        if (known == found) minutes[found++] = claims->minutes[i];
    }
    PyObject *all = PyTuple_New(found);
    for (int j = 0; all != NULL && j < found; j++) {
        char *to = some;
        for (int i = 0; i < claims->count; i++)
            if (claims->minutes[i] == minutes[j])
                to = PUT(put(PUT(to, WIRE), (const char *)claims->claims[i], CLAIM), "\r\n");
        PyObject *one = Py_BuildValue("(Kny#)", (unsigned long long)minutes[j],
                                      (Py_ssize_t)(to - some) / WIRE_LENGTH, some, (Py_ssize_t)(to - some));
        if (one == NULL) { Py_CLEAR(all); break; }
        PyTuple_SET_ITEM(all, j, one);
    }
    return all;
}

/* The entry for the stream, and the end of it; NULL when anything needs a closer look. */
static char *put_entry(char *to, const char *limit, Text text, About *about, Claims *claims)
{
    *to++ = '[';
    to = put_number(to, about->now_ms);
    to = PUT(to, ",[");
    if (!TAKEN(&text, "{\"events\":[")) return NULL;
    do {
        if (claims->count) *to++ = ',';
        to = taken_event(&text, to, limit, about, claims);
        if (to == NULL) return NULL;
    } while (TAKEN(&text, ","));
    return TAKEN(&text, "]}") && text.at == text.end ? PUT(to, "]]") : NULL;
}

#define THRICE 3                /* a record without samples has 450 bytes at most, and its event 180 at least */

/* (entry, events, viewer, claims by minute); None when anything needs a closer look. */
static PyObject *body_judged(const char *body, Py_ssize_t length, About *about)
{
    Claims claims = {.count = 0};
    Py_ssize_t room = THRICE * length + 2 * RECORD_MAX;
    PyObject *entry = PyBytes_FromStringAndSize(NULL, room), *minutes;
    if (entry == NULL) return NULL;
    char *start = PyBytes_AS_STRING(entry);
    char *end = put_entry(start, start + room - 4, (Text){body, body + length}, about, &claims);
    minutes = end == NULL ? NULL : by_minute(&claims);
    if (minutes == NULL) {
        Py_DECREF(entry);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    if (_PyBytes_Resize(&entry, end - start) < 0) {
        Py_DECREF(minutes);
        return NULL;
    }
    return Py_BuildValue("(Niy#N)", entry, claims.count, claims.viewer, (Py_ssize_t)8, minutes);
}
