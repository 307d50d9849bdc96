/* A model of images of 3 × 4 pixels, small enough for differences in every parameter. */
#ifndef GKV_TESTS_VAE_TINY_H
#define GKV_TESTS_VAE_TINY_H

#include "settings.h"
#include "vae/model.h"

enum { TINY_HEIGHT = 3, TINY_WIDTH = 4 };

static inline gkv_settings tiny_settings(void)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    set(&settings, "model.latent", "3");
    set(&settings, "model.hidden", "7");
    set(&settings, "model.layers", "1");
    set(&settings, "model.prior_layers", "3");
    set(&settings, "model.prior_hidden", "4");
    set(&settings, "model.log_scale_bound", "0.7");
    set(&settings, "model.base_components", "2");
    set(&settings, "model.base_classes", "3");
    return settings;
}

/* The model with its initial parameters. */
static inline gkv_model *tiny_model(const gkv_settings *settings)
{
    gkv_model *model = NULL;
    double mean[TINY_HEIGHT * TINY_WIDTH];
    for (size_t i = 0; i < TINY_HEIGHT * TINY_WIDTH; i++)
        mean[i] = (double)i / (TINY_HEIGHT * TINY_WIDTH);
    assert_ok(gki_model_layout(settings, TINY_HEIGHT, TINY_WIDTH, 1, &model));
    gki_model_init(model, mean);
    return model;
}

#endif
