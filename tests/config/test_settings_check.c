/* Checks of whole settings: combinations of keys, and structs that a program filled itself. */
#include "support.h"

#include <math.h>

#include "gkvae/settings.h"

static void combinations_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *set[6];  /* key, value, key, value … */
        const char *message; /* NULL if the check is to pass */
    } cases[] = {
        {{"model.posterior_flow", "radial"}, "posterior_flow = radial has no layers"},
        {{"model.posterior_layers", "3"}, "posterior_layers = 3 needs a flow"},
        {{"model.posterior_flow", "radial", "model.posterior_layers", "3"}, NULL},
        {{"model.prior_flow", "none"}, NULL},
        {{"model.prior_layers", "0"}, NULL},
        {{"model.latent", "1"}, "prior_flow = realnvp moves dimensions of z by others"},
        {{"model.latent", "1", "model.prior_flow", "maf"}, "prior_flow = maf moves dimensions"},
        {{"model.latent", "1", "model.prior_flow", "none"}, NULL},
        {{"model.latent", "1", "model.prior_layers", "0"}, NULL},
        {{"model.base", "normal"}, NULL},
        {{"model.likelihood", "logistic-mixture"},
         "data.binarization = dynamic makes pixels 0 or 1; set data.binarization to grey"},
        {{"model.likelihood", "logistic-mixture", "data.binarization", "static"}, "static makes"},
        {{"model.likelihood", "logistic-mixture", "data.binarization", "grey"}, NULL},
        {{"model.likelihood", "gk", "data.binarization", "continuous"},
         "makes pixels real numbers; set data.binarization to grey, or the likelihood to normal-"},
        {{"model.likelihood", "gk-density"}, "densities (normal-density, gk-density) are of"},
        {{"data.binarization", "continuous"}, "densities (normal-density, gk-density) are of"},
        {{"model.likelihood", "gk-density", "data.binarization", "continuous"}, NULL},
        {{"train.patience", "3", "data.validation", "0"}, "train.patience = 3 needs"},
        {{"train.patience", "3"}, NULL},
        {{"train.free_bits", "3", "train.samples", "2"}, NULL},
        {{"train.free_bits", "3", "train.objective", "iwae"},
         "train.free_bits = 3 is for the KL term"},
        {{"train.fine_tune_epochs", "3", "train.objective", "iwae", "train.samples", "4"}, NULL},
        {{"train.resampling", "importance", "train.objective", "iwae"}, NULL},
        {{"model.base_covariance", "low-rank"}, NULL},
        {{"model.base_covariance", "low-rank", "model.base_fit", "lm+grad"},
         "(model.base_fit = lm+grad)"},
        {{"model.base_covariance", "low-rank", "model.base_fit", "grad", "model.base", "normal"},
         NULL},
        {{"model.base", "gk-mixture", "model.base_fit", "fixed"},
         "all components of model.base = gk-mixture equal"},
        {{"model.base", "gk-copula", "model.base_fit", "fixed"}, NULL},
        {{"model.base_covariance", "low-rank", "model.base_rank", "23"}, NULL},
        {{"model.base_covariance", "low-rank", "model.base_rank", "24"},
         "model.base_rank = 24 factors of model.latent = 24"},
        {{"model.base_covariance", "low-rank", "model.latent", "3", "model.base", "gk-by-class"},
         "model.base_rank = 4 factors"},
        {{"model.base_covariance", "full", "model.base_rank", "4000"}, NULL},
        {{"model.base_covariance", "low-rank", "model.base_rank", "40", "model.base", "gk"}, NULL},
        {{"model.base", "full-gaussian"}, NULL},
        {{"model.base", "full-gaussian", "model.base_covariance", "low-rank"},
         "but model.base_covariance = low-rank"},
        {{"model.base", "full-gaussian", "model.base_covariance", "diagonal"},
         "but model.base_covariance = diagonal"},
        {{"train.resampling", "importance"},
         "the objective is elbo and train.fine_tune_epochs is 0"},
        {{"train.resampling", "importance", "train.objective", "iwae", "train.fine_tune_epochs",
          "2"},
         "the objective is iwae and train.fine_tune_epochs is 2"},
        {{"train.fine_tune_epochs", "3", "train.fine_tune_samples", "5"},
         "train.fine_tune_samples = 5: they come in pairs"},
        {{"train.fine_tune_epochs", "3", "model.posterior", "full"},
         "model.posterior = full, model.posterior_flow = none"},
        {{"train.fine_tune_epochs", "3", "model.posterior", "gk"}, "model.posterior = gk, "},
        {{"train.fine_tune_epochs", "3", "model.posterior_flow", "planar", "model.posterior_layers",
          "2"},
         "model.posterior = normal, model.posterior_flow = planar"},
        {{"model.posterior", "gk", "train.fine_tune_iterations", "2"}, NULL},
        {{"train.fine_tune_epochs", "3", "train.patience", "4"},
         "train.patience = 4 chooses the epoch"},
    };
    gkv_settings settings;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gkv_settings_defaults(&settings);
        for (size_t j = 0; j < 6 && cases[i].set[j]; j += 2)
            assert_ok(gkv_settings_set(&settings, cases[i].set[j], cases[i].set[j + 1], "test"));
        if (cases[i].message)
            assert_fails(gkv_settings_check(&settings), GKV_ERR_CONFIG, cases[i].message);
        else
            assert_ok(gkv_settings_check(&settings));
    }
    /* A struct that was filled by hand. */
    gkv_settings_defaults(&settings);
    settings.model.latent = -4;
    assert_fails(gkv_settings_check(&settings), GKV_ERR_CONFIG, "model.latent = -4");
    gkv_settings_defaults(&settings);
    memset(settings.data.dataset, 'g', sizeof settings.data.dataset);
    assert_fails(gkv_settings_check(&settings), GKV_ERR_CONFIG, "data.dataset does not end");
    gkv_settings_defaults(&settings);
    settings.model.base = (gkv_base_family)99;
    assert_fails(gkv_settings_check(&settings), GKV_ERR_CONFIG,
                 "model.base = : must be one of normal, ");
    gkv_settings_defaults(&settings);
    settings.model.base_k = -INFINITY;
    assert_fails(gkv_settings_check(&settings), GKV_ERR_CONFIG, "model.base_k = -inf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(combinations_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
