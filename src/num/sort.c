/* A radix sort that starts at the least significant digit. The key of a double is its bits with the
 * sign bit inverted, or with all bits inverted if the number is negative. Keys have the order of
 * the numbers. The sort skips digits that are equal in all values. If the values were floats, about
 * half of the digits are. */
#include "num/sort.h"

#include <stdint.h>
#include <string.h>

/* Digits have 11 bits, so that the tables of counts fit the first-level cache. For few values
 * digits have 8 bits, because scanning larger tables would take longer than sorting. */
enum { WIDE = 11, NARROW = 8, WIDE_FROM = 4096, TABLES = 8, FEW = 128 };

static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 63 ? UINT64_MAX : UINT64_C(1) << 63);
}

/* Moves the values from `from` to `to` in the order of one digit. counts[d] is the number of values
 * with digit d; the function overwrites it. */
static void sort_by_digit(size_t n, const double *from, const double *from_weights, double *to,
                          double *to_weights, unsigned shift, unsigned bits, uint32_t *counts)
{
    const size_t size = (size_t)1 << bits;
    uint32_t index = 0;
    for (size_t d = 0; d < size; d++) {
        const uint32_t here = counts[d];
        counts[d] = index;
        index += here;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t position = counts[key_of(from[i]) >> shift & (size - 1)]++;
        to[position] = from[i];
        if (from_weights)
            to_weights[position] = from_weights[i];
    }
}

/* Inserts each value into the sorted ones before it. */
static void sort_few(size_t n, double *x, double *weights)
{
    for (size_t i = 1; i < n; i++) {
        const double value = x[i], weight = weights ? weights[i] : 0.0;
        const uint64_t key = key_of(value);
        size_t j = i;
        for (; j > 0 && key_of(x[j - 1]) > key; j--) {
            x[j] = x[j - 1];
            if (weights)
                weights[j] = weights[j - 1];
        }
        x[j] = value;
        if (weights)
            weights[j] = weight;
    }
}

void gki_sort(size_t n, double *x, double *weights, double *spare)
{
    if (n <= FEW) {
        sort_few(n, x, weights);
        return;
    }
    uint32_t counts[TABLES << NARROW > 6 << WIDE ? TABLES << NARROW : 6 << WIDE];
    const unsigned bits = n < WIDE_FROM ? NARROW : WIDE, digits = (64 + bits - 1) / bits;
    const size_t size = (size_t)1 << bits;
    memset(counts, 0, digits * size * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        const uint64_t key = key_of(x[i]);
        for (unsigned d = 0; d < digits; d++)
            counts[d * size + (key >> (d * bits) & (size - 1))]++;
    }
    double *from = x, *to = spare, *from_weights = weights,
           *to_weights = weights ? spare + n : NULL;
    for (unsigned d = 0; d < digits; d++) {
        uint32_t *table = counts + d * size;
        if (n == 0 || table[key_of(x[0]) >> (d * bits) & (size - 1)] == n)
            continue;
        sort_by_digit(n, from, from_weights, to, to_weights, d * bits, bits, table);
        double *swap = from;
        from = to, to = swap;
        swap = from_weights;
        from_weights = to_weights, to_weights = swap;
    }
    if (from != x) {
        memcpy(x, from, n * sizeof *x);
        if (weights)
            memcpy(weights, from_weights, n * sizeof *weights);
    }
}
