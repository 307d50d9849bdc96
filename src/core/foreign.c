/* The table of signatures, and the advice for each; see foreign.h. */
#include "core/foreign.h"

#include <stdbool.h>
#include <string.h>

/* What can be done with a file depends on its kind and on what was wanted. */
typedef enum kind {
    COMPRESSED,
    ARCHIVE,
    WORKBOOK,
    ARRAYS, /* numbers in another container */
    NPY,
    NPZ,
    WIDE_TEXT, /* UTF-16 and UTF-32 */
    PAGE,
    JSON,
    POINTER,
    PICTURE,
    DOCUMENT,
    IDX_IMAGES,
    IDX_LABELS,
    MODEL,
    PNG,
    EMPTY,
    TEXT
} file_kind;

typedef struct file_format {
    const char *magic;
    size_t offset, length; /* where the magic is */
    file_kind kind;
    const char *what; /* completes "it is" */
    const char *tool; /* the command that decompresses, or the name of the encoding */
} file_format;

/* The first one that fits is taken. Where a longer magic begins with a shorter one, it stands
 * first. */
static const file_format formats[] = {
    /* its first four bytes are a length, and may be those of any magic */
    {"\0\0\0\0{", 4, 5, MODEL, "a safetensors file", NULL},
    {"\x1f\x8b", 0, 2, COMPRESSED, "compressed by gzip", "gzip -dc"},
    {"\xfd"
     "7zXZ",
     0, 5, COMPRESSED, "compressed by xz", "xz -dc"},
    {"BZh", 0, 3, COMPRESSED, "compressed by bzip2", "bzip2 -dc"},
    {"\x28\xb5\x2f\xfd", 0, 4, COMPRESSED, "compressed by zstd", "zstd -dc"},
    {"\x04\x22\x4d\x18", 0, 4, COMPRESSED, "compressed by lz4", "lz4 -dc"},
    {"\x5d\0\0", 0, 3, COMPRESSED, "compressed by lzma", "xz -dc"},
    {"\x1f\x9d", 0, 2, COMPRESSED, "compressed by compress", "gzip -dc"},
    {"LZIP\1", 0, 5, COMPRESSED, "compressed by lzip", "lzip -dc"},
    {"[Content_Types].xml", 30, 19, WORKBOOK, "an Office workbook or document", NULL},
    {"mimetypeapplication/vnd.oasis.opendocument", 30, 42, WORKBOOK,
     "an OpenDocument spreadsheet or document", NULL},
    {"7z\xbc\xaf\x27\x1c", 0, 6, ARCHIVE, "a 7-zip archive", "7z x"},
    {"Rar!\x1a\x07", 0, 6, ARCHIVE, "a RAR archive", "unrar x"},
    {"ustar", 257, 5, ARCHIVE, "a tar archive", "tar -xf"},
    {"\xd0\xcf\x11\xe0", 0, 4, WORKBOOK, "an old Office document", NULL},
    {"\x93NUMPY", 0, 6, NPY, "a NumPy array (.npy)", NULL},
    {"\x89HDF", 0, 4, ARRAYS, "an HDF5 file", NULL},
    {"PAR1", 0, 4, ARRAYS, "a Parquet file", NULL},
    {"ARROW1", 0, 6, ARRAYS, "an Arrow file", NULL},
    {"FEA1", 0, 4, ARRAYS, "a Feather file", NULL},
    {"Obj\1", 0, 4, ARRAYS, "an Avro file", NULL},
    {"ORC", 0, 3, ARRAYS, "an ORC file", NULL},
    {"CDF\1", 0, 4, ARRAYS, "a NetCDF file", NULL},
    {"CDF\2", 0, 4, ARRAYS, "a NetCDF file", NULL},
    {"CDF\5", 0, 4, ARRAYS, "a NetCDF file", NULL},
    {"SIMPLE  =", 0, 9, ARRAYS, "a FITS file", NULL},
    {"$FL2@(#)", 0, 8, ARRAYS, "an SPSS file", NULL},
    {"$FL3@(#)", 0, 8, ARRAYS, "an SPSS file", NULL},
    {"<stata_dta>", 0, 11, ARRAYS, "a Stata file", NULL},
    {"\xc2\xea\x81\x60\xb3\x14\x11\xcf", 12, 8, ARRAYS, "a SAS file", NULL},
    {"HEADER RECORD*******", 0, 20, ARRAYS, "a SAS transport file", NULL},
    {"Standard Jet DB", 4, 15, ARRAYS, "an Access database", NULL},
    {"Standard ACE DB", 4, 15, ARRAYS, "an Access database", NULL},
    {"%%MatrixMarket", 0, 14, ARRAYS, "a Matrix Market file", NULL},
    {"@relation", 0, 9, ARRAYS, "an ARFF file", NULL},
    {"@RELATION", 0, 9, ARRAYS, "an ARFF file", NULL},
    {"GGUF", 0, 4, ARRAYS, "a GGUF file", NULL},
    {"MATLAB 5.0 MAT-file", 0, 19, ARRAYS, "a MATLAB file", NULL},
    {"SQLite format 3\0", 0, 16, ARRAYS, "an SQLite database", NULL},
    {"RDX2\n", 0, 5, ARRAYS, "a file of R's objects", NULL},
    {"RDX3\n", 0, 5, ARRAYS, "a file of R's objects", NULL},
    {"RDA2\n", 0, 5, ARRAYS, "a file of R's objects", NULL},
    {"RDA3\n", 0, 5, ARRAYS, "a file of R's objects", NULL},
    {"X\n\0\0\0", 0, 5, ARRAYS, "a file of R's objects", NULL},
    {"A\n2\n", 0, 4, ARRAYS, "a file of R's objects", NULL},
    {"A\n3\n", 0, 4, ARRAYS, "a file of R's objects", NULL},
    {"\x80\x02\x8a\x0al\xfc\x9c\x46", 0, 8, ARRAYS, "a PyTorch file", NULL},
    {"\x80\x02", 0, 2, ARRAYS, "a Python pickle", NULL},
    {"\x80\x03", 0, 2, ARRAYS, "a Python pickle", NULL},
    {"(dp0\n", 0, 5, ARRAYS, "a Python pickle", NULL},
    {"(lp0\n", 0, 5, ARRAYS, "a Python pickle", NULL},
    {"ccopy_reg\n", 0, 10, ARRAYS, "a Python pickle", NULL},
    {"\x80\x04\x95", 0, 3, ARRAYS, "a Python pickle", NULL},
    {"\x80\x05\x95", 0, 3, ARRAYS, "a Python pickle", NULL},
    {"\x89PNG", 0, 4, PNG, "a PNG picture", NULL},
    {"\xff\xd8\xff", 0, 3, PICTURE, "a JPEG picture", NULL},
    {"GIF87a", 0, 6, PICTURE, "a GIF picture", NULL},
    {"GIF89a", 0, 6, PICTURE, "a GIF picture", NULL},

    {"BM", 0, 2, PICTURE, "a BMP picture", NULL},
    {"II*\0", 0, 4, PICTURE, "a TIFF picture", NULL},
    {"MM\0*", 0, 4, PICTURE, "a TIFF picture", NULL},
    {"WEBPVP8", 8, 7, PICTURE, "a WebP picture", NULL},
    {"WAVEfmt", 8, 7, DOCUMENT, "a WAV sound", NULL},
    {"%PDF-", 0, 5, DOCUMENT, "a PDF document", NULL},
    {"%!PS", 0, 4, DOCUMENT, "a PostScript document", NULL},
    {"{\\rtf", 0, 5, DOCUMENT, "an RTF document", NULL},
    {"\x7f"
     "ELF",
     0, 4, DOCUMENT, "a program", NULL},
    {"version https://git-lfs", 0, 23, POINTER, "a pointer of Git LFS", NULL},
    {"\0\0\x08\x03", 0, 4, IDX_IMAGES, "IDX images", NULL},
    {"\0\0\x08\x01", 0, 4, IDX_LABELS, "IDX labels", NULL},
    {"\xff\xfe\0\0", 0, 4, WIDE_TEXT, "UTF-32", "UTF-32"},
    {"\0\0\xfe\xff", 0, 4, WIDE_TEXT, "UTF-32", "UTF-32"},
    {"\xff\xfe", 0, 2, WIDE_TEXT, "UTF-16", "UTF-16"},
    {"\xfe\xff", 0, 2, WIDE_TEXT, "UTF-16", "UTF-16"},
};

/* A zip archive, by the name of its first file. */
static const file_format archives[] = {
    {".npy", 0, 4, NPZ, "an archive of NumPy arrays (.npz)", NULL},
    {"data.pkl", 0, 8, ARRAYS, "a PyTorch file", NULL},
    {".ckpt", 0, 5, ARRAYS, "a PyTorch file", NULL},
    {"", 0, 0, ARCHIVE, "a zip archive", "unzip"},
};

static const file_format page = {"", 0, 0, PAGE, "a web page (HTML)", NULL},
                         xml = {"", 0, 0, PAGE, "an XML document", NULL},
                         json = {"", 0, 0, JSON, "JSON", NULL},
                         empty = {"", 0, 0, EMPTY, "empty", NULL},
                         text = {"", 0, 0, TEXT, "text", NULL};

enum { LOCAL_HEADER = 30, WIDE = 8 };

static const file_format *find_archive(const unsigned char *bytes, size_t count)
{
    const file_format *archive = archives;
    size_t length = 0;
    if (count < 4 || (memcmp(bytes, "PK\x03\x04", 4) != 0 && memcmp(bytes, "PK\x05\x06", 4) != 0))
        return NULL;
    if (count > LOCAL_HEADER)
        length = bytes[26] | (size_t)bytes[27] << 8;
    if (length > count - (count > LOCAL_HEADER ? LOCAL_HEADER : count))
        length = 0;
    for (; archive->length > 0; archive++)
        if (length >= archive->length && memcmp(bytes + LOCAL_HEADER + length - archive->length,
                                                archive->magic, archive->length) == 0)
            break;
    return archive;
}

/* UTF-16 and UTF-32 of ASCII characters without a byte order mark, by the places of their zero
 * bytes. */
static const file_format *find_wide_text(const unsigned char *bytes, size_t count)
{
    static const file_format forms[] = {
        /* '0' for a zero byte, '1' for any other */
        {"10001000", 0, WIDE, WIDE_TEXT, "UTF-32, as it seems", "UTF-32LE"},
        {"00010001", 0, WIDE, WIDE_TEXT, "UTF-32, as it seems", "UTF-32BE"},
        {"10101010", 0, WIDE, WIDE_TEXT, "UTF-16, as it seems", "UTF-16LE"},
        {"01010101", 0, WIDE, WIDE_TEXT, "UTF-16, as it seems", "UTF-16BE"}};
    for (size_t f = 0; count >= WIDE && f < sizeof forms / sizeof *forms; f++) {
        size_t i = 0;
        while (i < WIDE &&
               (bytes[i] == 0 ? forms[f].magic[i] == '0'
                              : forms[f].magic[i] == '1' && bytes[i] >= 9 && bytes[i] < 127))
            i++;
        if (i == WIDE)
            return &forms[f];
    }
    return NULL;
}

/* Whether the bytes begin with this lower-case word, in upper or lower case. */
static bool begins(const unsigned char *bytes, size_t count, const char *word)
{
    for (; *word; word++, bytes++, count--)
        if (count == 0 || (*bytes | (*bytes >= 'A' && *bytes <= 'Z' ? 0x20 : 0)) != *word)
            return false;
    return true;
}

/* Whether the bytes begin a JSON object, or an array. A section of settings, and a unit or number
 * in brackets alone, begin with a bracket too. */
static bool is_json(const unsigned char *bytes, size_t count)
{
    size_t i = 1;
    while (i < count && memchr(" \t\r\n", bytes[i], 4))
        i++;
    if (i >= count || (bytes[0] != '{' && bytes[0] != '['))
        return false;
    if (bytes[0] == '{')
        return bytes[i] == '"' || bytes[i] == '}';
    if (bytes[i] == '{' || bytes[i] == '"')
        return true;
    if (bytes[i] == '[') { /* an array of arrays; "[[" is also a mistake in a section of settings */
        while (i < count && memchr("[ \t\r\n", bytes[i], 5))
            i++;
        return i < count && memchr("+-.0123456789\"{", bytes[i], 15);
    }
    const size_t first = i;
    while (i < count && memchr("+-.eE0123456789", bytes[i], 15))
        i++;
    return i > first && i < count && memchr(", \t\r\n", bytes[i], 5);
}

/* Formats of text, which blanks may begin. */
static const file_format *find_page(const unsigned char *bytes, size_t count)
{
    if (count >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        bytes += 3, count -= 3;
    while (count > 0 && (*bytes == ' ' || (*bytes >= '\t' && *bytes <= '\r')))
        bytes++, count--;
    if (begins(bytes, count, "<!doctype html") || begins(bytes, count, "<html") ||
        begins(bytes, count, "<head") || begins(bytes, count, "<body"))
        return &page;
    return begins(bytes, count, "<?xml") ? &xml : is_json(bytes, count) ? &json : NULL;
}

/* Text has no control characters, and most of its bytes are ASCII, whatever its encoding is. */
static const file_format *find_text(const unsigned char *bytes, size_t count)
{
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        if ((bytes[i] < ' ' && !(bytes[i] >= '\t' && bytes[i] <= '\r')) || bytes[i] == 0x7F)
            return NULL;
        others += bytes[i] >= 0x80;
    }
    return 4 * others < count ? &text : NULL;
}

/* Whether a magic has letters and digits only, so that a text may begin with it too. */
static bool is_word(const file_format *format)
{
    for (size_t i = 0; i < format->length; i++) {
        const char c = format->magic[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z'))
            return false;
    }
    return true;
}

static const file_format *find(const unsigned char *bytes, size_t count)
{
    if (count == 0)
        return &empty;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const file_format *known = &formats[i];
        if (count >= known->offset + known->length &&
            memcmp(bytes + known->offset, known->magic, known->length) == 0 &&
            !(is_word(known) && find_text(bytes, count)))
            return known;
    }
    const file_format *found = find_archive(bytes, count);
    if (!found)
        found = find_page(bytes, count);
    if (!found)
        found = find_wide_text(bytes, count);
    return found ? found : find_text(bytes, count);
}

/* --- Advice --------------------------------------------------------------- */

static bool wants_text(gki_wanted wanted)
{
    return wanted == GKV_WANTED_TABLE || wanted == GKV_WANTED_LABELS ||
           wanted == GKV_WANTED_SETTINGS || wanted == GKV_WANTED_JSON;
}

static bool wants_idx(gki_wanted wanted)
{
    return wanted == GKV_WANTED_IMAGES || wanted == GKV_WANTED_LABELS;
}

/* Whether the reader reads this kind itself. */
static bool reads(gki_wanted wanted, file_kind kind)
{
    switch (wanted) {
    case GKV_WANTED_TABLE: return kind == NPY || kind == TEXT || kind == EMPTY;
    case GKV_WANTED_SETTINGS: return kind == TEXT || kind == EMPTY;
    case GKV_WANTED_JSON: return kind == JSON || kind == TEXT || kind == EMPTY;
    case GKV_WANTED_IMAGES: return kind == IDX_IMAGES || kind == NPY || kind == NPZ;
    case GKV_WANTED_LABELS: return kind == IDX_LABELS || kind == NPY || kind == NPZ || kind == TEXT;
    case GKV_WANTED_MODEL: return kind == MODEL;
    default: return kind == PNG;
    }
}

#define AS_IDX "docs/files.md shows how NumPy writes the IDX format"

/* What to do, for kinds without a tool of their own. */
static const char *advice(gki_wanted wanted, file_kind kind)
{
    const bool table = wanted == GKV_WANTED_TABLE, idx = wants_idx(wanted);
    switch (kind) {
    case WORKBOOK: return table ? "save the sheet as CSV" : "name another file";
    case ARRAYS:
    case JSON:
    case NPY:
    case NPZ:
        return table ? "save the table as .npy or CSV"
               : idx ? "save its array as .npy"
               : wanted == GKV_WANTED_MODEL
                   ? "name the safetensors file of a model that was trained here"
                   : "name another file";
    case PAGE: return "perhaps an error was saved in place of a download; fetch the file again";
    case POINTER: return "git lfs pull fetches the file";
    case PICTURE:
    case PNG:
        return idx ? "put all pictures as PNG files into a folder, and name the folder"
                   : "name another file";
    case IDX_IMAGES:
        return wanted == GKV_WANTED_LABELS ? "name the file of the labels, or exchange the two"
               : table                     ? "name a table; these are images"
                                           : "name another file";
    case IDX_LABELS:
        return wanted == GKV_WANTED_IMAGES ? "name the file of the images, or exchange the two"
                                           : "name another file";
    case EMPTY: return "copy or fetch it again";
    case TEXT: return idx ? "write its numbers as IDX; " AS_IDX : "name another file";
    default: return "name another file";
    }
}

gkv_status gki_foreign_check(gkv_status code, const char *name, const void *bytes, size_t count,
                             gki_wanted wanted)
{
    static const char *const words[GKV_WANTED_KINDS] = {
        [GKV_WANTED_TABLE] = "a table of text or .npy",
        [GKV_WANTED_IMAGES] = "IDX images",
        [GKV_WANTED_LABELS] = "IDX labels",
        [GKV_WANTED_MODEL] = "a model (safetensors)",
        [GKV_WANTED_SETTINGS] = "a configuration (INI)",
        [GKV_WANTED_JSON] = "JSON",
        [GKV_WANTED_PNG] = "a PNG picture"};
    const file_format *format = find(bytes, count);
    if (!format || reads(wanted, format->kind))
        return GKV_OK;
    const char *what = format->what, *not_this = words[wanted];
    switch (format->kind) {
    case COMPRESSED:
        return gki_fail(code, "%s: it is %s, not %s: decompress it, %s FILE > OTHER", name, what,
                        not_this, format->tool);
    case ARCHIVE:
        return gki_fail(code, "%s: it is %s, not %s: extract the file from it with %s", name, what,
                        not_this, format->tool);
    case WIDE_TEXT:
        if (wants_text(wanted))
            return gki_fail(
                code, "%s: it is %s, not %s: save it as UTF-8, or recode it: iconv -t UTF-8 -f %s",
                name, what, not_this, format->tool);
        return gki_fail(code, "%s: it is text in %s, not %s: name another file", name, what,
                        not_this);
    default:
        return gki_fail(code, "%s: it is %s, not %s: %s", name, what, not_this,
                        advice(wanted, format->kind));
    }
}
