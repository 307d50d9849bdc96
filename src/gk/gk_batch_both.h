/* Arrays of the g-and-k distribution, for both numeric types (core/both_types.h); part of
 * gk_batch.c. */

/* --- gk/gk_batch_kernels.h ------------------------------------------------ */

static void S(fill)(S(gki_gk_tile) * tile, const S(gki_gk_columns) * columns, size_t first,
                    size_t width)
{
    tile->c = columns->c;
    tile->period = width;
    for (size_t i = 0, j = first; i < width + GKV_GK_TILE_SPARE; i++, j++) {
        j = j < first + width ? j : first;
        tile->a[i] = columns->a[j];
        tile->b[i] = columns->b[j];
        tile->g[i] = columns->g[j];
        tile->k[i] = columns->k[j];
    }
}

static S(gki_gk_outputs) S(outputs_at)(const S(gki_gk_outputs) * o, size_t offset)
{
    return (S(gki_gk_outputs)){.x = AT(o->x, offset),
                               .dq = AT(o->dq, offset),
                               .log_dq = AT(o->log_dq, offset),
                               .ratio = AT(o->ratio, offset),
                               .x_g = AT(o->x_g, offset),
                               .x_k = AT(o->x_k, offset),
                               .log_dq_g = AT(o->log_dq_g, offset),
                               .log_dq_k = AT(o->log_dq_k, offset)};
}

static void S(invert)(size_t rows, size_t d, const S(gki_gk_columns) * columns, const REAL *x,
                      REAL *z, REAL *log_dq, REAL *dq, REAL *ratio, REAL *log_pdf)
{
    S(gki_gk_tile) tile;
    for (size_t first = 0; first < d; first += GKV_GK_TILE) {
        const size_t width = d - first < GKV_GK_TILE ? d - first : GKV_GK_TILE;
        S(fill)(&tile, columns, first, width);
        const size_t parts = width == d ? 1 : rows, length = width == d ? rows * d : width;
        for (size_t part = 0; part < parts; part++) {
            const size_t offset = part * d + first;
            kernels()->S(inverse)(length, &tile, x + offset, AT(z, offset), AT(log_dq, offset),
                                  AT(dq, offset), AT(ratio, offset), AT(log_pdf, offset));
        }
    }
}

void S(gki_gk_batch_inverse)(size_t rows, size_t d, const S(gki_gk_columns) * columns,
                             const REAL *x, REAL *z, REAL *log_dq, REAL *dq, REAL *ratio)
{
    S(invert)(rows, d, columns, x, z, log_dq, dq, ratio, NULL);
}

void S(gki_gk_batch_density)(size_t rows, size_t d, const S(gki_gk_columns) * columns,
                             const REAL *x, REAL *z, REAL *log_pdf, REAL *dq, REAL *ratio)
{
    S(invert)(rows, d, columns, x, z, NULL, dq, ratio, log_pdf);
}

void S(gki_gk_batch_probability)(size_t n, const REAL *z, REAL *lower, REAL *upper, REAL *log_lower,
                                 REAL *log_upper)
{
    kernels()->S(probability)(n, z, lower, upper, log_lower, log_upper);
}

void S(gki_gk_batch_normal_score)(size_t n, gkv_gk_tail tail, const REAL *p, REAL *z)
{
    kernels()->S(normal_score)(n, tail, p, z);
}

void S(gki_gk_batch_forward)(size_t rows, size_t d, const S(gki_gk_columns) * columns,
                             const REAL *z, const S(gki_gk_outputs) * out)
{
    S(gki_gk_tile) tile;
    for (size_t first = 0; first < d; first += GKV_GK_TILE) {
        const size_t width = d - first < GKV_GK_TILE ? d - first : GKV_GK_TILE;
        S(fill)(&tile, columns, first, width);
        const size_t parts = width == d ? 1 : rows, length = width == d ? rows * d : width;
        for (size_t part = 0; part < parts; part++) {
            const S(gki_gk_outputs) outputs = S(outputs_at)(out, part * d + first);
            kernels()->S(forward)(length, &tile, z + part * d + first, &outputs);
        }
    }
}

void S(gki_gk_batch_shape)(size_t n, const REAL *g, const REAL *k, REAL c, const REAL *u,
                           const S(gki_gk_outputs) * out)
{
    kernels()->S(shape)(n, g, k, c, u, out);
}

/* --- gkvae/gk_batch.h ----------------------------------------------------- */

/* One set of parameters, rounded to REAL. */
typedef struct S(one) {
    REAL a, b, g, k;
    S(gki_gk_columns) columns; /* points to a, b, g and k */
    gkv_gk gk;                 /* the rounded parameters, in double */
} S(one);

static gkv_status S(prepare)(const gkv_gk *gk, S(one) * one)
{
    GKV_NEED(gk);
    GKV_TRY(gki_gk_check_gk(gk, "a batch"));
    one->a = (REAL)gk->a, one->b = (REAL)gk->b, one->g = (REAL)gk->g, one->k = (REAL)gk->k;
    one->columns = (S(gki_gk_columns)){&one->a, &one->b, &one->g, &one->k, (REAL)gk->c};
    one->gk = (gkv_gk){.a = one->a, .b = one->b, .g = one->g, .k = one->k, .c = one->columns.c};
    return gkv_gk_check(&one->gk) == GKV_OK
               ? GKV_OK
               : gki_fail_context(GKV_ERR_ARGUMENT, "rounded to float");
}

/* Whether a value is NaN or its absolute value is not below `limit`. The loop has no branch,
 * because usually there is no such value. */
static int S(any_beyond)(size_t n, const REAL *values, REAL limit)
{
    REAL beyond = 0; /* REAL rather than int keeps the width of the vectors */
#pragma omp simd reduction(+ : beyond)
    for (size_t i = 0; i < n; i++)
        beyond += (values[i] < 0 ? -values[i] : values[i]) < limit ? (REAL)0 : (REAL)1;
    return beyond > 0;
}

/* Computes element i by the functions of gkvae/gk.h. */
static void S(exactly)(const gkv_gk *gk, double x, size_t i, const P(gkv_gk_at_x) * out)
{
    double score[4];
    if (out->z)
        out->z[i] = (REAL)gkv_gk_Q_inverse(gk, x);
    if (out->log_pdf)
        out->log_pdf[i] = (REAL)gkv_gk_log_pdf(gk, x);
    if (out->pdf)
        out->pdf[i] = (REAL)gkv_gk_pdf(gk, x);
    if (out->cdf)
        out->cdf[i] = (REAL)gkv_gk_cdf(gk, x);
    if (out->cdf_upper)
        out->cdf_upper[i] = (REAL)gkv_gk_cdf_upper(gk, x);
    if (out->log_cdf)
        out->log_cdf[i] = (REAL)gkv_gk_log_cdf(gk, x);
    if (out->log_cdf_upper)
        out->log_cdf_upper[i] = (REAL)gkv_gk_log_cdf_upper(gk, x);
    if (out->dlog_pdf)
        out->dlog_pdf[i] = (REAL)gkv_gk_dlog_pdf(gk, x);
    if (!out->score)
        return;
    gkv_gk_score(gk, x, score);
    for (size_t j = 0; j < 4; j++)
        out->score[4 * i + j] = (REAL)score[j];
}

/* Computes d log f/dx and ∂log f/∂θ from z, Q' and Q''/Q'. */
static void S(slopes)(const S(one) * one, size_t n, const REAL *z, const REAL *dq,
                      const REAL *ratio, REAL *dlog_pdf, REAL *score)
{
    REAL x[CHUNK], x_g[CHUNK], x_k[CHUNK], log_dq_g[CHUNK], log_dq_k[CHUNK];
    if (score)
        S(gki_gk_batch_forward)
    (n, 1, &one->columns, z,
     &(S(gki_gk_outputs)){
         .x = x, .x_g = x_g, .x_k = x_k, .log_dq_g = log_dq_g, .log_dq_k = log_dq_k});
    for (size_t i = 0; i < n; i++) {
        const REAL neg_slope = (z[i] + ratio[i]) / dq[i];
        if (dlog_pdf)
            dlog_pdf[i] = -neg_slope;
        if (!score)
            continue;
        score[4 * i + GKV_GK_A] = neg_slope;
        score[4 * i + GKV_GK_B] = (neg_slope * (x[i] - one->a) - 1) / one->b;
        score[4 * i + GKV_GK_G] = neg_slope * x_g[i] - log_dq_g[i];
        score[4 * i + GKV_GK_K] = neg_slope * x_k[i] - log_dq_k[i];
    }
}

/* Computes n ≤ CHUNK elements, from index `first` on. */
static void S(chunk_at_x)(const S(one) * one, size_t n, const REAL *values, size_t first,
                          const P(gkv_gk_at_x) * all)
{
    const P(gkv_gk_at_x) out = {.z = AT(all->z, first),
                                .log_pdf = AT(all->log_pdf, first),
                                .pdf = AT(all->pdf, first),
                                .cdf = AT(all->cdf, first),
                                .cdf_upper = AT(all->cdf_upper, first),
                                .log_cdf = AT(all->log_cdf, first),
                                .log_cdf_upper = AT(all->log_cdf_upper, first),
                                .dlog_pdf = AT(all->dlog_pdf, first),
                                .score = AT(all->score, 4 * first)};
    /* The distance between the arrays is not a multiple of a page. Otherwise stores to one would
     * delay loads from another. */
    _Alignas(64) REAL x[CHUNK + 16], z[CHUNK + 16], log_pdf[CHUNK + 16], dq[CHUNK + 16],
        ratio[CHUNK + 16];
    memcpy(x, values + first, n * sizeof *x); /* an output may be the input */
    const int slopes = out.dlog_pdf || out.score;
    S(gki_gk_batch_density)
    (n, 1, &one->columns, x, z, out.log_pdf || out.pdf ? log_pdf : NULL, slopes ? dq : NULL,
     slopes ? ratio : NULL);
    if (slopes)
        S(slopes)(one, n, z, dq, ratio, out.dlog_pdf, out.score);
    if (out.cdf || out.cdf_upper || out.log_cdf || out.log_cdf_upper)
        S(gki_gk_batch_probability)(n, z, out.cdf, out.cdf_upper, out.log_cdf, out.log_cdf_upper);
    if (out.pdf)
        gki_vmath_get()->S(exp)(n, log_pdf, out.pdf);
    if (out.log_pdf)
        memcpy(out.log_pdf, log_pdf, n * sizeof *log_pdf);
    if (out.z)
        memcpy(out.z, z, n * sizeof *z);
    /* For large |z| the rounding of z makes f and the probabilities inaccurate. For still larger
     * |z| the kernels do not apply. gkvae/gk.h computes both. */
    const P(gkv_gk_at_x) far = {.pdf = out.pdf,
                                .cdf = out.cdf,
                                .cdf_upper = out.cdf_upper,
                                .log_cdf = out.log_cdf,
                                .log_cdf_upper = out.log_cdf_upper};
    const int any_far = far.pdf || far.cdf || far.cdf_upper || far.log_cdf || far.log_cdf_upper;
    const double widest = (double)LARGEST * fmin(1.0, one->gk.b);
    if (fabs(one->gk.a) < widest / 4 && !S(any_beyond)(n, x, (REAL)(widest / 4)) &&
        !S(any_beyond)(n, z, any_far ? (REAL)RELIABLE : (REAL)CLAMPED))
        return;
    for (size_t i = 0; i < n; i++) {
        const double size = fabs((double)z[i]);
        if (!(size < CLAMPED) || fabs((double)x[i] - one->gk.a) > widest)
            S(exactly)(&one->gk, x[i], i, &out);
        else if (any_far && size > RELIABLE)
            S(exactly)(&one->gk, x[i], i, &far);
    }
}

gkv_status P(gkv_gk_batch_x)(const gkv_gk *gk, size_t n, const REAL *x, const P(gkv_gk_at_x) * out)
{
    S(one) one;
    GKV_NEED(out);
    if (n > 0)
        GKV_NEED(x);
    GKV_TRY(S(prepare)(gk, &one));
    for (size_t i = 0; i < n; i += CHUNK)
        S(chunk_at_x)(&one, n - i < CHUNK ? n - i : CHUNK, x, i, out);
    return GKV_OK;
}

gkv_status P(gkv_gk_batch_z)(const gkv_gk *gk, size_t n, const REAL *z, const P(gkv_gk_at_z) * out)
{
    S(one) one;
    GKV_NEED(out);
    if (n > 0)
        GKV_NEED(z);
    GKV_TRY(S(prepare)(gk, &one));
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t count = n - i < CHUNK ? n - i : CHUNK;
        REAL points[CHUNK], log_dq[CHUNK];
        memcpy(points, z + i, count * sizeof *points);
        S(gki_gk_batch_forward)
        (count, 1, &one.columns, points,
         &(S(gki_gk_outputs)){.x = AT(out->x, i), .dq = AT(out->dq, i), .log_dq = log_dq});
        if (out->log_dq)
            memcpy(out->log_dq + i, log_dq, count * sizeof *points);
        for (size_t j = 0; out->log_pdf && j < count; j++)
            out->log_pdf[i + j] = -(points[j] * points[j]) / 2 - (REAL)GKV_HALF_LOG_2PI - log_dq[j];
        for (size_t j = 0; out->x && j < count; j++)
            if (isinf(points[j]))
                out->x[i + j] = (REAL)gkv_gk_Q(&one.gk, points[j]);
    }
    return GKV_OK;
}

gkv_status P(gkv_gk_batch_quantile)(const gkv_gk *gk, size_t n, gkv_gk_tail tail, const REAL *p,
                                    REAL *x)
{
    static double (*const exact[])(const gkv_gk *, double) = {
        gkv_gk_quantile, gkv_gk_quantile_upper, gkv_gk_quantile_log, gkv_gk_quantile_log_upper};
    S(one) one;
    if (n > 0) {
        GKV_NEED(p);
        GKV_NEED(x);
    }
    if ((unsigned)tail > GKV_GK_LOG_UPPER)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no tail number %d", (int)tail);
    GKV_TRY(S(prepare)(gk, &one));
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t count = n - i < CHUNK ? n - i : CHUNK;
        REAL levels[CHUNK], z[CHUNK];
        memcpy(levels, p + i, count * sizeof *levels);
        S(gki_gk_batch_normal_score)(count, tail, levels, z);
        S(gki_gk_batch_forward)(count, 1, &one.columns, z, &(S(gki_gk_outputs)){.x = x + i});
        for (size_t j = 0; j < count; j++)
            if (!(fabs((double)z[j]) < SCORES))
                x[i + j] = (REAL)exact[tail](&one.gk, levels[j]);
    }
    return GKV_OK;
}
