/* The refined part of gkv_evaluate(), which is its only caller. It uses the public refiner block by
 * block. */
#include "infer/evaluate_refined.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "metrics/image_scores.h"

/* A block of images: all are refined, then estimated. Only their means are kept. Ranks share whole
 * blocks. */
enum { BLOCK_IMAGES = 500 };

typedef struct image_block {
    float *x, *factor; /* [BLOCK_IMAGES, pixels], [BLOCK_IMAGES, d, d] */
    uint32_t *indices;
    gki_real *row; /* one image */
    /* of all images: −log p(x|z) at the start and at the end [count] */
    double *entropy_before, *entropy;
    size_t *accepted;      /* [count] */
    float *means;          /* [count, d] */
    double *mse, *ssim;    /* [count] */
    size_t start, end;     /* the images of this rank */
    float *decoded, *grey; /* of them [end − start, pixels] */
} image_block;

static void block_free(image_block *block)
{
    free(block->x);
    free(block->factor);
    free(block->entropy_before);
    free(block->entropy);
    free(block->accepted);
    free(block->indices);
    free(block->row);
    free(block->means);
    free(block->mse);
    free(block->ssim);
    free(block->decoded);
    free(block->grey);
    *block = (image_block){0};
}

static gkv_status block_create(const gki_estimate_job *job, image_block *block)
{
    const size_t count = job->images->count, pixels = job->model->values, d = job->model->d;
    const size_t n = count < BLOCK_IMAGES ? count : BLOCK_IMAGES;
    size_t own = 0;
    *block = (image_block){.x = NULL};
    gkv_dist_range(count, BLOCK_IMAGES, gkv_dist_rank(job->dist), gkv_dist_size(job->dist),
                   &block->start, &own);
    block->end = block->start + own;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(n * pixels, sizeof *block->x, &block->x));
    GKV_TRY_GOTO(gki_alloc(n * d * d, sizeof *block->factor, &block->factor));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *block->indices, &block->indices));
    GKV_TRY_GOTO(gki_alloc(pixels, sizeof *block->row, &block->row));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *block->entropy_before, &block->entropy_before));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *block->entropy, &block->entropy));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *block->accepted, &block->accepted));
    GKV_TRY_GOTO(gki_alloc(count * d, sizeof *block->means, &block->means));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *block->mse, &block->mse));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *block->ssim, &block->ssim));
    GKV_TRY_GOTO(gki_alloc(own * pixels, sizeof *block->decoded, &block->decoded));
    GKV_TRY_GOTO(gki_alloc(own * pixels, sizeof *block->grey, &block->grey));
done:
    if (status != GKV_OK)
        block_free(block);
    return status;
}

void gki_refined_metrics_none(gkv_refined_metrics *out)
{
    *out = (gkv_refined_metrics){.neg_elbo = NAN,
                                 .neg_elbo_se = NAN,
                                 .reconstruction = NAN,
                                 .reconstruction_se = NAN,
                                 .kl = NAN,
                                 .kl_se = NAN,
                                 .nll = NAN,
                                 .nll_se = NAN,
                                 .ess = NAN,
                                 .cross_entropy_before = NAN,
                                 .cross_entropy = NAN,
                                 .mse = NAN,
                                 .psnr = NAN,
                                 .ssim = NAN,
                                 .accepted = NAN,
                                 .milliseconds = NAN};
}

/* Refines and estimates images [first, first + n), which are this rank's, and adds their time. */
static gkv_status do_block(const gki_estimate_job *job, gkv_refiner *refiner, image_block *b,
                           size_t first, size_t n, const gki_estimates *estimates,
                           gkv_refined_metrics *out)
{
    const gkv_model *model = job->model;
    const size_t pixels = model->values, d = model->d;
    for (size_t i = 0; i < n; i++) {
        b->indices[i] = gki_images_index(job->images, first + i);
        gki_images_fetch(job->images, first + i, 0, b->row);
        gki_images_original(job->images->dataset, b->indices[i],
                            b->grey + (first - b->start + i) * pixels);
        for (size_t k = 0; k < pixels; k++)
            b->x[i * pixels + k] = (float)b->row[k];
    }
    gkv_run_options inner = gki_call_inner(job->call);
    inner.threads = job->threads;
    const double began = omp_get_wtime();
    const gkv_status status =
        gkv_refiner_run(refiner, n, b->x, first, &inner,
                        &(gkv_refined){.mean = b->means + first * d,
                                       .factor = b->factor,
                                       .cross_entropy_before = b->entropy_before + first,
                                       .cross_entropy_after = b->entropy + first,
                                       .accepted = b->accepted + first});
    if (status == GKV_ERR_INTERRUPTED)
        return gki_fail(GKV_ERR_INTERRUPTED,
                        "evaluation was interrupted while refining images %zu to %zu of %zu",
                        first + 1, first + n, job->images->count);
    GKV_TRY(status);
    out->milliseconds += 1000 * (omp_get_wtime() - began);
    gki_images images = *job->images;
    images.order = b->indices;
    images.count = n;
    const gki_estimate_gaussians gaussians = {.mean = b->means + first * d, .factor = b->factor};
    gki_estimate_job part = *job;
    part.images = &images;
    part.gaussians = &gaussians;
    part.dist = NULL; /* the block is this rank's */
    gki_estimates slice = {.reconstruction = estimates->reconstruction + first,
                           .kl = estimates->kl + first,
                           .nll = estimates->nll + first,
                           .ess = estimates->ess + first};
    return gki_estimate(&part, &slice);
}

/* Scores this rank's images, which are decoded from the refined means, and gives all ranks what is
 * known of each image. */
static gkv_status score_and_share(const gki_estimate_job *job, image_block *b,
                                  const gki_estimates *estimates)
{
    const gkv_model *model = job->model;
    const size_t n = b->end - b->start;
    const gkv_run_options inner = gki_call_inner(job->call);
    const struct {
        void *values;
        size_t size;
    } shared[] = {{estimates->reconstruction, sizeof(double)},
                  {estimates->kl, sizeof(double)},
                  {estimates->nll, sizeof(double)},
                  {estimates->ess, sizeof(double)},
                  {b->entropy_before, sizeof(double)},
                  {b->entropy, sizeof(double)},
                  {b->accepted, sizeof *b->accepted},
                  {b->means, model->d * sizeof *b->means},
                  {b->mse, sizeof(double)},
                  {b->ssim, sizeof(double)}};
    GKV_TRY(gkv_model_decode(model, n, b->means + b->start * model->d, &inner, b->decoded));
    gki_images_limit(gkv_settings_pixels(&model->settings), n * model->values, b->decoded);
    GKV_TRY(gki_image_scores_each(n, model->height, model->width, model->channels, b->decoded,
                                  b->grey, b->mse + b->start, b->ssim + b->start));
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        GKV_TRY(gkv_dist_share(job->dist, job->images->count, BLOCK_IMAGES, shared[i].size,
                               shared[i].values));
    return GKV_OK;
}

/* Computes means of what is known of each image. */
static gkv_status summarise(const gki_estimate_job *job, const image_block *b,
                            const gki_estimates *estimates, gkv_refined_metrics *out)
{
    const size_t n = job->images->count;
    const gkv_image_scores scores = gki_image_scores_mean(n, b->mse, b->ssim);
    gki_estimates_summary s;
    GKV_TRY(gki_estimates_summarise(estimates, n, job->likelihood, &s));
    for (size_t i = 0; i < n; i++) {
        out->cross_entropy_before += b->entropy_before[i];
        out->cross_entropy += b->entropy[i];
        out->accepted += (double)b->accepted[i];
        out->improved += b->accepted[i] > 0;
    }
    out->neg_elbo = s.neg_elbo.mean, out->neg_elbo_se = s.neg_elbo.se;
    out->reconstruction = s.reconstruction.mean, out->reconstruction_se = s.reconstruction.se;
    out->kl = s.kl.mean, out->kl_se = s.kl.se;
    out->nll = s.nll.mean, out->nll_se = s.nll.se;
    out->ess = s.ess;
    out->mse = scores.mse.mean;
    out->psnr = scores.psnr.mean;
    out->ssim = scores.ssim.mean;
    out->cross_entropy_before /= (double)n;
    out->cross_entropy /= (double)n;
    out->accepted /= (double)n;
    out->milliseconds /= (double)(b->end > b->start ? b->end - b->start : 1);
    return GKV_OK;
}

gkv_status gki_evaluate_refined(const gki_estimate_job *job, const gkv_refine_settings *settings,
                                gki_estimates *estimates, float *mean, gkv_refined_metrics *out)
{
    const size_t count = job->images->count;
    gkv_refine_settings own = *settings;
    gkv_refiner *refiner = NULL;
    image_block b = {.x = NULL};
    gkv_status status = GKV_OK;
    own.seed = job->seed;
    *out = (gkv_refined_metrics){.iterations = own.iterations, .samples = own.curvature_samples};
    GKV_TRY_GOTO(gkv_refiner_create(job->model, &own, &refiner));
    GKV_TRY_GOTO(block_create(job, &b));
    for (size_t first = b.start; first < b.end; first += BLOCK_IMAGES)
        GKV_TRY_GOTO(do_block(job, refiner, &b, first,
                              b.end - first < BLOCK_IMAGES ? b.end - first : BLOCK_IMAGES,
                              estimates, out));
    GKV_TRY_GOTO(score_and_share(job, &b, estimates));
    GKV_TRY_GOTO(summarise(job, &b, estimates, out));
    if (mean)
        memcpy(mean, b.means, count * job->model->d * sizeof *mean);
done:
    gkv_refiner_free(refiner);
    block_free(&b);
    return status;
}
