/* quick.plainly_good for all views of a batch in one call: token, samples, record. Optional; see kernel.py.
 *
 * Whatever is not plain (another version of a token, a click, a number beyond 62 bits) is answered with None, and
 * Python looks. The hash is BLAKE2b of RFC 7693, in its keyed form. Everything in a token is big endian.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

#define VERSION 1               /* as in kernel.py: what was built from older code is not used */
#define LETTERS 144
#define BODY 92
#define MAC 16
#define KIND_MAX 4
#define LARGEST ((long long)1 << 62)

/* ---- BLAKE2b --------------------------------------------------------------------------------------------------- */

typedef struct { uint64_t h[8]; } Hash;

static const uint64_t IV[8] = {
    0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
    0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL,
};
static const uint8_t SIGMA[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t little(const uint8_t *from)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | from[i];
    return value;
}

static inline uint64_t turned(uint64_t value, int bits) { return value >> bits | value << (64 - bits); }

#define MIX(a, b, c, d, x, y) do { \
    v[a] += v[b] + (x); v[d] = turned(v[d] ^ v[a], 32); v[c] += v[d]; v[b] = turned(v[b] ^ v[c], 24); \
    v[a] += v[b] + (y); v[d] = turned(v[d] ^ v[a], 16); v[c] += v[d]; v[b] = turned(v[b] ^ v[c], 63); } while (0)

static void compress(Hash *hash, const uint8_t block[128], uint64_t bytes, int is_last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++) m[i] = little(block + 8 * i);
    for (int i = 0; i < 8; i++) { v[i] = hash->h[i]; v[i + 8] = IV[i]; }
    v[12] ^= bytes;
    if (is_last) v[14] = ~v[14];
#ifdef __GNUC__
#pragma GCC unroll 12           /* then the places are constants: half the time */
#endif
    for (int r = 0; r < 12; r++) {
        const uint8_t *s = SIGMA[r];
        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);
        MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);
        MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);
        MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);
        MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) hash->h[i] ^= v[i] ^ v[i + 8];
}

/* The hash after its key's block. `person` has 16 bytes, `key` at most 64. */
static Hash keyed(const uint8_t *key, size_t length, int digest, const char *person)
{
    Hash hash;
    uint8_t block[128] = {0};
    memcpy(hash.h, IV, sizeof IV);
    hash.h[0] ^= 0x01010000ULL ^ (uint64_t)length << 8 ^ (uint64_t)digest;
    hash.h[6] ^= little((const uint8_t *)person);
    hash.h[7] ^= little((const uint8_t *)person + 8);
    memcpy(block, key, length);
    compress(&hash, block, 128, 0);
    return hash;
}

/* The first 16 bytes of the digest of one short message; `hash` is not changed. */
static void digest_of(Hash hash, const uint8_t *message, size_t length, uint8_t out[16])
{
    uint8_t block[128] = {0};
    memcpy(block, message, length);
    compress(&hash, block, 128 + length, 1);
    for (int i = 0; i < 16; i++) out[i] = (uint8_t)(hash.h[i / 8] >> (8 * (i % 8)));
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static int8_t LETTER[256];      /* of base64url; -1: none */

static void fill_letters(void)
{
    const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    memset(LETTER, -1, sizeof LETTER);
    for (int i = 0; i < 64; i++) LETTER[(uint8_t)all[i]] = (int8_t)i;
}

static int decoded(const uint8_t *text, uint8_t *out)
{
    int bad = 0;
    for (int i = 0; i < LETTERS; i += 4, out += 3) {
        int a = LETTER[text[i]], b = LETTER[text[i + 1]], c = LETTER[text[i + 2]], d = LETTER[text[i + 3]];
        bad |= a | b | c | d;
        out[0] = (uint8_t)((unsigned)a << 2 | (unsigned)b >> 4);
        out[1] = (uint8_t)((unsigned)b << 4 | (unsigned)c >> 2);
        out[2] = (uint8_t)((unsigned)c << 6 | (unsigned)d);
    }
    return bad >= 0;
}

static uint64_t big(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | from[i];
    return value;
}

static char *put(char *to, const char *text, size_t length) { memcpy(to, text, length); return to + length; }
#define PUT(to, text) put(to, text, sizeof(text) - 1)

static char *put_number(char *to, uint64_t value)
{
    char digits[20];
    int at = 20;
    do digits[--at] = (char)('0' + value % 10); while (value /= 10);
    return put(to, digits + at, (size_t)(20 - at));
}

static char *put_signed(char *to, int64_t value)
{
    if (value < 0) { *to++ = '-'; return put_number(to, 0 - (uint64_t)value); }
    return put_number(to, (uint64_t)value);
}

static char *put_hex(char *to, const uint8_t *from, int bytes)
{
    for (int i = 0; i < bytes; i++) { *to++ = "0123456789abcdef"[from[i] >> 4]; *to++ = "0123456789abcdef"[from[i] & 15]; }
    return to;
}

/* ---- structs of msgspec: where their fields are ---------------------------------------------------------------- */

enum { T_MS, VISIBLE, SCREEN, ANGLE, ACTIVE, FOREGROUND, SAMPLE_FIELDS };
enum { TOKEN, SAMPLES, RENDERED, VIEW_FIELDS };
static const char *SAMPLE_NAMES[] = {"t_ms", "visible_bp", "screen_bp", "angle_cdeg", "active", "foreground"};
static const char *VIEW_NAMES[] = {"token", "samples", "rendered_at_ms"};
static PyObject *view_type, *sample_type;
static Py_ssize_t sample_at[SAMPLE_FIELDS], view_at[VIEW_FIELDS];

static int find_fields(PyObject *type, const char **names, int fields, Py_ssize_t *at)
{
    for (int i = 0; i < fields; i++) {
        PyObject *found = PyObject_GetAttrString(type, names[i]);
        if (found == NULL) return 0;
        int is_slot = Py_IS_TYPE(found, &PyMemberDescr_Type);
        if (is_slot) {
            PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
            is_slot = member->type == T_OBJECT_EX;
            at[i] = member->offset;
        }
        Py_DECREF(found);
        if (!is_slot) { PyErr_SetString(PyExc_TypeError, "a field is no slot"); return 0; }
    }
    return 1;
}

static inline PyObject *field(PyObject *of, Py_ssize_t at) { return *(PyObject **)((char *)of + at); }

/* A number of at most 62 bits, or -LARGEST. */
static inline long long number(PyObject *value)
{
    int overflow = 0;
    if (value == NULL || !PyLong_Check(value)) return -LARGEST;
    long long found = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow || found >= LARGEST || found <= -LARGEST ? -LARGEST : found;
}

/* ---- judging --------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned long long chain_id, now_ms;
    long long skew_ms, client, origin, visible_min, screen_min, angle_below, gap_max, still_ms, video_ms;
    long long frozen_ms, sample_gap_ms;
    const char *network;
    Py_ssize_t network_length;
    Hash token_hash, viewer_hash;
    uint8_t marked[16];         /* whose mark was made last: a batch comes from one viewer */
    int64_t mark;
    int has_mark;
} About;

typedef struct { long long first_ms, last_ms, seen_ms; char *end; } Watched;

/* As viewability.plainly_viewable_at_ms, and the samples as JSON; 0 when they need a closer look. */
static int watch(PyObject *samples, const About *about, int is_video, char *to, Watched *watched)
{
    long long since_ms = -1, last_ms = -1, needed_ms = is_video ? about->video_ms : about->still_ms;
    Py_ssize_t count = PyList_GET_SIZE(samples);
    watched->seen_ms = watched->first_ms = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *sample = PyList_GET_ITEM(samples, i);
        if ((PyObject *)Py_TYPE(sample) != sample_type) return 0;
        long long n[4];
        *to++ = i ? ',' : '[';
        for (int j = 0; j < 4; j++) {
            n[j] = number(field(sample, sample_at[j]));
            if (n[j] < 0) return 0;
            *to++ = j ? ',' : '[';
            to = put_number(to, (uint64_t)n[j]);
        }
        int active = field(sample, sample_at[ACTIVE]) == Py_True;
        int foreground = field(sample, sample_at[FOREGROUND]) == Py_True;
        to = active ? PUT(to, ",true") : PUT(to, ",false");
        to = foreground ? PUT(to, ",true]") : PUT(to, ",false]");
        long long t_ms = n[T_MS];
        if (t_ms <= last_ms) return 0;
        if (n[VISIBLE] < about->visible_min || n[SCREEN] < about->screen_min || n[ANGLE] >= about->angle_below
            || !active || !foreground)
            since_ms = -1;
        else if (since_ms < 0 || t_ms - last_ms > about->gap_max)
            since_ms = t_ms;
        else if (!watched->seen_ms && t_ms - since_ms >= needed_ms)
            watched->seen_ms = t_ms;
        if (!i) watched->first_ms = t_ms;
        last_ms = t_ms;
    }
    *to++ = ']';
    watched->last_ms = last_ms;
    watched->end = to;
    long long watched_ms = last_ms - watched->first_ms;
    return watched->seen_ms && watched_ms < about->frozen_ms && watched_ms >= count * about->sample_gap_ms;
}

/* The body of a token that is good for these circumstances; 0 when it needs a closer look. */
static int opened(PyObject *token, const About *about, uint8_t raw[BODY + MAC])
{
    uint8_t mac[MAC], differs = 0;
    if (!PyUnicode_Check(token) || !PyUnicode_IS_COMPACT_ASCII(token) || PyUnicode_GET_LENGTH(token) != LETTERS
        || !decoded(PyUnicode_1BYTE_DATA(token), raw))
        return 0;
    digest_of(about->token_hash, raw, BODY, mac);
    for (int i = 0; i < MAC; i++) differs |= mac[i] ^ raw[BODY + i];        /* as long for any other signature */
    if (differs || raw[0] != 2 || raw[69] >= KIND_MAX) return 0;
    long long client = raw[87], origin = (long long)big(raw + 88, 4);
    return big(raw + 17, 8) == about->chain_id && about->now_ms <= big(raw + 70, 8) && big(raw + 33, 8)
        && (origin == about->origin || !origin || !about->origin)
        && (client == about->client || !client || !about->client);
}

/* All of a record but its samples: what stands before them, and after. */
static char *put_head(char *to, const uint8_t *raw, long long occurred_ms)
{
    static const char *KINDS[KIND_MAX] = {"vcpm", "cpc", "cpa", "sponsorship"};
    to = PUT(to, "[\"accepted\",\"");
    to = put_hex(to, raw + 1, 16);
    to = PUT(to, "01\",\"");
    to = put_hex(to, raw + 1, 16);
    to = PUT(to, "\",\"viewable\",\"");
    to = put(to, KINDS[raw[69]], strlen(KINDS[raw[69]]));
    *to++ = '"';
    for (int at = 25; at <= 49; at += 8) { *to++ = ','; to = put_number(to, big(raw + at, 8)); }
    *to++ = ',';
    to = put_number(to, big(raw + 57, 4));
    *to++ = ',';
    to = put_number(to, raw[69] == 0 ? big(raw + 61, 8) : 0);
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

static char *put_tail(char *to, const uint8_t *raw, About *about)
{
    *to++ = ',';
    to = put_number(to, raw[69] == 2 ? big(raw + 61, 8) : 0);
    to = PUT(to, ",null,");
    to = put_signed(to, viewer_mark(raw, about));
    *to++ = ',';
    to = put(to, about->network, (size_t)about->network_length);
    *to++ = ']';
    return to;
}

#define RECORD_MAX 1024         /* without its samples */
#define SAMPLE_MAX 100          /* four numbers of 19 digits, two words, signs between them */
#define FEW 64

/* (record, viewer, expires_ms, claim), or NULL without an error when the event needs a closer look. */
static PyObject *judge(PyObject *report, About *about)
{
    uint8_t raw[BODY + MAC];
    char few[RECORD_MAX + FEW * SAMPLE_MAX], *text = few, *many = NULL;
    PyObject *found = NULL;
    Watched watched;
    if ((PyObject *)Py_TYPE(report) != view_type || !opened(field(report, view_at[TOKEN]), about, raw)) return NULL;
    PyObject *samples = field(report, view_at[SAMPLES]), *rendered = field(report, view_at[RENDERED]);
    long long decided_ms = (long long)big(raw + 1, 6), now_ms = (long long)about->now_ms, occurred_ms = now_ms;
    long long latest_ms = now_ms + about->skew_ms - decided_ms;
    if (latest_ms < 0 || samples == NULL || !PyList_CheckExact(samples) || !PyList_GET_SIZE(samples)) return NULL;
    if (PyList_GET_SIZE(samples) > FEW) {
        many = text = PyMem_Malloc(RECORD_MAX + (size_t)PyList_GET_SIZE(samples) * SAMPLE_MAX);
        if (text == NULL) return PyErr_NoMemory();
    }
    /* when it happened is known after the samples, and stands before them */
    char *start = text + RECORD_MAX / 2;
    if (!watch(samples, about, raw[86] != 0, start, &watched) || watched.last_ms > latest_ms) goto done;
    if (rendered != Py_None) {
        long long at_ms = number(rendered);
        if (at_ms == -LARGEST) goto done;
        at_ms += watched.seen_ms;
        occurred_ms = at_ms < now_ms ? at_ms : now_ms;
        if (occurred_ms < decided_ms) occurred_ms = decided_ms;
    }
    char head[RECORD_MAX / 2];
    Py_ssize_t length = put_head(head, raw, occurred_ms) - head;
    memcpy(start - length, head, (size_t)length);
    char *end = put_tail(watched.end, raw, about), claim[13];
    memcpy(claim, raw + 5, 12);
    claim[12] = 1;
    found = Py_BuildValue("(y#y#Ky#)", start - length, (Py_ssize_t)(end - start) + length, raw + 78, (Py_ssize_t)8,
                          (unsigned long long)big(raw + 70, 8), claim, (Py_ssize_t)13);
done:
    PyMem_Free(many);
    return found;
}

static PyObject *judge_views(PyObject *self, PyObject *arguments)
{
    PyObject *reports;
    const uint8_t *key;
    Py_ssize_t key_length;
    About about;
    if (!PyArg_ParseTuple(
            arguments, "O!y#y#KKLLLLLLLLLLL", &PyList_Type, &reports, &key, &key_length, &about.network,
            &about.network_length, &about.chain_id, &about.now_ms, &about.skew_ms, &about.client, &about.origin,
            &about.visible_min, &about.screen_min, &about.angle_below, &about.gap_max, &about.still_ms,
            &about.video_ms, &about.frozen_ms, &about.sample_gap_ms))
        return NULL;
    if (view_type == NULL || about.network_length > 24 || about.now_ms >= (unsigned long long)LARGEST)
        return PyErr_Format(PyExc_ValueError, "not bound, or a number is too large");
    if (key_length > 64) key_length = 64;
    about.has_mark = 0;
    about.token_hash = keyed(key, (size_t)key_length, MAC, "sightline-tok\0\0\0");
    about.viewer_hash = keyed(key, (size_t)key_length, 8, "sightline-view-m");
    PyObject *answers = PyList_New(PyList_GET_SIZE(reports));
    for (Py_ssize_t i = 0; answers != NULL && i < PyList_GET_SIZE(answers); i++) {
        PyObject *answer = judge(PyList_GET_ITEM(reports, i), &about);
        if (answer == NULL && PyErr_Occurred()) { Py_CLEAR(answers); break; }
        PyList_SET_ITEM(answers, i, answer != NULL ? answer : Py_NewRef(Py_None));
    }
    return answers;
}

static PyObject *bind(PyObject *self, PyObject *arguments)
{
    PyObject *view, *sample;
    if (!PyArg_ParseTuple(arguments, "O!O!", &PyType_Type, &view, &PyType_Type, &sample)) return NULL;
    if (!find_fields(view, VIEW_NAMES, VIEW_FIELDS, view_at)) return NULL;
    if (!find_fields(sample, SAMPLE_NAMES, SAMPLE_FIELDS, sample_at)) return NULL;
    Py_XSETREF(view_type, Py_NewRef(view));
    Py_XSETREF(sample_type, Py_NewRef(sample));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"bind", bind, METH_VARARGS, "Learn the types of views and samples."},
    {"judge_views", judge_views, METH_VARARGS, "For each report (record, viewer, expires_ms, claim), or None."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_kernel", NULL, -1, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void)
{
    fill_letters();
    PyObject *module = PyModule_Create(&MODULE);
    if (module != NULL && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
