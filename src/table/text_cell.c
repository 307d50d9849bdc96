/* The meaning of fields, and decimal numbers from text; declared in text_cell.h. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "table/text_cell.h"

/* --- Decimal numbers ------------------------------------------------------ */

enum {
    DIGITS_MAX = 19,      /* as many decimal digits fit in 64 bits */
    EXPONENT_EXACT = 22,  /* 10^22 is the greatest power of ten that is a double */
    EXPONENT_MAX = 100000 /* any greater exponent has the same effect */
};

/* A decimal number: digits · 10^exponent. */
typedef struct decimal {
    bool negative, exact; /* whether `digits` has all digits */
    uint64_t digits;
    int n_digits; /* without leading zeros, at most DIGITS_MAX */
    int exponent;
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(decimal *d, char c, bool is_fraction)
{
    if (d->n_digits == DIGITS_MAX) {
        d->exact = false;
        return;
    }
    d->digits = 10 * d->digits + (uint64_t)(c - '0');
    d->n_digits += d->digits > 0;
    d->exponent -= is_fraction;
}

/* Adds the exponent that the text has after its e. Returns whether it is one. */
static bool add_exponent(decimal *d, const char *text)
{
    int exponent = 0;
    const bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++)
        exponent = exponent < EXPONENT_MAX ? 10 * exponent + (*text - '0') : exponent;
    d->exponent += negative ? -exponent : exponent;
    return *text == '\0';
}

/* Splits the text into the parts of a decimal number. Returns whether it is one. */
static bool scan(const char *text, char mark, decimal *d)
{
    *d = (decimal){.negative = *text == '-', .exact = true};
    text += *text == '-' || *text == '+';
    const char *const first = text;
    for (; is_digit(*text); text++)
        add_digit(d, *text, false);
    size_t count = (size_t)(text - first);
    const bool marked = *text == mark;
    if (marked) {
        const char *const fraction = ++text;
        for (; is_digit(*text); text++)
            add_digit(d, *text, true);
        count += (size_t)(text - fraction);
    }
    if (count == 0)
        return false;
    /* Fortran writes 1.5D+01; without a decimal mark, as in 12D4, it may be a name */
    const bool fortran = (*text == 'd' || *text == 'D') && marked;
    return *text == 'e' || *text == 'E' || fortran ? add_exponent(d, text + 1) : *text == '\0';
}

/* strtod() of a number with any decimal mark and any letter before its exponent. */
static double convert(const char *text, char mark)
{
    enum { SHORT = 64 };
    char buffer[SHORT];
    const size_t size = strlen(text) + 1;
    const bool fortran = strpbrk(text, "dD") != NULL;
    if (mark == '.' && !fortran)
        return strtod(text, NULL);
    char *copy = size <= SHORT ? buffer : malloc(size);
    if (!copy)
        return NAN;
    memcpy(copy, text, size);
    char *found = strchr(copy, mark);
    if (found)
        *found = '.';
    if (fortran)
        copy[strcspn(copy, "dD")] = 'e';
    const double value = strtod(copy, NULL);
    if (copy != buffer)
        free(copy);
    return value;
}

/* Parses a decimal number that is the whole text; returns false for other texts and for numbers
 * beyond the range of double. The result is rounded correctly. */
static bool parse_decimal(const char *text, char mark, double *out)
{
    static const double powers[EXPONENT_EXACT + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const uint64_t exact_most = (uint64_t)1 << DBL_MANT_DIG;
    decimal d;
    if (!scan(text, mark, &d))
        return false;
    /* If digits and power are exact, the quotient or product is rounded correctly (Clinger, How to
     * read floating point numbers accurately, 1990), unless it has more precision than double. */
    if (FLT_EVAL_METHOD == 0 && d.exact && d.digits <= exact_most && d.exponent <= EXPONENT_EXACT &&
        d.exponent >= -EXPONENT_EXACT) {
        const double digits = (double)d.digits;
        const double size =
            d.exponent < 0 ? digits / powers[-d.exponent] : digits * powers[d.exponent];
        *out = d.negative ? -size : size;
        return true;
    }
    *out = convert(text, mark);
    return isfinite(*out);
}

/* --- Fields --------------------------------------------------------------- */

static const char digits[] = "0123456789";

/* Errors of spreadsheets. */
static const char *const errors[] = {"#N/A",   "#N/A N/A", "#NA",           "#VALUE!", "#DIV/0!",
                                     "#REF!",  "#NAME?",   "#NUM!",         "#NULL!",  "#SPILL!",
                                     "#CALC!", "#FIELD!",  "#GETTING_DATA", "#NV",     "#N/D",
                                     "#N/B",   "#N/V",     "#Н/Д"};
/* What R, pandas, spreadsheets, databases and statistical packages write for a missing value. */
static const char *const others[] = {
    "",       "NA",       "N/A",         "N.A.",     "<NA>", "NaN",    "+NaN", "-NaN",
    "1.#IND", "-1.#IND",  "1.#QNAN",     "-1.#QNAN", "NULL", "None",   "nil",  "missing",
    ".",      "..",       "-",           "--",       "---",  "–",      "—",    "?",
    "NaT",    "NA_real_", "NA_integer_", "(null)",   "\\N",  "1.#SNAN"};
enum { ERRORS = sizeof errors / sizeof *errors, OTHERS = sizeof others / sizeof *others };

const char *gkv_table_missing_spelling(size_t i)
{
    return i < OTHERS ? others[i] : i < OTHERS + ERRORS ? errors[i - OTHERS] : NULL;
}

/* The i-th spelling by these settings: the usual ones, then further ones. NULL past the last. */
static const char *spelling(const gkv_table_settings *settings, size_t i)
{
    const size_t usual = settings->usual_missing ? OTHERS + ERRORS : 0;
    if (i < usual)
        return gkv_table_missing_spelling(i);
    return i - usual < settings->n_missing ? settings->missing[i - usual] : NULL;
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 'a' - 'A') : c;
}

void gki_cell_rules_set(gki_cell_rules *rules, const gkv_table_settings *settings)
{
    double ignored;
    const char *text;
    const char mark = settings->decimal_mark ? settings->decimal_mark : '.';
    *rules = (gki_cell_rules){.decimal_mark = mark, .settings = settings};
    for (size_t i = 0; (text = spelling(settings, i)) != NULL; i++) {
        const size_t length = strlen(text);
        rules->may_begin[lower((unsigned char)*text)] = true;
        rules->longest = length > rules->longest ? length : rules->longest;
        rules->missing_first =
            rules->missing_first || parse_decimal(text, rules->decimal_mark, &ignored);
    }
}

/* Whether the text is an error as spreadsheets in other languages write them: #WERT!, #¡VALOR!,
 * #NOM?, or LibreOffice's Err:502. */
static bool is_other_error(const char *text)
{
    enum { LONGEST = 24 };
    const size_t length = strnlen(text, LONGEST + 1);
    if (*text != '#')
        return strncmp(text, "Err:", 4) == 0 && text[4] && !text[4 + strspn(text + 4, digits)];
    return length >= 4 && length <= LONGEST && strchr("!?", text[length - 1]) &&
           !strchr("+-.# \t", text[1]) && !is_digit(text[1]) && !strpbrk(text, " \t");
}

bool gki_cell_is_missing(const gki_cell_rules *rules, const char *text)
{
    const char *missing;
    if ((*text == '#' || *text == 'E') && rules->settings->usual_missing && is_other_error(text))
        return true;
    if (!rules->may_begin[lower((unsigned char)*text)] ||
        strnlen(text, rules->longest + 1) > rules->longest)
        return false;
    const unsigned char first = lower((unsigned char)*text);
    for (size_t i = 0; (missing = spelling(rules->settings, i)) != NULL; i++)
        if (lower((unsigned char)*missing) == first && strcasecmp(text, missing) == 0)
            return true;
    return false;
}

bool gki_cell_is_error(const char *text)
{
    for (size_t i = 0; *text == '#' && i < ERRORS; i++)
        if (strcasecmp(text, errors[i]) == 0)
            return true;
    return *text == '#' && is_other_error(text);
}

/* --- Almost numbers ------------------------------------------------------- */

/* Whether the text spells infinity or NaN, as programs print them. */
static bool is_spelled(const char *text)
{
    static const char *const words[] = {"inf", "infinity", "nan"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* Whether the text begins with a date or time, as 2024-01-31, 31/1/2024, 31.1.2024 or 12:30. */
static bool is_date(const char *text)
{
    const size_t first = strspn(text, digits);
    const char *second = text + first + (text[first] != '\0');
    const size_t length = strspn(second, digits);
    if (first == 0 || length == 0)
        return false;
    return strchr("-/:", text[first]) || (text[first] == '.' && second[length] == '.' &&
                                          first <= 2 && length <= 2); /* 1.234.567 is none */
}

/* Skips what may stand before a number: a sign, a currency, a comparison or a parenthesis. */
static const char *skip_prefix(const char *text)
{
    static const char *const prefixes[] = {"+", "-", "−", "$", "€", "£", "¥", "<",
                                           ">", "=", "~", "≈", "'", "(", " ", "US$"};
    for (size_t i = 0, n = sizeof prefixes / sizeof *prefixes; i < n;) {
        const size_t length = strlen(prefixes[i]);
        const bool found = strncmp(text, prefixes[i], length) == 0;
        text += found ? length : 0;
        i = found ? 0 : i + 1;
    }
    return text;
}

/* What follows the digits, marks and groups of a number; NULL if there is no number. */
static const char *unit_of(const char *text)
{
    const char *number = skip_prefix(text);
    if (strspn(number + (*number == '.' || *number == ','), digits) == 0 || is_date(number))
        return NULL;
    for (const char *c = number;;) {
        const size_t group = strspn(c, "0123456789.,' _+-");
        /* a no-break space or a narrow one may group digits */
        const size_t space = strncmp(c, "\u00A0", 2) == 0 || strncmp(c, "\u202F", 3) == 0;
        const bool exponent = (*c == 'e' || *c == 'E') && (!c[1] || strchr("+-0123456789", c[1]));
        if (group == 0 && !space && !exponent)
            return c;
        c += group > 0 ? group : space ? strcspn(c, digits) : 1;
    }
}

/* Whether a field seems to be a number, although it is not a valid one. */
static bool seems_number(const char *text)
{
    enum { UNIT_MAX = 6 }; /* the greatest length of a unit in bytes; longer ones are words */
    const char *rest = text + (*text == '+' || *text == '-');
    if (is_spelled(rest) || strncasecmp(rest, "0x", 2) == 0)
        return true;
    if (!strpbrk(text, digits))
        return false;
    const char *unit = unit_of(text);
    return unit && strnlen(unit, UNIT_MAX + 1) <= UNIT_MAX && !strpbrk(unit, digits);
}

bool gki_cell_has_unit(const char *text)
{
    const char *unit = unit_of(text);
    const unsigned char first = unit ? (unsigned char)*unit : 0;
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
}

/* A decimal number, in which the minus of typography may stand for the other. */
static bool parse_signed(const char *text, char mark, double *out)
{
    char buffer[GKV_PRINTABLE_SIZE];
    if (parse_decimal(text, mark, out))
        return true;
    const char *plain = gki_text_plain_minus(text, buffer);
    return plain != text && parse_decimal(plain, mark, out);
}

gki_cell gki_cell_read(const gki_cell_rules *rules, const char *text, double *value)
{
    if (rules->missing_first && gki_cell_is_missing(rules, text))
        return GKI_CELL_MISSING;
    if (parse_signed(text, rules->decimal_mark, value))
        return GKI_CELL_NUMBER;
    return gki_cell_is_missing(rules, text) ? GKI_CELL_MISSING
           : seems_number(text)             ? GKI_CELL_ALMOST
                                            : GKI_CELL_WORD;
}

/* Whether digits are grouped by something other than a comma or a point. */
static bool is_grouped(const char *text)
{
    static const char *const marks[] = {"'", "_", " ", "\u00A0", "\u202F", "\u2009", "\u2019"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *found = strstr(text, marks[i]);
        if (found && found > text && is_digit(found[-1]) && is_digit(found[strlen(marks[i])]))
            return true;
    }
    return false;
}

gki_cell_mark gki_cell_mark_of(const char *text)
{
    char buffer[GKV_PRINTABLE_SIZE];
    double ignored;
    text = gki_text_plain_minus(text, buffer);
    const char *number = text + (*text == '+' || *text == '-');
    const size_t whole = strspn(number, digits);
    if (parse_decimal(text, '.', &ignored))
        return strchr(text, '.') ? GKI_MARK_POINT : GKI_MARK_NONE;
    if (!parse_decimal(text, ',', &ignored))
        return GKI_MARK_NONE;
    const char *fraction = number + whole + 1;
    const size_t length = strspn(fraction, digits);
    const bool grouped =
        whole >= 1 && whole <= 3 && *number != '0' && length == 3 && fraction[3] == '\0';
    return grouped || length == 0 ? GKI_MARK_AMBIGUOUS : GKI_MARK_COMMA;
}

const char *gki_cell_advice(const gki_cell_rules *rules, const char *text, gkv_remedy *remedy)
{
    static const gkv_table_settings usual = {.usual_missing = true};
    gki_cell_rules usual_rules;
    gki_cell_rules_set(&usual_rules, &usual);
    const bool has_comma = strchr(text, ',') != NULL, has_point = strchr(text, '.') != NULL;
    *remedy = GKV_REMEDY_MISSING;
    if (gki_cell_is_missing(&usual_rules, text))
        return "; leave rows with missing values out of the file, or let them be dropped";
    if (!seems_number(text))
        return "; if it means a missing value, add this spelling";
    *remedy = GKV_REMEDY_DECIMAL_COMMA;
    if (rules->decimal_mark == '.' && has_comma && !has_point)
        return "; the decimal mark is a point, and thousands are not grouped; give the comma as "
               "the decimal mark if it is one";
    *remedy = GKV_REMEDY_DECIMAL_POINT;
    if (rules->decimal_mark == ',' && has_point && !has_comma)
        return "; the decimal mark is a comma, and thousands are not grouped; give the point as "
               "the decimal mark if it is one";
    *remedy = GKV_REMEDY_NONE;
    if ((has_comma && has_point) || is_grouped(text))
        return "; thousands are not grouped: write 1234.5, not 1,234.5";
    const char *unsigned_text = text + (*text == '+' || *text == '-');
    if (strncasecmp(unsigned_text, "0x", 2) == 0)
        return "; write it in decimal";
    if (is_spelled(unsigned_text)) {
        *remedy = GKV_REMEDY_MISSING;
        return "; leave its row out of the file, or let it be dropped as a missing value";
    }
    const char *unit = unit_of(text);
    if (unit && (*unit != '\0' || skip_prefix(text) != text))
        return "; numbers stand alone, without a unit or another sign";
    return "";
}
