#include "density/density_tensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { NAME_SIZE = 96, TEXT_SIZE = 64 };

static void name_of(char name[NAME_SIZE], const char *first, const char *second)
{
    snprintf(name, NAME_SIZE, "%s%s%s", first, second ? "." : "", second ? second : "");
}

/* --- Writing -------------------------------------------------------------- */

/* Makes room for one more element in an array of `count`, which has room for the next power of two.
 * `array` is the address of the pointer to it. */
static gkv_status make_room(size_t count, size_t size, void *array)
{
    void *old = NULL, *larger = NULL;
    if ((count & (count - 1)) != 0)
        return GKV_OK;
    memcpy(&old, array, sizeof old);
    GKV_TRY(gki_alloc(count > 0 ? 2 * count : 1, size, &larger));
    if (count > 0)
        memcpy(larger, old, count * size);
    free(old);
    memcpy(array, &larger, sizeof larger);
    return GKV_OK;
}

void gki_density_writer_end(gki_density_writer *writer)
{
    for (size_t i = 0; i < writer->n_memory; i++)
        free(writer->memory[i]);
    free(writer->memory);
    free(writer->tensors);
    free(writer->metadata);
    *writer = (gki_density_writer){.tensors = NULL};
}

gkv_status gki_density_take(gki_density_writer *writer, size_t count, size_t size, void *out)
{
    GKV_TRY(make_room(writer->n_memory, sizeof *writer->memory, &writer->memory));
    GKV_TRY(gki_alloc(count, size, out));
    memcpy(&writer->memory[writer->n_memory++], out, sizeof *writer->memory);
    return GKV_OK;
}

gkv_status gki_density_put(gki_density_writer *writer, const char *first, const char *second,
                           gki_dtype dtype, size_t rank, const int64_t *shape, const void *data)
{
    char *name = NULL;
    GKV_TRY(make_room(writer->n_tensors, sizeof *writer->tensors, &writer->tensors));
    GKV_TRY(gki_density_take(writer, NAME_SIZE, 1, &name));
    name_of(name, first, second);
    gki_tensor *tensor = &writer->tensors[writer->n_tensors++];
    *tensor = (gki_tensor){.name = name, .dtype = dtype, .rank = rank, .data = data};
    memcpy(tensor->shape, shape, rank * sizeof *shape);
    return GKV_OK;
}

gkv_status gki_density_put_text(gki_density_writer *writer, const char *key, const char *format,
                                ...)
{
    char *value = NULL;
    va_list arguments;
    GKV_TRY(make_room(writer->n_metadata, sizeof *writer->metadata, &writer->metadata));
    GKV_TRY(gki_density_take(writer, TEXT_SIZE, 1, &value));
    va_start(arguments, format);
    vsnprintf(value, TEXT_SIZE, format, arguments);
    va_end(arguments);
    writer->metadata[writer->n_metadata++] = (gki_metadata){key, value};
    return GKV_OK;
}

/* --- Reading -------------------------------------------------------------- */

gkv_status gki_density_damaged(const gki_density_reader *reader, const char *what)
{
    return gki_fail(GKV_ERR_DATA, "%s: it is not a density of a table: %s", reader->path, what);
}

gkv_status gki_density_damaged_by(const gki_density_reader *reader, gkv_status status,
                                  const char *what)
{
    return status == GKV_OK || status == GKV_ERR_MEMORY ? status
                                                        : gki_density_damaged(reader, what);
}

const gki_tensor *gki_density_find(const gki_density_reader *reader, const char *first,
                                   const char *second, gki_dtype dtype, size_t rank)
{
    char name[NAME_SIZE];
    name_of(name, first, second);
    const gki_tensor *tensor = gki_safetensors_find(reader->file, name);
    return tensor && tensor->dtype == dtype && tensor->rank == rank ? tensor : NULL;
}

gkv_status gki_density_get(const gki_density_reader *reader, const char *first, const char *second,
                           gki_dtype dtype, size_t rank, const int64_t *shape, void *out)
{
    char name[NAME_SIZE];
    name_of(name, first, second);
    return gki_safetensors_read(reader->file, name, dtype, rank, shape, out);
}

size_t gki_density_number(const gki_density_reader *reader, const char *key)
{
    const char *text = gki_safetensors_metadata(reader->file, key);
    char *end = NULL;
    const unsigned long number = text ? strtoul(text, &end, 10) : 0;
    return text && *text && !*end ? number : 0;
}
