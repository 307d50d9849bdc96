/* Synthetic images that cost as much time as MNIST's. They are pen strokes with few fully white
 * pixels and a mean grey level of 13 %. 67 pixels of the border are always off. */
#include <math.h>
#include <stdlib.h>

#include "cli_bench.h"

enum { STROKES = 2, DOTS = 24, DARK = 67 };

/* Marsaglia's xorshift, which gives the same numbers on every machine. */
static double uniform(uint64_t *state)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return (double)(*state >> 11) * 0x1p-53;
}

static double from_centre(size_t pixel)
{
    const double y = (double)(pixel / BENCH_SIDE) - 13.5, x = (double)(pixel % BENCH_SIDE) - 13.5;
    return x * x + y * y;
}

/* The DARK pixels farthest from the middle; among equally far pixels the first ones. */
static void find_dark(bool *dark)
{
    for (size_t i = 0; i < BENCH_PIXELS; i++) {
        size_t farther = 0;
        for (size_t j = 0; j < BENCH_PIXELS; j++)
            farther +=
                from_centre(j) > from_centre(i) || (j < i && from_centre(j) >= from_centre(i));
        dark[i] = farther < DARK;
    }
}

/* A round dot with a soft edge. */
static void dot(double cx, double cy, uint8_t *image)
{
    for (int y = (int)cy - 2; y <= (int)cy + 3; y++) {
        for (int x = (int)cx - 2; x <= (int)cx + 3; x++) {
            const double light = 2.1 - sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy));
            const uint8_t level = (uint8_t)(254 * fmin(fmax(light / 1.3, 0), 1));
            if (y < 0 || x < 0 || y >= BENCH_SIDE || x >= BENCH_SIDE)
                continue;
            uint8_t *pixel = image + y * BENCH_SIDE + x;
            *pixel = level > *pixel ? level : *pixel;
        }
    }
}

/* A parabola through three random points. */
static void stroke(uint64_t *state, uint8_t *image)
{
    double p[3][2];
    for (int i = 0; i < 3; i++) {
        p[i][0] = 1 + 25 * uniform(state);
        p[i][1] = 1 + 25 * uniform(state);
    }
    for (int i = 0; i <= DOTS; i++) {
        const double t = (double)i / DOTS, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        dot(a * p[0][0] + b * p[1][0] + c * p[2][0], a * p[0][1] + b * p[1][1] + c * p[2][1],
            image);
    }
}

uint8_t *bench_labels(size_t count, size_t classes)
{
    uint8_t *labels = cli_alloc(count, 1);
    for (size_t i = 0; i < count; i++)
        labels[i] = (uint8_t)(i % classes);
    return labels;
}

uint8_t *bench_images(size_t count)
{
    bool dark[BENCH_PIXELS];
    uint8_t *images = cli_alloc(count, BENCH_PIXELS);
    uint64_t state = UINT64_C(88172645463325252);
    find_dark(dark);
    for (size_t i = 0; i < count; i++) {
        uint8_t *image = images + i * BENCH_PIXELS;
        for (int k = 0; k < STROKES; k++)
            stroke(&state, image);
        for (size_t k = 0; k < BENCH_PIXELS; k++)
            image[k] = dark[k] ? 0 : image[k];
    }
    return images;
}
