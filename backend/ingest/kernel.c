/* quick.plainly_good for all events of a batch in one call: token, samples, record. Optional; see kernel.py.
 *
 * `judge_body` reads a body itself when it is written as JSON.stringify writes it and nothing in it is special;
 * `judge_views` takes the views among what msgspec has read. Whatever is not plain (another version of a token, a
 * number beyond 62 bits) is answered with None, and Python looks. Everything in a token is big endian.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>
#include "../core/c/hash.h"
#include "../core/c/words.h"
#include "kernel_view.h"
#include "kernel_struct.h"
#include "kernel_body.h"

#define VERSION 3               /* as in kernel.py: what was built from older code is not used */

/* ---- for Python ------------------------------------------------------------------------------------------------ */

/* What every call is told. 0 with an error when it is not that. */
static int told(PyObject *arguments, PyObject **what, About *about)
{
    const uint8_t *key;
    Py_ssize_t key_length;
    if (!PyArg_ParseTuple(
            arguments, "Oy#y#KKLLLLLLLLLLL", what, &key, &key_length, &about->network,
            &about->network_length, &about->chain_id, &about->now_ms, &about->skew_ms, &about->client, &about->origin,
            &about->visible_min, &about->screen_min, &about->angle_below, &about->gap_max, &about->still_ms,
            &about->video_ms, &about->frozen_ms, &about->sample_gap_ms))
        return 0;
    if (view_type == NULL || about->network_length > 24 || about->now_ms >= (unsigned long long)LARGEST) {
        PyErr_SetString(PyExc_ValueError, "not bound, or a number is too large");
        return 0;
    }
    if (key_length > 64) key_length = 64;
    about->has_mark = 0;
    about->token_hash = keyed(key, (size_t)key_length, MAC, "sightline-tok\0\0\0");
    about->click_hash = keyed(key, (size_t)key_length, MAC, "sightline-click\0");
    about->viewer_hash = keyed(key, (size_t)key_length, 8, "sightline-view-m");
    return 1;
}

static PyObject *judge_body(PyObject *self, PyObject *arguments)
{
    PyObject *body;
    About about;
    if (!told(arguments, &body, &about)) return NULL;
    if (!PyBytes_CheckExact(body)) return PyErr_Format(PyExc_TypeError, "a body is bytes");
    return body_judged(PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body), &about);
}

static PyObject *judge_views(PyObject *self, PyObject *arguments)
{
    PyObject *reports;
    About about;
    if (!told(arguments, &reports, &about)) return NULL;
    if (!PyList_CheckExact(reports)) return PyErr_Format(PyExc_TypeError, "reports are a list");
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
    {"judge_body", judge_body, METH_VARARGS, "(entry, events, viewer, claims by minute) of a body, or None."},
    {"judge_views", judge_views, METH_VARARGS, "For each report (record, viewer, expires_ms, claim), or None."},
    {NULL, NULL, 0, NULL},
};

#include "../core/c/module.h"
