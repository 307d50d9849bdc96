/* The tensors and the metadata of a density's file. A tensor has a name of two words with a point
 * between them, as in "t-copula.freedom", or of one, where the second word is NULL. */
#ifndef GKV_DENSITY_DENSITY_TENSORS_H
#define GKV_DENSITY_DENSITY_TENSORS_H

#include "safetensors/safetensors.h"

/* The rank and the shape of a tensor, as in GKV_SHAPE(n, d). */
#define GKV_SHAPE(...)                                              \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]) \
    {                                                               \
        __VA_ARGS__                                                 \
    }

/* --- Writing -------------------------------------------------------------- */

/* What will be written. It begins as zeros. The data of a tensor must stay valid until it is
 * written. */
typedef struct gki_density_writer {
    gki_tensor *tensors;
    size_t n_tensors;
    gki_metadata *metadata;
    size_t n_metadata;
    void **memory; /* what the writer frees */
    size_t n_memory;
} gki_density_writer;

/* Frees the memory of the writer, but not the data that others own. */
void gki_density_writer_end(gki_density_writer *writer);

/* Allocates zeros that the writer frees. `out` is the address of the caller's pointer.
 * GKV_ERR_MEMORY. */
gkv_status gki_density_take(gki_density_writer *writer, size_t count, size_t size, void *out);

/* Adds a tensor, whose data the writer borrows. GKV_ERR_MEMORY. */
gkv_status gki_density_put(gki_density_writer *writer, const char *first, const char *second,
                           gki_dtype dtype, size_t rank, const int64_t *shape, const void *data);

/* Adds metadata. The key is a literal; the value is formatted as by printf(). GKV_ERR_MEMORY. */
gkv_status gki_density_put_text(gki_density_writer *writer, const char *key, const char *format,
                                ...) __attribute__((format(printf, 3, 4)));

/* --- Reading -------------------------------------------------------------- */

/* An open file, which the caller closes. */
typedef struct gki_density_reader {
    const char *path;
    gki_safetensors *file;
} gki_density_reader;

/* Returns GKV_ERR_DATA with a message that names the file and says what is wrong in it. */
gkv_status gki_density_damaged(const gki_density_reader *reader, const char *what);

/* The same for a status that is not GKV_OK, unless memory was short, which is no damage. */
gkv_status gki_density_damaged_by(const gki_density_reader *reader, gkv_status status,
                                  const char *what);

/* The tensor of this name, if it has this type and rank; else NULL. The file owns it. */
const gki_tensor *gki_density_find(const gki_density_reader *reader, const char *first,
                                   const char *second, gki_dtype dtype, size_t rank);

/* Reads the tensor of this name, type and shape to `out`. GKV_ERR_DATA if the file has none;
 * GKV_ERR_IO. */
gkv_status gki_density_get(const gki_density_reader *reader, const char *first, const char *second,
                           gki_dtype dtype, size_t rank, const int64_t *shape, void *out);

/* A whole number of the metadata; 0 if it is missing or another text. */
size_t gki_density_number(const gki_density_reader *reader, const char *key);

#endif
