/* Short runs of a small model on the small data set, in a temporary folder. */
#ifndef GKV_TESTS_VAE_SMALL_H
#define GKV_TESTS_VAE_SMALL_H

#include "folder.h"
#include "settings.h"

#include "core/file.h"
#include "gkvae/data.h"
#include "gkvae/train.h"

/* TEMPORARY/NAME, or TEMPORARY/NAME/FILE. */
static inline const char *in_folder(const char *name, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s%s", name, file ? "/" : "", file ? file : "");
    return in_temporary(path);
}

/* 1800 images in batches of 170: three tiles of 50 and a short one; a last batch of 100. */
static inline gkv_settings small_settings(void)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    set(&settings, "data.folder", GKV_TEST_FIXTURES);
    set(&settings, "data.dataset", "mnist-small");
    set(&settings, "data.validation", "200");
    set(&settings, "model.latent", "4");
    set(&settings, "model.hidden", "24");
    set(&settings, "model.layers", "1");
    set(&settings, "model.block", "silu");
    set(&settings, "model.base", "gk-copula");
    set(&settings, "model.prior_layers", "2");
    set(&settings, "model.prior_hidden", "8");
    set(&settings, "train.epochs", "2");
    set(&settings, "train.batch", "170");
    set(&settings, "train.kl_warmup", "1");
    set(&settings, "train.gradient", "total");
    set(&settings, "train.weight_decay", "0");
    set(&settings, "train.ema", "0");
    set(&settings, "train.threads", "2");
    return settings;
}

/* Records the progress of a run, and stops it at a chosen step. */
typedef struct watcher {
    uint64_t stop_at; /* the step after which to stop; 0 is never */
    volatile sig_atomic_t stop;
    uint64_t calls, epochs;
    gkv_train_progress last, epoch[64]; /* the last progress, and that of the end of each epoch */
} watcher;

static inline bool watch(void *context, const gkv_progress *call)
{
    watcher *watching = context;
    const gkv_train_progress *progress = call->details;
    assert_true(call->done == progress->step && call->total == progress->steps);
    watching->calls++;
    watching->last = *progress;
    if (progress->epoch_ended && watching->epochs < 64)
        watching->epoch[watching->epochs++] = *progress;
    if (progress->step == watching->stop_at)
        watching->stop = 1;
    return false;
}

static inline gkv_status train(const gkv_settings *settings, const char *name, watcher *watching,
                               bool resume, bool overwrite, gkv_train_result *result)
{
    const gkv_train_start start = resume      ? GKV_TRAIN_RESUME
                                  : overwrite ? GKV_TRAIN_OVERWRITE
                                              : GKV_TRAIN_NEW;
    gkv_run_options options = {.threads = 0};
    if (watching)
        options =
            (gkv_run_options){.progress = watch, .context = watching, .stop = &watching->stop};
    return gkv_train(in_folder(name, NULL), start, settings, &options, result);
}

static inline char *contents(const char *path, size_t *size)
{
    char *text = NULL;
    assert_ok(gki_file_read(path, 1 << 28, &text, size));
    return text;
}

static inline void assert_same_file(const char *folder, const char *other, const char *name)
{
    size_t size, other_size;
    char *text = contents(in_folder(folder, name), &size),
         *other_text = contents(in_folder(other, name), &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(text, other_text, size);
    free(text);
    free(other_text);
}

#endif
