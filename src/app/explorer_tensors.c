/* The arrays of an explorer page; declared in explorer_tensors.h. */
#include "app/explorer_tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/memory.h"

/* --- float16 -------------------------------------------------------------- */

uint16_t gki_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000U;
    const float size = fabsf(value);
    if (!(size < 65520.0F)) /* what rounds to 65536 and more, and NaN */
        return (uint16_t)(sign | (isnan(value) ? 0x7e00U : 0x7c00U));
    if (size < 0x1p-14F) /* a multiple of 2⁻²⁴; the product is exact, and so is its integer */
        return (uint16_t)(sign | (uint32_t)nearbyintf(size * 0x1p24F));
    const uint32_t magnitude = bits & 0x7fffffffU, last = magnitude >> 13 & 1U;
    return (uint16_t)(sign | ((magnitude + 0xfffU + last - (112U << 23)) >> 13));
}

float gki_half_value(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    const float sign = half & 0x8000 ? -1.0F : 1.0F;
    if (exponent == 31)
        return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexpf((float)(1024 + fraction), exponent - 25)
                            : ldexpf((float)fraction, -24));
}

/* --- Arrays --------------------------------------------------------------- */

static size_t count_of(size_t rank, const size_t *shape)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= shape[i];
    return count;
}

/* Makes room for `size` bytes. */
static gkv_status reserve(gki_tensors *tensors, size_t size, unsigned char **reserved)
{
    const size_t offset = tensors->size;
    if (offset + size > tensors->capacity) {
        const size_t capacity = 2 * (offset + size);
        unsigned char *const bytes = realloc(tensors->bytes, capacity);
        if (!bytes)
            return gki_fail(GKV_ERR_MEMORY, "no memory for %zu bytes of a page", capacity);
        tensors->bytes = bytes;
        tensors->capacity = capacity;
    }
    *reserved = tensors->bytes + offset;
    tensors->size = offset + size;
    return GKV_OK;
}

static gkv_status add_entry(gki_tensors *tensors, const char *name, const char *type, size_t rank,
                            const size_t *shape, const unsigned char *reserved)
{
    json_t *const sizes = json_array();
    int failed = !sizes;
    for (size_t i = 0; i < rank; i++)
        failed |= json_array_append_new(sizes, json_integer((json_int_t)shape[i]));
    if (!tensors->entries)
        tensors->entries = json_object();
    failed |= json_object_set_new(tensors->entries, name,
                                  json_pack("{s:s, s:o, s:I}", "type", type, "shape", sizes,
                                            "offset", (json_int_t)(reserved - tensors->bytes)));
    return failed ? gki_fail(GKV_ERR_MEMORY, "no memory for the description of a page") : GKV_OK;
}

gkv_status gki_tensors_float(gki_tensors *tensors, const char *name, size_t rank,
                             const size_t *shape, const float *values)
{
    const size_t count = count_of(rank, shape);
    unsigned char *reserved = NULL;
    GKV_TRY(reserve(tensors, 4 * count, &reserved));
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (size_t b = 0; b < 4; b++)
            reserved[b * count + i] = (unsigned char)(bits >> 8 * b);
    }
    return add_entry(tensors, name, "f32", rank, shape, reserved);
}

gkv_status gki_tensors_half(gki_tensors *tensors, const char *name, size_t rank,
                            const size_t *shape, const float *values)
{
    const size_t count = count_of(rank, shape);
    unsigned char *reserved = NULL;
    GKV_TRY(reserve(tensors, 2 * count, &reserved));
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = gki_half(values[i]);
        reserved[i] = (unsigned char)half;
        reserved[count + i] = (unsigned char)(half >> 8);
    }
    return add_entry(tensors, name, "f16", rank, shape, reserved);
}

gkv_status gki_tensors_bytes(gki_tensors *tensors, const char *name, size_t rank,
                             const size_t *shape, const uint8_t *values)
{
    const size_t count = count_of(rank, shape);
    unsigned char *reserved = NULL;
    GKV_TRY(reserve(tensors, count, &reserved));
    memcpy(reserved, values, count);
    return add_entry(tensors, name, "u8", rank, shape, reserved);
}

gkv_status gki_tensors_levels(gki_tensors *tensors, const char *name, size_t rank,
                              const size_t *shape, const float *values)
{
    const size_t count = count_of(rank, shape);
    unsigned char *reserved = NULL;
    GKV_TRY(reserve(tensors, count, &reserved));
    for (size_t i = 0; i < count; i++)
        reserved[i] = (unsigned char)lrintf(255.0F * fminf(fmaxf(values[i], 0.0F), 1.0F));
    return add_entry(tensors, name, "u8", rank, shape, reserved);
}

gkv_status gki_tensors_compress(const gki_tensors *tensors, unsigned char **out, size_t *size)
{
    uLongf length = compressBound((uLong)tensors->size);
    GKV_TRY(gki_alloc(length, 1, out));
    if (compress2(*out, &length, tensors->bytes, (uLong)tensors->size, Z_BEST_COMPRESSION) ==
        Z_OK) {
        *size = length;
        return GKV_OK;
    }
    free(*out);
    *out = NULL;
    return gki_fail(GKV_ERR_MEMORY, "no memory to compress the arrays of a page");
}

void gki_tensors_free(gki_tensors *tensors)
{
    json_decref(tensors->entries);
    free(tensors->bytes);
}
