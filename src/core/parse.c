#include "core/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plain_locale.h"
#include "core/text.h"

/* strtod() alone would also take blanks, hexadecimal, "inf" and "nan". */
bool gki_parse_number(const char *text, double *out)
{
    if (!*text || text[strspn(text, "+-.0123456789eE")] != '\0')
        return false;
    char *end = NULL;
    const locale_t before = gki_plain_locale_enter();
    errno = 0;
    const double value = strtod(text, &end);
    const int error = errno;
    uselocale(before);
    /* Out of range: too large, or so small that it was rounded to 0. */
    if (*end != '\0' || !isfinite(value) || (error == ERANGE && value == 0))
        return false;
    *out = value;
    return true;
}

bool gki_parse_integer(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    const intmax_t value = strtoimax(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = (int64_t)value;
    return true;
}

/* strtoumax() would read "-1" as the largest number. */
bool gki_parse_unsigned(const char *text, uint64_t *out)
{
    if (!*text || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    const uintmax_t value = strtoumax(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = (uint64_t)value;
    return true;
}

int gki_parse_choice(const char *list, const char *text, size_t size, char *nearest)
{
    enum { NAME_SIZE = 64 };
    size_t best = SIZE_MAX;
    for (int index = 0; *list; index++) {
        char name[NAME_SIZE];
        const size_t length = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, list);
        if (strcmp(name, text) == 0)
            return index;
        const size_t distance = gki_text_distance(name, text);
        if (distance < best && nearest) {
            best = distance;
            snprintf(nearest, size, "%s", name);
        }
        list += length + strspn(list + length, ", ");
    }
    return -1;
}
