/* Times the training of the flow of tables: rows a second of whole updates, and rows a second of
 * processor time.
 *
 *     bench_density_flow [columns=4] [threads=1] [seconds=4] [rows=4000]
 *
 * The flow is that of gkvae density, six layers of width 64 with a t base, and rows are skewed. No
 * rows are held out. bench/density_torch.py runs it in turns with PyTorch. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/rng.h"
#include "density/table_flow.h"

static bool report(void *context, const gki_flow_state *state, double held_out)
{
    (void)state, (void)held_out;
    return omp_get_wtime() > *(const double *)context;
}

static void check(gkv_status status)
{
    if (status != GKV_OK) {
        fprintf(stderr, "%s\n", gkv_error_message());
        exit(1);
    }
}

/* Skewed rows that depend on each other. */
static gki_real *rows_of(size_t n, size_t d)
{
    gki_real *w = malloc(n * d * sizeof *w);
    double *z = malloc(n * d * sizeof *z);
    if (!w || !z)
        exit(1);
    gki_rng_normal_d(gki_rng_at(1, GKV_STREAM_USER, 0, 0), n * d, z);
    for (size_t i = 0; i < n * d; i++)
        w[i] = (gki_real)(i % d ? z[i] + 0.3 * (z[i - 1] * z[i - 1] - 1) : z[i]);
    free(z);
    return w;
}

int main(int argc, char **argv)
{
    const size_t d = argc > 1 ? (size_t)atoi(argv[1]) : 4;
    const int threads = argc > 2 ? atoi(argv[2]) : 1;
    const double seconds = argc > 3 ? atof(argv[3]) : 4;
    const size_t n = argc > 4 ? (size_t)atoi(argv[4]) : 4000;
    gki_real *w = rows_of(n, d);
    gki_table_flow *flow = NULL;
    gki_flow_state state;
    bool stopped;
    const gki_flow_rows rows = {.fit = w, .n_fit = n};
    double end = omp_get_wtime() + 0.5;
    gki_flow_training how = {.learning_rate = 1e-3,
                             .weight_decay = 2,
                             .updates = UINT64_MAX,
                             .patience = 1,
                             .seed = 1,
                             .threads = threads,
                             .report = report,
                             .context = &end};
    check(gki_table_flow_create(&(gki_table_flow_spec){.d = d,
                                                       .layers = 6,
                                                       .hidden = 64,
                                                       .family = GKV_PRIOR_FLOW_REALNVP,
                                                       .max_freedom = 12,
                                                       .seed = 1},
                                &flow));
    check(gki_flow_state_begin(flow, &rows, true, threads, &state));
    check(gki_flow_train(flow, &rows, &how, &state, &stopped)); /* a warm start */
    const uint64_t before = state.step;
    const double begin = omp_get_wtime();
    const clock_t used = clock();
    end = begin + seconds;
    check(gki_flow_train(flow, &rows, &how, &state, &stopped));
    const size_t batch = n < 20000 ? 256 : 512;
    const double done = (double)(state.step - before) * (double)batch;
    printf("%.0f %.0f\n", done / (omp_get_wtime() - begin),
           done * CLOCKS_PER_SEC / (double)(clock() - used));
    gki_flow_state_free(&state);
    gki_table_flow_free(flow);
    free(w);
    return 0;
}
