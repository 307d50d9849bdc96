/* The mean squared error, the PSNR and the structural similarity of pairs of images, and their
 * means over a batch. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/memory.h"
#include "metrics/image_scores.h"

/* --- Checks and squared errors -------------------------------------------- */

/* Refuses a pixel outside [0,1]; `what` names the measure in the message. */
static gkv_status pixels_check(const char *what, const float *a, const float *b, size_t pixels)
{
    if (pixels == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: the images have no pixels", what);
    const float *const images[2] = {a, b};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < pixels; i++)
            if (!(images[k][i] >= 0.0F && images[k][i] <= 1.0F)) /* false for NaN too */
                return gki_fail(GKV_ERR_DATA,
                                "%s: pixel %zu of the %s image is %g; grey values must be in [0,1]",
                                what, i, k == 0 ? "first" : "second", (double)images[k][i]);
    return GKV_OK;
}

/* The mean squared error of pixels that have been checked. */
static double mse_of_checked(const float *a, const float *b, size_t pixels)
{
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) {
        const double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum / (double)pixels;
}

static double psnr_of(double mse)
{
    return mse > 0 ? -10.0 * log10(mse) : (double)INFINITY;
}

/* --- Structural similarity, by a separable Gaussian window ---------------- */

enum { TAPS = 11, RADIUS = TAPS / 2, MOMENTS = 5 };

static const double SIGMA = 1.5;
static const double C1 = 0.01 * 0.01; /* (K1·range)² */
static const double C2 = 0.03 * 0.03;

/* One side of the images. */
typedef struct side {
    size_t pixels;  /* length of the side */
    size_t windows; /* number of windows along the side */
    size_t *reads;  /* [windows × TAPS] the pixel that each tap of each window reads */
} side;

typedef struct ssim_plan {
    side rows, columns;
    double weights[TAPS];
    /* [rows.pixels × columns.windows × MOMENTS] moments that are filtered along the rows */
    double *across;
} ssim_plan;

/* The pixel at position i of a line of n pixels with symmetric padding. The pattern d c b a | a b c
 * d | d c b a has the period 2n. */
static size_t padded_index(long i, size_t n)
{
    const long period = 2 * (long)n;
    long within = i % period;
    if (within < 0)
        within += period;
    return (size_t)(within < (long)n ? within : period - 1 - within);
}

static gkv_status side_create(side *s, size_t pixels)
{
    s->pixels = pixels;
    s->windows = pixels >= TAPS ? pixels - TAPS + 1 : pixels;
    const long first = pixels >= TAPS ? 0 : -RADIUS;
    if (s->windows > SIZE_MAX / TAPS || pixels > (size_t)(INT32_MAX / 2))
        return gki_fail(GKV_ERR_ARGUMENT, "SSIM: a side of %zu pixels is too long", pixels);
    GKV_TRY(gki_alloc(s->windows * TAPS, sizeof *s->reads, &s->reads));
    for (size_t window = 0; window < s->windows; window++)
        for (size_t tap = 0; tap < TAPS; tap++)
            s->reads[window * TAPS + tap] = padded_index(first + (long)(window + tap), pixels);
    return GKV_OK;
}

static void ssim_free(ssim_plan *ssim)
{
    if (!ssim)
        return;
    free(ssim->rows.reads);
    free(ssim->columns.reads);
    free(ssim->across);
    free(ssim);
}

static gkv_status ssim_create(size_t h, size_t w, ssim_plan **out)
{
    *out = NULL;
    if (h == 0 || w == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "SSIM: the images are %zu×%zu, without pixels", h, w);
    ssim_plan *ssim = NULL;
    GKV_TRY(gki_alloc(1, sizeof *ssim, &ssim));
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(side_create(&ssim->rows, h));
    GKV_TRY_GOTO(side_create(&ssim->columns, w));
    /* Each side is below 2^30, so h·w and this size fit in 64 bits. */
    GKV_TRY_GOTO(
        gki_alloc(h * ssim->columns.windows, MOMENTS * sizeof *ssim->across, &ssim->across));

    double sum = 0;
    for (int tap = 0; tap < TAPS; tap++) {
        const double t = (tap - RADIUS) / SIGMA;
        sum += ssim->weights[tap] = exp(-0.5 * t * t);
    }
    for (int tap = 0; tap < TAPS; tap++)
        ssim->weights[tap] /= sum;
    *out = ssim;
    return GKV_OK;
done:
    ssim_free(ssim);
    return status;
}

/* Filters one row of both images along the row: E[a], E[b], E[a²], E[b²], E[ab] for each window.
 * Neighbouring pixels of a channel are `channels` values apart. */
static void filter_row(const ssim_plan *ssim, const float *a, const float *b, size_t channels,
                       double *out)
{
    for (size_t window = 0; window < ssim->columns.windows; window++) {
        const size_t *const reads = ssim->columns.reads + window * TAPS;
        double moments[MOMENTS] = {0};
        for (int tap = 0; tap < TAPS; tap++) {
            const double weight = ssim->weights[tap];
            const double x = (double)a[reads[tap] * channels], y = (double)b[reads[tap] * channels];
            moments[0] += weight * x;
            moments[1] += weight * y;
            moments[2] += weight * x * x;
            moments[3] += weight * y * y;
            moments[4] += weight * x * y;
        }
        for (int m = 0; m < MOMENTS; m++)
            out[window * MOMENTS + (size_t)m] = moments[m];
    }
}

/* The similarity of one window (Wang et al. 2004, eq. 13). */
static double similarity(const double moments[MOMENTS])
{
    const double mean_a = moments[0], mean_b = moments[1];
    const double variance_a = moments[2] - mean_a * mean_a;
    const double variance_b = moments[3] - mean_b * mean_b;
    const double covariance = moments[4] - mean_a * mean_b;
    return (2 * mean_a * mean_b + C1) * (2 * covariance + C2) /
           ((mean_a * mean_a + mean_b * mean_b + C1) * (variance_a + variance_b + C2));
}

/* The similarity of one channel. */
static double ssim_of_channel(ssim_plan *ssim, const float *a, const float *b, size_t channels)
{
    const size_t width = ssim->columns.pixels * channels, stride = ssim->columns.windows * MOMENTS;
    for (size_t row = 0; row < ssim->rows.pixels; row++)
        filter_row(ssim, a + row * width, b + row * width, channels, ssim->across + row * stride);

    double total = 0;
    for (size_t down = 0; down < ssim->rows.windows; down++)
        for (size_t window = 0; window < ssim->columns.windows; window++) {
            double moments[MOMENTS] = {0};
            for (size_t tap = 0; tap < TAPS; tap++) {
                const double *const from =
                    ssim->across + ssim->rows.reads[down * TAPS + tap] * stride + window * MOMENTS;
                for (int m = 0; m < MOMENTS; m++)
                    moments[m] += ssim->weights[tap] * from[m];
            }
            total += similarity(moments);
        }
    return total / ((double)ssim->rows.windows * (double)ssim->columns.windows);
}

static double ssim_of_checked(ssim_plan *ssim, const float *a, const float *b, size_t channels)
{
    double sum = 0;
    for (size_t c = 0; c < channels; c++)
        sum += ssim_of_channel(ssim, a + c, b + c, channels);
    return sum / (double)channels;
}

/* --- The public functions ------------------------------------------------- */

gkv_status gkv_image_mse(size_t pixels, const float *a, const float *b, double *mse)
{
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(mse);
    GKV_TRY(pixels_check("mean squared error", a, b, pixels));
    *mse = mse_of_checked(a, b, pixels);
    return GKV_OK;
}

gkv_status gkv_image_psnr(size_t pixels, const float *a, const float *b, double *psnr)
{
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(psnr);
    GKV_TRY(pixels_check("PSNR", a, b, pixels));
    *psnr = psnr_of(mse_of_checked(a, b, pixels));
    return GKV_OK;
}

gkv_status gkv_image_ssim(size_t height, size_t width, const float *a, const float *b, double *ssim)
{
    ssim_plan *plan = NULL;
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(ssim);
    GKV_TRY(ssim_create(height, width, &plan));
    const gkv_status status = pixels_check("SSIM", a, b, height * width);
    if (status == GKV_OK)
        *ssim = ssim_of_checked(plan, a, b, 1);
    ssim_free(plan);
    return status;
}

gkv_status gki_image_scores_each(size_t n, size_t height, size_t width, size_t channels,
                                 const float *a, const float *b, double *mse, double *ssim)
{
    ssim_plan *plan = NULL;
    GKV_TRY(ssim_create(height, width, &plan)); /* also refuses sizes whose product overflows */
    gkv_status status = GKV_OK;
    const size_t pixels = height * width * channels;
    for (size_t i = 0; i < n; i++) {
        const float *const first = a + i * pixels, *const second = b + i * pixels;
        status = pixels_check("image scores", first, second, pixels);
        if (status != GKV_OK) {
            status = gki_fail_context(status, "pair %zu of %zu", i, n);
            goto done;
        }
        mse[i] = mse_of_checked(first, second, pixels);
        ssim[i] = ssim_of_checked(plan, first, second, channels);
    }
done:
    ssim_free(plan);
    return status;
}

gkv_image_scores gki_image_scores_mean(size_t n, const double *mse, const double *ssim)
{
    gkv_accumulator psnr = {0};
    uint64_t identical = 0;
    for (size_t i = 0; i < n; i++) {
        if (mse[i] > 0)
            gkv_accumulator_add(&psnr, psnr_of(mse[i]));
        else
            identical++;
    }
    return (gkv_image_scores){
        .mse = gkv_mean_se_of(n, mse),
        .psnr = gkv_accumulator_result(&psnr),
        .ssim = gkv_mean_se_of(n, ssim),
        .identical = identical,
    };
}

gkv_status gkv_image_scores_of(size_t n, size_t height, size_t width, size_t channels,
                               const float *a, const float *b, gkv_image_scores *scores)
{
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(scores);
    if (n == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "image scores of 0 pairs: at least one is needed");
    if (channels != 1 && channels != 3)
        return gki_fail(GKV_ERR_ARGUMENT, "image scores of %zu channels: give 1 or 3", channels);
    double *mse = NULL, *ssim = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(n, sizeof *mse, &mse));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *ssim, &ssim));
    GKV_TRY_GOTO(gki_image_scores_each(n, height, width, channels, a, b, mse, ssim));
    *scores = gki_image_scores_mean(n, mse, ssim);
done:
    free(mse);
    free(ssim);
    return status;
}
