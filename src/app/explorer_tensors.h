/* The arrays of an explorer page: one block of bytes, and an entry of JSON for each array. */
#ifndef GKV_APP_EXPLORER_TENSORS_H
#define GKV_APP_EXPLORER_TENSORS_H

#include <jansson.h>
#include <stdint.h>

#include "core/error.h"

typedef struct gki_tensors {
    json_t *entries; /* {name: {"type", "shape", "offset"}}; the caller frees it */
    /* [size]; the caller frees it. Of an array come the lowest bytes of all elements, then the next
     * ones, and so on, which compresses better. */
    unsigned char *bytes;
    size_t size, capacity;
} gki_tensors;

/* Returns the float16 (IEEE 754 binary16) that is nearest to the number, ties to even; infinity for
 * a number beyond its range. */
uint16_t gki_half(float value);

/* Returns the number of a float16. */
float gki_half_value(uint16_t half);

/* Append an array of float32, of float16, or of bytes. shape[rank] is its shape. Values of float16
 * must be in range. GKV_ERR_MEMORY. */
gkv_status gki_tensors_float(gki_tensors *tensors, const char *name, size_t rank,
                             const size_t *shape, const float *values);
gkv_status gki_tensors_half(gki_tensors *tensors, const char *name, size_t rank,
                            const size_t *shape, const float *values);
gkv_status gki_tensors_bytes(gki_tensors *tensors, const char *name, size_t rank,
                             const size_t *shape, const uint8_t *values);

/* Appends numbers in [0, 1] as bytes, which stand for multiples of 1/255. */
gkv_status gki_tensors_levels(gki_tensors *tensors, const char *name, size_t rank,
                              const size_t *shape, const float *values);

/* Compresses the bytes to the zlib format (RFC 1950), as out[size], which the caller frees.
 * GKV_ERR_MEMORY. */
gkv_status gki_tensors_compress(const gki_tensors *tensors, unsigned char **out, size_t *size);

/* Frees the members, not the struct. */
void gki_tensors_free(gki_tensors *tensors);

#endif
