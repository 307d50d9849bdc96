/* Reads a table in the format that the first bytes show. */
#include <string.h>

#include "core/foreign.h"
#include "table/number_table.h"

static gkv_status read_from(gki_source *source, const gkv_table_settings *settings, gkv_table **out)
{
    static const char npy[] = "\x93NUMPY";
    GKV_TRY(gki_source_need(source, GKV_FOREIGN_BYTES));
    const size_t there = gki_source_there(source);
    const unsigned char *bytes = gki_source_at(source);
    if (there >= sizeof npy - 1 && memcmp(bytes, npy, sizeof npy - 1) == 0)
        return gki_table_read_npy(source, settings, out);
    GKV_TRY(gki_foreign_check(GKV_ERR_DATA, source->name, bytes, there, GKV_WANTED_TABLE));
    return gki_table_read_text(source, settings, out);
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

gkv_status gkv_table_read_stream(gkv_table_source *read, void *user, const char *name,
                                 const gkv_table_settings *settings, gkv_table **out)
{
    gkv_table_settings checked;
    gki_source source;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(read);
    GKV_NEED(name);
    GKV_TRY(check(settings, &checked));
    gki_source_function(&source, read, user, name);
    const gkv_status status = read_from(&source, &checked, out);
    gki_source_close(&source);
    return status;
}
