/* Writing safetensors; declared in safetensors/safetensors.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/utf8.h"
#include "safetensors/crc32.h"
#include "safetensors/json_text.h"
#include "safetensors/safetensors.h"

static const struct {
    const char *name;
    size_t size;
} types[GKV_DTYPES] = {{"F32", 4}, {"F64", 8}, {"I64", 8}, {"U64", 8}, {"U8", 1}};

const char *gki_dtype_name(gki_dtype dtype)
{
    return types[dtype].name;
}

size_t gki_dtype_size(gki_dtype dtype)
{
    return types[dtype].size;
}

bool gki_tensor_bytes(const gki_tensor *tensor, uint64_t *bytes)
{
    uint64_t product = gki_dtype_size(tensor->dtype);
    for (size_t i = 0; i < tensor->rank; i++)
        if (tensor->shape[i] < 0 ||
            __builtin_mul_overflow(product, (uint64_t)tensor->shape[i], &product))
            return false;
    *bytes = product;
    return product <= INT64_MAX; /* offsets of files and integers of jansson are signed */
}

static gkv_status out_of_memory(const char *path)
{
    return gki_fail(GKV_ERR_MEMORY, "%s: out of memory for its header", path);
}

/* Adds `value` to the object and takes its reference. The name must be new and UTF-8. */
static gkv_status put(json_t *object, const char *path, const char *what, const char *name,
                      json_t *value)
{
    char shown[GKV_PRINTABLE_SIZE];
    if (!name || !*name) {
        json_decref(value);
        return gki_fail(GKV_ERR_ARGUMENT, "%s: one of its %s has no name", path, what);
    }
    if (json_object_get(object, name)) {
        json_decref(value);
        return gki_fail(GKV_ERR_ARGUMENT, "%s: two %s are named \"%s\"", path, what,
                        gki_text_printable(name, shown));
    }
    if (!gki_utf8_is_valid(name)) {
        json_decref(value);
        return gki_fail(GKV_ERR_ARGUMENT, "%s: the name \"%s\" is not UTF-8 text", path,
                        gki_text_printable(name, shown));
    }
    if (json_object_set_new(object, name, value) != 0)
        return out_of_memory(path);
    return GKV_OK;
}

/* The metadata as an object that begins with zeros for a checksum. NULL after a failure. */
static gkv_status collect(const char *path, size_t count, const gki_metadata *metadata,
                          json_t **out)
{
    gkv_status status = GKV_OK;
    json_t *map = json_object();
    if (!map ||
        json_object_set_new(map, GKV_SAFETENSORS_CHECKSUM_KEY, json_string("00000000")) != 0)
        status = out_of_memory(path);
    for (size_t i = 0; i < count && status == GKV_OK; i++) {
        char shown[GKV_PRINTABLE_SIZE];
        if (!gki_utf8_is_valid(metadata[i].value))
            status = gki_fail(GKV_ERR_ARGUMENT, "%s: the value of \"%s\" is not UTF-8 text", path,
                              gki_text_printable(metadata[i].key, shown));
        else
            status =
                put(map, path, "metadata entries", metadata[i].key, json_string(metadata[i].value));
    }
    if (status != GKV_OK) {
        json_decref(map);
        map = NULL;
    }
    *out = map;
    return status;
}

/* Adds one entry to the header. *end is the offset where the array begins, and becomes the offset
 * of its end. */
static gkv_status describe(json_t *header, const char *path, const gki_tensor *tensor,
                           uint64_t *end)
{
    uint64_t bytes = 0;
    char shown[GKV_PRINTABLE_SIZE];
    gki_text_printable(tensor->name ? tensor->name : "", shown);
    if (strcmp(shown, "__metadata__") == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: a tensor may not be named \"%s\"", path, shown);
    if ((unsigned)tensor->dtype >= GKV_DTYPES || tensor->rank > GKV_TENSOR_RANK_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: tensor \"%s\": dtype %d or rank %zu is out of range",
                        path, shown, (int)tensor->dtype, tensor->rank);
    const uint64_t begin = *end;
    if (!gki_tensor_bytes(tensor, &bytes) || __builtin_add_overflow(begin, bytes, end) ||
        *end > INT64_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: tensor \"%s\": its shape is out of range", path,
                        shown);
    if (bytes > 0 && !tensor->data)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: tensor \"%s\" has no data", path, shown);
    json_t *shape = json_array();
    bool complete = shape != NULL;
    for (size_t i = 0; i < tensor->rank && complete; i++)
        complete = json_array_append_new(shape, json_integer(tensor->shape[i])) == 0;
    if (!complete) {
        json_decref(shape);
        return out_of_memory(path);
    }
    return put(header, path, "tensors", tensor->name,
               json_pack("{s:s, s:o, s:[I, I]}", "dtype", gki_dtype_name(tensor->dtype), "shape",
                         shape, "data_offsets", (json_int_t)begin, (json_int_t)*end));
}

/* The header as text, padded by spaces so that the data begins at a multiple of 8, which readers
 * that map the file need. The checksum in it is zeros. The caller frees *out. */
static gkv_status header_text(const char *path, const json_t *header, char **out, size_t *length)
{
    size_t used = 0;
    char *text = gki_json_text(header, JSON_COMPACT, &used);
    gkv_status status = GKV_OK;
    *out = NULL;
    if (!text)
        return out_of_memory(path);
    *length = (used + 7) / 8 * 8;
    GKV_TRY_GOTO(gki_alloc(*length + 1, 1, out));
    memset(*out, ' ', *length);
    memcpy(*out, text, used);
done:
    free(text);
    return status;
}

/* CRC-32 of the header and the arrays. */
static uint32_t checksum(const char *text, size_t length, size_t count, const gki_tensor *tensors)
{
    uint32_t sum = gki_crc32(0, text, length);
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 0;
        gki_tensor_bytes(&tensors[i], &bytes);
        if (bytes > 0)
            sum = gki_crc32(sum, tensors[i].data, (size_t)bytes);
    }
    return sum;
}

gkv_status gki_safetensors_write(const char *path, size_t count, const gki_tensor *tensors,
                                 size_t metadata_count, const gki_metadata *metadata)
{
    gkv_status status = GKV_OK;
    gki_file_writer *writer = NULL;
    char *text = NULL;
    uint64_t end = 0;
    json_t *header = json_object(); /* jansson keeps the order of insertion */
    if (!header)
        return out_of_memory(path);
    json_t *map = NULL;
    GKV_TRY_GOTO(collect(path, metadata_count, metadata, &map));
    if (json_object_set_new(header, "__metadata__", map) != 0) {
        status = out_of_memory(path);
        goto done;
    }
    for (size_t i = 0; i < count && status == GKV_OK; i++)
        status = describe(header, path, &tensors[i], &end);
    GKV_TRY_GOTO(status);
    size_t length = 0;
    GKV_TRY_GOTO(header_text(path, header, &text, &length));
    char digits[GKV_SAFETENSORS_CHECKSUM_DIGITS + 1];
    snprintf(digits, sizeof digits, "%08" PRIx32, checksum(text, length, count, tensors));
    memcpy(text + sizeof GKV_SAFETENSORS_CHECKSUM_BEGIN - 1, digits, sizeof digits - 1);

    unsigned char prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)((uint64_t)length >> 8 * i);
    GKV_TRY_GOTO(gki_file_begin(path, &writer));
    gki_file_write(writer, prefix, sizeof prefix);
    gki_file_write(writer, text, length);
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 0;
        gki_tensor_bytes(&tensors[i], &bytes);
        gki_file_write(writer, tensors[i].data, (size_t)bytes);
    }
    status = gki_file_commit(writer); /* also returns the first failure of the writes above */
done:
    free(text);
    json_decref(header);
    return status;
}
