/* Reads a table in the format that the first bytes show. */
#include <string.h>

#include "table/number_table.h"

/* Other formats that are recognised, with advice for the message. */
static const struct {
    const char *magic;
    size_t length;
    const char *advice;
} others[] = {
    {"\x1f\x8b", 2, "it is packed by gzip: gzip -dc FILE | gkvae … - unpacks it on the way"},
    {"PK\x03\x04", 4,
     "it is a zip archive, as .npz and .xlsx are: unpack it, or save the table as .npy or CSV"},
    {"\xd0\xcf\x11\xe0", 4, "it is an old Office document: save the sheet as CSV"},
    {"\xff\xfe", 2, "it is UTF-16: save it as UTF-8"},
    {"\xfe\xff", 2, "it is UTF-16: save it as UTF-8"},
    {"\x89HDF", 4, "it is an HDF5 file: save the table as .npy or CSV"},
    {"PAR1", 4, "it is a Parquet file: save the table as .npy or CSV"},
};

static gkv_status read_from(gki_source *source, gkv_table **out)
{
    enum { MAGIC = 6 };
    GKV_TRY(gki_source_need(source, MAGIC));
    const size_t there = gki_source_there(source);
    const unsigned char *bytes = gki_source_at(source);
    if (there >= MAGIC && memcmp(bytes, "\x93NUMPY", MAGIC) == 0)
        return gki_table_read_npy(source, out);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (there >= others[i].length && memcmp(bytes, others[i].magic, others[i].length) == 0)
            return gki_fail(GKV_ERR_DATA, "%s: neither text nor .npy: %s", source->name,
                            others[i].advice);
    return gki_table_read_text(source, out);
}

gkv_status gkv_table_read(const char *path, gkv_table **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    gki_source source;
    GKV_TRY(gki_source_open(&source, path));
    const gkv_status status = read_from(&source, out);
    gki_source_close(&source);
    return status;
}

gkv_status gkv_table_read_memory(size_t size, const void *bytes, const char *name, gkv_table **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(name);
    if (size > 0)
        GKV_NEED(bytes);
    gki_source source;
    gki_source_memory(&source, bytes, size, name);
    return read_from(&source, out);
}
