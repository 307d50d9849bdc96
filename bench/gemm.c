/* The products of a training step, by OpenBLAS and by nn/gemm.h, on one thread.
 *
 * For every kind of shape of the default model, GFLOP/s by the dense count of operations, OpenBLAS
 * and ours in turn; the best and the median of ROUNDS. The peak is OpenBLAS on square
 * matrices of 512. Ends with the sum: what all these products take. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/simd.h"
#include "nn/blas.h"
#include "nn/gemm.h"

enum { BATCH = 200, ROUNDS = 15, LAYERS = 9 };

typedef struct layer {
    size_t in, out;
    bool sparse, first; /* of the encoder: sparse inputs, no gradient in them */
} layer;

/* of encoder, decoder, and a coupling of the flow */
static const layer layers[LAYERS] = {
    {784, 400, true, true},  {400, 400, false, false}, {400, 48, false, false},
    {24, 400, false, false}, {400, 400, false, false}, {400, 784, false, false},
    {12, 128, false, false}, {128, 128, false, false}, {128, 24, false, false}};

typedef struct operands {
    gki_real *x, *weight, *packed, *bias, *y, *d_y, *d_x, *d_weight, *mean;
    gki_nonzero *lists;
} operands;

static const gki_gemm_kernels *kernels;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double uniform(void)
{
    static uint64_t state = 88172645463325252U;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory)
        exit(1);
    memset(memory, 0, bytes);
    return memory;
}

static gki_real *noise(size_t n)
{
    gki_real *x = allocate(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (gki_real)(uniform() - 0.5);
    return x;
}

static operands prepare(const layer *l)
{
    operands o = {.x = noise(BATCH * l->in),
                  .weight = noise(l->in * l->out),
                  .packed = allocate(gki_packed_size(l->out, l->in) * sizeof(gki_real)),
                  .y = noise(BATCH * l->out),
                  .d_y = noise(BATCH * l->out),
                  .d_x = noise(BATCH * l->in),
                  .d_weight = noise(l->in * l->out),
                  .mean = allocate(l->in * sizeof(gki_real)),
                  .bias = noise(l->out),
                  .lists = allocate(l->in * BATCH * sizeof(gki_nonzero))};
    for (size_t i = 0; l->sparse && i < l->in; i++) {
        /* an eighth of the pixels, most of them in the middle */
        const double y = (double)(i / 28) - 13.5, x = (double)(i % 28) - 13.5;
        o.mean[i] = (gki_real)(0.55 * exp(-(x * x + y * y) / 58));
        for (size_t r = 0; r < BATCH; r++)
            o.x[r * l->in + i] = uniform() < (double)o.mean[i];
    }
    return o;
}

typedef void work(const layer *l, const operands *o, size_t rows);

static void forward_packed(const layer *l, const operands *o, size_t rows)
{
    for (size_t r = 0; r < BATCH; r += rows)
        gki_gemm_forward(kernels, rows, l->out, l->in, o->x + r * l->in, o->weight, o->packed,
                         o->bias, o->y + r * l->out);
}

static void forward(const layer *l, const operands *o, size_t rows)
{
    for (size_t r = 0; r < BATCH; r += rows)
        gki_gemm_forward(kernels, rows, l->out, l->in, o->x + r * l->in, o->weight, NULL, o->bias,
                         o->y + r * l->out);
}

static void forward_sparse(const layer *l, const operands *o, size_t rows)
{
    for (size_t r = 0; r < BATCH; r += rows)
        gki_sparse_forward(kernels, &(gki_sparse_product){.rows = rows,
                                                          .in = l->in,
                                                          .out = l->out,
                                                          .x = o->x + r * l->in,
                                                          .mean = o->mean,
                                                          .weight = o->weight,
                                                          .packed = o->packed,
                                                          .bias = o->bias,
                                                          .y = o->y + r * l->out});
}

static void forward_openblas(const layer *l, const operands *o, size_t rows)
{
    for (size_t r = 0; r < BATCH; r += rows)
        gki_gemm_forward(NULL, rows, l->out, l->in, o->x + r * l->in, o->weight, NULL, o->bias,
                         o->y + r * l->out);
}

static void backward(const layer *l, const operands *o, size_t rows)
{
    for (size_t r = 0; r < BATCH; r += rows)
        gki_gemm_backward(kernels, rows, l->out, l->in, o->d_y + r * l->out, o->weight,
                          o->d_x + r * l->in);
}

static void backward_openblas(const layer *l, const operands *o, size_t rows)
{
    for (size_t r = 0; r < BATCH; r += rows)
        gki_gemm_backward(NULL, rows, l->out, l->in, o->d_y + r * l->out, o->weight,
                          o->d_x + r * l->in);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* `rows` are those of d_weight in a part. */
static void gradient(const layer *l, const operands *o, size_t rows)
{
    for (size_t first = 0; first < l->out; first += rows)
        gki_gemm_gradient(kernels, BATCH, l->out, l->in, first, least(rows, l->out - first), o->d_y,
                          o->x, false, o->d_weight);
}

static void gradient_openblas(const layer *l, const operands *o, size_t rows)
{
    for (size_t first = 0; first < l->out; first += rows)
        gki_gemm_gradient(NULL, BATCH, l->out, l->in, first, least(rows, l->out - first), o->d_y,
                          o->x, false, o->d_weight);
}

static void gradient_sparse(const layer *l, const operands *o, size_t rows)
{
    (void)rows;
    for (size_t first = 0; first < l->in; first += GKV_SPARSE_COLUMNS)
        gki_sparse_weight_gradient(
            kernels, &(gki_sparse_gradient){.rows = BATCH,
                                            .in = l->in,
                                            .out = l->out,
                                            .first = first,
                                            .count = least(GKV_SPARSE_COLUMNS, l->in - first),
                                            .x = o->x,
                                            .mean = o->mean,
                                            .d_y = o->d_y,
                                            .lists = o->lists + first * BATCH,
                                            .d_weight = o->d_weight});
}

static void packing(const layer *l, const operands *o, size_t rows)
{
    (void)rows;
    for (size_t p = 0; p < gki_pack_pieces(l->out, l->in); p++)
        gki_pack_piece(kernels, l->out, l->in, o->weight, p, false, o->packed);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct timing {
    double best, median;
} timing;

/* The works take turns, so that what else the machine does meets all of them. */
static void measure(size_t count, work *const *works, const layer *l, const operands *o,
                    size_t rows, timing *out)
{
    double times[8][ROUNDS];
    const size_t repeats = 1 + 20000000 / (2 * BATCH * l->in * l->out);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t w = 0; w < count; w++) {
            const double start = now();
            for (size_t i = 0; i < repeats; i++)
                works[w](l, o, rows);
            times[w][round] = (now() - start) / (double)repeats;
        }
    }
    for (size_t w = 0; w < count; w++) {
        qsort(times[w], ROUNDS, sizeof times[w][0], ascending);
        out[w] = (timing){times[w][0], times[w][ROUNDS / 2]};
    }
}

static double peak(void)
{
    enum { N = 512 };
    gki_real *a = noise(N * N), *b = noise(N * N), *c = noise(N * N);
    double best = INFINITY;
    for (int round = 0; round < 20 * ROUNDS; round++) {
        const double start = now();
        if (gki_blas_square_product(N, 1, a, b, c) != GKV_OK) {
            fprintf(stderr, "%s\n", gkv_error_message());
            exit(1);
        }
        best = fmin(best, now() - start);
    }
    free(a), free(b), free(c);
    return 2.0 * N * N * N / best * 1e-9;
}

static double step[2]; /* seconds of a step's products: OpenBLAS, ours */

static void report(const char *name, const layer *l, size_t rows, size_t count, work *const *works,
                   const char *const *names, const operands *o, int ours)
{
    timing t[8];
    measure(count, works, l, o, rows, t);
    const double flops = 2.0 * BATCH * (double)l->in * (double)l->out;
    printf("%-9s %3zu -> %3zu, %3zu rows  ", name, l->in, l->out, rows);
    for (size_t w = 0; w < count; w++)
        printf("  %s %6.1f (%6.1f)", names[w], flops / t[w].best * 1e-9,
               flops / t[w].median * 1e-9);
    printf("\n");
    if (ours >= 0) {
        step[0] += t[0].best;
        step[1] += t[ours].best;
    }
}

int main(void)
{
    kernels = gki_gemm_kernels_of(gki_simd_level());
    if (!kernels) {
        fprintf(stderr, "there are no matrix kernels for %s\n", gki_simd_name(gki_simd_level()));
        return 1;
    }
    const double square = peak();
    printf("%s; square SGEMM %.1f GFLOP/s. Dense GFLOP/s, best (median):\n",
           gki_simd_name(gki_simd_level()), square);
    double flops = 0, pack_time = 0;
    for (size_t i = 0; i < LAYERS; i++) {
        const layer *l = &layers[i];
        const operands o = prepare(l);
        packing(l, &o, 0);
        for (size_t rows = 50; rows <= 200; rows *= 2) {
            work *const forwards[] = {forward_openblas, forward, forward_packed, forward_sparse};
            static const char *const forward_names[] = {"OpenBLAS", "ours", "packed", "sparse"};
            report("forward", l, rows, l->sparse ? 4 : 3, forwards, forward_names, &o,
                   rows > 50   ? -1
                   : l->sparse ? 3
                               : 2);
            work *const backwards[] = {backward_openblas, backward};
            static const char *const backward_names[] = {"OpenBLAS", "ours"};
            if (!l->first)
                report("backward", l, rows, 2, backwards, backward_names, &o, rows > 50 ? -1 : 1);
        }
        work *const gradients[] = {gradient_openblas, gradient, gradient_sparse};
        static const char *const gradient_names[] = {"OpenBLAS", "ours", "sparse"};
        const size_t part = l->out < 112 ? l->out : 112;
        report("gradient", l, part, l->sparse ? 3 : 2, gradients, gradient_names, &o,
               l->sparse ? 2 : 1);
        work *const packings[] = {packing};
        timing t;
        measure(1, packings, l, &o, 0, &t);
        pack_time += t.best;
        flops += 2.0 * BATCH * (double)l->in * (double)l->out * (l->first ? 2 : 3);
        free(o.x), free(o.weight), free(o.packed), free(o.y), free(o.d_y), free(o.d_x),
            free(o.d_weight);
        free(o.mean), free(o.bias), free(o.lists);
    }
    printf("A step's products, %.0f MFLOP: OpenBLAS %.2f ms (%.1f GFLOP/s, %.0f %% of the peak), "
           "ours %.2f ms, of which packing %.2f ms (%.1f GFLOP/s, %.0f %%)\n",
           flops * 1e-6, step[0] * 1e3, flops / step[0] * 1e-9,
           100 * flops / step[0] * 1e-9 / square, (step[1] + pack_time) * 1e3, pack_time * 1e3,
           flops / (step[1] + pack_time) * 1e-9,
           100 * flops / (step[1] + pack_time) * 1e-9 / square);
    return 0;
}
