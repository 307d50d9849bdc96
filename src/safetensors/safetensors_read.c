/* Reading safetensors; declared in safetensors/safetensors.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "core/text.h"
#include "safetensors/crc32.h"
#include "safetensors/json_text.h"
#include "safetensors/safetensors.h"

/* The longest header that is parsed, in bytes. Headers of this library's models are far shorter,
 * and a parsed header takes up to 70 times its length. */
enum { HEADER_MAX = 1 << 20 };

typedef struct entry {
    gki_tensor tensor;   /* the string `name` belongs to the header */
    uint64_t begin, end; /* byte offsets within the data section */
} entry;

struct gki_safetensors {
    char *path;
    int descriptor;              /* −1 if the file is in memory */
    const unsigned char *memory; /* the bytes of a file in memory, else NULL */
    uint64_t size;               /* of the whole file */
    uint64_t data_begin;         /* byte offset of the data section in the file */
    json_t *header;
    size_t count;
    entry *entries; /* sorted by their offsets */
};

/* Reads exactly `count` bytes from `offset` on. */
static gkv_status read_at(const gki_safetensors *file, uint64_t offset, void *out, uint64_t count)
{
    unsigned char *next = out;
    if (file->memory && count > 0) { /* the offsets have been checked against the size */
        memcpy(next, file->memory + offset, (size_t)count);
        return GKV_OK;
    }
    while (count > 0) {
        const size_t want = count < 1 << 30 ? (size_t)count : 1 << 30;
        const ssize_t got = pread(file->descriptor, next, want, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return gki_fail_errno(errno, "%s: cannot read", file->path);
        if (got == 0)
            return gki_fail(GKV_ERR_DATA, "%s: the file became shorter while it was read",
                            file->path);
        next += got;
        offset += (uint64_t)got;
        count -= (uint64_t)got;
    }
    return GKV_OK;
}

/* Prints a JSON value for a message. NULL gives "missing". */
static const char *show(const json_t *value, char buffer[GKV_PRINTABLE_SIZE])
{
    char *text = value ? gki_json_text(value, JSON_COMPACT | JSON_ENCODE_ANY, NULL) : NULL;
    gki_text_printable(text ? text : "missing", buffer);
    free(text);
    return buffer;
}

static gkv_status bad_field(const gki_safetensors *file, const char *name, const char *field,
                            const json_t *value, const char *wanted)
{
    char shown_name[GKV_PRINTABLE_SIZE], shown[GKV_PRINTABLE_SIZE];
    return gki_fail(GKV_ERR_DATA, "%s: tensor \"%s\": %s is %s, not %s", file->path,
                    gki_text_printable(name, shown_name), field, show(value, shown), wanted);
}

static gkv_status read_dtype(const gki_safetensors *file, const char *name, const json_t *value,
                             gki_dtype *out)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && i < GKV_DTYPES; i++) {
        if (strcmp(text, gki_dtype_name((gki_dtype)i)) == 0) {
            *out = (gki_dtype)i;
            return GKV_OK;
        }
    }
    return bad_field(file, name, "dtype", value, "one of F32, F64, I64, U64, U8");
}

/* Reads a whole number of at least 0. The JSON number 1.0 is refused. */
static bool read_count(const json_t *value, int64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = json_integer_value(value);
    return true;
}

static gkv_status read_shape(const gki_safetensors *file, const char *name, const json_t *value,
                             gki_tensor *tensor)
{
    static const char wanted[] = "a list of at most 8 whole numbers";
    if (!json_is_array(value) || json_array_size(value) > GKV_TENSOR_RANK_MAX)
        return bad_field(file, name, "shape", value, wanted);
    tensor->rank = json_array_size(value);
    for (size_t i = 0; i < tensor->rank; i++)
        if (!read_count(json_array_get(value, i), &tensor->shape[i]))
            return bad_field(file, name, "shape", value, wanted);
    return GKV_OK;
}

/* Reads one tensor of the header and checks it. read_entries() checks the tensors against each
 * other. */
static gkv_status read_entry(const gki_safetensors *file, const char *name, json_t *value,
                             uint64_t data_size, entry *out)
{
    char shown_name[GKV_PRINTABLE_SIZE];
    gki_text_printable(name, shown_name);
    if (!*name)
        return gki_fail(GKV_ERR_DATA, "%s: a tensor has the empty name", file->path);
    if (!json_is_object(value) || json_object_size(value) != 3)
        return bad_field(file, name, "its entry", value,
                         "an object of dtype, shape and data_offsets alone");
    out->tensor.name = name;
    GKV_TRY(read_dtype(file, name, json_object_get(value, "dtype"), &out->tensor.dtype));
    GKV_TRY(read_shape(file, name, json_object_get(value, "shape"), &out->tensor));

    const json_t *offsets = json_object_get(value, "data_offsets");
    int64_t begin = 0, end = 0;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !read_count(json_array_get(offsets, 0), &begin) ||
        !read_count(json_array_get(offsets, 1), &end) || end < begin)
        return bad_field(file, name, "data_offsets", offsets, "a beginning and an end");
    out->begin = (uint64_t)begin;
    out->end = (uint64_t)end;
    if (out->end > data_size)
        return gki_fail(GKV_ERR_DATA,
                        "%s: tensor \"%s\": data_offsets end at %" PRIu64
                        ", but the file's data at %" PRIu64 ": it is cut short",
                        file->path, shown_name, out->end, data_size);
    uint64_t bytes = 0;
    if (!gki_tensor_bytes(&out->tensor, &bytes) || bytes != out->end - out->begin) {
        char shown[GKV_PRINTABLE_SIZE];
        return gki_fail(GKV_ERR_DATA,
                        "%s: tensor \"%s\": shape %s of %s does not fill its %" PRIu64 " bytes",
                        file->path, shown_name, show(json_object_get(value, "shape"), shown),
                        gki_dtype_name(out->tensor.dtype), out->end - out->begin);
    }
    return GKV_OK;
}

static gkv_status check_metadata(const gki_safetensors *file, json_t *map)
{
    char shown_key[GKV_PRINTABLE_SIZE], shown[GKV_PRINTABLE_SIZE];
    const char *key;
    json_t *value;
    if (!json_is_object(map))
        return gki_fail(GKV_ERR_DATA, "%s: __metadata__ is %s, not an object", file->path,
                        show(map, shown));
    json_object_foreach(map, key, value)
    {
        if (!json_is_string(value))
            return gki_fail(GKV_ERR_DATA, "%s: __metadata__: \"%s\" is %s, not a text", file->path,
                            gki_text_printable(key, shown_key), show(value, shown));
    }
    return GKV_OK;
}

static int by_offset(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end) /* an empty array begins where the next one begins */
        return a->end < b->end ? -1 : 1;
    return strcmp(a->tensor.name, b->tensor.name);
}

/* Reads every entry, and checks that the arrays fill the data section without a gap or an
 * overlap. */
static gkv_status read_entries(gki_safetensors *file, uint64_t data_size)
{
    const char *name;
    json_t *value;
    GKV_TRY(gki_alloc(json_object_size(file->header), sizeof *file->entries, &file->entries));
    json_object_foreach(file->header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) {
            GKV_TRY(check_metadata(file, value));
            continue;
        }
        GKV_TRY(read_entry(file, name, value, data_size, &file->entries[file->count]));
        file->count++;
    }
    if (file->count > 0)
        qsort(file->entries, file->count, sizeof *file->entries, by_offset);
    uint64_t filled = 0;
    char shown[GKV_PRINTABLE_SIZE];
    for (size_t i = 0; i < file->count; i++) {
        const entry *next = &file->entries[i];
        if (next->begin != filled)
            return gki_fail(GKV_ERR_DATA,
                            "%s: tensor \"%s\": data_offsets begin at %" PRIu64
                            ", but what is before ends at %" PRIu64,
                            file->path, gki_text_printable(next->tensor.name, shown), next->begin,
                            filled);
        filled = next->end;
    }
    if (filled != data_size)
        return gki_fail(GKV_ERR_DATA,
                        "%s: its tensors fill %" PRIu64 " bytes, but %" PRIu64 " follow the header",
                        file->path, filled, data_size);
    return GKV_OK;
}

static gkv_status read_header(gki_safetensors *file, char **text)
{
    unsigned char prefix[8], head[GKV_FOREIGN_BYTES];
    uint64_t length = 0;
    const uint64_t size = file->size;
    const size_t there = size < sizeof head ? (size_t)size : sizeof head;
    GKV_TRY(read_at(file, 0, head, there));
    GKV_TRY(gki_foreign_check(GKV_ERR_DATA, file->path, head, there, GKV_WANTED_MODEL));
    if (size < sizeof prefix)
        return gki_fail(GKV_ERR_DATA, "%s: %" PRIu64 " bytes are too few for a safetensors file",
                        file->path, size);
    GKV_TRY(read_at(file, 0, prefix, sizeof prefix));
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)prefix[i] << 8 * i;
    if (length < 2 || length > HEADER_MAX || length > size - sizeof prefix)
        return gki_fail(GKV_ERR_DATA,
                        "%s: not a safetensors file, or cut short: the header claims %" PRIu64
                        " bytes, but only %" PRIu64 " follow, and at most %d are read",
                        file->path, length, size - (uint64_t)sizeof prefix, (int)HEADER_MAX);
    GKV_TRY(gki_alloc((size_t)length, 1, text));
    GKV_TRY(read_at(file, sizeof prefix, *text, length));
    json_error_t error;
    file->header =
        **text == '{' ? json_loadb(*text, (size_t)length, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!file->header && **text == '{' && !*error.text) /* jansson says nothing of memory */
        return gki_fail(GKV_ERR_MEMORY, "%s: out of memory for its header", file->path);
    if (!file->header) {
        char shown[GKV_PRINTABLE_SIZE];
        return gki_fail(
            GKV_ERR_DATA, "%s: the header is not a JSON object: %s (byte %d)", file->path,
            **text == '{' ? gki_text_printable(error.text, shown) : "it does not begin with {",
            **text == '{' ? error.position : 0);
    }
    file->data_begin = sizeof prefix + length;
    return GKV_OK;
}

/* Whether the header begins with a checksum. */
static bool has_checksum(const char *text, uint64_t length)
{
    static const char begin[] = GKV_SAFETENSORS_CHECKSUM_BEGIN;
    return length > sizeof begin + GKV_SAFETENSORS_CHECKSUM_DIGITS &&
           memcmp(text, begin, sizeof begin - 1) == 0;
}

/* Reads the checksum from the text of the header, and puts zeros in its place. False if it is not
 * one. */
static bool take_checksum(char *text, uint32_t *sum)
{
    static const char hex[] = "0123456789abcdef";
    char *digits = text + sizeof GKV_SAFETENSORS_CHECKSUM_BEGIN - 1;
    *sum = 0;
    for (size_t i = 0; i < GKV_SAFETENSORS_CHECKSUM_DIGITS; i++) {
        const char *found = memchr(hex, digits[i], sizeof hex - 1);
        if (!found)
            return false;
        *sum = *sum << 4 | (uint32_t)(found - hex);
    }
    memset(digits, '0', GKV_SAFETENSORS_CHECKSUM_DIGITS);
    return digits[GKV_SAFETENSORS_CHECKSUM_DIGITS] == '"';
}

/* Compares the checksum with the content. `text` is the header, which this changes. */
static gkv_status check_sum(const gki_safetensors *file, char *text)
{
    enum { BLOCK = 1 << 18 };
    const uint64_t header = file->data_begin - 8;
    uint32_t wanted = 0;
    unsigned char *block = NULL;
    if (!has_checksum(text, header))
        return GKV_OK;
    if (!take_checksum(text, &wanted))
        return gki_fail(GKV_ERR_DATA, "%s: damaged: its checksum is not a number of %d digits",
                        file->path, (int)GKV_SAFETENSORS_CHECKSUM_DIGITS);
    GKV_TRY(gki_alloc(BLOCK, 1, &block));
    uint32_t sum = gki_crc32(0, text, (size_t)header);
    gkv_status status = GKV_OK;
    for (uint64_t offset = file->data_begin; offset < file->size && status == GKV_OK;) {
        const uint64_t count = file->size - offset < BLOCK ? file->size - offset : BLOCK;
        status = read_at(file, offset, block, count);
        sum = gki_crc32(sum, block, (size_t)count);
        offset += count;
    }
    free(block);
    if (status == GKV_OK && sum != wanted)
        status = gki_fail(GKV_ERR_DATA,
                          "%s: damaged: its checksum is %08" PRIx32
                          ", but that of its content is %08" PRIx32
                          "; restore it from a copy (or, if another program changed it on purpose, "
                          "remove \"" GKV_SAFETENSORS_CHECKSUM_KEY "\" from its metadata)",
                          file->path, wanted, sum);
    return status;
}

static gkv_status open_path(gki_safetensors *file)
{
    struct stat info;
    /* With O_NONBLOCK, open() does not wait for the other end of a pipe. */
    file->descriptor = gki_file_descriptor(file->path, O_RDONLY | O_NONBLOCK);
    if (file->descriptor < 0 || fstat(file->descriptor, &info) != 0)
        return gki_fail_errno(errno, "%s: cannot read", file->path);
    if (!S_ISREG(info.st_mode))
        return gki_fail(GKV_ERR_DATA, "%s: not a regular file", file->path);
    file->size = (uint64_t)info.st_size;
    return GKV_OK;
}

/* Opens the `size` bytes in memory, or the file at path `name` if `memory` is NULL. */
static gkv_status open_file(const char *name, const void *memory, size_t size,
                            gki_safetensors **out)
{
    gkv_status status = GKV_OK;
    gki_safetensors *file = NULL;
    char *text = NULL;
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof *file, &file));
    file->descriptor = -1;
    file->memory = memory;
    file->size = size;
    GKV_TRY_GOTO(gki_strdup(name, &file->path));
    if (!memory)
        GKV_TRY_GOTO(open_path(file));
    GKV_TRY_GOTO(read_header(file, &text));
    GKV_TRY_GOTO(read_entries(file, file->size - file->data_begin));
    GKV_TRY_GOTO(check_sum(file, text));
    *out = file;
    file = NULL;
done:
    free(text);
    gki_safetensors_free(file);
    return status;
}

gkv_status gki_safetensors_open(const char *path, gki_safetensors **out)
{
    return open_file(path, NULL, 0, out);
}

gkv_status gki_safetensors_open_memory(const void *bytes, size_t size, const char *name,
                                       gki_safetensors **out)
{
    *out = NULL;
    if (!bytes)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s: the bytes of a safetensors file are needed, not NULL", name);
    return open_file(name, bytes, size, out);
}

void gki_safetensors_free(gki_safetensors *file)
{
    if (!file)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    json_decref(file->header);
    free(file->entries);
    free(file->path);
    free(file);
}

size_t gki_safetensors_count(const gki_safetensors *file)
{
    return file->count;
}

const gki_tensor *gki_safetensors_at(const gki_safetensors *file, size_t i)
{
    return i < file->count ? &file->entries[i].tensor : NULL;
}

static const entry *find(const gki_safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].tensor.name, name) == 0)
            return &file->entries[i];
    return NULL;
}

const gki_tensor *gki_safetensors_find(const gki_safetensors *file, const char *name)
{
    const entry *found = find(file, name);
    return found ? &found->tensor : NULL;
}

const char *gki_safetensors_metadata(const gki_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

const char *gki_safetensors_metadata_key(const gki_safetensors *file, size_t i)
{
    json_t *map = json_object_get(file->header, "__metadata__"), *value;
    const char *key;
    json_object_foreach(map, key, value)
    {
        if (i-- == 0)
            return key;
    }
    return NULL;
}

/* The shape as "[784, 400]". */
static const char *show_shape(size_t rank, const int64_t *shape,
                              char buffer[GKV_PRINTABLE_SIZE * 2])
{
    size_t used = (size_t)snprintf(buffer, 2, "[");
    for (size_t i = 0; i < rank && used < GKV_PRINTABLE_SIZE * 2 - 24; i++)
        used += (size_t)snprintf(buffer + used, 24, "%s%" PRId64, i ? ", " : "", shape[i]);
    snprintf(buffer + used, 2, "]");
    return buffer;
}

gkv_status gki_safetensors_read(const gki_safetensors *file, const char *name, gki_dtype dtype,
                                size_t rank, const int64_t *shape, void *out)
{
    const entry *found = find(file, name);
    if (!found)
        return gki_fail(GKV_ERR_DATA, "%s: there is no tensor \"%s\"", file->path, name);
    const gki_tensor *tensor = &found->tensor;
    if (tensor->dtype != dtype)
        return gki_fail(GKV_ERR_DATA, "%s: tensor \"%s\": dtype is %s, not %s", file->path, name,
                        gki_dtype_name(tensor->dtype), gki_dtype_name(dtype));
    if (tensor->rank != rank ||
        (rank > 0 && memcmp(tensor->shape, shape, rank * sizeof *shape) != 0)) {
        char actual[GKV_PRINTABLE_SIZE * 2], wanted[GKV_PRINTABLE_SIZE * 2];
        return gki_fail(GKV_ERR_DATA, "%s: tensor \"%s\": shape is %s, not %s", file->path, name,
                        show_shape(tensor->rank, tensor->shape, actual),
                        show_shape(rank, shape, wanted));
    }
    return read_at(file, file->data_begin + found->begin, out, found->end - found->begin);
}
