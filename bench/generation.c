/* How long the measures of generated samples take, on features and images that are noise, with the
 * sizes of MNIST and features of 84 numbers: seconds that passed, and seconds of all processors.
 * Argument: threads, 1 unless given. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gkvae/generation_metrics.h"

enum { ROWS = 10000, FEATURES = 84, PIXELS = 784, QUERIES = 2000, REFERENCES = 60000 };

typedef struct times {
    double passed, used;
} times;

static times now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (times){(double)t.tv_sec + 1e-9 * (double)t.tv_nsec, (double)clock() / CLOCKS_PER_SEC};
}

static void must(gkv_status status)
{
    if (status == GKV_OK)
        return;
    fprintf(stderr, "%s\n", gkv_error_message());
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        exit(1);
    return memory;
}

static uint32_t next(uint32_t *seed)
{
    return (*seed = *seed * 1664525U + 1013904223U) >> 8;
}

static void show(const char *what, times start)
{
    const times end = now();
    printf("%-56s %7.3f %7.3f\n", what, end.passed - start.passed, end.used - start.used);
}

static void of_features(int threads, uint32_t *seed)
{
    const gkv_run_options options = {.threads = threads};
    float *const sets[2] = {allocate(ROWS, FEATURES * sizeof(float)),
                            allocate(ROWS, FEATURES * sizeof(float))};
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < (size_t)ROWS * FEATURES; i++) {
            const int more = (int)(next(seed) >> 20) + (int)(next(seed) >> 20); /* each below 16 */
            const int less = (int)(next(seed) >> 20);
            sets[s][i] = more > less ? (float)(more - less) / 8.0F : 0.0F;
        }
    double distance;
    times start = now();
    must(gkv_frechet_distance(ROWS, ROWS, FEATURES, sets[0], sets[1], &distance));
    show("Fréchet distance, 10,000 and 10,000 × 84 (one thread)", start);
    gkv_kid kid;
    start = now();
    must(gkv_kernel_distance(ROWS, ROWS, FEATURES, sets[0], sets[1], NULL, &options, &kid));
    show("kernel distance, 100 subsets of 1,000 × 84", start);
    gkv_reference *reference = NULL;
    start = now();
    must(gkv_reference_create(ROWS, FEATURES, sets[0], NULL, &options, &reference));
    show("radii of a reference, 10,000 × 84", start);
    gkv_neighbour_metrics metrics;
    start = now();
    must(gkv_neighbour_metrics_of(reference, ROWS, sets[1], &options, &metrics));
    show("precision, recall, density, coverage of 10,000 × 84", start);
    gkv_reference_free(reference);
    printf("    (%g; %g ± %g; %g %g %g %g)\n", distance, kid.mean, kid.sd, metrics.precision,
           metrics.recall, metrics.density, metrics.coverage);
    free(sets[0]);
    free(sets[1]);
}

static void of_images(int threads, uint32_t *seed)
{
    float *const queries = allocate(QUERIES, PIXELS * sizeof(float));
    uint8_t *const references = allocate(REFERENCES, PIXELS);
    for (size_t i = 0; i < (size_t)QUERIES * PIXELS; i++)
        queries[i] = next(seed) % 4 ? 0.0F : (float)(next(seed) % 256) / 255.0F;
    for (size_t i = 0; i < (size_t)REFERENCES * PIXELS; i++)
        references[i] = next(seed) % 4 ? 0 : (uint8_t)next(seed);
    uint32_t *const index = allocate(QUERIES, sizeof *index);
    const times start = now();
    must(gkv_nearest(QUERIES, REFERENCES, PIXELS, queries, references,
                     &(gkv_run_options){.threads = threads}, index, NULL));
    show("nearest of 60,000 × 784 to 2,000 images", start);
    free(queries);
    free(references);
    free(index);
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    uint32_t seed = 1;
    printf("%s\n%-56s %7s %7s\n", gkv_build_description(), "seconds", "passed", "used");
    of_features(threads, &seed);
    of_images(threads, &seed);
    return 0;
}
