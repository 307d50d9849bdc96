/* Reads a table in the format that the first bytes show. */
#include <string.h>

#include "table/number_table.h"

/* Other formats that are recognised, with advice for the message. */
#define GKV_RECODE ": save it as UTF-8, or recode it: iconv -t UTF-8 -f "
static const struct {
    const char *magic;
    size_t length;
    const char *advice;
} others[] = {
    {"\x1f\x8b", 2, "it is compressed by gzip: gzip -dc FILE | gkvae … - decompresses it"},
    {"PK\x03\x04", 4, "it is a zip archive: extract the file with the table"},
    {"\xfd"
     "7zXZ",
     5, "it is compressed by xz: xz -dc FILE | gkvae … - decompresses it"},
    {"BZh", 3, "it is compressed by bzip2: bzip2 -dc FILE | gkvae … - decompresses it"},
    {"\x28\xb5\x2f\xfd", 4, "it is compressed by zstd: zstd -dc FILE | gkvae … - decompresses it"},
    {"\xd0\xcf\x11\xe0", 4, "it is an old Office document: save the sheet as CSV"},
    {"\xff\xfe\0\0", 4, "it is UTF-32" GKV_RECODE "UTF-32"},
    {"\0\0\xfe\xff", 4, "it is UTF-32" GKV_RECODE "UTF-32"},
    {"\xff\xfe", 2, "it is UTF-16" GKV_RECODE "UTF-16"},
    {"\xfe\xff", 2, "it is UTF-16" GKV_RECODE "UTF-16"},
    {"\x89HDF", 4, "it is an HDF5 file: save the table as .npy or CSV"},
    {"PAR1", 4, "it is a Parquet file: save the table as .npy or CSV"},
};

enum { MAGIC = 8 }; /* the number of bytes that show a format */

/* Recognises UTF-16 and UTF-32 of ASCII characters without a byte order mark, by the places of
 * their zero bytes. */
static const char *wide_text(const unsigned char *bytes, size_t there)
{
    static const struct {
        const char *zeros; /* '0' for a zero byte, '1' for any other */
        const char *advice;
    } forms[] = {{"10001000", "it seems to be UTF-32" GKV_RECODE "UTF-32LE"},
                 {"00010001", "it seems to be UTF-32" GKV_RECODE "UTF-32BE"},
                 {"10101010", "it seems to be UTF-16" GKV_RECODE "UTF-16LE"},
                 {"01010101", "it seems to be UTF-16" GKV_RECODE "UTF-16BE"}};
    for (size_t f = 0; there >= MAGIC && f < sizeof forms / sizeof *forms; f++) {
        size_t i = 0;
        while (i < MAGIC && (bytes[i] != 0) == (forms[f].zeros[i] == '1'))
            i++;
        if (i == MAGIC)
            return forms[f].advice;
    }
    return NULL;
}

/* What to do with a file of another format; NULL if the bytes may begin a text. */
static const char *advice_on(const unsigned char *bytes, size_t there)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (there >= others[i].length && memcmp(bytes, others[i].magic, others[i].length) == 0)
            return others[i].advice;
    return wide_text(bytes, there);
}

static gkv_status read_from(gki_source *source, const gkv_table_settings *settings, gkv_table **out)
{
    static const char npy[] = "\x93NUMPY";
    GKV_TRY(gki_source_need(source, MAGIC));
    const size_t there = gki_source_there(source);
    const unsigned char *bytes = gki_source_at(source);
    if (there >= sizeof npy - 1 && memcmp(bytes, npy, sizeof npy - 1) == 0)
        return gki_table_read_npy(source, settings, out);
    const char *advice = advice_on(bytes, there);
    return advice ? gki_fail(GKV_ERR_DATA, "%s: neither text nor .npy: %s", source->name, advice)
                  : gki_table_read_text(source, settings, out);
}

/* --- Settings ------------------------------------------------------------- */

void gkv_table_defaults(gkv_table_settings *settings)
{
    if (settings)
        *settings = (gkv_table_settings){.usual_missing = true};
}

static bool may_separate(char c)
{
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool printable = c >= ' ' && c <= '~';
    return c == '\t' || c == '\n' || (printable && !letter && !(c >= '0' && c <= '9') && c != '"');
}

/* Copies the settings, or the defaults, and checks them. */
static gkv_status check(const gkv_table_settings *settings, gkv_table_settings *out)
{
    gkv_table_defaults(out);
    if (settings)
        *out = *settings;
    if (out->separator && (!may_separate(out->separator) || strchr("+-.", out->separator)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "reading a table: the separator is a letter, a digit, a quote, a sign, a "
                        "point, or no ASCII character");
    if (out->decimal_mark && !strchr(".,", out->decimal_mark))
        return gki_fail(GKV_ERR_ARGUMENT, "reading a table: the decimal mark is neither . nor ,");
    if (out->decimal_mark && out->decimal_mark == out->separator)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "reading a table: the separator is the same as the decimal mark");
    for (size_t i = 0; i < out->n_missing; i++)
        if (!out->missing || !out->missing[i])
            return gki_fail(GKV_ERR_ARGUMENT,
                            "reading a table: a missing value's spelling is NULL");
    return GKV_OK;
}

/* --- Reading -------------------------------------------------------------- */

gkv_status gkv_table_read(const char *path, const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source source;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    GKV_TRY(check(settings, &checked));
    GKV_TRY(gki_source_open(&source, path));
    const gkv_status status = read_from(&source, &checked, out);
    gki_source_close(&source);
    return status;
}

gkv_status gkv_table_read_memory(size_t size, const void *bytes, const char *name,
                                 const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source source;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(name);
    if (size > 0)
        GKV_NEED(bytes);
    GKV_TRY(check(settings, &checked));
    gki_source_memory(&source, bytes, size, name);
    return read_from(&source, &checked, out);
}

gkv_status gkv_table_read_stream(gkv_table_source *source, void *context, const char *name,
                                 const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source from;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(source);
    GKV_NEED(name);
    GKV_TRY(check(settings, &checked));
    gki_source_function(&from, source, context, name);
    const gkv_status status = read_from(&from, &checked, out);
    gki_source_close(&from);
    return status;
}
