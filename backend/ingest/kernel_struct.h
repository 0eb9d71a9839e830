/* Views that msgspec has read: its structs keep their fields in slots. */

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

/* The samples as JSON and the end of them; NULL when they need a closer look. */
static char *put_samples(char *to, PyObject *samples, const About *about, Watched *watched)
{
    Py_ssize_t count = PyList_GET_SIZE(samples);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *sample = PyList_GET_ITEM(samples, i);
        if ((PyObject *)Py_TYPE(sample) != sample_type) return NULL;
        long long n[4];
        *to++ = i ? ',' : '[';
        for (int j = 0; j < 4; j++) {
            n[j] = number(field(sample, sample_at[j]));
            if (n[j] < 0) return NULL;
            *to++ = j ? ',' : '[';
            to = put_number(to, (uint64_t)n[j]);
        }
        int active = field(sample, sample_at[ACTIVE]) == Py_True;
        int foreground = field(sample, sample_at[FOREGROUND]) == Py_True;
        to = active ? PUT(to, ",true") : PUT(to, ",false");
        to = foreground ? PUT(to, ",true]") : PUT(to, ",false]");
        if (!watch(watched, about, n, active && foreground)) return NULL;
    }
    *to++ = ']';
    return to;
}

#define SAMPLE_MAX 100          /* four numbers of 19 digits, two words, signs between them */
#define FEW 64

static int is_token(PyObject *token)
{
    return PyUnicode_Check(token) && PyUnicode_IS_COMPACT_ASCII(token) && PyUnicode_GET_LENGTH(token) == LETTERS;
}

/* (record, viewer, expires_ms, claim), or NULL without an error when the event needs a closer look. */
static PyObject *judge(PyObject *report, About *about)
{
    uint8_t raw[BODY + MAC], claim[CLAIM];
    char few[RECORD_MAX + FEW * SAMPLE_MAX], *text = few, *many = NULL;
    PyObject *found = NULL;
    if ((PyObject *)Py_TYPE(report) != view_type) return NULL;
    PyObject *token = field(report, view_at[TOKEN]);
    if (!is_token(token) || !opened(PyUnicode_1BYTE_DATA(token), about, raw)) return NULL;
    PyObject *samples = field(report, view_at[SAMPLES]), *rendered = field(report, view_at[RENDERED]);
    if (latest_ms(raw, about) < 0 || samples == NULL || !PyList_CheckExact(samples) || !PyList_GET_SIZE(samples))
        return NULL;
    if (PyList_GET_SIZE(samples) > FEW) {
        many = text = PyMem_Malloc(RECORD_MAX + (size_t)PyList_GET_SIZE(samples) * SAMPLE_MAX);
        if (text == NULL) return PyErr_NoMemory();
    }
    /* when it happened is known after the samples, and stands before them */
    char *start = text + RECORD_MAX / 2, head[RECORD_MAX / 2];
    Watched watched = watching(about, raw[86] != 0);
    char *end = put_samples(start, samples, about, &watched);
    long long at_ms = rendered == Py_None ? (long long)about->now_ms : number(rendered);
    if (end == NULL || !is_plain(&watched, about, latest_ms(raw, about)) || at_ms == -LARGEST) goto done;
    at_ms = rendered == Py_None ? at_ms : occurred_ms(raw, about, at_ms, watched.seen_ms);
    Py_ssize_t length = put_head(head, raw, VIEW, at_ms) - head;
    memcpy(start - length, head, (size_t)length);
    end = put_tail(end, raw, VIEW, about);
    put_claim(claim, raw, VIEW);
    found = Py_BuildValue("(y#y#Ky#)", start - length, (Py_ssize_t)(end - start) + length, raw + 78, (Py_ssize_t)8,
                          (unsigned long long)big(raw + 70, 8), claim, (Py_ssize_t)CLAIM);
done:
    PyMem_Free(many);
    return found;
}
