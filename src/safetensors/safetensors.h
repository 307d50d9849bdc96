/* Named arrays in a file of the safetensors format: eight little-endian bytes that
 * give the length of a JSON header, the header, and the arrays one after another.
 * Files written here open in every other reader of the format, and the other way
 * round, for the five types below.
 *
 * A reader trusts nothing: whatever the header claims is checked against the file's
 * real size before an array is touched, so a foreign, cut or damaged file gives
 * GKV_ERR_DATA with the file, the tensor, the field and its value. (The format has
 * no checksum: a changed byte inside an array goes unnoticed.) */
#ifndef GKV_CORE_SAFETENSORS_H
#define GKV_CORE_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { GKV_TENSOR_RANK_MAX = 8 };

typedef enum gkv_dtype { GKV_F32 = 0, GKV_F64, GKV_I64, GKV_U64, GKV_U8, GKV_DTYPES } gkv_dtype;

/* The type's name in the format ("F32") and its size in bytes. */
const char *gkv_dtype_name(gkv_dtype dtype);
size_t gkv_dtype_size(gkv_dtype dtype);

/* An array to be written, in row-major order. Rank 0 is one number; a dimension
 * may be 0, and then data may be NULL. */
typedef struct gkv_tensor {
    const char *name;
    gkv_dtype dtype;
    size_t rank;
    int64_t shape[GKV_TENSOR_RANK_MAX];
    const void *data;
} gkv_tensor;

/* An entry of the header's "__metadata__". */
typedef struct gkv_metadata {
    const char *key, *value;
} gkv_metadata;

/* Writes the arrays in the order given; the same arguments give the same bytes.
 * The file appears whole or not at all. GKV_ERR_ARGUMENT for an empty, repeated or
 * non-UTF-8 name or key, or a shape out of range; GKV_ERR_IO. */
GKV_MUST_USE gkv_status gkv_safetensors_write(const char *path, size_t count, const gkv_tensor *tensors,
                                              size_t metadata_count, const gkv_metadata *metadata);

/* An open file. Its header is in memory, its arrays stay on the disk until they are
 * read; a file that is replaced meanwhile (by rename) is still read as it was.
 * Reading is thread-safe, as every read states its place in the file. */
typedef struct gkv_safetensors gkv_safetensors;

/* Opens and checks everything, in *out. GKV_ERR_IO, GKV_ERR_DATA. */
GKV_MUST_USE gkv_status gkv_safetensors_open(const char *path, gkv_safetensors **out);

/* The same for the `size` bytes of a file in memory, which must stay valid until the file is
 * closed. `name` stands for the path in messages. */
GKV_MUST_USE gkv_status gkv_safetensors_open_memory(const void *bytes, size_t size, const char *name,
                                                    gkv_safetensors **out);

/* Closes it; NULL is fine. */
void gkv_safetensors_free(gkv_safetensors *file);

/* How many arrays there are, and the i-th in the order of the data; NULL past the
 * last. Its data is NULL: gkv_safetensors_read() fetches it. */
size_t gkv_safetensors_count(const gkv_safetensors *file);
const gkv_tensor *gkv_safetensors_at(const gkv_safetensors *file, size_t i);

/* The array of that name, or NULL. */
const gkv_tensor *gkv_safetensors_find(const gkv_safetensors *file, const char *name);

/* The metadata of that key, or NULL; it lives as long as the open file. */
const char *gkv_safetensors_metadata(const gkv_safetensors *file, const char *key);

/* Copies an array of a known type and shape into the caller's buffer. GKV_ERR_DATA
 * if there is none of that name or if it differs; the message gives both types or
 * both shapes, and the buffer is unchanged. GKV_ERR_IO. */
GKV_MUST_USE gkv_status gkv_safetensors_read(const gkv_safetensors *file, const char *name, gkv_dtype dtype,
                                             size_t rank, const int64_t *shape, void *out);

/* For the two halves of the implementation. */

/* Bytes of an array, in *bytes; false when the number does not fit (or a dimension
 * is negative). */
bool gkv_tensor_bytes(const gkv_tensor *tensor, uint64_t *bytes);

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian, and gkvae copies numbers as they are: this machine is not supported"
#endif

#endif
