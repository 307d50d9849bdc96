/* Mean squared error, PSNR, and all measures of a batch. */
#include "metrics/image_scores.h"

#include <math.h>
#include <stdint.h>

#include "gkvae/image_metrics.h"

gkv_status gkv_pixels_check(const char *what, const float *a, const float *b, size_t pixels)
{
    if (pixels == 0)
        return gkv_fail(GKV_ERR_ARGUMENT, "%s: the images have no pixels", what);
    const float *const images[2] = {a, b};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < pixels; i++)
            if (!(images[k][i] >= 0.0F && images[k][i] <= 1.0F)) /* so written that NaN fails */
                return gkv_fail(GKV_ERR_DATA, "%s: pixel %zu of the %s image is %g; grey values must be in [0,1]", what,
                                i, k == 0 ? "first" : "second", (double)images[k][i]);
    return GKV_OK;
}

double gkv_mse_of_checked(const float *a, const float *b, size_t pixels)
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

gkv_status gkv_image_mse(const float *a, const float *b, size_t pixels, double *mse)
{
    GKV_TRY(gkv_pixels_check("mean squared error", a, b, pixels));
    *mse = gkv_mse_of_checked(a, b, pixels);
    return GKV_OK;
}

gkv_status gkv_image_psnr(const float *a, const float *b, size_t pixels, double *psnr)
{
    GKV_TRY(gkv_pixels_check("PSNR", a, b, pixels));
    *psnr = psnr_of(gkv_mse_of_checked(a, b, pixels));
    return GKV_OK;
}

gkv_status gkv_image_ssim(const float *a, const float *b, size_t h, size_t w, double *ssim)
{
    gkv_ssim *plan = NULL;
    GKV_TRY(gkv_ssim_create(h, w, &plan));
    const gkv_status status = gkv_pixels_check("SSIM", a, b, h * w);
    if (status == GKV_OK)
        *ssim = gkv_ssim_of_checked(plan, a, b);
    gkv_ssim_free(plan);
    return status;
}

gkv_status gkv_image_scores_of(const float *a, const float *b, size_t n, size_t h, size_t w, gkv_image_scores *scores)
{
    if (n == 0)
        return gkv_fail(GKV_ERR_ARGUMENT, "scores of a batch of 0 images: there is nothing to average");
    gkv_ssim *plan = NULL;
    GKV_TRY(gkv_ssim_create(h, w, &plan)); /* also refuses h·w that overflows */
    gkv_status status = GKV_OK;
    gkv_accumulator mse = {0}, psnr = {0}, ssim = {0};
    uint64_t identical = 0;
    const size_t pixels = h * w;
    for (size_t i = 0; i < n; i++) {
        const float *const first = a + i * pixels, *const second = b + i * pixels;
        status = gkv_pixels_check("image scores", first, second, pixels);
        if (status != GKV_OK) {
            status = gkv_fail_context(status, "pair %zu of %zu", i, n);
            goto done;
        }
        const double error = gkv_mse_of_checked(first, second, pixels);
        gkv_accumulator_add(&mse, error);
        if (error > 0)
            gkv_accumulator_add(&psnr, psnr_of(error));
        else
            identical++;
        gkv_accumulator_add(&ssim, gkv_ssim_of_checked(plan, first, second));
    }
    *scores = (gkv_image_scores){
        .mse = gkv_accumulator_result(&mse),
        .psnr = gkv_accumulator_result(&psnr),
        .ssim = gkv_accumulator_result(&ssim),
        .identical = identical,
    };
done:
    gkv_ssim_free(plan);
    return status;
}
