/* The first bytes of .npy files with their header, and the elements behind it. */
#include "table/npy_header.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/text.h"

/* --- The dictionary ------------------------------------------------------- */

/* A recursive-descent parser. */

typedef struct parser {
    const char *file;
    const char *next, *end;
    gki_npy_header *header;
} parser;

enum { WORD_SIZE = 48 };

static void skip_blanks(parser *p)
{
    while (p->next < p->end && strchr(" \t\r\n", *p->next) && *p->next)
        p->next++;
}

/* Skips blanks, and consumes the next character if it is c. Returns whether it was. */
static bool take(parser *p, char c)
{
    skip_blanks(p);
    if (p->next == p->end || *p->next != c)
        return false;
    p->next++;
    return true;
}

/* Records the error of a header that differs from the expected syntax. */
static gkv_status broken(const parser *p, const char *expected)
{
    char rest[32], shown[GKV_PRINTABLE_SIZE];
    size_t n =
        (size_t)(p->end - p->next) < sizeof rest - 1 ? (size_t)(p->end - p->next) : sizeof rest - 1;
    memcpy(rest, p->next, n);
    rest[n] = '\0';
    return gki_fail(GKV_ERR_DATA, "%s: the .npy header is damaged: at \"%s\", expected %s", p->file,
                    gki_text_printable(rest, shown), expected);
}

/* A string in single or double quotes, without escapes. */
static gkv_status take_string(parser *p, char word[WORD_SIZE])
{
    size_t n = 0;
    const char quote = take(p, '\'') ? '\'' : take(p, '"') ? '"' : '\0';
    if (!quote)
        return broken(p, "a text in quotes");
    while (p->next < p->end && *p->next != quote && n < WORD_SIZE - 1)
        word[n++] = *p->next++;
    word[n] = '\0';
    return take(p, quote) ? GKV_OK : broken(p, "the end of a short text");
}

/* --- The three values ----------------------------------------------------- */

/* How NumPy makes such an array one of numbers. */
static const char *conversion(char type)
{
    switch (type) {
    case 'O':
    case 'U':
    case 'S':
    case 'f': return ": save array.astype(float)";
    case 'c': return ": save array.real or array.imag";
    case 'M':
    case 'm': return ": save (array - array[0]) / numpy.timedelta64(1, 's'), for example";
    default: return "";
    }
}

static gkv_status take_type(parser *p)
{
    static const char types[] = "float16, float32, float64 or integers of 8 to 64 bits";
    char word[WORD_SIZE], shown[GKV_PRINTABLE_SIZE];
    skip_blanks(p);
    if (p->next < p->end && *p->next == '[')
        return gki_fail(GKV_ERR_DATA,
                        "%s: the array is of records; save one field of them, array['name'], as %s",
                        p->file, types);
    GKV_TRY(take_string(p, word));
    const bool has_order = word[0] && strchr("<>|=", word[0]);
    const char *type = word + has_order;
    const size_t size =
        type[0] && type[1] >= '1' && type[1] <= '8' && !type[2] ? (size_t)(type[1] - '0') : 0;
    const bool is_float = type[0] == 'f' && (size == 2 || size == 4 || size == 8);
    const bool is_whole =
        (type[0] == 'i' || type[0] == 'u') && (size == 1 || size == 2 || size == 4 || size == 8);
    const bool is_truth = type[0] == 'b' && size == 1;
    if (!has_order || !(is_float || is_whole || is_truth) || (word[0] == '|' && size > 1))
        return gki_fail(GKV_ERR_DATA, "%s: the array is of type \"%s\"; expected %s%s", p->file,
                        gki_text_printable(word, shown), types, conversion(type[0]));
    p->header->type = type[0];
    p->header->size = size;
    p->header->big_endian =
        word[0] == '>' || (word[0] == '=' && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    return GKV_OK;
}

static gkv_status take_order(parser *p)
{
    static const struct {
        const char *word;
        size_t length;
        bool value;
    } words[] = {{"True", 4, true}, {"False", 5, false}, {"1", 1, true}, {"0", 1, false}};
    skip_blanks(p);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(p->end - p->next) >= words[i].length &&
            memcmp(p->next, words[i].word, words[i].length) == 0) {
            p->next += words[i].length;
            p->header->fortran = words[i].value;
            return GKV_OK;
        }
    return broken(p, "True or False");
}

static gkv_status take_length(parser *p, uint64_t *out)
{
    *out = 0;
    skip_blanks(p);
    if (p->next == p->end || *p->next < '0' || *p->next > '9')
        return broken(p, "a length");
    for (; p->next < p->end && *p->next >= '0' && *p->next <= '9'; p->next++)
        if (__builtin_mul_overflow(*out, 10u, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*p->next - '0'), out))
            return broken(p, "a length of at most 64 bits");
    if (p->next < p->end && *p->next == 'L') /* the suffix of long integers in Python 2 */
        p->next++;
    return GKV_OK;
}

static gkv_status take_shape(parser *p)
{
    size_t n = 0;
    if (!take(p, '('))
        return broken(p, "a shape in parentheses");
    for (bool more = true; !take(p, ')'); more = take(p, ',')) {
        if (!more || n == GKV_NPY_DIMENSIONS)
            return broken(p, "the end of the shape");
        GKV_TRY(take_length(p, &p->header->lengths[n++]));
    }
    p->header->dimensions = n;
    return GKV_OK;
}

/* --- The dictionary ------------------------------------------------------- */

/* Parses the dictionary of `length` bytes, which need not end with NUL. Returns GKV_ERR_DATA for
 * other text, types and shapes; the message names the file. */
static gkv_status parse_dictionary(const char *file, const char *text, size_t length,
                                   gki_npy_header *out)
{
    static const struct {
        const char *key;
        gkv_status (*take)(parser *);
    } entries[] = {{"descr", take_type}, {"fortran_order", take_order}, {"shape", take_shape}};
    enum { ENTRIES = sizeof entries / sizeof *entries };
    *out = (gki_npy_header){.size = 0};
    parser p = {.file = file, .next = text, .end = text + length, .header = out};
    bool seen[ENTRIES] = {false};
    if (!take(&p, '{'))
        return broken(&p, "\"{\"");
    for (bool more = true; !take(&p, '}'); more = take(&p, ',')) {
        char key[WORD_SIZE], shown[GKV_PRINTABLE_SIZE];
        size_t e = 0;
        if (!more)
            return broken(&p, "\",\" or \"}\"");
        GKV_TRY(take_string(&p, key));
        while (e < ENTRIES && strcmp(key, entries[e].key) != 0)
            e++;
        if (e == ENTRIES || seen[e])
            return gki_fail(GKV_ERR_DATA, "%s: the .npy header has %s key \"%s\"", file,
                            e == ENTRIES ? "an unknown" : "twice the",
                            gki_text_printable(key, shown));
        seen[e] = true;
        if (!take(&p, ':'))
            return broken(&p, "\":\"");
        GKV_TRY(entries[e].take(&p));
    }
    for (size_t e = 0; e < ENTRIES; e++)
        if (!seen[e])
            return gki_fail(GKV_ERR_DATA, "%s: the .npy header has no \"%s\"", file,
                            entries[e].key);
    skip_blanks(&p);
    return p.next == p.end ? GKV_OK : broken(&p, "the end of the header");
}

/* --- The first bytes, and elements ---------------------------------------- */

enum {
    PREFIX = 8,          /* the bytes of the magic number and the version */
    HEADER_MAX = 1 << 16 /* the greatest length of a header; usual ones have 128 bytes */
};

/* --- Elements ------------------------------------------------------------- */

static uint64_t bits_of(const unsigned char *bytes, size_t size, bool big_endian)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | bytes[big_endian ? i : size - 1 - i];
    return bits;
}

/* A number of IEEE 754's binary16: a sign, 5 bits of exponent and 10 of fraction. */
static double half_precision(uint64_t bits)
{
    enum { FRACTION_BITS = 10, EXPONENT_MASK = 31, BIAS = 15 };
    const double fraction = (double)(bits & ((1u << FRACTION_BITS) - 1));
    const int exponent = (int)(bits >> FRACTION_BITS & EXPONENT_MASK);
    const double one = 1u << FRACTION_BITS;
    const double size = exponent == EXPONENT_MASK ? (fraction > 0 ? NAN : INFINITY)
                        : exponent == 0           ? ldexp(fraction, 1 - BIAS - FRACTION_BITS)
                                        : ldexp(one + fraction, exponent - BIAS - FRACTION_BITS);
    return bits >> 15 & 1 ? -size : size;
}

double gki_npy_element(const gki_npy_header *header, const unsigned char *bytes)
{
    const uint64_t bits = bits_of(bytes, header->size, header->big_endian);
    if (header->type == 'u' || header->type == 'b')
        return (double)bits;
    if (header->type == 'i') { /* two's complement */
        const uint64_t top = (uint64_t)1 << (8 * header->size - 1);
        return bits & top ? -(double)((~bits & (top - 1)) + 1) : (double)bits;
    }
    if (header->size == 2)
        return half_precision(bits);
    if (header->size == 4) {
        const uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* --- Header --------------------------------------------------------------- */

static gkv_status header_cut_short(const gki_source *source, const char *where)
{
    return gki_fail(GKV_ERR_DATA, "%s: the .npy file ends in %s", source->name, where);
}

gkv_status gki_npy_header_read(gki_source *source, gki_npy_header *header)
{
    GKV_TRY(gki_source_need(source, PREFIX));
    if (gki_source_there(source) < PREFIX)
        return header_cut_short(source, "its version");
    const unsigned major = gki_source_at(source)[6], minor = gki_source_at(source)[7];
    if (major < 1 || major > 3 || minor != 0)
        return gki_fail(GKV_ERR_DATA, "%s: version %u.%u of .npy; expected 1.0, 2.0 or 3.0",
                        source->name, major, minor);
    gki_source_use(source, PREFIX);
    const size_t width = major == 1 ? 2 : 4; /* the bytes of the length that follows */
    GKV_TRY(gki_source_need(source, width));
    if (gki_source_there(source) < width)
        return header_cut_short(source, "the length of its header");
    const uint64_t length = bits_of(gki_source_at(source), width, false);
    gki_source_use(source, width);
    if (length > HEADER_MAX)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the .npy header has %" PRIu64 " bytes; expected at most %d",
                        source->name, length, HEADER_MAX);
    GKV_TRY(gki_source_need(source, (size_t)length));
    if (gki_source_there(source) < length)
        return header_cut_short(source, "its header");
    GKV_TRY(parse_dictionary(source->name, (const char *)gki_source_at(source), (size_t)length,
                             header));
    gki_source_use(source, (size_t)length);
    return GKV_OK;
}

/* --- Writing -------------------------------------------------------------- */

/* Writes magic number, version, length and dictionary. Blanks fill the header up to the final
 * newline. */
void gki_npy_header_make(char type, size_t size, size_t dimensions, const size_t *lengths,
                         char out[GKV_NPY_HEADER_SIZE])
{
    enum { ALIGNMENT = 64, FIXED = 10, SPACE = GKV_NPY_HEADER_SIZE - FIXED };
    _Static_assert(GKV_NPY_HEADER_SIZE % ALIGNMENT == 0,
                   "the numbers must begin at a multiple of 64 bytes, where NumPy can map files");
    const char order = size == 1 ? '|' : __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? '>' : '<';
    char *text = out + FIXED;
    memset(out, ' ', GKV_NPY_HEADER_SIZE);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = SPACE;
    out[9] = 0;
    int length = snprintf(text, SPACE, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (",
                          order, type, size);
    for (size_t i = 0; i < dimensions && length < SPACE; i++)
        length += snprintf(text + length, (size_t)(SPACE - length), "%zu%s", lengths[i],
                           dimensions == 1 || i + 1 < dimensions ? ", " : "");
    if (length < SPACE)
        length += snprintf(text + length, (size_t)(SPACE - length), "), }");
    if (length < SPACE)
        text[length] = ' ';
    out[GKV_NPY_HEADER_SIZE - 1] = '\n';
}
