#include "data/array_read.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/reader.h"
#include "data/sha256_add.h"
#include "data/zip_member.h"
#include "table/npy_header.h"

enum { MAGIC = 6, IMAGE_DIMENSIONS = 4, WIDE_MAX = UINT16_MAX };

/* An array in memory. */
typedef struct array {
    const char *name;
    gki_npy_header header;
    const uint8_t *data;
    size_t count;                     /* the number of elements */
    size_t lengths[IMAGE_DIMENSIONS]; /* those of the header, and 1 */
} array;

static bool is_npy(const uint8_t *head, size_t there)
{
    return there >= MAGIC && memcmp(head, "\x93NUMPY", MAGIC) == 0;
}

static bool is_zip(const uint8_t *head, size_t there)
{
    return there >= 4 && memcmp(head, "PK\3\4", 4) == 0;
}

bool gki_is_array(const uint8_t *head, size_t there)
{
    return is_npy(head, there) || is_zip(head, there);
}

/* --- The shape ------------------------------------------------------------ */

static gkv_status check_images(const array *a, const char *shape)
{
    const gki_npy_header *h = &a->header;
    const uint64_t last = h->lengths[3], second = h->lengths[1];
    if (h->dimensions == 3 || (h->dimensions == 4 && (last == 1 || last == 3 || last == 4)))
        return GKV_OK;
    if (h->dimensions == 4 && (second == 1 || second == 3 || second == 4))
        return gki_fail(GKV_ERR_DATA,
                        "%s: the shape is %s, with the channels before rows and columns: save "
                        "array.transpose(0, 2, 3, 1)",
                        a->name, shape);
    return gki_fail(GKV_ERR_DATA,
                    "%s: the shape is %s; expected images × height × width, or with 1, 3 or 4 "
                    "channels as the last dimension: save array.reshape(images, height, width)",
                    a->name, shape);
}

static gkv_status check_labels(const array *a, const char *shape)
{
    const gki_npy_header *h = &a->header;
    if (h->dimensions == 1 || (h->dimensions == 2 && h->lengths[1] == 1))
        return GKV_OK;
    return gki_fail(
        GKV_ERR_DATA, "%s: the shape is %s; expected one number for each image%s", a->name, shape,
        h->dimensions == 2 ? ": save array.argmax(axis=1), if they are ones among zeros" : "");
}

static gkv_status check_shape(array *a, gki_idx_kind kind)
{
    char shape[128] = "()";
    const gki_npy_header *h = &a->header;
    for (size_t i = 0, used = 0; i < h->dimensions && used < sizeof shape; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRIu64, i ? " × " : "",
                                 h->lengths[i]);
    GKV_TRY(kind == GKV_IDX_LABELS ? check_labels(a, shape) : check_images(a, shape));
    a->count = 1;
    for (size_t i = 0; i < IMAGE_DIMENSIONS; i++) {
        const uint64_t length = i < h->dimensions ? h->lengths[i] : 1;
        if (length == 0)
            return gki_fail(GKV_ERR_DATA, "%s: the shape is %s: there is nothing in it", a->name,
                            shape);
        a->lengths[i] = (size_t)length;
        if (__builtin_mul_overflow(a->count, length, &a->count))
            return gki_fail(GKV_ERR_DATA, "%s: the shape is %s, more than memory can hold", a->name,
                            shape);
    }
    return GKV_OK;
}

static gkv_status check_length(const array *a, const uint8_t *bytes, size_t size)
{
    size_t wanted = 0;
    const size_t there = size - (size_t)(a->data - bytes);
    if (!__builtin_mul_overflow(a->count, a->header.size, &wanted) && wanted == there)
        return GKV_OK;
    return gki_fail(GKV_ERR_DATA,
                    "%s: %zu bytes follow the header; expected %zu elements of %zu bytes", a->name,
                    there, a->count, a->header.size);
}

static gkv_status open_array(const char *name, const uint8_t *bytes, size_t size, gki_idx_kind kind,
                             array *out)
{
    gki_source source;
    *out = (array){.name = name};
    if (!is_npy(bytes, size))
        return gki_fail(GKV_ERR_DATA, "%s: it is not an .npy array", name);
    gki_source_memory(&source, bytes, size, name);
    GKV_TRY(gki_npy_header_read(&source, &out->header));
    out->data = bytes + source.used;
    GKV_TRY(check_shape(out, kind));
    return check_length(out, bytes, size);
}

/* --- Elements ------------------------------------------------------------- */

/* The place in the file of element i in row-major order. */
static size_t place_of(const array *a, size_t i)
{
    if (!a->header.fortran)
        return i;
    size_t index[IMAGE_DIMENSIONS], place = 0;
    for (size_t d = IMAGE_DIMENSIONS; d-- > 0; i /= a->lengths[d])
        index[d] = i % a->lengths[d];
    for (size_t d = IMAGE_DIMENSIONS; d-- > 0;)
        place = place * a->lengths[d] + index[d];
    return place;
}

static double element(const array *a, size_t i)
{
    return gki_npy_element(&a->header, a->data + place_of(a, i) * a->header.size);
}

static bool is_plain(const array *a)
{
    return a->header.type == 'u' && a->header.size == 1 && !a->header.fortran;
}

/* The factor of levels, which need not be whole, and a note on it. */
static gkv_status find_factor(const array *a, double *factor, char note[GKV_NOTE_SIZE])
{
    const bool whole = a->header.type != 'f';
    const size_t image = a->count / a->lengths[0];
    double highest = 0;
    for (size_t i = 0; i < a->count; i++) {
        const double value = element(a, i);
        if (!(value >= 0 && value <= (whole ? WIDE_MAX : UINT8_MAX)))
            return gki_fail(GKV_ERR_DATA, "%s: image %zu has the level %g; expected %s", a->name,
                            i / image, value,
                            whole ? "0 … 255, or 0 … 65535"
                                  : "0 … 1, which is multiplied by 255, or 0 … 255");
        highest = value > highest ? value : highest;
    }
    *factor = whole ? (highest > UINT8_MAX ? 1.0 / 257 : 1) : highest > 1 ? 1 : 255;
    if (a->header.type == 'b')
        *factor = UINT8_MAX;
    else if (whole && highest > UINT8_MAX)
        gki_note_16((unsigned)highest, note);
    else if (!whole)
        snprintf(note, GKV_NOTE_SIZE, "their levels are of 0 … %g and are %s", highest,
                 highest > 1 ? "rounded" : "multiplied by 255");
    return GKV_OK;
}

static gkv_status take_levels(const array *a, uint8_t *out, char note[GKV_NOTE_SIZE])
{
    double factor = 1;
    GKV_TRY(find_factor(a, &factor, note));
    for (size_t i = 0; i < a->count; i++)
        out[i] = (uint8_t)fmin(element(a, i) * factor + 0.5, UINT8_MAX); /* true may be above 1 */
    return GKV_OK;
}

static gkv_status take_labels(const array *a, uint8_t *out)
{
    for (size_t i = 0; i < a->count; i++) {
        const double value = element(a, i);
        if (!(value >= 0 && value <= UINT8_MAX && value == floor(value)))
            return gki_fail(GKV_ERR_DATA,
                            "%s: the label of image %zu is %g; expected a whole number of 0 … 255",
                            a->name, i, value);
        out[i] = (uint8_t)value;
    }
    return GKV_OK;
}

static gkv_status take_numbers(const array *a, float *out)
{
    if (a->header.type != 'f')
        return gki_fail(GKV_ERR_DATA,
                        "%s: data.binarization = continuous takes an array of floats, and this one "
                        "has whole numbers: for levels set it to grey, and for other numbers save "
                        "array.astype(numpy.float32)",
                        a->name);
    for (size_t i = 0; i < a->count; i++) {
        out[i] = (float)element(a, i);
        if (!isfinite(out[i]))
            return gki_fail(GKV_ERR_DATA, "%s: image %zu has the number %g", a->name,
                            i / (a->count / a->lengths[0]), (double)out[i]);
    }
    return GKV_OK;
}

static void set_sizes(const array *a, gki_raster *out)
{
    out->count = a->lengths[0];
    out->height = a->lengths[1];
    out->width = a->lengths[2];
    out->channels = a->lengths[3];
}

static gkv_status convert(const array *a, gki_idx_kind kind, gki_raster *out)
{
    set_sizes(a, out);
    GKV_TRY(gki_alloc(a->count, 1, &out->bytes));
    if (kind == GKV_IDX_NUMBERS) {
        GKV_TRY(gki_alloc(a->count, sizeof *out->numbers, &out->numbers));
        return take_numbers(a, out->numbers);
    }
    if (!is_plain(a))
        return kind == GKV_IDX_IMAGES ? take_levels(a, out->bytes, out->note)
                                      : take_labels(a, out->bytes);
    memcpy(out->bytes, a->data, a->count);
    return GKV_OK;
}

static void digest(const uint8_t *bytes, size_t size, char text[GKV_DIGEST_SIZE])
{
    SHA2_CTX sum;
    SHA256Init(&sum);
    gki_sha256_add(&sum, bytes, size);
    SHA256End(&sum, text);
}

gkv_status gki_array_parse(const char *name, const uint8_t *bytes, size_t size, gki_idx_kind kind,
                           gki_raster *out)
{
    array a;
    *out = (gki_raster){0};
    GKV_TRY(open_array(name, bytes, size, kind, &a));
    const gkv_status status = convert(&a, kind, out);
    if (status != GKV_OK) {
        gki_raster_free(out);
        return status;
    }
    digest(bytes, size, out->sha256);
    return GKV_OK;
}

/* --- Files ---------------------------------------------------------------- */

gkv_status gki_array_split(const char *path, char **file, const char **name)
{
    const char *colon = strrchr(path, ':');
    *name = NULL;
    GKV_TRY(gki_strdup(path, file));
    if (gki_file_exists(path) || !colon || colon[1] == '\0' || strchr(colon, '/'))
        return GKV_OK;
    (*file)[colon - path] = '\0';
    if (gki_file_exists(*file))
        *name = colon + 1;
    else
        (*file)[colon - path] = ':';
    return GKV_OK;
}

static gkv_status parse_any(const char *path, const char *file, const char *name,
                            const uint8_t *bytes, size_t size, gki_idx_kind kind, gki_raster *out)
{
    unsigned char *member = NULL;
    size_t length = 0;
    if (!is_zip(bytes, size)) {
        if (name)
            return gki_fail(GKV_ERR_ARGUMENT, "%s: %s is one array, not an archive of several",
                            path, file);
        return gki_array_parse(path, bytes, size, kind, out);
    }
    GKV_TRY(gki_zip_member(bytes, size, file, name, NULL, &member, &length));
    const gkv_status status = gki_array_parse(path, member, length, kind, out);
    free(member);
    return status;
}

/* Whether the mapped file can stay: it is large, and its bytes are the levels. */
static bool stays(const char *path, const uint8_t *bytes, size_t size, gki_idx_kind kind, array *a)
{
    return kind != GKV_IDX_NUMBERS && size >= GKV_MAP_MIN && is_npy(bytes, size) &&
           open_array(path, bytes, size, kind, a) == GKV_OK && is_plain(a);
}

static gkv_status read_raw(gki_reader *reader, const char *path, const char *file, const char *name,
                           gki_idx_kind kind, gki_raster *out)
{
    const size_t size = (size_t)gki_reader_bound(reader);
    void *map = NULL;
    array a;
    GKV_TRY(gki_reader_map(reader, size, &map));
    if (!name && stays(path, map, size, kind, &a)) {
        set_sizes(&a, out);
        digest(map, size, out->sha256);
        out->mapping = map;
        out->mapped = size;
        out->bytes = (uint8_t *)map + (size_t)(a.data - (const uint8_t *)map);
        return GKV_OK;
    }
    const gkv_status status = parse_any(path, file, name, map, size, kind, out);
    munmap(map, size);
    return status;
}

gkv_status gki_array_read(const char *path, gki_idx_kind kind, gki_raster *out)
{
    gki_reader *reader = NULL;
    char *file = NULL;
    const char *name = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    gkv_status status;
    *out = (gki_raster){0};
    GKV_TRY_GOTO(gki_array_split(path, &file, &name));
    GKV_TRY_GOTO(gki_reader_open(file, false, &reader));
    if (gki_reader_bound(reader) > 0 && !gki_reader_is_gzip(reader)) {
        status = read_raw(reader, path, file, name, kind, out);
    } else {
        GKV_TRY_GOTO(gki_reader_read_all(reader, &bytes, &size));
        status = parse_any(path, file, name, bytes, size, kind, out);
    }
done:
    gki_reader_close(reader);
    free(bytes);
    free(file);
    return status;
}
