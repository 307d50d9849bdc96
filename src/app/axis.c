#include "app/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The bound of the ends of an axis. The difference of two larger values could overflow. */
static const double FAR = 1e300;

/* Writes a number with a real minus sign. From 10 000 on, spaces separate the thousands. */
static void write_plain(double value, int decimals, char out[GKV_TICK_TEXT])
{
    char digits[GKV_TICK_TEXT];
    snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
    const size_t whole = strcspn(digits, ".");
    size_t length = 0;
    if (value < 0 && strspn(digits, "0.") != strlen(digits)) {
        memcpy(out, "−", sizeof "−" - 1);
        length = sizeof "−" - 1;
    }
    for (size_t i = 0; digits[i] && length < GKV_TICK_TEXT - 8; i++) {
        if (whole > 4 && i > 0 && i < whole && (whole - i) % 3 == 0) {
            memcpy(out + length, "\u2009", sizeof "\u2009" - 1); /* thin space */
            length += sizeof "\u2009" - 1;
        }
        out[length++] = digits[i];
    }
    out[length] = '\0';
}

/* Writes "m×10" or, if m is 1, "10", followed by a raised exponent. */
static void write_power(double mantissa, int decimals, int exponent, char out[GKV_TICK_TEXT])
{
    static const char *const raised[10] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char head[GKV_TICK_TEXT] = "", tail[GKV_TICK_TEXT] = "", digits[16];
    if (mantissa != 1) {
        write_plain(mantissa, decimals, head);
        strcat(head, "×");
    }
    snprintf(digits, sizeof digits, "%d", exponent < 0 ? -exponent : exponent);
    if (exponent < 0)
        strcat(tail, "⁻");
    for (const char *d = digits; *d; d++)
        strcat(tail, raised[*d - '0']);
    snprintf(out, GKV_TICK_TEXT, "%.20s10%.16s", head, tail);
}

static void add_tick(gki_axis *axis, double value)
{
    if (axis->n_ticks < GKV_TICKS_MAX)
        axis->ticks[axis->n_ticks++] = value;
}

/* Writes the labels of ticks that are `step` apart: plain numbers if these are short, and else
 * numbers with a common power of ten. */
static void write_linear_texts(gki_axis *axis, double step)
{
    const double largest = fmax(fabs(axis->low), fabs(axis->high));
    const int scale = (int)floor(log10(step) + 1e-9);
    const int top = (int)floor(log10(largest) + 1e-9);
    const int plain = top < 6 && scale >= -6;
    for (int i = 0; i < axis->n_ticks; i++) {
        const double value = axis->ticks[i];
        if (plain || value == 0)
            write_plain(value, plain && scale < 0 ? -scale : 0, axis->texts[i]);
        else
            write_power(value / pow(10, top),
                        top > scale ? (top - scale < 12 ? top - scale : 12) : 0, top,
                        axis->texts[i]);
    }
}

static void linear_ticks(gki_axis *axis, int want)
{
    const double span = axis->high - axis->low;
    const double ideal = span / (want > 1 ? want : 1);
    const double power = pow(10, floor(log10(ideal)));
    const double lead = ideal / power;
    const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
    const double first = ceil(axis->low / step - 1e-9);
    for (int i = 0; i < GKV_TICKS_MAX; i++) {
        const double value = (first + i) * step;
        if (value > axis->high + span * 1e-9)
            break;
        add_tick(axis, fabs(value) < step * 1e-9 ? 0 : value);
    }
    write_linear_texts(axis, step);
}

static void log_ticks(gki_axis *axis, int want)
{
    const int from = (int)floor(log10(axis->low) + 1e-9), to = (int)ceil(log10(axis->high) - 1e-9);
    /* the ratio of the two may overflow */
    const double decades = log10(axis->high) - log10(axis->low);
    if (decades < 0.8) { /* too short for labels at powers of ten */
        linear_ticks(axis, want);
        return;
    }
    const int stride = (int)fmax(1, ceil(decades / GKV_TICKS_MAX * 1.5));
    const int plain = axis->low >= 0.99e-3 && axis->high <= 1.01e5;
    for (int e = from; e <= to; e++) {
        for (int m = 1; m < 10; m++) {
            const double value = m * pow(10, e);
            if (value < axis->low * (1 - 1e-9) || value > axis->high * (1 + 1e-9))
                continue;
            const int labelled =
                m == 1 ? (e - from) % stride == 0 : decades < 2.3 && (m == 2 || m == 5);
            if (labelled && axis->n_ticks < GKV_TICKS_MAX) {
                char *const text = axis->texts[axis->n_ticks];
                add_tick(axis, value);
                if (plain)
                    write_plain(value, e < 0 ? -e : 0, text);
                else
                    write_power(m, 0, e, text);
            } else if (stride == 1 && axis->n_minor < GKV_MINOR_MAX) {
                axis->minor[axis->n_minor++] = value;
            }
        }
    }
}

void gki_axis_make(gki_axis *axis, double low, double high, int log, int want)
{
    memset(axis, 0, sizeof *axis);
    axis->log = log;
    if (!isfinite(low) || !isfinite(high) || (log && (low <= 0 || high <= 0))) {
        low = log ? 0.1 : 0;
        high = 1;
    }
    if (low > high) {
        const double swap = low;
        low = high;
        high = swap;
    }
    low = fmin(fmax(low, log ? 1 / FAR : -FAR), FAR);
    high = fmin(fmax(high, log ? 1 / FAR : -FAR), FAR);
    /* The range is one value, or values with labels that would be equal. */
    const double size = fmax(fabs(low), fabs(high));
    if (log ? high < low * (1 + 1e-9) : high - low <= size * 1e-9) {
        if (log) {
            low /= 2;
            high *= 2;
        } else {
            const double margin = size > 0 ? size * 0.1 : 1;
            low -= margin;
            high += margin;
        }
    }
    if (high - low < 1e-290) { /* otherwise all ticks would be denormal numbers */
        low = log ? low : -1e-290;
        high = low + 2e-290;
    }
    axis->low = low;
    axis->high = high;
    if (log)
        log_ticks(axis, want);
    else
        linear_ticks(axis, want);
}

int gki_axis_has(const gki_axis *axis, double value)
{
    return isfinite(value) && (!axis->log || value > 0);
}

double gki_axis_position(const gki_axis *axis, double value)
{
    if (axis->log)
        return (log(value) - log(axis->low)) / (log(axis->high) - log(axis->low));
    return value / (axis->high - axis->low) - axis->low / (axis->high - axis->low);
}

int gki_range_widen(const double *values, size_t n, int log, double *low, double *high)
{
    int seen = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i]) && (!log || values[i] > 0)) {
            *low = fmin(*low, values[i]);
            *high = fmax(*high, values[i]);
            seen = 1;
        }
    return seen;
}
