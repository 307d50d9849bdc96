/* The kernels of mixtures, compiled once for each instruction set. */
#include "base/mixture_kernels.h"
#include "base/small_shapes.h"
#include "core/simd_real.h"
#include "core/simd_transpose.h"
#include "mixture/online.h"

/* The bound of scores. The sum of its squares over dimensions does not overflow a float. */
#define ARGUMENT_MAX 1e15

/* The bound of scores in statistics. */
#define SCORE_BOUND ((gki_real)6)

/* Responsibilities below this fraction of the largest are below its rounding error. */
#ifdef GKV_REAL_IS_DOUBLE
#define RESPONSIBILITY_MIN 1e-18
#else
#define RESPONSIBILITY_MIN 1e-9
#endif

/* The largest shapes of small_scores(), and the most slopes that are multiplied before a logarithm
 * is taken: each is between 0.15 and 3.3. */
#define LARGEST_G ((gki_real)0.4)
#define K_MIN ((gki_real)-0.2)
#define LARGEST_K ((gki_real)1)
enum { FACTORS = 24, GROUP = 4 };

static inline vr clamped(vr z)
{
    /* The selection keeps a NaN, which max and min would lose. */
    const vr inside = vr_max(vr_set(-ARGUMENT_MAX), vr_min(vr_set(ARGUMENT_MAX), z));
    return vr_select(z == z, inside, z);
}

/* The first row of the vector of rows at `row`. The last vector overlaps the one before it, so that
 * it is whole. Without a whole vector it is a part. */
static inline size_t vector_at(size_t row, size_t rows)
{
    return row + VR_LANES <= rows || rows < VR_LANES ? row : rows - VR_LANES;
}

static void standardise(size_t rows, size_t d, const gki_real *a, const gki_real *b,
                        const gki_real *eps_t, gki_real *zeta_t)
{
    for (size_t j = 0; j < d; j++, eps_t += rows, zeta_t += rows)
        for (size_t row = 0; row < rows; row += VR_LANES) {
            const size_t r = vector_at(row, rows), left = rows - r;
            const vr v = (vr_load_part(eps_t + r, left, 0) - vr_set(a[j])) / vr_set(b[j]);
            vr_store_part(zeta_t + r, left, clamped(v));
        }
}

/* Shapes beyond these bounds are left to gk/gk_batch_kernels.h. */
static inline bool is_small(gki_real g, gki_real k)
{
    return g <= LARGEST_G && g >= -LARGEST_G && k <= LARGEST_K && k >= K_MIN;
}

/* The scores of one margin for a group of vectors of rows. The steps of one vector depend on each
 * other; those of several vectors do not, and can run in parallel in the processor. */
typedef struct vector_group {
    size_t count, first[GROUP]; /* the number of vectors, and the first row of each */
    vr v[GROUP];
    small_score score[GROUP];
} vector_group;

static inline void small_scores_of(vector_group *group, vr half_g, vr k)
{
    for (size_t i = 0; i < group->count; i++)
        group->score[i] = small_begin(group->v[i], half_g, k);
    for (size_t i = 0; i < group->count; i++)
        group->score[i] = small_end(group->score[i], half_g, k);
    for (size_t i = 0; i < group->count; i++)
        if (vr_any(group->score[i].open))
            group->score[i] = small_continue(group->v[i], group->score[i], half_g, k);
}

/* Stores the scores, and adds log(Q'/B) = log(slope) − τ to its parts. Returns whether there are
 * lanes without a score. */
static inline bool store_scores(const vector_group *group, size_t rows, gki_real *zeta_t, vr *sum,
                                vr *product)
{
    bool failed = false;
    for (size_t i = 0; i < group->count; i++) {
        small_score score = group->score[i];
        if (vr_any(score.open)) {
            score.z = vr_select(score.open, vr_set(INFINITY), score.z);
            score.tau = vr_select(score.open, vr_set(0), score.tau);
            score.slope = vr_select(score.open, vr_set(1), score.slope);
            failed = true;
        }
        vr_store_part(zeta_t + group->first[i], rows - group->first[i], score.z);
        sum[i] = sum[i] - score.tau;
        product[i] = product[i] * score.slope;
    }
    return failed;
}

static bool small_scores(size_t rows, size_t d, const gki_real *a, const gki_real *b,
                         const gki_real *g, const gki_real *k, const gki_real *eps_t,
                         gki_real *zeta_t, gki_real *log_slope)
{
    bool failed = false;
    vector_group group;
    for (size_t row = 0; row < rows; row += GROUP * VR_LANES) {
        vr sum[GROUP], product[GROUP];
        for (group.count = 0; group.count < GROUP && row + group.count * VR_LANES < rows;
             group.count++) {
            group.first[group.count] = vector_at(row + group.count * VR_LANES, rows);
            sum[group.count] = vr_set(0), product[group.count] = vr_set(1);
        }
        for (size_t j = 0; j < d; j++) {
            const gki_real *eps = eps_t + j * rows;
            const vr location = vr_set(a[j]), by_scale = vr_set(1 / b[j]);
            if (!is_small(g[j], k[j])) {
                for (size_t r = 0; r < rows; r++)
                    zeta_t[j * rows + r] = INFINITY;
                failed = true;
                continue;
            }
            for (size_t i = 0; i < group.count; i++)
                group.v[i] =
                    (vr_load_part(eps + group.first[i], rows - group.first[i], a[j]) - location) *
                    by_scale;
            small_scores_of(&group, vr_set(g[j] / 2), vr_set(k[j]));
            failed = store_scores(&group, rows, zeta_t + j * rows, sum, product) || failed;
            for (size_t i = 0; i < group.count && j % FACTORS == FACTORS - 1; i++) {
                sum[i] = sum[i] + vr_log(product[i]);
                product[i] = vr_set(1);
            }
        }
        for (size_t i = 0; i < group.count; i++)
            vr_store_part(log_slope + group.first[i], rows - group.first[i],
                          sum[i] + vr_log(product[i]));
    }
    return failed;
}

/* Turns VR_LANES numbers of as many rows. */
static inline void turn_square(size_t rows, const gki_real *from_t, const bool *wanted,
                               gki_real *out, size_t out_row)
{
    vr turned[VR_LANES];
    vr_transpose(from_t, rows, turned);
    for (size_t i = 0; i < VR_LANES; i++)
        if (wanted[i])
            vr_store(out + i * out_row, turned[i]);
}

static void turn_back(size_t rows, size_t d, const gki_real *from_t, const gki_real *responsibility,
                      size_t stride, gki_real *out, size_t out_row)
{
    size_t row = 0;
    for (; d >= VR_LANES && row + VR_LANES <= rows; row += VR_LANES) {
        bool wanted[VR_LANES], any = false;
        for (size_t i = 0; i < VR_LANES; i++) {
            wanted[i] = responsibility[(row + i) * stride] != 0;
            any = any || wanted[i];
        }
        for (size_t first = 0; any && first < d; first += VR_LANES) {
            const size_t j = vector_at(first, d);
            turn_square(rows, from_t + j * rows + row, wanted, out + row * out_row + j, out_row);
        }
    }
    for (; row < rows; row++)
        for (size_t j = 0; responsibility[row * stride] != 0 && j < d; j++)
            out[row * out_row + j] = from_t[j * rows + row];
}

static void clamp(size_t n, gki_real *z, gki_real *dq)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        vr_store_part(z + i, n - i, clamped(vr_load_part(z + i, n - i, 0)));
        if (dq)
            vr_store_part(dq + i, n - i,
                          vr_max(vr_set(1 / ARGUMENT_MAX), vr_load_part(dq + i, n - i, 1)));
    }
}

static void log_densities(size_t rows, size_t d, gki_real constant, const gki_real *w_t,
                          const gki_real *log_slope, gki_real *log_f)
{
    for (size_t row = 0; row < rows; row += VR_LANES) {
        const size_t r = vector_at(row, rows), left = rows - r;
        vr sum[2] = {vr_set(0), vr_set(0)};
        for (size_t j = 0; j < d; j++) {
            const vr w = vr_load_part(w_t + j * rows + r, left, 0);
            sum[j % 2] = vr_fma(w, w, sum[j % 2]);
        }
        const vr rest = vr_set(constant) - vr_load_part(log_slope + r, left, 0);
        vr_store_part(log_f + r, left, vr_fma(vr_set(-0.5), sum[0] + sum[1], rest));
    }
}

static gki_real softmax(size_t components, gki_real *logs)
{
    gki_real most = logs[0];
    for (size_t k = 1; k < components; k++)
        /* a NaN is kept: no number compares above it */
        most = logs[k] > most || logs[k] != logs[k] ? logs[k] : most;
    vr sum = vr_set(0);
    for (size_t k = 0; k < components; k += VR_LANES) {
        const vr off = vr_load_part(logs + k, components - k, -INFINITY) - vr_set(most);
        vr e = vr_exp(vr_max(off, vr_set(-80)));
        e = vr_select(e < vr_set(RESPONSIBILITY_MIN), vr_set(0), e);
        sum = sum + e;
        vr_store_part(logs + k, components - k, e);
    }
    const gki_real total = vr_sum(sum);
    for (size_t k = 0; k < components; k++)
        logs[k] /= total;
    return most + (gki_real)log((double)total);
}

static gki_real dot(size_t n, const gki_real *x, const gki_real *y)
{
    vr sum = vr_set(0);
    gki_real rest = 0;
    size_t i = 0;
    for (; i + VR_LANES <= n; i += VR_LANES)
        sum = vr_fma(vr_load(x + i), vr_load(y + i), sum);
    for (; i < n; i++)
        rest += x[i] * y[i];
    return vr_sum(sum) + rest;
}

static void add_gradient(size_t n, gki_real weight, const gki_real *u, const gki_real *ratio,
                         const gki_real *dq, gki_real *out)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        vr gradient = vr_load_part(u + i, n - i, 0);
        if (ratio)
            gradient = gradient + vr_load_part(ratio + i, n - i, 0);
        gradient = vr_set(weight) * gradient / vr_load_part(dq + i, n - i, 1);
        vr_store_part(out + i, n - i, vr_load_part(out + i, n - i, 0) - gradient);
    }
}

static inline gki_real within(gki_real x, gki_real most)
{
    return x < -most ? -most : x > most ? most : x;
}

static void statistics(size_t d, gki_real weight, const gki_mixture_statistics *row,
                       gki_real *restrict sum)
{
    const gki_real *restrict zeta = row->zeta, *restrict u = row->u, *restrict spread = row->spread;
    gki_real *restrict clamped = row->clamped, *restrict weighted = row->weighted,
                       *restrict excess = row->excess;
    int32_t *restrict cells = row->cell;
    for (size_t j = 0; j < d; j++) {
        const gki_real score = within(zeta[j], SCORE_BOUND), cell = (score + (gki_real)3.1) * 5 + 1;
        clamped[j] = score;
        weighted[j] = weight * score;
        sum[j] += weight * score;
        /* a NaN is in cell 0 */
        cells[j] =
            (int32_t)(cell > 0 ? (cell < GKV_ONLINE_BOUNDARIES ? cell : GKV_ONLINE_BOUNDARIES) : 0);
    }
    if (!u)
        return;
    for (size_t j = 0; j < d; j++)
        excess[j] = weight * within(u[j] - clamped[j], SCORE_BOUND * spread[j]);
}

#undef ARGUMENT_MAX
#undef SCORE_BOUND
#undef RESPONSIBILITY_MIN
#undef LARGEST_G
#undef K_MIN
#undef LARGEST_K

GKV_SIMD_TABLE(gki_mixture_kernels, .standardise = standardise, .small_scores = small_scores,
               .turn_back = turn_back, .clamp = clamp, .log_densities = log_densities,
               .softmax = softmax, .dot = dot, .add_gradient = add_gradient,
               .statistics = statistics);
