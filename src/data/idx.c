#include "data/idx.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "data/reader.h"
#include "gkvae/data.h"

enum { FIRST_CHUNK = 1 << 20 }; /* bytes of the first allocation */

/* The file that is read. Its first bytes are read before the rest, to recognise it. */
typedef struct source {
    const char *path;
    gki_reader *reader;
    uint8_t head[GKV_FOREIGN_BYTES];
    size_t there, used; /* bytes of the head, and how many of them have been taken */
} source;

/* The types of the elements of an IDX file. */
static const struct {
    uint8_t code;
    const char *name;
} types[] = {{0x08, "unsigned bytes"},  {0x09, "signed bytes"},  {0x0B, "2-byte integers"},
             {0x0C, "4-byte integers"}, {0x0D, "4-byte floats"}, {0x0E, "8-byte floats"}};

static const char *kind_of(uint32_t magic)
{
    switch (magic) {
    case GKV_IDX_LABELS: return "IDX labels";
    case GKV_IDX_IMAGES: return "IDX images";
    default: return "neither IDX images nor IDX labels";
    }
}

/* Takes n bytes, or fewer at the end of the file. */
static gkv_status take(source *from, void *out, size_t n, size_t *got)
{
    const size_t held = from->there - from->used, first = held < n ? held : n;
    if (first > 0)
        memcpy(out, from->head + from->used, first);
    from->used += first;
    *got = 0;
    if (first < n)
        GKV_TRY(gki_reader_read(from->reader, (uint8_t *)out + first, n - first, got));
    *got += first;
    return GKV_OK;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

static gkv_status read_field(source *from, const char *field, uint32_t *value)
{
    uint8_t b[4];
    size_t got = 0;
    GKV_TRY(take(from, b, sizeof b, &got));
    if (got < sizeof b)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the file stops in the header's %s: %zu of its bytes are there; expected %zu",
            from->path, field, got, sizeof b);
    *value = big_endian(b);
    return GKV_OK;
}

static const char *type_of(uint8_t code)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code)
            return types[i].name;
    return NULL;
}

static gkv_status little_endian(const source *from, const char *wanted)
{
    return gki_fail(GKV_ERR_DATA,
                    "%s: the numbers of its header are little-endian, and those of %s are "
                    "big-endian: write it again; docs/files.md shows how with NumPy",
                    from->path, wanted);
}

/* Names an IDX file of another type or of other dimensions, and one of little-endian numbers. */
static gkv_status check_form(const source *from, uint32_t expected)
{
    const uint8_t *head = from->head, dimensions = (uint8_t)(expected & 0xFF);
    const char *wanted = kind_of(expected), *type;
    if (from->there < 8)
        return GKV_OK;
    if (head[2] == 0 && head[3] == 0 && head[0] >= 1 && head[0] <= 4 && type_of(head[1]))
        return little_endian(from, wanted);
    type = head[0] == 0 && head[1] == 0 ? type_of(head[2]) : NULL;
    if (!type || head[3] < 1 || head[3] > 8)
        return GKV_OK;
    const uint32_t last =
        from->there >= 4 + 4 * (size_t)head[3] ? big_endian(head + 4 * head[3]) : 0;
    if (expected == GKV_IDX_LABELS && head[3] == 2)
        return gki_fail(GKV_ERR_DATA,
                        "%s: it is IDX of %s in 2 dimensions, %u columns for each label (as "
                        "QMNIST's), not %s: write the column of the class as unsigned bytes; "
                        "docs/files.md shows how with NumPy",
                        from->path, type, last, wanted);
    if (expected == GKV_IDX_IMAGES && head[3] == 4)
        return gki_fail(GKV_ERR_DATA,
                        "%s: it is IDX of %s in 4 dimensions, %s, not %s: make grey images of 3 "
                        "dimensions; docs/files.md shows how with NumPy",
                        from->path, type, last == 3 || last == 4 ? "of colour" : "not 3", wanted);
    return gki_fail(GKV_ERR_DATA,
                    "%s: it is IDX of %s in %d dimension%s, not %s, which are unsigned bytes in "
                    "%d; docs/files.md shows how NumPy converts them",
                    from->path, type, head[3], head[3] == 1 ? "" : "s", wanted, dimensions);
}

/* Refuses a file of another format with its name. */
static gkv_status check_format(const source *from, uint32_t expected)
{
    char *name = NULL;
    GKV_TRY(gki_strf(&name, "%s%s", from->path,
                     gki_reader_is_gzip(from->reader) ? ", decompressed" : ""));
    const gkv_status status =
        gki_foreign_check(GKV_ERR_DATA, name, from->head, from->there,
                          expected == GKV_IDX_IMAGES ? GKV_WANTED_IMAGES : GKV_WANTED_LABELS);
    free(name);
    return status != GKV_OK ? status : check_form(from, expected);
}

static gkv_status read_magic(source *from, uint32_t expected)
{
    uint32_t magic = 0;
    GKV_TRY(gki_reader_read(from->reader, from->head, sizeof from->head, &from->there));
    if (from->there < 4 || big_endian(from->head) != expected)
        GKV_TRY(check_format(from, expected));
    GKV_TRY(read_field(from, "magic number", &magic));
    if (magic == expected)
        return GKV_OK;
    return gki_fail(GKV_ERR_DATA,
                    "%s: the magic number is 0x%08" PRIx32 " (%s); expected 0x%08" PRIx32 " (%s)",
                    from->path, magic, kind_of(magic), expected, kind_of(expected));
}

static gkv_status read_size(source *from, const char *field, size_t *size)
{
    uint32_t value = 0;
    GKV_TRY(read_field(from, field, &value));
    if (value == 0)
        return gki_fail(GKV_ERR_DATA, "%s: the header's %s is 0; expected at least 1", from->path,
                        field);
    *size = value;
    return GKV_OK;
}

static size_t swapped(size_t size)
{
    return size >> 24 | (size >> 8 & 0xFF00) | (size << 8 & 0xFF0000) | (size << 24 & 0xFF000000);
}

/* Whether the sizes in the header would fit the file if they were little-endian. */
static bool fits_swapped(const gki_idx *idx, size_t header, uint64_t bound)
{
    size_t bytes = 0;
    const size_t height = idx->height == 1 ? 1 : swapped(idx->height),
                 width = idx->width == 1 ? 1 : swapped(idx->width);
    return !__builtin_mul_overflow(swapped(idx->count), height, &bytes) &&
           !__builtin_mul_overflow(bytes, width, &bytes) && bytes <= bound &&
           bytes + header <= bound;
}

/* Checks that a file of this size can hold what its header states. `stated` describes it for the
 * message. */
static gkv_status check_size(const source *from, const char *stated, const gki_idx *idx,
                             size_t header, size_t *bytes)
{
    const uint64_t bound = gki_reader_bound(from->reader);
    const char *kind = gki_reader_kind(from->reader);
    size_t total = 0;
    if (__builtin_mul_overflow(idx->count, idx->height, bytes) ||
        __builtin_mul_overflow(*bytes, idx->width, bytes) ||
        __builtin_add_overflow(*bytes, header, &total))
        total = SIZE_MAX;
    if (total > bound && fits_swapped(idx, header, bound))
        return little_endian(from, header == 16 ? "IDX images" : "IDX labels");
    if (total > bound)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the header states %s, %zu bytes with the header; expected at most %" PRIu64
            " bytes from %s",
            from->path, stated, total, bound, kind);
    return GKV_OK;
}

/* Reads `bytes` bytes. The memory doubles as they arrive, so a false header costs at most twice the
 * real content of the file. */
static gkv_status read_body(source *from, const char *stated, size_t bytes, uint8_t **out)
{
    size_t held = 0, capacity = 0;
    while (held < bytes) {
        capacity = capacity == 0 ? FIRST_CHUNK : capacity > bytes / 2 ? bytes : 2 * capacity;
        capacity = capacity < bytes ? capacity : bytes;
        uint8_t *grown = realloc(*out, capacity);
        if (!grown)
            return gki_fail(GKV_ERR_MEMORY, "%s: out of memory: %zu bytes were refused", from->path,
                            capacity);
        *out = grown;
        size_t got = 0;
        GKV_TRY(take(from, grown + held, capacity - held, &got));
        held += got;
        if (held < capacity)
            return gki_fail(GKV_ERR_DATA,
                            "%s: the file is too short: %zu bytes follow the header; expected %zu, "
                            "for the header's %s",
                            from->path, held, bytes, stated);
    }
    uint8_t extra;
    size_t got = 0;
    /* zlib then also checks the sum at the end */
    GKV_TRY(take(from, &extra, 1, &got));
    if (got > 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the file is too long: more than %zu bytes follow the header; expected "
                        "%zu, for the "
                        "header's %s",
                        from->path, bytes, bytes, stated);
    return GKV_OK;
}

static gkv_status read_all(source *from, uint32_t magic, gki_idx *idx)
{
    char stated[96];
    size_t header = 8, bytes = 0;
    GKV_TRY(read_magic(from, magic));
    GKV_TRY(read_size(from, "count", &idx->count));
    if (magic == GKV_IDX_IMAGES) {
        header = 16;
        GKV_TRY(read_size(from, "height", &idx->height));
        GKV_TRY(read_size(from, "width", &idx->width));
        snprintf(stated, sizeof stated, "count %zu × height %zu × width %zu", idx->count,
                 idx->height, idx->width);
    } else {
        idx->height = idx->width = 1;
        snprintf(stated, sizeof stated, "count %zu", idx->count);
    }
    GKV_TRY(check_size(from, stated, idx, header, &bytes));
    return read_body(from, stated, bytes, &idx->bytes);
}

gkv_status gki_idx_read(const char *path, uint32_t magic, gki_idx *out)
{
    source from = {.path = path};
    *out = (gki_idx){0};
    GKV_TRY(gki_reader_open(path, true, &from.reader));
    const gkv_status status = read_all(&from, magic, out);
    if (status == GKV_OK)
        gki_reader_digest(from.reader, out->sha256);
    gki_reader_close(from.reader);
    if (status != GKV_OK) {
        free(out->bytes);
        *out = (gki_idx){0};
    }
    return status;
}

enum { HEADER = 16, FIELDS = 4 }; /* bytes and numbers in the header of a file of images */

gkv_status gkv_idx_write(const char *path, size_t count, size_t height, size_t width,
                         const uint8_t *pixels)
{
    const size_t fields[FIELDS] = {GKV_IDX_IMAGES, count, height, width};
    uint8_t header[HEADER];
    size_t bytes = 1;
    gki_file_writer *writer = NULL;
    GKV_NEED(path);
    GKV_NEED(pixels);
    for (size_t i = 1; i < FIELDS; i++) {
        if (fields[i] == 0 || fields[i] > UINT32_MAX || bytes > SIZE_MAX / fields[i])
            return gki_fail(GKV_ERR_ARGUMENT, "%s: IDX cannot hold %zu images of %zu × %zu", path,
                            count, height, width);
        bytes *= fields[i];
    }
    for (size_t i = 0; i < HEADER; i++)
        header[i] = (uint8_t)(fields[i / 4] >> (24 - 8 * (i % 4)) & 0xFF);
    GKV_TRY(gki_file_begin(path, &writer));
    /* The writer remembers its first failure, which the commit returns. */
    (void)gki_file_write(writer, header, sizeof header);
    (void)gki_file_write(writer, pixels, bytes);
    return gki_file_commit(writer);
}
