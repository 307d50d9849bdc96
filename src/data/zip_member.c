#include "data/zip_member.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in does not change */
#include <zlib.h>

#include "core/memory.h"
#include "core/text.h"
#include "data/reader.h"

enum {
    END_SIZE = 22,        /* the end of the central directory, without its comment */
    COMMENT_MAX = 0xFFFF, /* the greatest length of that comment */
    ENTRY_SIZE = 46,      /* an entry of the central directory, without its name */
    LOCAL_SIZE = 30,      /* the header before the data, without its name */
    EXTRA64 = 1,          /* the extra field with sizes of 64 bits */
    STORED = 0,
    DEFLATED = 8,
    SHOWN = 8,      /* the number of names in a message */
    PART = 1 << 20, /* the number of bytes that memory grows by */
    NAME_SIZE = 256
};
static const uint32_t in_extra = 0xFFFFFFFF; /* a size of 32 bits that the extra field replaces */

typedef struct archive {
    const unsigned char *bytes;
    size_t size;
    const char *name;
    const char *option; /* the option that chooses a member, or NULL */
} archive;

typedef struct member {
    char name[NAME_SIZE]; /* cut if it is longer */
    unsigned method, flags;
    uint32_t checksum;
    uint64_t compressed, size, local; /* two sizes, and the place of the local header */
} member;

static uint64_t number(const unsigned char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

static gkv_status damaged(const archive *a, const char *what)
{
    return gki_fail(GKV_ERR_DATA, "%s: the zip archive is damaged: %s", a->name, what);
}

/* The place of the end of the central directory; SIZE_MAX if there is none. */
static size_t find_end(const archive *a)
{
    const size_t most = END_SIZE + COMMENT_MAX;
    for (size_t back = END_SIZE; back <= a->size && back <= most; back++)
        if (memcmp(a->bytes + a->size - back, "PK\5\6", 4) == 0)
            return a->size - back;
    return SIZE_MAX;
}

/* Replaces the sizes that the entry leaves to its extra field. */
static void take_extra(member *m, const unsigned char *extra, size_t length)
{
    while (length >= 4) {
        const uint64_t id = number(extra, 2), size = number(extra + 2, 2);
        uint64_t *const wide[] = {&m->size, &m->compressed, &m->local};
        size_t offset = 4;
        if (size > length - 4)
            return;
        for (size_t i = 0; id == EXTRA64 && i < 3; i++)
            if (*wide[i] == in_extra && offset + 8 <= size + 4) {
                *wide[i] = number(extra + offset, 8);
                offset += 8;
            }
        extra += size + 4;
        length -= size + 4;
    }
}

/* Reads the entry at *place, and moves *place behind it. Returns false if there is none. */
static bool next_entry(const archive *a, size_t *place, member *m)
{
    if (*place > a->size || a->size - *place < ENTRY_SIZE ||
        memcmp(a->bytes + *place, "PK\1\2", 4) != 0)
        return false;
    const unsigned char *entry = a->bytes + *place;
    const size_t name = (size_t)number(entry + 28, 2), extra = (size_t)number(entry + 30, 2);
    const size_t whole = ENTRY_SIZE + name + extra + (size_t)number(entry + 32, 2);
    if (a->size - *place < whole)
        return false;
    *m = (member){.flags = (unsigned)number(entry + 8, 2),
                  .method = (unsigned)number(entry + 10, 2),
                  .checksum = (uint32_t)number(entry + 16, 4),
                  .compressed = number(entry + 20, 4),
                  .size = number(entry + 24, 4),
                  .local = number(entry + 42, 4)};
    memcpy(m->name, entry + ENTRY_SIZE, name < NAME_SIZE ? name : NAME_SIZE - 1);
    take_extra(m, entry + ENTRY_SIZE + name, extra);
    *place += whole;
    return true;
}

/* Whether a member is none of the files that a user has put into the archive: a folder, or what
 * macOS adds. */
static bool is_no_file(const member *m)
{
    const size_t length = strlen(m->name);
    const char *slash = strrchr(m->name, '/'), *file = slash ? slash + 1 : m->name;
    return (length > 0 && m->name[length - 1] == '/') || strncmp(m->name, "__MACOSX/", 9) == 0 ||
           strcmp(file, ".DS_Store") == 0;
}

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Whether the member has this name, with or without ".npy". */
static bool has_name(const member *m, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(m->name, name, length) == 0 &&
           (m->name[length] == '\0' || strcmp(m->name + length, ".npy") == 0);
}

/* --- The choice of a member ----------------------------------------------- */

/* Reports that no member was chosen, with the names of those that there are. */
static gkv_status refuse(const archive *a, size_t place, size_t files, const char *name)
{
    char names[512] = "", text[GKV_PRINTABLE_SIZE];
    size_t shown = 0, used = 0;
    member m;
    while (next_entry(a, &place, &m)) {
        if (is_no_file(&m) || shown++ >= SHOWN || used >= sizeof names)
            continue;
        const size_t length = strlen(m.name);
        if (length > 4 && strcmp(m.name + length - 4, ".npy") == 0)
            m.name[length - 4] = '\0';
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.48s",
                                 shown > 1 ? ", " : "", gki_text_printable(m.name, text));
    }
    const char *rest = shown > SHOWN ? ", …" : "";
    if (name)
        return gki_fail(GKV_ERR_ARGUMENT, "%s%s%s: %s has no such array, but %s%s",
                        a->option ? a->option : a->name, a->option ? " " : ":", name, a->name,
                        names, rest);
    return gki_fail(GKV_ERR_ARGUMENT, "%s has %zu arrays: choose one %s%s: %s%s", a->name, files,
                    a->option ? "with " : "", a->option ? a->option : "as in FILE.npz:NAME", names,
                    rest);
}

static gkv_status choose(const archive *a, const char *name, member *chosen)
{
    const size_t end = find_end(a);
    if (end == SIZE_MAX)
        return damaged(a, "its directory is missing, so it may be cut short");
    const size_t first = (size_t)number(a->bytes + end + 16, 4);
    if (first == in_extra)
        return gki_fail(GKV_ERR_DATA, "%s: archives of more than 4 GiB cannot be read", a->name);
    size_t files = 0, place = first;
    bool found = false;
    member m;
    while (next_entry(a, &place, &m)) {
        if (strcmp(m.name, "[Content_Types].xml") == 0)
            return gki_fail(GKV_ERR_DATA, "%s: it is an Office workbook: save the sheet as CSV",
                            a->name);
        if (strcmp(m.name, "mimetype") == 0)
            return gki_fail(GKV_ERR_DATA, "%s: it is an OpenDocument file: save the sheet as CSV",
                            a->name);
        if (ends_in(m.name, "/data.pkl"))
            return gki_fail(GKV_ERR_DATA,
                            "%s: it is a PyTorch file: save its tensor as .npy: numpy.save(FILE, "
                            "tensor.numpy())",
                            a->name);
        if (is_no_file(&m))
            continue;
        files++;
        if (name && found && strcmp(m.name, chosen->name) == 0)
            return gki_fail(
                GKV_ERR_DATA,
                "%s has two files named %s: which one is meant is unknown; write the archive again",
                a->name, m.name);
        if (name ? has_name(&m, name) : files == 1) {
            *chosen = m;
            found = true;
        }
    }
    if (files == 0 && place == end)
        return gki_fail(GKV_ERR_DATA, "%s: the zip archive has no files", a->name);
    if (files == 0)
        return damaged(a, "its directory is empty or cannot be read");
    return found && (name || files == 1) ? GKV_OK : refuse(a, first, files, name);
}

/* --- The content of a member ---------------------------------------------- */

/* Decompresses into memory that grows with the data. */
static gkv_status inflate_member(const archive *a, const unsigned char *data, const member *m,
                                 unsigned char **out, size_t *out_size)
{
    z_stream z = {.next_in = data};
    uint64_t left = m->compressed;
    size_t capacity = 0;
    int result = Z_OK;
    gkv_status status = GKV_OK;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return gki_fail(GKV_ERR_MEMORY, "%s: out of memory while it is decompressed", a->name);
    while (result != Z_STREAM_END) {
        if (capacity - *out_size < PART) {
            capacity = 2 * capacity + PART;
            unsigned char *more = realloc(*out, capacity);
            if (!more) {
                status =
                    gki_fail(GKV_ERR_MEMORY, "%s: out of memory: %zu bytes", a->name, capacity);
                break;
            }
            *out = more;
        }
        const uInt in = left < PART ? (uInt)left : PART;
        z.avail_in = in;
        z.next_out = *out + *out_size;
        z.avail_out = PART;
        result = inflate(&z, Z_NO_FLUSH);
        left -= in - z.avail_in;
        *out_size += PART - z.avail_out;
        if ((result != Z_OK && result != Z_STREAM_END) || *out_size > m->size ||
            *out_size > gki_inflated_bound(m->compressed)) {
            status = damaged(a, z.msg ? z.msg : "the size of a file is not that of the directory");
            break;
        }
    }
    inflateEnd(&z);
    return status;
}

static gkv_status extract(const archive *a, const member *m, unsigned char **out, size_t *out_size)
{
    enum { ENCRYPTED = 1 };
    if (m->flags & ENCRYPTED)
        return gki_fail(GKV_ERR_DATA, "%s: %s is encrypted", a->name, m->name);
    if (m->method != STORED && m->method != DEFLATED)
        return gki_fail(GKV_ERR_DATA,
                        "%s: %s is compressed by method %u; expected 0 or 8 (deflate): extract it "
                        "with unzip or 7z x",
                        a->name, m->name, m->method);
    if (m->local > a->size || a->size - m->local < LOCAL_SIZE)
        return damaged(a, "a file begins behind its end");
    const unsigned char *local = a->bytes + m->local;
    const uint64_t begin = m->local + LOCAL_SIZE + number(local + 26, 2) + number(local + 28, 2);
    if (memcmp(local, "PK\3\4", 4) != 0 || begin > a->size || m->compressed > a->size - begin)
        return damaged(a, "a file is not where the directory says");
    if (m->method == STORED) {
        GKV_TRY(gki_alloc((size_t)m->compressed, 1, out));
        *out_size = (size_t)m->compressed;
        memcpy(*out, a->bytes + begin, *out_size);
        return GKV_OK;
    }
    return inflate_member(a, a->bytes + begin, m, out, out_size);
}

static uint32_t checksum(const unsigned char *bytes, size_t size)
{
    uLong sum = crc32(0, NULL, 0);
    for (size_t offset = 0; offset < size; offset += PART)
        sum = crc32(sum, bytes + offset, (uInt)(size - offset < PART ? size - offset : PART));
    return (uint32_t)sum;
}

gkv_status gki_zip_member(const unsigned char *bytes, size_t size, const char *archive_name,
                          const char *name, const char *option, unsigned char **out,
                          size_t *out_size)
{
    const archive a = {.bytes = bytes, .size = size, .name = archive_name, .option = option};
    member m;
    gkv_status status;
    *out = NULL;
    *out_size = 0;
    GKV_TRY_GOTO(choose(&a, name, &m));
    GKV_TRY_GOTO(extract(&a, &m, out, out_size));
    if (*out_size != m.size || checksum(*out, *out_size) != m.checksum)
        status = damaged(&a, "a file has another checksum than the directory");
done:
    if (status != GKV_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}
