/* NumPy archives: a zip archive (PKWARE's APPNOTE 6.3) whose members are .npy files, stored. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#define ZLIB_CONST /* next_in does not change */
#include <zlib.h>

#include "core/file.h"
#include "gkvae/data.h"
#include "table/npy_header.h"

enum {
    ARRAYS_MAX = 256,
    LETTERS_MAX = 64,
    ENTRY_SIZE = 46, /* an entry of the central directory, without its name */
    LOCAL_SIZE = 30, /* the header before the data, without its name */
    END_SIZE = 22,
    VERSION = 20,     /* of the format: 2.0 */
    FIRST_DAY = 0x21, /* 1 January 1980: the date of every member, for equal bytes */
    REGULAR = 0x81a4, /* a file that its owner may write, and all may read */
    UNIX = 3          /* whose permissions these are */
};

/* A member: its array, and where and what it is. */
typedef struct npz_member {
    const gkv_npz_array *array;
    char header[GKV_NPY_HEADER_SIZE];
    const void *elements;
    size_t bytes; /* of the elements */
    uint32_t checksum, place;
} npz_member;

/* --- Checks --------------------------------------------------------------- */

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const size_t length = name ? strlen(name) : 0;
    return length > 0 && length <= LETTERS_MAX && strspn(name, allowed) == length;
}

static gkv_status check(const char *path, const gkv_npz_array *arrays, size_t i, size_t *bytes)
{
    const gkv_npz_array *array = &arrays[i];
    if (!is_name(array->name))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s: the name of array %zu is not 1 to %d letters, digits and _", path, i,
                        LETTERS_MAX);
    for (size_t j = 0; j < i; j++)
        if (strcmp(arrays[j].name, array->name) == 0)
            return gki_fail(GKV_ERR_ARGUMENT, "%s: two arrays are named %s", path, array->name);
    if (array->rank < 1 || array->rank > GKV_NPZ_RANK_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: array %s has %zu dimensions; 1 to %d are possible",
                        path, array->name, array->rank, GKV_NPZ_RANK_MAX);
    size_t product = 1;
    *bytes = array->bytes ? sizeof *array->bytes : sizeof *array->floats;
    for (size_t d = 0; d < array->rank; d++) {
        const size_t size = array->sizes[d];
        if (__builtin_mul_overflow(*bytes, size, bytes) ||
            (size > 0 && __builtin_mul_overflow(product, size, &product)))
            return gki_fail(GKV_ERR_ARGUMENT, "%s: array %s is larger than memory can be", path,
                            array->name);
    }
    if (*bytes > 0 && !array->floats && !array->bytes)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: the elements of array %s are NULL", path,
                        array->name);
    return GKV_OK;
}

/* --- Writing -------------------------------------------------------------- */

static unsigned char *put(unsigned char *out, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes; i++)
        *out++ = (unsigned char)(value >> (8 * i));
    return out;
}

/* The fields that a member's own header and its entry have in common, from the version on. */
static unsigned char *put_fields(unsigned char *out, const npz_member *member)
{
    const uint32_t size = (uint32_t)(sizeof member->header + member->bytes);
    out = put(out, 2, VERSION);
    out = put(out, 2, 0); /* no flags */
    out = put(out, 2, 0); /* stored */
    out = put(out, 2, 0); /* midnight */
    out = put(out, 2, FIRST_DAY);
    out = put(out, 4, member->checksum);
    out = put(out, 4, size);
    out = put(out, 4, size);
    out = put(out, 2, (uint32_t)(strlen(member->array->name) + strlen(".npy")));
    return put(out, 2, 0); /* no extra field */
}

static void write_name(gki_file_writer *file, const npz_member *member)
{
    gki_file_printf(file, "%s.npy", member->array->name);
}

static void write_member(gki_file_writer *file, const npz_member *member)
{
    unsigned char header[LOCAL_SIZE];
    put_fields(put(header, 4, 0x04034b50), member);
    gki_file_write(file, header, sizeof header);
    write_name(file, member);
    gki_file_write(file, member->header, sizeof member->header);
    gki_file_write(file, member->elements, member->bytes);
}

static void write_entry(gki_file_writer *file, const npz_member *member)
{
    unsigned char entry[ENTRY_SIZE], *cursor = put(entry, 4, 0x02014b50);
    cursor = put_fields(put(cursor, 2, UNIX << 8 | VERSION), member);
    cursor = put(cursor, 2, 0); /* no comment */
    cursor = put(cursor, 2, 0); /* the first disk */
    cursor = put(cursor, 2, 0); /* binary */
    cursor = put(cursor, 4, (uint32_t)REGULAR << 16);
    put(cursor, 4, member->place);
    gki_file_write(file, entry, sizeof entry);
    write_name(file, member);
}

static void write_end(gki_file_writer *file, size_t count, size_t place, size_t size)
{
    unsigned char end[END_SIZE], *cursor = put(end, 4, 0x06054b50);
    cursor = put(cursor, 4, 0); /* the first and only disk */
    cursor = put(cursor, 2, (uint32_t)count);
    cursor = put(cursor, 2, (uint32_t)count);
    cursor = put(cursor, 4, (uint32_t)size);
    cursor = put(cursor, 4, (uint32_t)place);
    put(cursor, 2, 0); /* no comment */
    gki_file_write(file, end, sizeof end);
}

static void describe(const gkv_npz_array *array, size_t bytes, size_t place, npz_member *member)
{
    *member = (npz_member){.array = array, .bytes = bytes, .place = (uint32_t)place};
    member->elements = array->bytes ? (const void *)array->bytes : array->floats;
    gki_npy_header_make(array->bytes ? 'u' : 'f', array->bytes ? 1 : sizeof(float), array->rank,
                        array->sizes, member->header);
    uLong sum = crc32_z(0, (const unsigned char *)member->header, sizeof member->header);
    if (bytes > 0)
        sum = crc32_z(sum, member->elements, bytes);
    member->checksum = (uint32_t)sum;
}

gkv_status gkv_npz_write(const char *path, size_t count, const gkv_npz_array *arrays)
{
    GKV_NEED(path);
    GKV_NEED(arrays);
    if (count < 1 || count > ARRAYS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: %zu arrays; an archive has 1 to %d", path, count,
                        ARRAYS_MAX);
    npz_member members[ARRAYS_MAX];
    size_t place = 0, directory = 0;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = 0;
        GKV_TRY(check(path, arrays, i, &bytes));
        const size_t name = strlen(arrays[i].name) + strlen(".npy");
        const size_t others = LOCAL_SIZE + name + GKV_NPY_HEADER_SIZE;
        directory += ENTRY_SIZE + name;
        if (bytes > UINT32_MAX || place + others + bytes + directory > UINT32_MAX)
            return gki_fail(GKV_ERR_ARGUMENT,
                            "%s: with array %s the archive has 4 GiB or more; write it as .npy",
                            path, arrays[i].name);
        describe(&arrays[i], bytes, place, &members[i]);
        place += others + bytes;
    }
    gki_file_writer *file = NULL;
    GKV_TRY(gki_file_begin(path, &file));
    /* gki_file_commit returns the errors of these calls */
    for (size_t i = 0; i < count; i++)
        write_member(file, &members[i]);
    for (size_t i = 0; i < count; i++)
        write_entry(file, &members[i]);
    write_end(file, count, place, directory);
    return gki_file_commit(file);
}
