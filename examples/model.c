/* Plain arrays through a model: draws from its prior, images of them, and their densities. A model
 * file of `gkvae train` is the argument; without one the model is untrained. Ctrl-C stops. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gkvae/model.h>

enum { SIDE = 28, DRAWS = 2000 };

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    stop = number;
}

static bool show(void *context, const gkv_progress *progress)
{
    (void)context;
    fprintf(stderr, "\r%llu of %llu", (unsigned long long)progress->done,
            (unsigned long long)progress->total);
    return false; /* true would stop the call, as the flag does */
}

static gkv_status open_model(const char *path, gkv_model **model)
{
    double mean[SIDE * SIDE];
    if (path)
        return gkv_model_load(path, model);
    for (size_t k = 0; k < SIDE * SIDE; k++)
        mean[k] = 0.1;
    return gkv_model_create(SIDE, SIDE, 1, mean, NULL, model);
}

int main(int argc, char **argv)
{
    gkv_model *model = NULL;
    float *codes = NULL, *images = NULL;
    double *prior = NULL, *likelihood = NULL, sum[2] = {0, 0};
    const gkv_run_options options = {.threads = 2, .progress = show, .stop = &stop};
    int failed = 1;
    signal(SIGINT, on_signal);
    if (open_model(argc > 1 ? argv[1] : NULL, &model) != GKV_OK)
        goto done;
    const size_t pixels = gkv_model_values(model);
    codes = malloc(DRAWS * gkv_model_latent(model) * sizeof *codes);
    images = malloc(DRAWS * pixels * sizeof *images);
    prior = malloc(DRAWS * sizeof *prior);
    likelihood = malloc(DRAWS * sizeof *likelihood);
    if (!codes || !images || !prior || !likelihood ||
        gkv_model_sample(model, DRAWS, 1, 0, 1.0, &options, codes) != GKV_OK ||
        gkv_model_decode(model, DRAWS, codes, &options, images) != GKV_OK ||
        gkv_model_sample_pixels(model, DRAWS, images, 1, 0, NULL, images) != GKV_OK ||
        gkv_model_log_prior(model, DRAWS, codes, NULL, prior) != GKV_OK ||
        gkv_model_log_likelihood(model, DRAWS, images, codes, NULL, likelihood) != GKV_OK)
        goto done;
    for (size_t i = 0; i < DRAWS; i++) {
        sum[0] += prior[i] / DRAWS;
        sum[1] += likelihood[i] / DRAWS;
    }
    printf("\n%d draws: mean log p(z) %.2f, mean log p(x|z) %.2f\n", DRAWS, sum[0], sum[1]);
    failed = 0;
done:
    if (failed)
        fprintf(stderr, "%s\n", gkv_error_message());
    gkv_model_free(model);
    free(codes);
    free(images);
    free(prior);
    free(likelihood);
    return failed;
}
