/* A fixture with a trainer on the small data set. */
#ifndef GKV_TESTS_VAE_TRAINER_RIG_H
#define GKV_TESTS_VAE_TRAINER_RIG_H

#include "vae/small.h"

#include "train/trainer.h"

static inline gki_trainer *open_trainer(const gkv_settings *settings)
{
    gkv_dataset *dataset = NULL;
    gki_trainer *trainer = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings->data, &dataset));
    assert_ok(gki_trainer_create(settings, 0, dataset, &trainer));
    return trainer;
}

static inline void take_steps(gki_trainer *trainer, int count)
{
    gki_step_report report;
    for (int i = 0; i < count; i++)
        assert_ok(gki_trainer_step(trainer, &report));
}

#endif
