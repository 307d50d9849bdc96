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
#include "data/sha256_add.h"
#include "gkvae/data.h"

enum {
    FIRST_CHUNK = 1 << 20, /* bytes of the first allocation */
    SIZES_MAX = 4,         /* sizes in a header */
    LABELS_MAGIC = 0x0801,
    IMAGES_MAGIC = 0x0803,
    COLOUR_MAGIC = 0x0804
};

/* What the magic number of a file that can be read says. */
typedef struct idx_form {
    uint32_t magic;
    gki_idx_kind kind;
    size_t sizes;  /* the sizes in the header */
    size_t stride; /* the bytes of an element */
} idx_form;

static const idx_form forms[] = {{LABELS_MAGIC, GKV_IDX_LABELS, 1, 1},
                                 {IMAGES_MAGIC, GKV_IDX_IMAGES, 3, 1},
                                 {COLOUR_MAGIC, GKV_IDX_IMAGES, 4, 1},
                                 {0x0B03, GKV_IDX_IMAGES, 3, 2},
                                 {0x0B04, GKV_IDX_IMAGES, 4, 2}};

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

static const char *const kinds[] =
    {[GKV_IDX_IMAGES] = "IDX images", [GKV_IDX_LABELS] = "IDX labels"};

static const idx_form *form_of(uint32_t magic)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].magic == magic)
            return &forms[i];
    return NULL;
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
static gkv_status check_form(const source *from, gki_idx_kind expected)
{
    const uint8_t *head = from->head;
    const char *wanted = kinds[expected], *type;
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
        return gki_fail(
            GKV_ERR_DATA,
            "%s: it is IDX of %s in 2 dimensions, %u columns for each label (as QMNIST's), not %s: "
            "write the column of the class as unsigned bytes; docs/files.md shows how with NumPy",
            from->path, type, last, wanted);
    return gki_fail(GKV_ERR_DATA,
                    "%s: it is IDX of %s in %d dimension%s, not %s, which are unsigned bytes%s; "
                    "docs/files.md shows how NumPy converts them",
                    from->path, type, head[3], head[3] == 1 ? "" : "s", wanted,
                    expected == GKV_IDX_IMAGES ? " or 2-byte integers in 3 or 4" : " in 1");
}

/* Refuses a file of another format with its name. */
static gkv_status check_format(const source *from, gki_idx_kind expected)
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

static gkv_status read_magic(source *from, gki_idx_kind expected, const idx_form **out)
{
    uint32_t magic = 0;
    GKV_TRY(gki_reader_read(from->reader, from->head, sizeof from->head, &from->there));
    *out = from->there < 4 ? NULL : form_of(big_endian(from->head));
    if (!*out || (*out)->kind != expected)
        GKV_TRY(check_format(from, expected));
    GKV_TRY(read_field(from, "magic number", &magic));
    if (*out && (*out)->kind == expected)
        return GKV_OK;
    const uint32_t usual = expected == GKV_IDX_IMAGES ? IMAGES_MAGIC : LABELS_MAGIC;
    return gki_fail(
        GKV_ERR_DATA, "%s: the magic number is 0x%08" PRIx32 " (%s); expected 0x%08" PRIx32 " (%s)",
        from->path, magic, *out ? kinds[(*out)->kind] : "neither IDX images nor IDX labels", usual,
        kinds[expected]);
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

/* The bytes of the file that a header of these sizes states, or SIZE_MAX if they overflow. */
static size_t bytes_of(const idx_form *form, const size_t sizes[], bool swap)
{
    size_t bytes = form->stride, total = 0;
    for (size_t i = 0; i < form->sizes; i++)
        if (__builtin_mul_overflow(bytes, swap && sizes[i] != 1 ? swapped(sizes[i]) : sizes[i],
                                   &bytes))
            return SIZE_MAX;
    return __builtin_add_overflow(bytes, 4 + 4 * form->sizes, &total) ? SIZE_MAX : total;
}

/* Checks that a file of this size can hold what its header states. `stated` describes it for the
 * message. *bytes is the size of the body. */
static gkv_status check_size(const source *from, const char *stated, const idx_form *form,
                             const size_t sizes[], size_t *bytes)
{
    const uint64_t bound = gki_reader_bound(from->reader);
    const size_t total = bytes_of(form, sizes, false);
    *bytes = total - (4 + 4 * form->sizes);
    if (total > bound && bytes_of(form, sizes, true) <= bound)
        return little_endian(from, kinds[form->kind]);
    if (total > bound)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the header states %s, %zu bytes with the header; expected at most %" PRIu64
            " bytes from %s",
            from->path, stated, total, bound, gki_reader_kind(from->reader));
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
                        "%zu, for the header's %s",
                        from->path, bytes, bytes, stated);
    return GKV_OK;
}

/* Turns the `bytes` bytes of big-endian 16-bit levels into 8-bit ones. */
static void narrow(uint8_t *levels, size_t bytes, char note[GKV_NOTE_SIZE])
{
    unsigned highest = 0;
    for (size_t i = 0; i < bytes; i += 2) {
        const unsigned level = (unsigned)levels[i] << 8 | levels[i + 1];
        highest = level > highest ? level : highest;
    }
    for (size_t i = 0; i < bytes; i += 2) {
        const unsigned level = (unsigned)levels[i] << 8 | levels[i + 1];
        levels[i / 2] = highest > UINT8_MAX ? gki_level_of_16(level) : (uint8_t)level;
    }
    gki_note_16(highest, note);
}

static gkv_status read_sizes(source *from, const idx_form *form, size_t sizes[SIZES_MAX],
                             char stated[], size_t length)
{
    static const char *const names[SIZES_MAX] = {"count", "height", "width", "channels"};
    size_t used = 0;
    for (size_t i = 0; i < form->sizes; i++) {
        GKV_TRY(read_size(from, names[i], &sizes[i]));
        used += (size_t)snprintf(stated + used, length - used, "%s%s %zu", i ? " × " : "", names[i],
                                 sizes[i]);
    }
    if (form->sizes == SIZES_MAX && sizes[3] != 1 && sizes[3] != 3 && sizes[3] != 4)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the images have %zu channels; expected 1 (grey), 3 (red, green and "
                        "blue) or 4 (and opacity), as the last size: %s",
                        from->path, sizes[3], stated);
    return GKV_OK;
}

static gkv_status read_elements(source *from, gki_idx_kind kind, gki_raster *out)
{
    char stated[128] = "";
    size_t sizes[SIZES_MAX] = {1, 1, 1, 1}, bytes = 0;
    const idx_form *form = NULL;
    GKV_TRY(read_magic(from, kind, &form));
    GKV_TRY(read_sizes(from, form, sizes, stated, sizeof stated));
    out->count = sizes[0];
    out->height = sizes[1];
    out->width = sizes[2];
    out->channels = sizes[3];
    GKV_TRY(check_size(from, stated, form, sizes, &bytes));
    const size_t header = 4 + 4 * form->sizes;
    if (form->stride == 1 && bytes >= GKV_MAP_MIN && !gki_reader_is_gzip(from->reader) &&
        gki_reader_bound(from->reader) == header + bytes) {
        out->mapped = header + bytes;
        GKV_TRY(gki_reader_map(from->reader, out->mapped, &out->mapping));
        out->bytes = (uint8_t *)out->mapping + header;
        return GKV_OK;
    }
    GKV_TRY(read_body(from, stated, bytes, &out->bytes));
    if (form->stride == 2)
        narrow(out->bytes, bytes, out->note);
    return GKV_OK;
}

gkv_status gki_idx_read(const char *path, gki_idx_kind kind, gki_raster *out)
{
    source from = {.path = path};
    *out = (gki_raster){0};
    GKV_TRY(gki_reader_open(path, true, &from.reader));
    const gkv_status status = read_elements(&from, kind, out);
    if (status == GKV_OK)
        gki_reader_digest(from.reader, out->sha256);
    gki_reader_close(from.reader);
    if (status != GKV_OK)
        gki_raster_free(out);
    return status;
}

/* --- Writing -------------------------------------------------------------- */

size_t gki_idx_header(size_t count, size_t height, size_t width, size_t channels,
                      uint8_t header[GKV_IDX_HEADER_MAX])
{
    const size_t n = height == 0 ? 2 : channels <= 1 ? 4 : 5;
    const size_t magic = n == 2 ? LABELS_MAGIC : n == 4 ? IMAGES_MAGIC : COLOUR_MAGIC;
    const size_t fields[] = {magic, count, height, width, channels};
    for (size_t i = 0; i < 4 * n; i++)
        header[i] = (uint8_t)(fields[i / 4] >> (24 - 8 * (i % 4)) & 0xFF);
    return 4 * n;
}

void gki_idx_digest(gki_raster *raster, gki_idx_kind kind)
{
    uint8_t header[GKV_IDX_HEADER_MAX];
    SHA2_CTX sum;
    const bool images = kind == GKV_IDX_IMAGES;
    const size_t length = gki_idx_header(raster->count, images ? raster->height : 0, raster->width,
                                         raster->channels, header);
    SHA256Init(&sum);
    gki_sha256_add(&sum, header, length);
    gki_sha256_add(&sum, raster->bytes, gki_raster_size(raster));
    SHA256End(&sum, raster->sha256);
}

static gkv_status write(const char *path, const uint8_t *header, size_t length,
                        const uint8_t *bytes, size_t count)
{
    gki_file_writer *writer = NULL;
    GKV_TRY(gki_file_begin(path, &writer));
    /* The writer remembers its first failure, which the commit returns. */
    (void)gki_file_write(writer, header, length);
    (void)gki_file_write(writer, bytes, count);
    return gki_file_commit(writer);
}

gkv_status gkv_idx_write(const char *path, size_t count, size_t height, size_t width,
                         size_t channels, const uint8_t *pixels)
{
    const size_t sizes[] = {count, height, width, channels};
    uint8_t header[GKV_IDX_HEADER_MAX];
    size_t bytes = 1;
    GKV_NEED(path);
    GKV_NEED(pixels);
    for (size_t i = 0; i < 4; i++) {
        if (sizes[i] == 0 || sizes[i] > UINT32_MAX || bytes > SIZE_MAX / sizes[i])
            return gki_fail(GKV_ERR_ARGUMENT, "%s: IDX cannot hold %zu images of %zu × %zu × %zu",
                            path, count, height, width, channels);
        bytes *= sizes[i];
    }
    if (channels != 1 && channels != 3)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: %zu channels; expected 1 or 3", path, channels);
    const size_t length = gki_idx_header(count, height, width, channels, header);
    return write(path, header, length, pixels, bytes);
}

gkv_status gkv_idx_write_labels(const char *path, size_t count, const uint8_t *labels)
{
    uint8_t header[GKV_IDX_HEADER_MAX];
    GKV_NEED(path);
    GKV_NEED(labels);
    if (count == 0 || count > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: IDX cannot hold %zu labels", path, count);
    return write(path, header, gki_idx_header(count, 0, 0, 0, header), labels, count);
}
