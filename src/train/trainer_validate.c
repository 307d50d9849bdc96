#include <math.h>

#include "train/trainer.h"

gkv_status gkv_trainer_validate(gkv_trainer *trainer, const volatile sig_atomic_t *stop, double out[3])
{
    const size_t count = trainer->validation.count;
    out[0] = out[1] = out[2] = NAN;
    if (count == 0)
        return GKV_OK;
    const gkv_params params = gkv_trainer_eval_params(trainer);
    const gkv_estimate_job job = {.model = trainer->model, .params = &params, .images = &trainer->validation,
                                  .samples = 1, .seed = trainer->model->settings.train.seed,
                                  .threads = trainer->threads, .stop = stop};
    gkv_estimates estimates;
    GKV_TRY(gkv_estimates_create(count, &estimates));
    const gkv_status status = gkv_estimate(&job, &estimates);
    if (status == GKV_OK) {
        out[1] = out[2] = 0;
        for (size_t i = 0; i < count; i++) {
            out[1] += estimates.reconstruction[i] / (double)count;
            out[2] += estimates.kl[i] / (double)count;
        }
        out[0] = out[1] + out[2];
    }
    gkv_estimates_free(&estimates);
    return status;
}
