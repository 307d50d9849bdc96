/* The refits of the base during training.
 *
 * A step computes the code ε = h⁻¹(z) of every image. The last steps before a refit store the
 * codes, so that a refit does not encode any image. Each code is of the weights at the start of its
 * step. Every fifth code is held out from the fit and accepts its step. A refit to sufficient
 * statistics holds out all stored codes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "train/trainer.h"

static bool refits_at_all(const gki_trainer *trainer)
{
    return trainer->model->base->ops->refit &&
           (trainer->model->settings.model.base_fit & GKV_FIT_LM);
}

/* --- The schedule --------------------------------------------------------- */

double gki_trainer_refit_period(const gki_trainer *trainer)
{
    return fmax(1, trainer->model->settings.train.refit_every * (double)trainer->epoch_steps);
}

/* Whether the next refit uses sufficient statistics. An accepted refit to codes must come before,
 * because components are equal until then. */
static bool uses_stats(const gki_trainer *trainer)
{
    return trainer->store.stats && trainer->state.accepted_refits > 0;
}

/* The number of steps between two refits to statistics. There are enough for the held-out codes,
 * and for at least one step that adds to the statistics. */
static uint64_t stats_refit_period(const gki_trainer *trainer)
{
    const uint64_t wished = (uint64_t)trainer->model->settings.train.refit_steps;
    const uint64_t enough =
        (GKV_REFIT_CODES_MIN * GKV_REFIT_HELD_OUT_EVERY + trainer->batch - 1) / trainer->batch;
    const uint64_t least = enough > 1 ? enough : 2;
    return wished > least ? wished : least;
}

/* The number of refits in the first so many steps, if all were to codes. */
static uint64_t periods_within(const gki_trainer *trainer, uint64_t steps)
{
    return (uint64_t)floor((double)steps / gki_trainer_refit_period(trainer) + 1e-9);
}

/* The number of steps after which the n-th of these is due, n ≥ 1. */
static uint64_t step_of_period(const gki_trainer *trainer, uint64_t n)
{
    uint64_t step = (uint64_t)((double)n * gki_trainer_refit_period(trainer));
    while (periods_within(trainer, step) < n) /* corrects rounding */
        step++;
    while (step > 0 && periods_within(trainer, step - 1) >= n)
        step--;
    return step;
}

/* The number of refits in the first so many steps: all to codes, or the first to codes and the
 * others to statistics. */
static uint64_t refits_within(const gki_trainer *trainer, uint64_t steps)
{
    const uint64_t periods = periods_within(trainer, steps);
    return uses_stats(trainer) && periods > 0
               ? 1 + (steps - step_of_period(trainer, 1)) / stats_refit_period(trainer)
               : periods;
}

/* The number of steps after which the n-th refit is due; 0 for n = 0. */
static uint64_t step_of(const gki_trainer *trainer, uint64_t n)
{
    if (uses_stats(trainer) && n > 0)
        return step_of_period(trainer, 1) + (n - 1) * stats_refit_period(trainer);
    return n > 0 ? step_of_period(trainer, n) : 0;
}

bool gki_trainer_refit_due(const gki_trainer *trainer, uint64_t step)
{
    return refits_at_all(trainer) && step > 0 &&
           refits_within(trainer, step) > refits_within(trainer, step - 1);
}

/* --- The codes ------------------------------------------------------------ */

/* The number of images in the first so many steps. */
static uint64_t images_after(const gki_trainer *trainer, uint64_t steps)
{
    const uint64_t count = trainer->train.count,
                   within = steps % trainer->epoch_steps * trainer->batch;
    return steps / trainer->epoch_steps * count + (within < count ? within : count);
}

/* Computes the images whose codes the n-th refit uses, n ≥ 1, as numbers *from … *to − 1 in the
 * order of the run. They are as many as the store holds, and all after the last refit. */
static void window_of(const gki_trainer *trainer, uint64_t n, uint64_t *from, uint64_t *to)
{
    const uint64_t before = images_after(trainer, step_of(trainer, n - 1));
    *to = images_after(trainer, step_of(trainer, n));
    uint64_t capacity = trainer->store.capacity;
    if (uses_stats(trainer) && n > 1) { /* all of these codes are held out */
        const uint64_t held_out = (*to - before) / (4 * GKV_REFIT_HELD_OUT_EVERY);
        const uint64_t wished = held_out < GKV_REFIT_CODES_MIN  ? GKV_REFIT_CODES_MIN
                                : held_out < GKV_STATS_HELD_OUT ? held_out
                                                                : GKV_STATS_HELD_OUT;
        capacity = wished < capacity ? wished : capacity;
    }
    *from = *to - before > capacity ? *to - capacity : before;
}

/* Checks that a refit has enough codes for its components. `between` is the number of codes between
 * two refits, of which the store may hold fewer. Skipped steps may lose half of them, and a fifth
 * is held out. */
static gkv_status check_components(const gki_trainer *trainer, double between)
{
    const double codes = fmin(between, (double)trainer->store.capacity);
    const bool longer = codes >= between && trainer->model->settings.train.refit_every < 1;
    const bool more_codes = codes < between && trainer->store.capacity < trainer->train.count;
    const size_t components = trainer->model->base->components;
    const double most = codes / 2 * (GKV_REFIT_HELD_OUT_EVERY - 1) / GKV_REFIT_HELD_OUT_EVERY;
    if ((double)components > most)
        return gki_fail(GKV_ERR_CONFIG,
                        "the base's %zu components are more than the %.0f that a refit to %.0f "
                        "codes can distinguish: lower model.base_components, or %s",
                        components, floor(most), codes,
                        longer       ? "raise train.refit_every"
                        : more_codes ? "raise train.refit_codes"
                                     : "train on more images");
    return GKV_OK;
}

gkv_status gki_trainer_prepare_refits(gki_trainer *trainer)
{
    if (!refits_at_all(trainer))
        return GKV_OK;
    const size_t wished = (size_t)trainer->model->settings.train.refit_codes,
                 count = trainer->train.count;
    trainer->store.capacity = wished < count ? wished : count;
    if (trainer->store.capacity < GKV_REFIT_CODES_MIN)
        return gki_fail(GKV_ERR_CONFIG,
                        "%zu training images are too few to refit the base to (at least %d): set "
                        "model.base_fit = grad or fixed, or train on more images",
                        count, GKV_REFIT_CODES_MIN);
    const double each = fmin(gki_trainer_refit_period(trainer), (double)trainer->epoch_steps) *
                        (double)trainer->batch;
    if (each < GKV_REFIT_CODES_MIN)
        return gki_fail(GKV_ERR_CONFIG,
                        "train.refit_every = %g leaves %.0f images from one refit of the base to "
                        "the next, and a refit needs %d",
                        trainer->model->settings.train.refit_every, each, GKV_REFIT_CODES_MIN);
    GKV_TRY(check_components(trainer, each));
    if (trainer->model->base->classes > 0)
        GKV_TRY(gki_alloc(trainer->store.capacity, sizeof *trainer->store.labels,
                          &trainer->store.labels));
    if (trainer->model->settings.train.refit_steps > 0 &&
        trainer->model->settings.model.base_fit == GKV_FIT_LM)
        GKV_TRY(gki_base_stats_create(trainer->model->base, &trainer->store.stats));
    return gki_alloc(trainer->store.capacity * trainer->model->d, sizeof *trainer->store.codes,
                     &trainer->store.codes);
}

gkv_status gki_trainer_check_codes(const gki_trainer *trainer)
{
    uint64_t most = 0, from = 0, to = 0;
    const uint64_t step = trainer->state.step, seen = images_after(trainer, step);
    if (refits_at_all(trainer)) {
        window_of(trainer, refits_within(trainer, step) + !gki_trainer_refit_due(trainer, step),
                  &from, &to);
        most = seen > from ? seen - from : 0;
    }
    if (trainer->state.codes > most)
        return gki_fail(GKV_ERR_DATA,
                        "%llu codes for a refit after step %llu, which leaves %llu at most: the "
                        "file is damaged",
                        (unsigned long long)trainer->state.codes, (unsigned long long)step,
                        (unsigned long long)most);
    return GKV_OK;
}

/* Selects one draw of an image at random by the weights of its draws in the objective. The
 * distribution of codes is then the one for which the objective's gradient trains the base. */
static size_t row_to_keep(const gki_trainer *trainer, size_t image)
{
    const gki_workspace *ws = gki_trainer_rows(trainer);
    const size_t draws = ws->draws, row = image * draws;
    if (draws == 1)
        return row;
    const gki_rng rng = gki_rng_at(trainer->model->settings.train.seed, GKV_STREAM_CODE,
                                   trainer->state.step, image);
    return row + gki_pass_resample(gki_at(ws, trainer->model->draw_weight, row), draws, rng);
}

/* The first image of the run whose code the next refit uses. */
static uint64_t first_code(const gki_trainer *trainer)
{
    uint64_t from = 0, to = 0;
    window_of(trainer, refits_within(trainer, trainer->state.step) + 1, &from, &to);
    return from;
}

bool gki_trainer_uses_stats(const gki_trainer *trainer, size_t images)
{
    return uses_stats(trainer) &&
           images_after(trainer, trainer->state.step) + images <= first_code(trainer);
}

bool gki_trainer_keeps_codes(const gki_trainer *trainer, size_t images)
{
    return refits_at_all(trainer) &&
           images_after(trainer, trainer->state.step) + images > first_code(trainer);
}

void gki_trainer_keep_codes(gki_trainer *trainer, size_t images)
{
    if (!gki_trainer_keeps_codes(trainer, images))
        return;
    const gki_workspace *ws = gki_trainer_rows(trainer);
    const size_t d = trainer->model->d;
    const uint64_t start = images_after(trainer, trainer->state.step), from = first_code(trainer);
    for (size_t i = start < from ? (size_t)(from - start) : 0; i < images; i++) {
        const size_t row = row_to_keep(trainer, i), index = (size_t)trainer->state.codes++;
        memcpy(trainer->store.codes + index * d, gki_at(ws, trainer->model->flow->eps, row),
               d * sizeof *trainer->store.codes);
        trainer->state.codes_density += (double)*gki_at(ws, trainer->model->base->log_density, row);
        if (trainer->store.labels)
            trainer->store.labels[index] = *gki_at(ws, trainer->model->label, row);
    }
}

void gki_trainer_drop_codes(gki_trainer *trainer)
{
    trainer->state.codes = 0;
    trainer->state.codes_density = 0;
}

bool gki_trainer_has_codes(const gki_trainer *trainer)
{
    uint64_t from = 0, to = 0;
    const uint64_t due = refits_within(trainer, trainer->state.step);
    window_of(trainer, due > 0 ? due : 1, &from, &to);
    return trainer->state.codes >= GKV_REFIT_CODES_MIN && trainer->state.codes >= (to - from) / 2;
}

/* --- The refit ------------------------------------------------------------ */

/* The forgetting factor: the images of the statistics divided by those of the window. The window
 * has the images of refit_window epochs, and at least ROWS_A_DIMENSION rows for each dimension and
 * component. It grows as the learning rate falls and codes change less, by a factor of at most
 * LONGEST, up to all images so far. */
static double forgetting_of_stats(const gki_trainer *trainer)
{
    enum { LONGEST = 20, ROWS_A_DIMENSION = 5 };
    const size_t numbers = trainer->model->d * trainer->model->base->components;
    const uint64_t step = trainer->state.step, now = images_after(trainer, step);
    const uint64_t since =
        now - images_after(trainer, step_of(trainer, refits_within(trainer, step) - 1));
    const double wished =
        trainer->model->settings.train.refit_window * (double)trainer->train.count;
    const double window = fmax(wished, (double)(ROWS_A_DIMENSION * numbers)) /
                          fmax(gki_trainer_decay(trainer, step), 1.0 / LONGEST);
    return fmin(1, (double)since / fmin(window, (double)now));
}

/* Separates the codes into those of the fit and the held-out ones, the last of each `every`. */
static void divide(const gki_trainer *trainer, size_t every, gki_real *fit, gki_real *held_out)
{
    const size_t d = trainer->model->d;
    for (size_t i = 0; i < trainer->state.codes; i++) {
        gki_real **part = i % every == every - 1 ? &held_out : &fit;
        memcpy(*part, trainer->store.codes + i * d, d * sizeof **part);
        *part += d;
    }
}

static void divide_classes(const gki_trainer *trainer, size_t every, uint32_t *fit,
                           uint32_t *held_out)
{
    for (size_t i = 0; trainer->store.labels && i < trainer->state.codes; i++) {
        uint32_t **part = i % every == every - 1 ? &held_out : &fit;
        *(*part)++ = (uint32_t)trainer->store.labels[i] - 1;
    }
}

/* Resets Adam's moments, and sets the moving average to the new parameters, for a base that
 * gradients train too. */
static void reset_optimiser(gki_trainer *trainer)
{
    const gki_params *params = &trainer->model->params;
    const gki_param_range base = trainer->model->tensors.base;
    for (gki_param_id id = base.first; id < base.end; id++) {
        const gki_param *param = &params->list[id];
        if (!param->trainable)
            continue;
        memset(params->m + param->offset, 0, param->size * sizeof *params->m);
        if (trainer->ema)
            memcpy(trainer->ema + param->offset, params->values + param->offset,
                   param->size * sizeof *params->values);
    }
}

static gkv_status refit_alone(gki_trainer *trainer, gki_base_refit_report *report)
{
    const double began = omp_get_wtime();
    const gkv_model *model = trainer->model;
    const bool accumulated = uses_stats(trainer);
    /* with statistics all codes are held out */
    const size_t every = accumulated ? 1 : GKV_REFIT_HELD_OUT_EVERY;
    const size_t count = trainer->state.codes, held_out_count = count / every, d = model->d;
    gki_real *codes = NULL;
    uint32_t *classes = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(count * d, sizeof *codes, &codes));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *classes, &classes));
    gki_real *held_out = codes + (count - held_out_count) * d;
    divide(trainer, every, codes, held_out);
    divide_classes(trainer, every, classes, classes + (count - held_out_count));
    const bool by_class = trainer->store.labels != NULL;
    const gki_base_codes given = {
        .fit = {.eps = codes,
                .classes = by_class ? classes : NULL,
                .count = count - held_out_count},
        .held_out = {.eps = held_out,
                     .classes = by_class ? classes + (count - held_out_count) : NULL,
                     .count = held_out_count}};
    const gki_base_refit_settings how = {.first = trainer->state.accepted_refits == 0,
                                         .damping = model->settings.train.refit_damping,
                                         .forgetting =
                                             accumulated ? forgetting_of_stats(trainer) : 1,
                                         .iterations = (int)model->settings.train.refit_iterations,
                                         .seed = model->settings.train.seed,
                                         .threads = trainer->threads};
    GKV_TRY_GOTO(accumulated
                     ? gki_base_stats_m_step(trainer->store.stats, &model->params, &given.held_out,
                                             trainer->state.codes_density / (double)count, &how,
                                             report)
                     : model->base->ops->refit(model->base, &model->params, &given, &how, report));
    trainer->state.refits++;
    gki_base_stats_clear(trainer->store.stats);
    if (report->step > 0) {
        trainer->state.accepted_refits++;
        reset_optimiser(trainer);
    }
done:
    free(codes);
    free(classes);
    report->seconds = omp_get_wtime() - began;
    return status;
}

gkv_status gki_trainer_refit(gki_trainer *trainer, gki_base_refit_report *report)
{
    gki_train_state *state = &trainer->state;
    if (!trainer->team)
        return refit_alone(trainer, report);
    const gkv_status status = gki_trainer_leads(trainer) ? refit_alone(trainer, report) : GKV_OK;
    GKV_TRY(gkv_dist_agree(trainer->dist, status));
    gki_trainer_meet(trainer);
    GKV_TRY(gkv_dist_broadcast(trainer->dist, 0, sizeof *state, state));
    return gkv_dist_broadcast(trainer->dist, 0, sizeof *report, report);
}
