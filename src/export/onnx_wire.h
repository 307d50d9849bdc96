/* Writes the wire format of protocol buffers, in which ONNX files are: a message is a sequence of
 * fields, and a field is its number, its kind and its value.
 *
 * A buffer remembers the first failure. Later calls do nothing, and gki_wire_status() returns it.
 * So the callers check once, at the end. A buffer belongs to one thread at a time. */
#ifndef GKV_EXPORT_ONNX_WIRE_H
#define GKV_EXPORT_ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* Zero-initialise it before use. */
typedef struct gki_wire {
    unsigned char *bytes;
    size_t count, capacity;
    bool failed; /* true after memory ran out */
} gki_wire;

/* Frees the members, not the struct. NULL is fine. */
void gki_wire_free(gki_wire *wire);

/* GKV_ERR_MEMORY after memory ran out, else GKV_OK. */
gkv_status gki_wire_status(const gki_wire *wire);

/* Append a field with a whole number (varint), a float, bytes, or text. Negative numbers are
 * written as the format has them, as their two's complement. */
void gki_wire_whole(gki_wire *wire, unsigned field, int64_t value);
void gki_wire_float(gki_wire *wire, unsigned field, float value);
void gki_wire_bytes(gki_wire *wire, unsigned field, const void *bytes, size_t count);
void gki_wire_text(gki_wire *wire, unsigned field, const char *text);

/* Begin and end a field that is a message: the fields that are appended between the two calls are
 * its content. gki_wire_begin() returns what gki_wire_end() needs. Messages may be nested. */
size_t gki_wire_begin(gki_wire *wire, unsigned field);
void gki_wire_end(gki_wire *wire, size_t begin);

/* Appends the fields of another buffer, and its failure. */
void gki_wire_append(gki_wire *wire, const gki_wire *fields);

#endif
