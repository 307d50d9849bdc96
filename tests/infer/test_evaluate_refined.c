/* Evaluation with refined posteriors (gkvae/eval.h). */
#define _XOPEN_SOURCE 700
#include "infer/refiner_fixture.h"

/* An evaluation with refinement has the refined figures and those of the encoder, for any number of
 * threads. */
static void test_evaluation(void **state)
{
    (void)state;
    gkv_settings settings = kind("realnvp", "gk-copula", "normal", "none");
    settings.eval.images = 60;
    settings.eval.samples = 40;
    gkv_model *model = random_model(&settings, 28, 28);
    gkv_dataset *test = NULL;
    assert_ok(gkv_dataset_load(GKV_TEST, &settings.data, &test));
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    gkv_metrics plain, refined, again;
    assert_ok(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, NULL, NULL, NULL, &plain));
    assert_true(isnan(plain.refined.neg_elbo) && plain.refined.samples == 0);
    assert_ok(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, &how, NULL, NULL, &refined));
    assert_true(refined.neg_elbo == plain.neg_elbo && refined.nll == plain.nll &&
                refined.ess == plain.ess);
    const gkv_refined_metrics *r = &refined.refined;
    assert_true(r->neg_elbo < refined.neg_elbo && r->neg_elbo >= r->nll);
    assert_close(r->nll, refined.nll, 3 * refined.nll_se);
    assert_close(r->neg_elbo, r->reconstruction + r->kl, 1e-9);
    assert_true(r->ess > refined.ess && r->ess <= 40 && refined.ess >= 1);
    assert_true(r->accepted > 0 && r->accepted <= 3 && r->improved > 0 && r->improved <= 60);
    assert_true(r->milliseconds > 0 && r->iterations == 3 && r->samples == 2);
    assert_true(r->mse > 0 && r->ssim <= 1 && r->cross_entropy > 0);
    settings.train.threads = 5;
    assert_ok(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, &how, NULL, NULL, &again));
    assert_true(again.refined.neg_elbo == r->neg_elbo && again.refined.nll == r->nll &&
                again.refined.mse == r->mse);
    how.mode = GKV_REFINE_MAP;
    assert_fails(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, &how, NULL, NULL, &again),
                 GKV_ERR_ARGUMENT, "needs posteriors");
    gkv_dataset_free(test);
    gkv_model_free(model);
}

/* Images beyond a block of 500 have their own posterior and noise. The means over all images are
 * those of a single run of the refiner. */
static void test_blocks(void **state)
{
    (void)state;
    enum { COUNT = 515, LAST = 15, SIDE = 8, N = SIDE * SIDE };
    static uint8_t pixels[COUNT * N];
    static float images[COUNT * N];
    gkv_settings settings = kind("realnvp", "gk", "normal", "none");
    settings.eval.images = COUNT;
    settings.eval.samples = 30;
    for (size_t i = 0; i < COUNT; i++) /* the last images differ from the others */
        for (size_t k = 0; k < N; k++)
            pixels[i * N + k] =
                (i < COUNT - LAST ? k * (1 + i % 5) % 7 == 0 : k * (1 + i) % 5 != 0) ? 255 : 0;
    gkv_model *model = random_model(&settings, SIDE, SIDE);
    gkv_dataset *test = NULL;
    assert_ok(gkv_dataset_from_memory(COUNT, SIDE, SIDE, 1, pixels, NULL, &test));
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.seed = settings.eval.seed;
    assert_ok(gkv_targets(test, COUNT, GKV_TEST, 0, &settings, images));
    answers found = refine(model, &how, COUNT, images);
    double before = 0, after = 0, bound = 0, last = 0, accepted = 0;
    for (size_t i = 0; i < COUNT; i++) {
        before += found.out.cross_entropy_before[i] / COUNT;
        after += found.out.cross_entropy_after[i] / COUNT;
        bound += found.out.after[i] / COUNT;
        accepted += (double)found.out.accepted[i] / COUNT;
        last += i < COUNT - LAST ? 0 : found.out.after[i] / LAST;
    }
    how.seed = 77; /* an evaluation does not read it */
    gkv_metrics all, most;
    assert_ok(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, &how, NULL, NULL, &all));
    assert_relative(all.refined.cross_entropy_before, before, 1e-12);
    assert_relative(all.refined.cross_entropy, after, 1e-12);
    assert_relative(all.refined.accepted, accepted, 1e-12);
    assert_close(all.refined.neg_elbo, bound, 0.2);
    settings.eval.images = COUNT - LAST;
    assert_ok(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, &how, NULL, NULL, &most));
    assert_close((COUNT * all.refined.neg_elbo - (COUNT - LAST) * most.refined.neg_elbo) / LAST,
                 last, 0.5);
    answers_free(&found);
    gkv_dataset_free(test);
    gkv_model_free(model);
}

/* Sets the flag once refinement has begun. */
typedef struct interruption {
    volatile sig_atomic_t stop;
    uint64_t last;
} interruption;

static bool interrupt(void *context, const gkv_progress *progress)
{
    interruption *caller = context;
    caller->last = progress->done;
    caller->stop = 2 * progress->done >= progress->total;
    return false;
}

/* An evaluation stops soon after the stop flag is set during refinement, however much work is
 * left. */
static void test_interrupted(void **state)
{
    (void)state;
    gkv_settings settings = kind("realnvp", "gk-copula", "normal", "none");
    settings.eval.images = 60;
    settings.eval.samples = 4;
    settings.train.threads = 1;
    gkv_model *model = random_model(&settings, 28, 28);
    gkv_dataset *test = NULL;
    assert_ok(gkv_dataset_load(GKV_TEST, &settings.data, &test));
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.iterations = 1000;
    how.curvature_samples = 512;
    interruption caller = {.stop = 0};
    gkv_metrics metrics;
    gkv_run_options options = {.progress = interrupt, .context = &caller, .stop = &caller.stop};
    assert_fails(
        gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, &how, &options, NULL, &metrics),
        GKV_ERR_INTERRUPTED, "interrupted");
    assert_int_equal(caller.last, 60);
    gkv_dataset_free(test);
    gkv_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
