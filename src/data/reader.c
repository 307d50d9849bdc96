#define _POSIX_C_SOURCE 200809L
#include "data/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory.h"

enum {
    INPUT_SIZE = 1 << 16,
    GZIP_ONLY = 16 + MAX_WBITS, /* zlib's way to ask for gzip and nothing else */
    DEFLATE_RATIO = 1032,       /* the most that deflate can pack */
    HONEST_RATIO = 200,
    HONEST_SIZE = 64 << 20
};

struct gkv_reader {
    char *path;
    char kind[64];
    int file;
    uint64_t size;      /* of the file as it lies on the disk */
    bool gzip;
    bool member_ended;  /* the gzip stream is complete: more input is another, or junk */
    z_stream inflater;
    size_t start, end;  /* input not used yet */
    uint8_t input[INPUT_SIZE];
};

/* Refills the input when it has run out; leaves it empty at the end of the file. */
static gkv_status refill(gkv_reader *reader)
{
    if (reader->start < reader->end)
        return GKV_OK;
    ssize_t got;
    do
        got = read(reader->file, reader->input, sizeof reader->input);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return gkv_fail(GKV_ERR_IO, "%s: cannot be read: %s", reader->path, strerror(errno));
    reader->start = 0;
    reader->end = (size_t)got;
    return GKV_OK;
}

static gkv_status begin(gkv_reader *reader)
{
    /* O_NONBLOCK: a FIFO must not hang the program before fstat() can refuse it. */
    reader->file = open(reader->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (reader->file < 0)
        return gkv_fail(GKV_ERR_IO, "%s: cannot be opened: %s", reader->path, strerror(errno));
    struct stat about;
    if (fstat(reader->file, &about) != 0)
        return gkv_fail(GKV_ERR_IO, "%s: cannot be examined: %s", reader->path, strerror(errno));
    if (S_ISDIR(about.st_mode))
        return gkv_fail(GKV_ERR_IO, "%s: cannot be read: %s", reader->path, strerror(EISDIR));
    if (!S_ISREG(about.st_mode))
        return gkv_fail(GKV_ERR_IO, "%s: cannot be read: it is not a regular file", reader->path);
    reader->size = (uint64_t)about.st_size;
    GKV_TRY(refill(reader));
    reader->gzip = reader->end >= 2 && reader->input[0] == 0x1f && reader->input[1] == 0x8b;
    snprintf(reader->kind, sizeof reader->kind, "a %s file of %" PRIu64 " bytes", reader->gzip ? "gzip" : "raw",
             reader->size);
    if (reader->gzip && inflateInit2(&reader->inflater, GZIP_ONLY) != Z_OK)
        return gkv_fail(GKV_ERR_MEMORY, "%s: no memory to uncompress it", reader->path);
    return GKV_OK;
}

gkv_status gkv_reader_open(const char *path, gkv_reader **out)
{
    *out = NULL;
    gkv_reader *reader = NULL;
    gkv_status status;
    GKV_TRY(gkv_alloc(1, sizeof *reader, &reader));
    reader->file = -1;
    GKV_TRY_GOTO(gkv_strdup(path, &reader->path));
    GKV_TRY_GOTO(begin(reader));
    *out = reader;
    return GKV_OK;
done:
    gkv_reader_close(reader);
    return status;
}

void gkv_reader_close(gkv_reader *reader)
{
    if (!reader)
        return;
    inflateEnd(&reader->inflater); /* harmless on a zeroed stream */
    if (reader->file >= 0)
        close(reader->file);
    free(reader->path);
    free(reader);
}

uint64_t gkv_reader_bound(const gkv_reader *reader)
{
    if (!reader->gzip)
        return reader->size;
    const uint64_t honest = reader->size > HONEST_SIZE / HONEST_RATIO ? reader->size * HONEST_RATIO : HONEST_SIZE;
    const uint64_t possible = reader->size * DEFLATE_RATIO;
    return honest < possible ? honest : possible;
}

const char *gkv_reader_kind(const gkv_reader *reader)
{
    return reader->kind;
}

static gkv_status read_raw(gkv_reader *reader, uint8_t *out, size_t n, size_t *got)
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

/* Files may be several gzip streams end to end (RFC 1952, 2.2), but nothing else. */
static gkv_status next_member(gkv_reader *reader)
{
    const uint8_t first = reader->input[reader->start];
    if (first != 0x1f)
        return gkv_fail(GKV_ERR_DATA,
                        "%s: the gzip data is followed by a byte 0x%02x; expected the end of the file",
                        reader->path, first);
    reader->member_ended = false;
    return inflateReset(&reader->inflater) == Z_OK
               ? GKV_OK
               : gkv_fail(GKV_ERR_INTERNAL, "%s: zlib would not start again", reader->path);
}

static gkv_status read_gzip(gkv_reader *reader, uint8_t *out, size_t n, size_t *got)
{
    z_stream *z = &reader->inflater;
    while (*got < n) {
        GKV_TRY(refill(reader));
        if (reader->start == reader->end) {
            if (reader->member_ended)
                return GKV_OK;
            return gkv_fail(GKV_ERR_DATA, "%s: the gzip data stops in the middle; expected more than %s",
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
            return gkv_fail(GKV_ERR_MEMORY, "%s: no memory to uncompress it", reader->path);
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return gkv_fail(GKV_ERR_DATA, "%s: the gzip data is damaged: %s", reader->path,
                            z->msg ? z->msg : "zlib does not say how");
    }
    return GKV_OK;
}

gkv_status gkv_reader_read(gkv_reader *reader, void *buffer, size_t n, size_t *got)
{
    *got = 0;
    return reader->gzip ? read_gzip(reader, buffer, n, got) : read_raw(reader, buffer, n, got);
}
