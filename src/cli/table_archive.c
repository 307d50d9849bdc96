/* Compressed tables; declared in table_options.h. */
#define _POSIX_C_SOURCE 200809L
#include "table_options.h"

#include "app/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { MAGIC = 4, PART = 1 << 16 };

/* A file that zlib decompresses if it begins as gzip does. */
typedef struct stream {
    gzFile file;
    unsigned char magic[MAGIC]; /* its first bytes, which were read to recognise it */
    size_t n_magic, used;
    int code;          /* of the first error */
    const char *cause; /* its description */
} stream;

static ptrdiff_t set_error(stream *s)
{
    int error = Z_OK;
    const char *cause = gzerror(s->file, &error), *colon = strrchr(cause, ':');
    s->code = error == Z_ERRNO ? CLI_IO : error == Z_MEM_ERROR ? CLI_MEMORY : CLI_DATA;
    s->cause = error == Z_ERRNO       ? strerror(errno)
               : error == Z_BUF_ERROR ? "the gzip data stops in the middle"
               : colon                ? colon + 2 /* zlib puts the file's name before it */
                                      : cause;
    return -1;
}

static ptrdiff_t read_stream(void *user, void *buffer, size_t size)
{
    stream *s = user;
    if (s->used < s->n_magic) {
        const size_t left = s->n_magic - s->used, n = left < size ? left : size;
        memcpy(buffer, s->magic + s->used, n);
        s->used += n;
        return (ptrdiff_t)n;
    }
    const int got = gzread(s->file, buffer, (unsigned)(size < PART ? size : PART));
    int error = Z_OK;
    (void)gzerror(s->file, &error);
    return got < 0 || (got == 0 && error != Z_OK) ? set_error(s) : got;
}

/* Reads the whole stream into memory. */
static int read_whole(stream *s, unsigned char **bytes, size_t *size)
{
    size_t capacity = 0;
    for (;;) {
        if (capacity - *size < PART) {
            capacity = 2 * capacity + PART;
            unsigned char *more = realloc(*bytes, capacity);
            if (!more)
                return cli_error(CLI_MEMORY, "out of memory: %zu bytes of an archive", capacity);
            *bytes = more;
        }
        const ptrdiff_t got = read_stream(s, *bytes + *size, PART);
        if (got < 0)
            return s->code;
        if (got == 0)
            return CLI_OK;
        *size += (size_t)got;
    }
}

static int read_archive(stream *s, const char *name, const char *array,
                        const gkv_table_settings *settings, gkv_table **table)
{
    unsigned char *bytes = NULL, *member = NULL;
    size_t size = 0, member_size = 0;
    char *member_name = array ? cli_text("%s, %s", name, array) : cli_text("%s", name);
    int code;
    CLI_TRY(read_whole(s, &bytes, &size));
    CLI_CHECK(gki_zip_member(bytes, size, name, array, "--array", &member, &member_size));
    CLI_CHECK(gkv_table_read_memory(member_size, member, member_name, settings, table));
done:
    free(member_name);
    free(member);
    free(bytes);
    return code;
}

static int read_from(stream *s, const char *name, const char *array,
                     const gkv_table_settings *settings, gkv_table **table)
{
    while (s->n_magic < MAGIC) {
        const int got = gzread(s->file, s->magic + s->n_magic, (unsigned)(MAGIC - s->n_magic));
        if (got <= 0)
            break;
        s->n_magic += (size_t)got;
    }
    if (s->n_magic == MAGIC && memcmp(s->magic, "PK\3\4", MAGIC) == 0)
        return read_archive(s, name, array, settings, table);
    if (array)
        return cli_error(CLI_USAGE,
                         "--array %s: %s is not an archive of several arrays, as .npz is", array,
                         name);
    const gkv_status status = gkv_table_read_stream(read_stream, s, name, settings, table);
    return s->cause ? s->code : cli_check(status);
}

/* Whether a file can be read by the library itself: not standard input, nor a pipe, whose first
 * bytes cannot be read twice, nor one that begins as a compressed file does. */
static bool is_plain(const char *path)
{
    unsigned char magic[MAGIC];
    struct stat about;
    if (strcmp(path, "-") == 0 || stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return strcmp(path, "-") != 0 && (stat(path, &about) != 0 || S_ISDIR(about.st_mode));
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(magic, 1, MAGIC, file) : 0;
    if (file)
        fclose(file);
    return !(got >= 2 && memcmp(magic, "\x1f\x8b", 2) == 0) &&
           !(got == MAGIC && memcmp(magic, "PK\3\4", MAGIC) == 0);
}

int cli_table_open(const char *path, const char *array, const gkv_table_settings *settings,
                   gkv_table **table)
{
    const bool standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "standard input" : path;
    stream s = {.code = CLI_OK};
    if (is_plain(path) && !array)
        return cli_check(gkv_table_read(path, settings, table));
    const int descriptor = standard_input ? dup(STDIN_FILENO) : -1;
    s.file = standard_input ? gzdopen(descriptor, "rb") : gzopen(path, "rb");
    if (!s.file)
        return cli_error_errno(errno, "%s: cannot be opened", path);
    gzbuffer(s.file, PART);
    const int code = read_from(&s, name, array, settings, table);
    if (s.cause)
        cli_error(s.code, "%s: cannot be read: %s", name, s.cause);
    gzclose(s.file);
    return code;
}
