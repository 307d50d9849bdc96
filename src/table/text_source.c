/* A source of bytes; see text_source.h. */
#define _POSIX_C_SOURCE 200809L
#include "table/text_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PART = 1 << 16 }; /* the number of bytes of one read */

gkv_status gki_source_open(gki_source *source, const char *path)
{
    const bool standard_input = strcmp(path, "-") == 0;
    *source = (gki_source){.name = standard_input ? "standard input" : path,
                           .file = standard_input ? stdin : fopen(path, "rb")};
    if (!source->file)
        return gki_fail_errno(errno, "%s: cannot be opened", path);
    /* The size is not used for standard input, which may be in the middle of its file, nor if it is
     * 0, as it is for files in /proc. */
    struct stat about;
    if (!standard_input && fstat(fileno(source->file), &about) == 0 && S_ISREG(about.st_mode) &&
        about.st_size > 0) {
        source->size_known = true;
        source->size = (uint64_t)about.st_size;
    }
    return GKV_OK;
}

void gki_source_function(gki_source *source, gkv_table_source *read, void *user, const char *name)
{
    *source = (gki_source){.name = name, .read = read, .user = user};
}

void gki_source_memory(gki_source *source, const void *bytes, size_t size, const char *name)
{
    *source = (gki_source){
        .name = name, .bytes = bytes, .end = size, .ended = true, .size_known = true, .size = size};
}

void gki_source_close(gki_source *source)
{
    if (source->file && source->file != stdin)
        fclose(source->file);
    free(source->buffer);
    *source = (gki_source){.name = source->name};
}

size_t gki_source_there(const gki_source *source)
{
    return source->end - source->start;
}

const unsigned char *gki_source_at(const gki_source *source)
{
    return source->bytes ? source->bytes + source->start : NULL;
}

void gki_source_use(gki_source *source, size_t n)
{
    source->start += n;
    source->used += n;
}

/* Makes the buffer large enough for one more part after the available bytes. */
static gkv_status reserve_part(gki_source *source)
{
    const size_t there = gki_source_there(source);
    if (source->start > 0 && there > 0)
        memmove(source->buffer, source->buffer + source->start, there);
    source->start = 0;
    source->end = there;
    if (source->capacity - there >= PART)
        return GKV_OK;
    const size_t capacity = 2 * source->capacity + PART;
    unsigned char *more = realloc(source->buffer, capacity);
    if (!more)
        return gki_fail(GKV_ERR_MEMORY, "%s: no memory for %zu bytes of it at once", source->name,
                        capacity);
    source->buffer = more;
    source->bytes = more;
    source->capacity = capacity;
    return GKV_OK;
}

static gkv_status read_file(gki_source *source, size_t *got)
{
    errno = 0;
    *got = fread(source->buffer + source->end, 1, PART, source->file);
    source->ended = *got < PART;
    return ferror(source->file) ? gki_fail_errno(errno, "%s: cannot be read", source->name)
                                : GKV_OK;
}

static gkv_status read_function(gki_source *source, size_t *got)
{
    const ptrdiff_t count = source->read(source->user, source->buffer + source->end, PART);
    *got = count > 0 ? (size_t)count : 0;
    source->ended = *got == 0;
    return count < 0 || count > PART ? gki_fail(GKV_ERR_IO, "%s: cannot be read", source->name)
                                     : GKV_OK;
}

static gkv_status read_part(gki_source *source)
{
    size_t got;
    GKV_TRY(reserve_part(source));
    GKV_TRY(source->file ? read_file(source, &got) : read_function(source, &got));
    source->end += got;
    return GKV_OK;
}

gkv_status gki_source_need(gki_source *source, size_t n)
{
    while (gki_source_there(source) < n && !source->ended)
        GKV_TRY(read_part(source));
    return GKV_OK;
}

gkv_status gki_source_line(gki_source *source, size_t most, const unsigned char **line,
                           size_t *length)
{
    size_t searched = 0;
    for (;;) {
        const size_t there = gki_source_there(source);
        const unsigned char *at = gki_source_at(source);
        const unsigned char *end =
            there > searched ? memchr(at + searched, '\n', there - searched) : NULL;
        if (end || source->ended) {
            *line = at;
            *length = end ? (size_t)(end - at) + 1 : there;
            if (*length > most)
                break;
            gki_source_use(source, *length);
            return GKV_OK;
        }
        if (there > most)
            break;
        searched = there;
        GKV_TRY(read_part(source));
    }
    return gki_fail(GKV_ERR_DATA, "%s: a line is longer than %zu bytes: this is no table",
                    source->name, most);
}
