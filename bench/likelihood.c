/* How long the likelihoods take: CPU time on one thread in ns for each value of an image.
 *
 * The outputs of the decoder are random: locations over the range of levels, scales from narrow to
 * wide ones, and for g-and-k distributions shapes of both signs. The images are draws from them, so
 * few values are at the first or the last level, where there is less to compute. The edges between
 * levels are learned. Each figure is the least of many repetitions. Arguments: the
 * number of repetitions, and the name of the only likelihood to measure. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/simd.h"
#include "gkvae/error.h"
#include "likelihood/likelihood.h"

enum { VALUES = 784, ROWS = 50, REPEATS = 100, MOMENT_REPEATS = 5 };

typedef struct bench_case {
    const char *name;
    gkv_likelihood_family family;
    size_t components, parameters; /* of a component: a location, a log-scale, and shapes */
} bench_case;

static const bench_case cases[] = {
    {"Bernoulli", GKV_LIKELIHOOD_BERNOULLI, 1, 1},
    {"logistic", GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 1, 2},
    {"2 logistic", GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 2, 2},
    {"5 logistic", GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 5, 2},
    {"g-and-k", GKV_LIKELIHOOD_GK, 1, 4},
    {"2 g-and-k", GKV_LIKELIHOOD_GK_MIXTURE, 2, 4},
};

static void must(gkv_status status)
{
    if (status == GKV_OK)
        return;
    fprintf(stderr, "%s\n", gkv_error_message());
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static double uniform(double least, double most)
{
    static uint64_t state = 88172645463325252U;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return least + (most - least) * ((double)(state >> 11) * 0x1p-53);
}

/* A likelihood with its slots and its workspace. */
typedef struct bench_subject {
    gki_likelihood *likelihood;
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
} bench_subject;

static void begin(const bench_case *tested, bool with_gradients, bench_subject *subject)
{
    *subject = (bench_subject){0};
    const gki_likelihood_spec spec = {.x = gki_plan_forward(&subject->plan, VALUES),
                                      .channels = 1,
                                      .components = tested->components,
                                      .learned_edges = true};
    must(gki_likelihood_create(tested->family, &spec, &subject->params, &subject->plan,
                               &subject->likelihood));
    const size_t outputs = subject->likelihood->outputs;
    gki_likelihood_attach(subject->likelihood, gki_plan_forward(&subject->plan, outputs),
                          gki_plan_backward(&subject->plan, outputs));
    must(gki_params_seal(&subject->params));
    must(
        gki_workspace_create(&subject->plan, ROWS, with_gradients, &subject->params, &subject->ws));
}

static void end(bench_subject *subject)
{
    gki_workspace_free(&subject->ws);
    subject->likelihood->ops->free(subject->likelihood);
    gki_params_free(&subject->params);
}

/* Parameter p of a component; Bernoulli pixels have a logit alone. */
static double parameter(const bench_case *tested, size_t p)
{
    if (tested->parameters == 1)
        return uniform(-4, 4);
    switch (p) {
    case 0: return uniform(-0.9, 0.9);
    case 1: return uniform(-4, -1);
    case 2: return uniform(-2, 2);
    default: return uniform(-2, 0.5);
    }
}

static void fill(const bench_case *tested, bench_subject *subject)
{
    const size_t logits = tested->components > 1 ? tested->components : 0;
    for (size_t r = 0; r < ROWS; r++) {
        gki_real *out = gki_at(&subject->ws, subject->likelihood->out, r),
                 *x = gki_at(&subject->ws, subject->likelihood->x, r);
        float image[VALUES];
        for (size_t i = 0; i < subject->likelihood->outputs; i++) {
            const size_t number = i / VALUES;
            out[i] = (gki_real)(number < logits
                                    ? uniform(-1, 1)
                                    : parameter(tested, (number - logits) / tested->components));
        }
        subject->likelihood->ops->draw(subject->likelihood, &subject->params, out,
                                       gki_rng_at(1, GKV_STREAM_PIXELS, 0, r), image);
        for (size_t i = 0; i < VALUES; i++)
            x[i] = (gki_real)image[i];
    }
}

/* What is measured: all rows once. */
typedef void work(bench_subject *subject);

static void forward(bench_subject *subject)
{
    subject->likelihood->ops->forward(subject->likelihood, &subject->ws, 0, ROWS);
}

static void curvature(bench_subject *subject)
{
    static gki_real sd[VALUES * 32];
    for (size_t r = 0; r < ROWS; r++)
        subject->likelihood->ops->fisher_sd(subject->likelihood, &subject->ws, r, sd);
}

static void means(bench_subject *subject)
{
    static gki_real images[ROWS * VALUES];
    subject->likelihood->ops->means(subject->likelihood, &subject->params, ROWS,
                                    gki_at(&subject->ws, subject->likelihood->out, 0), images);
}

static void medians(bench_subject *subject)
{
    static gki_real images[ROWS * VALUES];
    subject->likelihood->ops->medians(subject->likelihood, &subject->params, ROWS,
                                      gki_at(&subject->ws, subject->likelihood->out, 0), images);
}

static void draws(bench_subject *subject)
{
    static float image[VALUES];
    for (size_t r = 0; r < ROWS; r++)
        subject->likelihood->ops->draw(subject->likelihood, &subject->params,
                                       gki_at(&subject->ws, subject->likelihood->out, r),
                                       gki_rng_at(2, GKV_STREAM_PIXELS, 0, r), image);
}

static double measure(work *what, bench_subject *subject, int repeats)
{
    double best = INFINITY;
    for (int i = 0; i < repeats; i++) {
        const double start = now();
        what(subject);
        best = fmin(best, now() - start);
    }
    return best / (VALUES * ROWS);
}

int main(int count, char **arguments)
{
    const int repeats = count > 1 ? atoi(arguments[1]) : REPEATS;
    const int moments = repeats < MOMENT_REPEATS ? repeats : MOMENT_REPEATS;
    printf("kernels: %s; CPU time in ns a value\n", gki_simd_name(gki_simd_level()));
    printf("%-11s %9s %15s %10s %7s %8s %7s\n", "", "log p(x)", "with gradients", "curvature",
           "means", "medians", "draws");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        bench_subject plain, whole;
        if (count > 2 && strcmp(arguments[2], cases[c].name) != 0)
            continue;
        begin(&cases[c], false, &plain);
        begin(&cases[c], true, &whole);
        fill(&cases[c], &plain);
        fill(&cases[c], &whole);
        const double value = measure(forward, &plain, repeats),
                     gradients = measure(forward, &whole, repeats);
        printf("%-11s %9.2f %15.2f %10.1f %7.1f %8.1f %7.1f\n", cases[c].name, value, gradients,
               measure(curvature, &whole, moments), measure(means, &whole, moments),
               measure(medians, &whole, moments), measure(draws, &whole, moments));
        end(&plain);
        end(&whole);
    }
    return 0;
}
