/* The figures of `gkvae bench` as JSON; declared in cli_bench.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "app/build.h"
#include "cli_bench.h"

static void put(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static json_t *width_of(const bench *it, const bench_model *model, size_t width)
{
    json_t *out = json_object(), *parts = json_object();
    const double step = bench_median(&model->at[width].step), images = (double)model->batch;
    const double evaluation = bench_median(&model->at[width].evaluation);
    json_object_set_new(out, "threads", json_integer(it->threads[width]));
    put(out, "step_seconds", step);
    put(out, "images_per_second", images / step);
    put(out, "step_flops", images * model->operations.training / step);
    put(out, "step_share_of_peak", bench_median(&model->at[width].step_share));
    for (int part = 0; part < GKV_BENCH_PARTS; part++)
        put(parts, gki_bench_part_name((gki_bench_part)part),
            bench_median(&model->at[width].parts[part]));
    json_object_set_new(out, "step_parts_thread_seconds", parts);
    put(out, "first_refit_seconds",
        model->at[width].first_refit > 0 ? model->at[width].first_refit : NAN);
    put(out, "refit_seconds", bench_median(&model->at[width].refit));
    put(out, "refit_share", bench_refit_share(model, width));
    put(out, "evaluated_images_per_second", 1 / evaluation);
    put(out, "evaluation_share_of_peak", bench_median(&model->at[width].evaluation_share));
    put(out, "drawing_seconds", bench_median(&model->at[width].drawing));
    put(out, "drawing_share_of_peak", bench_median(&model->at[width].drawing_share));
    return out;
}

static json_t *model_of(const bench *it, const bench_model *model)
{
    json_t *out = json_object(), *at = json_array();
    json_object_set_new(out, "name", json_string(model->name));
    json_object_set_new(out, "parameters", json_integer((json_int_t)model->parameters));
    json_object_set_new(out, "batch", json_integer((json_int_t)model->batch));
    json_object_set_new(out, "samples", json_integer((json_int_t)model->settings.eval.samples));
    put(out, "training_operations_per_image", model->operations.training);
    put(out, "encoding_operations_per_image", model->operations.encoding);
    put(out, "sample_operations", model->operations.sample);
    put(out, "refit_steps", model->refit_steps > 0 ? model->refit_steps : NAN);
    for (size_t w = 0; w < it->widths; w++)
        json_array_append_new(at, width_of(it, model, w));
    json_object_set_new(out, "at", at);
    return out;
}

static json_t *all_of(const bench *it)
{
    json_t *out = json_object(), *peak = json_array(), *models = json_array(), *gk = json_array();
    json_object_set_new(out, "version", json_string(gkv_version()));
    json_object_set_new(out, "build", json_string(gki_build_description()));
    json_object_set_new(out, "rounds", json_integer((json_int_t)it->rounds));
    json_object_set_new(out, "images", json_integer((json_int_t)it->images));
    for (size_t w = 0; w < it->widths; w++) {
        json_t *one = json_object();
        json_object_set_new(one, "threads", json_integer(it->threads[w]));
        put(one, "flops", bench_median(&it->peak[w]));
        json_array_append_new(peak, one);
    }
    json_object_set_new(out, "sgemm_peak", peak);
    for (size_t m = 0; m < it->models; m++)
        json_array_append_new(models, model_of(it, &it->model[m]));
    json_object_set_new(out, "models", models);
    for (size_t f = 0; it->wanted & BENCH_GK && f < BENCH_GK_FUNCTIONS; f++) {
        json_t *one = json_object();
        json_object_set_new(one, "function", json_string(bench_gk_names[f]));
        put(one, "float_values_per_second", bench_median(&it->gk[f][0]));
        put(one, "double_values_per_second", bench_median(&it->gk[f][1]));
        json_array_append_new(gk, one);
    }
    json_object_set_new(out, "gk", gk);
    put(out, "first_step_seconds", it->first_step);
    put(out, "epoch_seconds", it->epoch);
    put(out, "peak_memory_bytes", it->peak_memory);
    return out;
}

int bench_check_json(const char *path)
{
    struct stat about;
    const bool exists = stat(path, &about) == 0;
    if (exists && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
        return CLI_OK; /* the reader of a pipe would take the check for the output */
    FILE *file = fopen(path, "a");
    if (!file)
        return cli_error_errno(errno, "%s: cannot be written", path);
    fclose(file);
    if (!exists)
        remove(path);
    return CLI_OK;
}

int bench_write_json(const bench *it)
{
    json_t *all = all_of(it);
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(all);
    if (!text)
        return cli_error(CLI_MEMORY, "out of memory for the figures");
    FILE *file = fopen(it->json, "w");
    bool good = file && fprintf(file, "%s\n", text) > 0;
    if (file)
        good = fclose(file) == 0 && good;
    free(text);
    return good ? CLI_OK : cli_error_errno(errno, "%s: cannot be written", it->json);
}
