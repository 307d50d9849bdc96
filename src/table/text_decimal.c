/* Decimal numbers from text; declared in text_cell.h. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table/text_cell.h"

enum {
    DIGITS_MOST = 19,      /* as many decimal digits fit in 64 bits */
    EXPONENT_EXACT = 22,   /* 10^22 is the greatest power of ten that is a double */
    EXPONENT_MOST = 100000 /* any greater exponent has the same effect */
};

/* A decimal number: digits · 10^exponent. */
typedef struct decimal {
    bool negative, exact; /* whether `digits` has all digits */
    uint64_t digits;
    int n_digits; /* without leading zeros, at most DIGITS_MOST */
    int exponent;
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(decimal *d, char c, bool is_fraction)
{
    if (d->n_digits == DIGITS_MOST) {
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
        exponent = exponent < EXPONENT_MOST ? 10 * exponent + (*text - '0') : exponent;
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
    if (*text == mark) {
        const char *const fraction = ++text;
        for (; is_digit(*text); text++)
            add_digit(d, *text, true);
        count += (size_t)(text - fraction);
    }
    if (count == 0)
        return false;
    return *text == 'e' || *text == 'E' ? add_exponent(d, text + 1) : *text == '\0';
}

/* strtod() of a text with any decimal mark. */
static double convert(const char *text, char mark)
{
    enum { SHORT = 64 };
    char buffer[SHORT];
    const size_t size = strlen(text) + 1;
    if (mark == '.')
        return strtod(text, NULL);
    char *copy = size <= SHORT ? buffer : malloc(size);
    if (!copy)
        return NAN;
    memcpy(copy, text, size);
    char *at = strchr(copy, mark);
    if (at)
        *at = '.';
    const double value = strtod(copy, NULL);
    if (copy != buffer)
        free(copy);
    return value;
}

bool gki_decimal_parse(const char *text, char mark, double *out)
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
