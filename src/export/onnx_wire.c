#include "export/onnx_wire.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* The kinds of fields, and the most bytes of a varint. */
enum { KIND_WHOLE = 0, KIND_BYTES = 2, KIND_FOUR_BYTES = 5, VARINT_MAX = 10 };

void gki_wire_free(gki_wire *wire)
{
    if (!wire)
        return;
    free(wire->bytes);
    *wire = (gki_wire){0};
}

gkv_status gki_wire_status(const gki_wire *wire)
{
    return wire->failed ? gki_fail(GKV_ERR_MEMORY, "no memory for a file of more than %zu bytes",
                                   wire->count)
                        : GKV_OK;
}

/* Makes room for `count` more bytes. False if memory ran out, now or before. */
static bool reserve(gki_wire *wire, size_t count)
{
    enum { FIRST = 4096 };
    if (wire->failed || count <= wire->capacity - wire->count)
        return !wire->failed;
    size_t capacity = wire->capacity > 0 ? wire->capacity : FIRST;
    while (capacity - wire->count < count && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    unsigned char *bytes = NULL;
    if (capacity - wire->count < count || gki_alloc(capacity, 1, &bytes) != GKV_OK) {
        wire->failed = true;
        return false;
    }
    if (wire->count > 0)
        memcpy(bytes, wire->bytes, wire->count);
    free(wire->bytes);
    wire->bytes = bytes;
    wire->capacity = capacity;
    return true;
}

static void append(gki_wire *wire, const void *bytes, size_t count)
{
    if (count == 0 || !reserve(wire, count))
        return;
    memcpy(wire->bytes + wire->count, bytes, count);
    wire->count += count;
}

/* Writes the varint to `bytes` and returns its length: seven bits a byte, the lowest ones first. */
static size_t varint(uint64_t value, unsigned char bytes[VARINT_MAX])
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (unsigned char)(value | 0x80);
    bytes[n++] = (unsigned char)value;
    return n;
}

static void append_varint(gki_wire *wire, uint64_t value)
{
    unsigned char bytes[VARINT_MAX];
    append(wire, bytes, varint(value, bytes));
}

static void append_key(gki_wire *wire, unsigned field, unsigned kind)
{
    append_varint(wire, (uint64_t)field << 3 | kind);
}

void gki_wire_whole(gki_wire *wire, unsigned field, int64_t value)
{
    append_key(wire, field, KIND_WHOLE);
    append_varint(wire, (uint64_t)value);
}

void gki_wire_float(gki_wire *wire, unsigned field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned char bytes[] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                                   (unsigned char)(bits >> 16), (unsigned char)(bits >> 24)};
    append_key(wire, field, KIND_FOUR_BYTES);
    append(wire, bytes, sizeof bytes);
}

void gki_wire_bytes(gki_wire *wire, unsigned field, const void *bytes, size_t count)
{
    append_key(wire, field, KIND_BYTES);
    append_varint(wire, count);
    append(wire, bytes, count);
}

void gki_wire_text(gki_wire *wire, unsigned field, const char *text)
{
    gki_wire_bytes(wire, field, text, strlen(text));
}

size_t gki_wire_begin(gki_wire *wire, unsigned field)
{
    append_key(wire, field, KIND_BYTES);
    return wire->count;
}

/* The length of a message stands before its content, and is known after it. */
void gki_wire_end(gki_wire *wire, size_t begin)
{
    unsigned char bytes[VARINT_MAX];
    if (wire->failed)
        return;
    const size_t content = wire->count - begin, n = varint(content, bytes);
    if (!reserve(wire, n))
        return;
    memmove(wire->bytes + begin + n, wire->bytes + begin, content);
    memcpy(wire->bytes + begin, bytes, n);
    wire->count += n;
}

void gki_wire_append(gki_wire *wire, const gki_wire *fields)
{
    wire->failed = wire->failed || fields->failed;
    append(wire, fields->bytes, fields->count);
}
