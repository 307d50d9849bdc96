/* How well, and how fast, multivariate distributions and mixtures of them fit a sample:
 *
 *     bench_mixture [FILE.npy|-] [COMPONENTS] [THREADS]
 *
 * FILE.npy holds rows of numbers (two dimensions, float32 or float64, C order), such as the codes
 * that `gkvae encode RUN --out codes.npy` writes; "-" simulates 60,000 × 40 of them from a
 * mixture. Every sixth row is held out. Printed: held-out mean log density, in nats a
 * row, and seconds, of a normal, a g-and-k, and mixtures of either. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_mixture.h"

typedef struct matrix {
    size_t n, d;
    double *x;
} matrix;

static void die(const char *what)
{
    fprintf(stderr, "bench_mixture: %s\n", what);
    exit(1);
}

static void must(gkv_status status)
{
    if (status != GKV_OK)
        die(gkv_error_message());
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die("out of memory");
    return memory;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static matrix read_npy(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char head[10];
    if (!file || fread(head, 1, 10, file) != 10 || memcmp(head, "\x93NUMPY", 6) != 0)
        die("this is no .npy file that can be read");
    size_t length = (size_t)head[8] | (size_t)head[9] << 8;
    if (head[6] > 1) { /* versions 2 and 3 have a length of four bytes */
        unsigned char more[2];
        if (fread(more, 1, 2, file) != 2)
            die("the .npy file ends in its header");
        length |= (size_t)more[0] << 16 | (size_t)more[1] << 24;
    }
    char *text = allocate(length + 1, 1);
    if (fread(text, 1, length, file) != length)
        die("the .npy file ends in its header");
    const int narrow = strstr(text, "'<f4'") != NULL;
    const char *shape = strstr(text, "'shape': (");
    matrix m = {0};
    if ((!narrow && !strstr(text, "'<f8'")) || !strstr(text, "'fortran_order': False") || !shape ||
        sscanf(shape, "'shape': (%zu, %zu", &m.n, &m.d) != 2 || m.n < 12 || m.d < 1)
        die("the .npy file must have two dimensions of float32 or float64 in C order, 12 rows or "
            "more");
    m.x = allocate(m.n * m.d, sizeof *m.x);
    for (size_t i = 0; i < m.n * m.d; i++) {
        float value;
        if (fread(narrow ? (void *)&value : (void *)&m.x[i], narrow ? 4 : 8, 1, file) != 1)
            die("the .npy file ends too early");
        if (narrow)
            m.x[i] = (double)value;
    }
    fclose(file);
    free(text);
    return m;
}

/* 60,000 draws in 40 dimensions from 20 overlapping g-and-k clusters. */
static matrix simulate(void)
{
    enum { N = 60000, D = 40, PARTS = 20 };
    static gkv_gk margins[D];
    static double r[D * D], weights[PARTS];
    gkv_mgk *parts[PARTS];
    matrix m = {N, D, allocate((size_t)N * D, sizeof *m.x)};
    for (int p = 0; p < PARTS; p++) {
        const double rho = 0.8 * sin(3.0 * p + 1.0);
        for (int j = 0; j < D; j++) {
            margins[j] = (gkv_gk){.a = 2.2 * sin(1.7 * (p + 1) * (j + 1)),
                                  .b = 0.6 + 0.35 * cos(2.3 * p + j),
                                  .g = 0.8 * sin(1.1 * p - 0.6 * j),
                                  .k = 0.1 + 0.1 * cos(0.9 * p + 1.4 * j),
                                  .c = 0.8};
            for (int i = 0; i < D; i++)
                r[i * D + j] = pow(rho, abs(i - j));
        }
        weights[p] = 1.0 + (p % 4);
        must(gkv_mgk_create(D, margins, r, &parts[p]));
    }
    gkv_mgk_mixture *truth = NULL;
    must(gkv_mgk_mixture_create(PARTS, weights, (const gkv_mgk *const *)parts, &truth));
    must(gkv_mgk_mixture_sample(truth, N, 7, 0, NULL, m.x, NULL));
    gkv_mgk_mixture_free(truth);
    for (int p = 0; p < PARTS; p++)
        gkv_mgk_free(parts[p]);
    return m;
}

/* Every sixth row to `held`, the others to `kept`. */
static void split(const matrix *all, matrix *kept, matrix *held)
{
    *held = (matrix){(all->n + 5) / 6, all->d, NULL};
    *kept = (matrix){all->n - held->n, all->d, NULL};
    held->x = allocate(held->n * all->d, sizeof *held->x);
    kept->x = allocate(kept->n * all->d, sizeof *kept->x);
    double *next[2] = {kept->x, held->x};
    for (size_t i = 0; i < all->n; i++) {
        double **part = &next[i % 6 == 0];
        memcpy(*part, all->x + i * all->d, all->d * sizeof **part);
        *part += all->d;
    }
}

static double mean(const double *values, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

static void one_distribution(const char *name, const matrix *kept, const matrix *held, int normal,
                             int threads)
{
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_defaults(&set);
    set.normal = normal;
    set.normal_fallback = 1;
    gkv_mgk *mgk = NULL;
    gkv_mgk_fit_result result;
    const double began = now();
    must(gkv_mgk_fit(kept->n, kept->d, kept->x, NULL, &set, &(gkv_run_options){.threads = threads},
                     &mgk, &result));
    const double seconds = now() - began;
    double *log_pdf = allocate(held->n, sizeof *log_pdf);
    must(gkv_mgk_log_pdf_many(mgk, held->n, held->x, &(gkv_run_options){.threads = threads},
                              log_pdf, NULL));
    printf("%-28s  held-out %12.4f  fit %12.4f  %9.3f s  χ²/dof %.2f\n", name,
           mean(log_pdf, held->n), result.log_likelihood / (double)kept->n, seconds,
           result.goodness);
    fflush(stdout);
    free(log_pdf);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&result);
}

static bool trace(void *context, const gkv_progress *progress)
{
    const gkv_mgk_mixture_progress *p = progress->details;
    (void)context;
    if (p->iteration % 10 == 0)
        printf("    iteration %3zu  fit %12.5f  held-out %12.5f  %7.2f s  shortened %zu, refused "
               "%zu of %zu\n",
               p->iteration, p->log_likelihood, p->held_out, p->seconds, p->damped, p->refused,
               p->components);
    fflush(stdout);
    return false;
}

static void mixture(const char *name, const matrix *kept, const matrix *held, int normal,
                    size_t components, int threads)
{
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = components;
    set.normal = normal;
    set.held_out = held->x;
    set.held_out_rows = held->n;
    gkv_mgk_mixture *found = NULL;
    gkv_mgk_mixture_result r;
    must(gkv_mgk_mixture_fit(kept->n, kept->d, kept->x, &set,
                             &(gkv_run_options){.threads = threads, .progress = trace}, &found,
                             &r));
    printf("%-28s  held-out %12.4f  fit %12.4f  %9.3f s\n", name, r.held_out,
           r.log_likelihood / (double)kept->n, r.seconds);
    printf("    %zu iterations, best %zu; %s; largest decrease of the mean log-likelihood %.2g; "
           "%zu components\n",
           r.iterations, r.best_iteration, gkv_mgk_mixture_stop_name(r.stop), r.largest_decrease,
           r.components);
    fflush(stdout);
    gkv_mgk_mixture_free(found);
}

int main(int argc, char **argv)
{
    const matrix all = argc > 1 && strcmp(argv[1], "-") != 0 ? read_npy(argv[1]) : simulate();
    const size_t components = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 32;
    const int threads = argc > 3 ? atoi(argv[3]) : 0;
    matrix kept, held;
    split(&all, &kept, &held);
    printf("%zu rows to fit, %zu held out, %zu columns\n", kept.n, held.n, all.d);
    one_distribution("normal", &kept, &held, 1, threads);
    one_distribution("g-and-k", &kept, &held, 0, threads);
    mixture("mixture of normals", &kept, &held, 1, components, threads);
    mixture("mixture of g-and-k", &kept, &held, 0, components, threads);
    free(all.x);
    free(kept.x);
    free(held.x);
    return 0;
}
