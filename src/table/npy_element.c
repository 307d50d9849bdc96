/* The first bytes of .npy files, and their elements. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "table/npy_header.h"

enum {
    PREFIX = 8,           /* the bytes of the magic number and the version */
    HEADER_MOST = 1 << 16 /* the greatest length of a header; usual ones have 128 bytes */
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

static gkv_status cut_short(const gki_source *source, const char *where)
{
    return gki_fail(GKV_ERR_DATA, "%s: the .npy file ends in %s", source->name, where);
}

gkv_status gki_npy_header_read(gki_source *source, gki_npy_header *header)
{
    GKV_TRY(gki_source_need(source, PREFIX));
    if (gki_source_there(source) < PREFIX)
        return cut_short(source, "its version");
    const unsigned major = gki_source_at(source)[6], minor = gki_source_at(source)[7];
    if (major < 1 || major > 3 || minor != 0)
        return gki_fail(GKV_ERR_DATA, "%s: version %u.%u of .npy; expected 1.0, 2.0 or 3.0",
                        source->name, major, minor);
    gki_source_use(source, PREFIX);
    const size_t width = major == 1 ? 2 : 4; /* the bytes of the length that follows */
    GKV_TRY(gki_source_need(source, width));
    if (gki_source_there(source) < width)
        return cut_short(source, "the length of its header");
    const uint64_t length = bits_of(gki_source_at(source), width, false);
    gki_source_use(source, width);
    if (length > HEADER_MOST)
        return gki_fail(GKV_ERR_DATA,
                        "%s: the .npy header has %" PRIu64 " bytes; expected at most %d",
                        source->name, length, HEADER_MOST);
    GKV_TRY(gki_source_need(source, (size_t)length));
    if (gki_source_there(source) < length)
        return cut_short(source, "its header");
    GKV_TRY(gki_npy_header_parse(source->name, (const char *)gki_source_at(source), (size_t)length,
                                 header));
    gki_source_use(source, (size_t)length);
    return GKV_OK;
}
