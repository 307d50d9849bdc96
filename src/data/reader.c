#include "data/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/data_files.h"
#include "data/sha256_add.h"

enum {
    INPUT_SIZE = 1 << 16,
    FIRST_CHUNK = 1 << 20,      /* bytes of the first allocation for a whole file */
    GZIP_ONLY = 16 + MAX_WBITS, /* window bits by which zlib accepts gzip data only */
    DEFLATE_RATIO = 1032,       /* the greatest compression ratio of deflate */
    PLAUSIBLE_RATIO = 200,      /* the greatest ratio that is accepted above PLAUSIBLE_SIZE */
    PLAUSIBLE_SIZE = 64 << 20   /* content of this size is accepted at any ratio */
};

struct gki_reader {
    char *path;
    char kind[64];
    int file;
    uint64_t size; /* of the file on the disk */
    bool gzip;
    bool hashed;       /* whether `sum` is kept */
    SHA2_CTX sum;      /* of the content read so far */
    uint64_t taken;    /* the bytes of the content read so far */
    bool member_ended; /* a gzip stream is complete; further input must be another stream */
    z_stream inflater;
    size_t start, end; /* the part of `input` that has not been used */
    uint8_t input[INPUT_SIZE];
};

/* Reads more input if all of it has been used. At the end of the file the input stays empty. */
static gkv_status refill(gki_reader *reader)
{
    if (reader->start < reader->end)
        return GKV_OK;
    ssize_t got;
    do
        got = read(reader->file, reader->input, sizeof reader->input);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return gki_fail_errno(errno, "%s: cannot be read", reader->path);
    reader->start = 0;
    reader->end = (size_t)got;
    return GKV_OK;
}

static gkv_status cannot_open(const char *path, int reason)
{
    if (reason != ENOENT)
        return gki_fail_errno(reason, "%s: cannot be opened", path);
    char *where = NULL;
    GKV_TRY(gki_file_relative(path, &where));
    const gkv_status status = gki_fail(GKV_ERR_IO, "%s: cannot be opened: %s%s", path,
                                       strerror(reason), where ? where : "");
    free(where);
    return status;
}

/* Finds whether the content is compressed. */
static gkv_status look_at_start(gki_reader *reader, bool is_file)
{
    GKV_TRY(refill(reader));
    reader->gzip = reader->end >= 2 && reader->input[0] == 0x1f && reader->input[1] == 0x8b;
    if (is_file)
        snprintf(reader->kind, sizeof reader->kind, "a %s file of %" PRIu64 " bytes",
                 reader->gzip ? "gzip" : "raw", reader->size);
    else
        snprintf(reader->kind, sizeof reader->kind, "its beginning");
    if (reader->gzip && inflateInit2(&reader->inflater, GZIP_ONLY) != Z_OK)
        return gki_fail(GKV_ERR_MEMORY, "%s: out of memory while it is decompressed", reader->path);
    return GKV_OK;
}

static gkv_status begin(gki_reader *reader)
{
    /* With O_NONBLOCK, open() does not wait for the other end of a FIFO, which is refused below. */
    reader->file = gki_file_descriptor(reader->path, O_RDONLY | O_NONBLOCK);
    if (reader->file < 0)
        return cannot_open(reader->path, errno);
    struct stat about;
    if (fstat(reader->file, &about) != 0)
        return gki_fail_errno(errno, "%s: cannot be examined", reader->path);
    if (S_ISDIR(about.st_mode))
        return gki_fail_errno(EISDIR, "%s: cannot be read", reader->path);
    if (!S_ISREG(about.st_mode))
        return gki_fail(GKV_ERR_IO, "%s: cannot be read: it is not a regular file", reader->path);
    reader->size = (uint64_t)about.st_size;
    return look_at_start(reader, true);
}

gkv_status gki_reader_open(const char *path, bool hashed, gki_reader **out)
{
    *out = NULL;
    gki_reader *reader = NULL;
    gkv_status status;
    GKV_TRY(gki_alloc(1, sizeof *reader, &reader));
    reader->file = -1;
    reader->hashed = hashed;
    SHA256Init(&reader->sum);
    GKV_TRY_GOTO(gki_strdup(path, &reader->path));
    GKV_TRY_GOTO(begin(reader));
    *out = reader;
    return GKV_OK;
done:
    gki_reader_close(reader);
    return status;
}

gkv_status gki_reader_open_descriptor(int descriptor, const char *name, gki_reader **out)
{
    *out = NULL;
    gki_reader *reader = NULL;
    struct stat about;
    gkv_status status;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *reader, &reader));
    reader->file = descriptor;
    GKV_TRY_GOTO(gki_strdup(name, &reader->path));
    const bool is_file = fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
    reader->size = is_file ? (uint64_t)about.st_size : 0;
    GKV_TRY_GOTO(look_at_start(reader, is_file));
    *out = reader;
    return GKV_OK;
done:
    if (!reader)
        close(descriptor);
    gki_reader_close(reader);
    return status;
}

void gki_reader_close(gki_reader *reader)
{
    if (!reader)
        return;
    inflateEnd(&reader->inflater); /* does nothing to a zeroed stream */
    if (reader->file >= 0)
        close(reader->file);
    free(reader->path);
    free(reader);
}

void gki_reader_digest(gki_reader *reader, char text[GKV_DIGEST_SIZE])
{
    SHA256End(&reader->sum, text);
}

uint64_t gki_inflated_bound(uint64_t size)
{
    const uint64_t plausible =
        size > PLAUSIBLE_SIZE / PLAUSIBLE_RATIO ? size * PLAUSIBLE_RATIO : PLAUSIBLE_SIZE;
    const uint64_t possible = size * DEFLATE_RATIO;
    return plausible < possible ? plausible : possible;
}

uint64_t gki_reader_bound(const gki_reader *reader)
{
    return reader->gzip ? gki_inflated_bound(reader->size) : reader->size;
}

bool gki_reader_is_gzip(const gki_reader *reader)
{
    return reader->gzip;
}

const char *gki_reader_kind(const gki_reader *reader)
{
    return reader->kind;
}

static gkv_status read_raw(gki_reader *reader, uint8_t *out, size_t n, size_t *got)
{
    while (*got < n) {
        GKV_TRY(refill(reader));
        const size_t held = reader->end - reader->start;
        const size_t part = held < n - *got ? held : n - *got;
        if (part == 0)
            break;
        memcpy(out + *got, reader->input + reader->start, part);
        reader->start += part;
        *got += part;
    }
    return GKV_OK;
}

/* Begins the next gzip stream. A file may consist of several streams (RFC 1952, 2.2) and of nothing
 * else. */
static gkv_status next_member(gki_reader *reader)
{
    const uint8_t first = reader->input[reader->start];
    if (first != 0x1f)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: the gzip data is followed by a byte 0x%02x; expected the end of the file",
            reader->path, first);
    reader->member_ended = false;
    return inflateReset(&reader->inflater) == Z_OK
               ? GKV_OK
               : gki_fail(GKV_ERR_INTERNAL, "%s: zlib cannot begin the next stream", reader->path);
}

static gkv_status read_gzip(gki_reader *reader, uint8_t *out, size_t n, size_t *got)
{
    z_stream *z = &reader->inflater;
    while (*got < n) {
        GKV_TRY(refill(reader));
        while (reader->member_ended && reader->start < reader->end &&
               reader->input[reader->start] == 0)
            reader->start++; /* tapes fill their last block with zeros, and gzip accepts that */
        if (reader->start == reader->end && reader->end > 0 && reader->member_ended)
            continue;
        if (reader->start == reader->end) {
            if (reader->member_ended)
                return GKV_OK;
            return gki_fail(GKV_ERR_DATA,
                            "%s: the gzip data stops in the middle; expected more than %s",
                            reader->path, reader->kind);
        }
        if (reader->member_ended)
            GKV_TRY(next_member(reader));
        const size_t wanted = n - *got < INPUT_SIZE ? n - *got : INPUT_SIZE;
        z->next_in = reader->input + reader->start;
        z->avail_in = (uInt)(reader->end - reader->start);
        z->next_out = out + *got;
        z->avail_out = (uInt)wanted;
        const int result = inflate(z, Z_NO_FLUSH);
        reader->start = reader->end - z->avail_in;
        *got += wanted - z->avail_out;
        if (result == Z_STREAM_END)
            reader->member_ended = true;
        else if (result == Z_MEM_ERROR)
            return gki_fail(GKV_ERR_MEMORY, "%s: out of memory while it is decompressed",
                            reader->path);
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return gki_fail(GKV_ERR_DATA, "%s: the gzip data is damaged: %s", reader->path,
                            z->msg ? z->msg : "zlib gives no reason");
    }
    return GKV_OK;
}

gkv_status gki_reader_read(gki_reader *reader, void *buffer, size_t n, size_t *got)
{
    *got = 0;
    const gkv_status status =
        reader->gzip ? read_gzip(reader, buffer, n, got) : read_raw(reader, buffer, n, got);
    reader->taken += *got;
    if (reader->hashed && status == GKV_OK)
        gki_sha256_add(&reader->sum, buffer, *got);
    return status;
}

gkv_status gki_reader_read_all(gki_reader *reader, uint8_t **bytes, size_t *size)
{
    size_t capacity = 0, got = 0;
    *bytes = NULL;
    *size = 0;
    do {
        capacity = capacity == 0 ? FIRST_CHUNK : 2 * capacity;
        uint8_t *more = realloc(*bytes, capacity);
        if (!more)
            return gki_fail(GKV_ERR_MEMORY, "%s: out of memory: %zu bytes were refused",
                            reader->path, capacity);
        *bytes = more;
        GKV_TRY(gki_reader_read(reader, more + *size, capacity - *size, &got));
        *size += got;
        if (reader->gzip && *size > gki_reader_bound(reader))
            return gki_fail(GKV_ERR_DATA, "%s: it decompresses to more than %s may", reader->path,
                            reader->kind);
    } while (*size == capacity);
    return GKV_OK;
}

gkv_status gki_reader_map(gki_reader *reader, size_t size, void **mapping)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, reader->file, 0);
    *mapping = NULL;
    if (map == MAP_FAILED)
        return gki_fail(GKV_ERR_IO, "%s: cannot be mapped into memory: %s", reader->path,
                        strerror(errno));
    if (reader->hashed)
        gki_sha256_add(&reader->sum, (const uint8_t *)map + reader->taken,
                       size - (size_t)reader->taken);
    *mapping = map;
    return GKV_OK;
}
