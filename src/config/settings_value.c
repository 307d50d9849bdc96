/* One value of the settings to and from text. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/parse.h"
#include "core/plain_locale.h"
#include "config/settings_table.h"
#include "core/text.h"

/* The bound is that of integers in JSON, where seeds are reported. */
static bool parse_seed(const char *text, uint64_t *out)
{
    return gki_parse_unsigned(text, out) && *out <= INT64_MAX;
}

static bool inside(const gki_settings_row *row, double value)
{
    return (row->above_low ? value > row->low : value >= row->low) &&
           (row->below_high ? value < row->high : value <= row->high);
}

/* The name at an index of a list like "a, b, c", and its length; "" past the end. */
static const char *choice_at(const char *list, int index, int *length)
{
    for (; *list && index > 0; index--) {
        const size_t name = strcspn(list, ",");
        list += name + strspn(list + name, ", ");
    }
    *length = index == 0 ? (int)strcspn(list, ",") : 0;
    return list;
}

/* The form that a name in a path must have, if the text does not have it; otherwise NULL. */
static const char *label_fault(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (!*text || *text == '.' || text[strspn(text, allowed)] != '\0')
        return "a name of letters, digits, -, _ and ., not beginning with a point";
    return NULL;
}

/* The form that a path in an INI file must have, if the text does not have it; otherwise NULL. */
static const char *path_fault(const char *text)
{
    const size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        const bool after_blank = i == 0 || text[i - 1] == ' ';
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return "a path without control characters";
        if ((text[i] == '#' || text[i] == ';') && after_blank)
            return "a path without # or ; at the beginning of a word, because a comment begins "
                   "there in a file";
    }
    if (length > 0 && (text[0] == ' ' || text[length - 1] == ' '))
        return "a path that neither begins nor ends with a blank";
    if (length > 1 && text[0] == '"' && text[length - 1] == '"')
        return "a path without quotes around it";
    return NULL;
}

static const char *folder_fault(const char *text)
{
    return *text ? path_fault(text) : "a path; write . for the current folder";
}

/* The form that a SHA-256 must have, if the text does not have it; otherwise NULL. */
static const char *digest_fault(const char *text)
{
    const size_t digits = strspn(text, "0123456789abcdef");
    if (*text && (digits != GKV_DIGEST_SIZE - 1 || text[digits] != '\0'))
        return "empty, or a SHA-256 of 64 hexadecimal digits in lower case";
    return NULL;
}

/* The form that a size must have, if the text does not have it; otherwise NULL. */
static const char *size_fault(const char *text)
{
    enum { DIGITS_MAX = 5 };
    static const char wanted[] = "empty, or HEIGHTxWIDTH with both from 1 to 65535, as in 32x32";
    for (int side = 0; *text && side < 2; side++) {
        const size_t digits = strspn(text, "0123456789");
        const long value = digits > 0 && digits <= DIGITS_MAX ? strtol(text, NULL, 10) : 0;
        if (value < 1 || value > UINT16_MAX || text[digits] != (side == 0 ? 'x' : '\0'))
            return wanted;
        text += digits + 1;
        if (side == 1)
            return NULL;
        if (!*text)
            return wanted;
    }
    return NULL;
}

/* The same of a colour. */
static const char *colour_fault(const char *text)
{
    if (strcmp(text, "white") == 0 || strcmp(text, "black") == 0)
        return NULL;
    return strlen(text) == 6 && strspn(text, "0123456789abcdefABCDEF") == 6
               ? NULL
               : "white, black, or six hexadecimal digits (red, green, blue), as in ff8000";
}

/* Reads LOW,HIGH. Returns false if they are not two numbers in this order. */
static bool parse_range(const char *text, double range[2])
{
    char low[GKV_RANGE_SIZE];
    const char *comma = strchr(text, ',');
    if (!comma || (size_t)(comma - text) >= sizeof low)
        return false;
    memcpy(low, text, (size_t)(comma - text));
    low[comma - text] = '\0';
    return gki_parse_number(low, &range[0]) && gki_parse_number(comma + 1, &range[1]) &&
           range[0] < range[1] && isfinite(range[1] - range[0]);
}

static const char *range_fault(const char *text)
{
    double range[2];
    return !*text || parse_range(text, range) ? NULL
                                              : "empty, or LOW,HIGH with LOW < HIGH, as in -1,2.5";
}

bool gkv_settings_range(const gkv_data_settings *settings, double range[2])
{
    if (!range)
        return false;
    if (settings && parse_range(settings->range, range))
        return true;
    range[0] = 0;
    range[1] = 1;
    return false;
}

/* Of each kind of text: the form that it must have, if a text does not have it; otherwise NULL. */
static const char *(*const faults[GKV_KINDS])(const char *text) = {
    [GKV_KIND_LABEL] = label_fault,   [GKV_KIND_PATH] = path_fault,
    [GKV_KIND_FOLDER] = folder_fault, [GKV_KIND_DIGEST] = digest_fault,
    [GKV_KIND_SIZE] = size_fault,     [GKV_KIND_RANGE] = range_fault,
    [GKV_KIND_COLOUR] = colour_fault,
};

static gkv_status refuse(const gki_settings_row *row, const char *text, const char *where,
                         const char *wanted, const char *reason)
{
    char shown[GKV_PRINTABLE_SIZE];
    return gki_fail(GKV_ERR_CONFIG, "%s: %s.%s = %s: must be %s%s%s", where, row->key.section,
                    row->key.name, gki_text_printable(text, shown), wanted, reason ? "; " : "",
                    reason ? reason : "");
}

static gkv_status parse_text(const gki_settings_row *row, const char *text, char *field,
                             const char *where)
{
    char wanted[160];
    if (row->key.kind == GKV_KIND_COLOUR && *text == '#') /* in a file a comment begins with # */
        text++;
    const char *fault = faults[row->key.kind](text);
    if (fault)
        return refuse(row, text, where, fault, NULL);
    if (strlen(text) >= row->size) {
        snprintf(wanted, sizeof wanted, "at most %zu bytes long", row->size - 1);
        return refuse(row, text, where, wanted, NULL);
    }
    memset(field, 0, row->size);
    memcpy(field, text, strlen(text));
    return GKV_OK;
}

static void put_choice(const gki_settings_row *row, int index, char *field)
{
    const bool on = index == 1;
    if (row->key.kind == GKV_KIND_SWITCH)
        memcpy(field, &on, sizeof on);
    else
        memcpy(field, &index, sizeof index);
}

bool gki_settings_row_is_choice(const gki_settings_row *row)
{
    return row->key.kind == GKV_KIND_CHOICE || row->key.kind == GKV_KIND_SWITCH;
}

int gki_settings_row_index(const gki_settings_row *row, const gkv_settings *settings)
{
    const char *field = (const char *)settings + row->offset;
    int index = 0;
    if (row->key.kind == GKV_KIND_SWITCH)
        /* reading a bool that is neither 0 nor 1 would be undefined */
        return *(const unsigned char *)field;
    memcpy(&index, field, sizeof index);
    return index;
}

static gkv_status parse_choice(const gki_settings_row *row, const char *text, char *field,
                               const char *where)
{
    char nearest[GKV_NAME_SIZE] = "", wanted[160];
    const int index = gki_parse_choice(row->key.range, text, sizeof nearest, nearest);
    if (index < 0) {
        snprintf(wanted, sizeof wanted, "one of %s; the nearest is \"%s\"", row->key.range,
                 nearest);
        return refuse(row, text, where, wanted, NULL);
    }
    put_choice(row, index, field);
    return GKV_OK;
}

const char *gki_settings_row_choice(const gki_settings_row *row, int value,
                                    char name[GKV_NAME_SIZE])
{
    int length = 0;
    const char *choice = choice_at(row->key.range, value, &length);
    snprintf(name, GKV_NAME_SIZE, "%.*s", length, choice);
    return name;
}

gkv_status gki_settings_row_parse(const gki_settings_row *row, const char *text,
                                  gkv_settings *settings, const char *where)
{
    char *field = (char *)settings + row->offset;
    char wanted[160], zero[64];
    if (row->key.kind == GKV_KIND_INTEGER) {
        int64_t value = 0;
        if (row->zero && strcmp(text, row->zero) == 0) {
            memcpy(field, &value, sizeof value);
            return GKV_OK;
        }
        const bool whole = gki_parse_integer(text, &value);
        if (!whole || !inside(row, (double)value)) {
            snprintf(wanted, sizeof wanted, "an integer, %s", row->key.range);
            snprintf(zero, sizeof zero, "use \"%s\"", row->zero ? row->zero : "");
            return refuse(row, text, where, wanted,
                          whole && value == 0 && row->zero ? zero : row->why);
        }
        memcpy(field, &value, sizeof value);
        return GKV_OK;
    }
    if (row->key.kind == GKV_KIND_SEED) {
        uint64_t value = 0;
        if (!parse_seed(text, &value)) {
            snprintf(wanted, sizeof wanted, "an integer, %s", row->key.range);
            return refuse(row, text, where, wanted, NULL);
        }
        memcpy(field, &value, sizeof value);
        return GKV_OK;
    }
    if (row->key.kind == GKV_KIND_NUMBER) {
        double value = 0;
        if (!gki_parse_number(text, &value) || !inside(row, value)) {
            snprintf(wanted, sizeof wanted, "a number, %s", row->key.range);
            return refuse(row, text, where, wanted, row->why);
        }
        memcpy(field, &value, sizeof value);
        return GKV_OK;
    }
    if (gki_settings_row_is_choice(row))
        return parse_choice(row, text, field, where);
    return parse_text(row, text, field, where);
}

/* The fewest digits that are this number. */
static void format_number(double number, size_t size, char *text)
{
    const locale_t before = gki_plain_locale_enter();
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    uselocale(before);
}

void gki_settings_put_range(const double range[2], char text[GKV_RANGE_SIZE])
{
    format_number(range[0], GKV_RANGE_SIZE, text);
    const size_t used = strlen(text);
    text[used] = ',';
    format_number(range[1], GKV_RANGE_SIZE - used - 1, text + used + 1);
}

void gki_settings_row_format(const gki_settings_row *row, const gkv_settings *settings,
                             char text[GKV_VALUE_SIZE])
{
    const char *field = (const char *)settings + row->offset;
    int64_t integer = 0;
    uint64_t seed = 0;
    double number = 0;
    switch (row->key.kind) {
    case GKV_KIND_INTEGER:
        memcpy(&integer, field, sizeof integer);
        if (integer == 0 && row->zero)
            snprintf(text, GKV_VALUE_SIZE, "%s", row->zero);
        else
            snprintf(text, GKV_VALUE_SIZE, "%" PRId64, integer);
        break;
    case GKV_KIND_SEED:
        memcpy(&seed, field, sizeof seed);
        snprintf(text, GKV_VALUE_SIZE, "%" PRIu64, seed);
        break;
    case GKV_KIND_NUMBER:
        memcpy(&number, field, sizeof number);
        format_number(number, GKV_VALUE_SIZE, text);
        break;
    case GKV_KIND_CHOICE:
    case GKV_KIND_SWITCH:
        gki_settings_row_choice(row, gki_settings_row_index(row, settings), text);
        break;
    default: {
        /* A field without a NUL is cut at its size. */
        const char *end = memchr(field, '\0', row->size);
        snprintf(text, GKV_VALUE_SIZE, "%.*s", (int)(end ? (size_t)(end - field) : row->size - 1),
                 field);
    }
    }
}
