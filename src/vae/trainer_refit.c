/* The base's refits while training.
 *
 * A step computes ε = h⁻¹(z) of every image anyway. The steps at an epoch's end keep it, so
 * that a refit encodes nothing: its codes are those of the epoch's last images, each under
 * the weights that its step began with. Every fifth is kept from the fit, to judge it. */
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "vae/trainer.h"

/* The least codes of a refit, and the place of those among five that judge it. */
enum { CODES_MIN = 100, JUDGE_EVERY = 5 };

static bool refits_at_all(const gkv_trainer *trainer)
{
    return trainer->model->base->ops->refit && strcmp(trainer->model->settings.model.base_fit, "lm") == 0;
}

gkv_status gkv_trainer_prepare_refits(gkv_trainer *trainer)
{
    if (!refits_at_all(trainer))
        return GKV_OK;
    const size_t wished = (size_t)trainer->model->settings.train.refit_codes, count = trainer->train.count;
    trainer->codes_room = wished < count ? wished : count;
    if (trainer->codes_room < CODES_MIN)
        return gkv_fail(GKV_ERR_CONFIG, "%zu training images are too few to refit the base to (at least %d): set "
                        "model.base_fit = grad or fixed, or train on more images", count, CODES_MIN);
    return gkv_alloc(trainer->codes_room * trainer->model->d, sizeof *trainer->codes, &trainer->codes);
}

bool gkv_trainer_refit_due(const gkv_trainer *trainer, uint64_t epoch)
{
    return refits_at_all(trainer) && epoch % (uint64_t)trainer->model->settings.train.refit_every == 0;
}

/* The first of an epoch's images whose codes are kept. */
static size_t first_kept(const gkv_trainer *trainer)
{
    return trainer->train.count - trainer->codes_room;
}

gkv_status gkv_trainer_check_codes(const gkv_trainer *trainer)
{
    const size_t part = (size_t)(trainer->state.step % trainer->epoch_steps) * trainer->ws.rows;
    const size_t seen = gkv_trainer_epoch_is_open(trainer) ? trainer->train.count : part;
    const size_t from = first_kept(trainer), most = seen > from ? seen - from : 0;
    if (trainer->state.codes > most)
        return gkv_fail(GKV_ERR_DATA, "%llu codes for a refit after step %llu, which leaves %zu at most: the file is "
                        "damaged", (unsigned long long)trainer->state.codes, (unsigned long long)trainer->state.step,
                        most);
    return GKV_OK;
}

void gkv_trainer_keep_codes(gkv_trainer *trainer, size_t start, size_t rows)
{
    const uint64_t epoch = trainer->state.step / trainer->epoch_steps + 1;
    const size_t from = first_kept(trainer), d = trainer->model->d;
    if (!gkv_trainer_refit_due(trainer, epoch) || start + rows <= from)
        return;
    const size_t first = start < from ? from - start : 0;
    memcpy(trainer->codes + trainer->state.codes * d, gkv_at(&trainer->ws, trainer->model->flow->eps, first),
           (rows - first) * d * sizeof *trainer->codes);
    trainer->state.codes += rows - first;
}

bool gkv_trainer_has_codes(const gkv_trainer *trainer)
{
    return trainer->state.codes >= CODES_MIN && trainer->state.codes >= trainer->codes_room / 2;
}

/* Takes the judges apart from the others. */
static void divide(const gkv_trainer *trainer, gkv_real *fit, gkv_real *judges)
{
    const size_t d = trainer->model->d;
    for (size_t i = 0; i < trainer->state.codes; i++) {
        gkv_real **to = i % JUDGE_EVERY == JUDGE_EVERY - 1 ? &judges : &fit;
        memcpy(*to, trainer->codes + i * d, d * sizeof **to);
        *to += d;
    }
}

gkv_status gkv_trainer_refit(gkv_trainer *trainer, gkv_base_refit_report *report)
{
    const double began = omp_get_wtime();
    const gkv_model *model = trainer->model;
    const size_t count = trainer->state.codes, judges = count / JUDGE_EVERY, d = model->d;
    gkv_real *codes = NULL;
    GKV_TRY(gkv_alloc(count * d, sizeof *codes, &codes));
    gkv_real *held_out = codes + (count - judges) * d;
    divide(trainer, codes, held_out);
    const gkv_base_codes given = {codes, held_out, count - judges, judges};
    const gkv_status status = model->base->ops->refit(model->base, &model->params, &given, trainer->state.refits == 0,
                                                      model->settings.train.refit_damping, trainer->threads, report);
    free(codes);
    if (status == GKV_OK)
        trainer->state.refits++;
    report->seconds = omp_get_wtime() - began;
    return status;
}
