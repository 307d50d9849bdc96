/* A fixture with a trainer on the small data set. */
#ifndef GKV_TESTS_TRAIN_TRAINER_FIXTURE_H
#define GKV_TESTS_TRAIN_TRAINER_FIXTURE_H

#include "data/dataset.h"
#include "vae/small.h"

#include "train/trainer.h"

static inline gki_trainer *open_trainer(const gkv_settings *settings)
{
    gkv_dataset *dataset = NULL;
    gki_trainer *trainer = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings->data, &dataset));
    gkv_settings identified = *settings; /* as gkv_train() does */
    gki_dataset_identify(dataset, &identified.data);
    assert_ok(gki_trainer_create(&identified, 0, dataset, &trainer));
    return trainer;
}

static inline void take_steps(gki_trainer *trainer, int count)
{
    gki_step_report report;
    for (int i = 0; i < count; i++)
        assert_ok(gki_trainer_step(trainer, &report));
}

#endif
