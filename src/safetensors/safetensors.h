/* Reads and writes files in the safetensors format, which hold named arrays. Such a file consists
 * of eight little-endian bytes with the length of a JSON header, the header, and the arrays one
 * after another. Every other reader of the format can open the files that are written here, and
 * files of other writers can be read here if they use only the five types below.
 *
 * A reader trusts nothing in a file. It compares all statements of the header with the real size of
 * the file before it reads an array. So a foreign, truncated or damaged file gives GKV_ERR_DATA,
 * with the file, the tensor, the field and its value in the message.
 *
 * The format has no checksum. Files that are written here have one as the first entry of their
 * metadata, gkvae.crc32. It is the CRC-32, in hexadecimal, of all bytes after the first eight, with
 * zeros in place of its own digits. A reader checks it if it is the first entry. Files of other
 * programs have none, and a program that rewrites a file usually moves it. */
#ifndef GKV_SAFETENSORS_SAFETENSORS_H
#define GKV_SAFETENSORS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { GKV_TENSOR_RANK_MAX = 8 };

/* The key of the checksum, the text of a header before its digits, and their number. */
#define GKV_SAFETENSORS_CHECKSUM_KEY "gkvae.crc32"
#define GKV_SAFETENSORS_CHECKSUM_BEGIN "{\"__metadata__\":{\"" GKV_SAFETENSORS_CHECKSUM_KEY "\":\""
enum { GKV_SAFETENSORS_CHECKSUM_DIGITS = 8 };

typedef enum gki_dtype { GKV_F32 = 0, GKV_F64, GKV_I64, GKV_U64, GKV_U8, GKV_DTYPES } gki_dtype;

/* The type of a gki_real. */
#ifdef GKV_REAL_IS_DOUBLE
#define GKV_REAL_DTYPE GKV_F64
#else
#define GKV_REAL_DTYPE GKV_F32
#endif

/* The name of the type in the format, as in "F32", and its size in bytes. Thread-safe. */
const char *gki_dtype_name(gki_dtype dtype);
size_t gki_dtype_size(gki_dtype dtype);

/* An array in row-major order. An array of rank 0 is one number. A dimension may be 0; then data
 * may be NULL. */
typedef struct gki_tensor {
    const char *name;
    gki_dtype dtype;
    size_t rank;
    int64_t shape[GKV_TENSOR_RANK_MAX];
    const void *data;
} gki_tensor;

/* An entry of "__metadata__" in the header. */
typedef struct gki_metadata {
    const char *key, *value;
} gki_metadata;

/* Writes the arrays in the given order, and a checksum. The same arguments give the same bytes. The
 * file appears whole or not at all (core/file.h). GKV_ERR_ARGUMENT for a name or key that is empty,
 * repeated or not UTF-8, for a value that is not UTF-8, for a shape out of range, and for missing
 * data. GKV_ERR_IO, GKV_ERR_MEMORY. Thread-safe. */
GKV_MUST_USE gkv_status gki_safetensors_write(const char *path, size_t count,
                                              const gki_tensor *tensors, size_t metadata_count,
                                              const gki_metadata *metadata);

/* An open file. Its header is in memory, and its arrays stay on the disk until they are read. If
 * another file replaces it by rename, the old content is still read. Several threads may read from
 * one file at once, since every read gives its own offset. */
typedef struct gki_safetensors gki_safetensors;

/* Opens a file, and checks its header and its checksum, if it has one. The caller frees *out with
 * gki_safetensors_free(); it is NULL after a failure. GKV_ERR_IO, GKV_ERR_DATA, GKV_ERR_MEMORY. */
GKV_MUST_USE gkv_status gki_safetensors_open(const char *path, gki_safetensors **out);

/* The same for the `size` bytes of a file in memory, which must stay valid until
 * gki_safetensors_free(). `name` stands for the path in messages. GKV_ERR_ARGUMENT for NULL
 * bytes. */
GKV_MUST_USE gkv_status gki_safetensors_open_memory(const void *bytes, size_t size,
                                                    const char *name, gki_safetensors **out);

/* Closes the file and frees the handle. NULL is fine. */
void gki_safetensors_free(gki_safetensors *file);

/* The number of arrays, and the i-th array in the order of the data, or NULL for i ≥ count. The
 * file owns the result. Its field `data` is NULL; gki_safetensors_read() reads the elements. */
size_t gki_safetensors_count(const gki_safetensors *file);
const gki_tensor *gki_safetensors_at(const gki_safetensors *file, size_t i);

/* The array of this name, or NULL. The file owns the result, whose `data` is NULL. */
const gki_tensor *gki_safetensors_find(const gki_safetensors *file, const char *name);

/* The metadata of this key, or NULL. The file owns the string. */
const char *gki_safetensors_metadata(const gki_safetensors *file, const char *key);

/* The key of the i-th entry of the metadata, in the order of the file; NULL for i ≥ count. The file
 * owns the string. */
const char *gki_safetensors_metadata_key(const gki_safetensors *file, size_t i);

/* Copies the array of this name, type and shape into `out`. GKV_ERR_DATA if the file has no array
 * of this name, or if it has another type or shape; the message states both, and `out` is
 * unchanged. GKV_ERR_IO. */
GKV_MUST_USE gkv_status gki_safetensors_read(const gki_safetensors *file, const char *name,
                                             gki_dtype dtype, size_t rank, const int64_t *shape,
                                             void *out);

/* Computes the size of an array in bytes. False if a dimension is negative or the size is above
 * INT64_MAX. */
bool gki_tensor_bytes(const gki_tensor *tensor, uint64_t *bytes);

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian, and gkvae does not convert them for this machine"
#endif

#endif
