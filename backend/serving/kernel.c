/* What a plain decision has to write (a token, the call that holds its price, how its answer begins) in one call.
 * Optional; see kernel.py.
 *
 * The token's layout is that of core/decision_token.py, the hold's that of wire.py, the answer's that of decision.py.
 * What is not plain is answered with None, and Python writes it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include "../core/c/hash.h"
#include "../core/c/words.h"

#define VERSION 2               /* as in kernel.py: what was built from older code is not used */
#define BODY 92
#define MAC 16
#define AT_ID 1
#define AT_PRICE 61
#define AT_EXPIRES 70
#define AT_VIEWER 78
#define AT_CLIENT 87
#define AT_ORIGIN 88
#define RANDOM 10
#define MS_PER_DAY 86400000ULL
#define PREFIX_MAX 48           /* of a hold's name */
#define LINE 32                 /* that no number with its length is longer than */

typedef struct { const char *text; Py_ssize_t length; } Piece;

/* The hashes after the blocks of their keys. They are the same for a day. */
static struct { int is_set; uint8_t key[64]; size_t length; uint64_t day; Hash token, viewer; } known;

static void know(const uint8_t *key, size_t length, uint64_t day)
{
    if (known.is_set && known.day == day && known.length == length && memcmp(known.key, key, length) == 0) return;
    known.is_set = 1;
    known.day = day;
    known.length = length;
    memcpy(known.key, key, length);
    known.token = keyed(key, length, MAC, "sightline-tok\0\0\0");
    known.viewer = salted(key, length, 8, "sightline-viewer", day);
}

static void store(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, value >>= 8) to[i] = (uint8_t)value;
}

static int piece(PyObject *from, Piece *found)
{
    if (!PyBytes_CheckExact(from)) { PyErr_SetString(PyExc_TypeError, "pieces are bytes"); return 0; }
    found->text = PyBytes_AS_STRING(from);
    found->length = PyBytes_GET_SIZE(from);
    return 1;
}

/* A number as an argument of a command. */
static char *put_argument(char *to, uint64_t number)
{
    char digits[24];
    Py_ssize_t length = put_number(digits, number) - digits;
    to = PUT(to, "$");
    to = put_number(to, (uint64_t)length);
    to = PUT(to, "\r\n");
    to = put(to, digits, (size_t)length);
    return PUT(to, "\r\n");
}

static PyObject *held(const uint8_t *body, uint64_t price, uint64_t until, Piece head, Piece prefix, Piece tail)
{
    char name[PREFIX_MAX + 24 + 1 + 32], *end = put(name, prefix.text, (size_t)prefix.length);
    end = put_number(end, price);
    end = PUT(end, ":");
    end = put_hex(end, body + AT_ID, 16);
    PyObject *call = PyBytes_FromStringAndSize(NULL, head.length + 3 * LINE + (Py_ssize_t)sizeof name + tail.length);
    if (call == NULL) return NULL;
    char *start = PyBytes_AS_STRING(call), *at = put(start, head.text, (size_t)head.length);
    at = put_argument(at, price);
    at = put_argument(at, until);
    at = PUT(at, "$");
    at = put_number(at, (uint64_t)(end - name));
    at = PUT(at, "\r\n");
    at = put(at, name, (size_t)(end - name));
    at = PUT(at, "\r\n");
    at = put(at, tail.text, (size_t)tail.length);
    _PyBytes_Resize(&call, at - start);
    return call;
}

/* How the answer begins; see opening_of in decision.py. */
static PyObject *opening(const uint8_t *body, const uint8_t *text, uint64_t expires_ms)
{
    char start[LETTERS + 128], *at = PUT(start, "{\"decision_id\":\"");
    at = put_hex(at, body + AT_ID, 16);
    at = PUT(at, "\",\"token\":\"");
    at = put(at, (const char *)text, LETTERS);
    at = PUT(at, "\",\"expires_at_ms\":");
    at = put_number(at, expires_ms);
    at = PUT(at, ",\"creative\":");
    return PyBytes_FromStringAndSize(start, at - start);
}

/* The last five of the arguments: price, expiry, grace, client, origin. 0 with an error when one is no such number. */
static int numbers(PyObject *const *from, uint64_t *found)
{
    for (int i = 0; i < 5; i++) {
        found[i] = PyLong_AsUnsignedLongLong(from[i]);
        if (found[i] == (uint64_t)-1 && PyErr_Occurred()) return 0;
    }
    return 1;
}

static PyObject *stamp(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    Piece plan, key, random, head, prefix, tail;
    uint64_t number[5];
    Py_ssize_t length;
    if (count != 13) return PyErr_Format(PyExc_TypeError, "thirteen arguments");
    if (!piece(arguments[0], &plan) || !piece(arguments[1], &key) || !piece(arguments[2], &random)
            || !piece(arguments[3], &head) || !piece(arguments[4], &prefix) || !piece(arguments[5], &tail)
            || !numbers(arguments + 8, number))
        return NULL;
    const char *viewer = PyUnicode_AsUTF8AndSize(arguments[6], &length);
    uint64_t now_ms = PyLong_AsUnsignedLongLong(arguments[7]);
    if (viewer == NULL || PyErr_Occurred()) return NULL;
    if (plan.length != BODY || random.length < RANDOM || length < 1 || length > 128 || prefix.length > PREFIX_MAX
            || key.length < MAC || now_ms >> 48 || number[1] + number[2] < number[1])
        Py_RETURN_NONE;

    know((const uint8_t *)key.text, key.length > 64 ? 64 : (size_t)key.length, now_ms / MS_PER_DAY);
    uint8_t token[BODY + MAC], mark[16];
    memcpy(token, plan.text, BODY);
    store(token + AT_ID, now_ms, 6);
    memcpy(token + AT_ID + 6, random.text, RANDOM);
    store(token + AT_PRICE, number[0], 8);
    store(token + AT_EXPIRES, number[1], 8);
    digest_of(known.viewer, (const uint8_t *)viewer, (size_t)length, mark);
    memcpy(token + AT_VIEWER, mark, 8);
    store(token + AT_CLIENT, number[3], 1);
    store(token + AT_ORIGIN, number[4], 4);
    digest_of(known.token, token, BODY, token + BODY);

    uint8_t text[LETTERS];
    encoded(token, BODY + MAC, text);
    PyObject *written[4] = {
        PyBytes_FromStringAndSize((char *)token, BODY), PyBytes_FromStringAndSize((char *)text, LETTERS),
        held(token, number[0], number[1] + number[2], head, prefix, tail), opening(token, text, number[1]),
    };
    PyObject *all = PyTuple_New(4);
    for (int i = 0; i < 4; i++) {
        if (all != NULL && written[i] != NULL) PyTuple_SET_ITEM(all, i, written[i]);
        else { Py_XDECREF(written[i]); Py_CLEAR(all); }
    }
    return all;
}

static PyMethodDef METHODS[] = {
    {"stamp", (PyCFunction)(void (*)(void))stamp, METH_FASTCALL,
     "(body of the token, token, call of the hold, opening of the answer)."},
    {NULL, NULL, 0, NULL},
};

#include "../core/c/module.h"
