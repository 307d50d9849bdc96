/* metrics.json: one flat object whose keys scripts can rely on. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include <jansson.h>

#include "core/file.h"
#include "gkvae/eval.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole(uint64_t value)
{
    return json_integer((json_int_t)value);
}

gkv_status gkv_metrics_write(const gkv_metrics *m, const char *path)
{
    const gkv_refined_metrics *r = &m->refined;
    const bool refined = r->samples > 0;
    const struct { const char *key; json_t *value; } fields[] = {
        {"neg_elbo", number(m->neg_elbo)},
        {"neg_elbo_se", number(m->neg_elbo_se)},
        {"reconstruction", number(m->reconstruction)},
        {"reconstruction_se", number(m->reconstruction_se)},
        {"kl", number(m->kl)},
        {"kl_se", number(m->kl_se)},
        {"nll", number(m->nll)},
        {"nll_se", number(m->nll_se)},
        {"nll_samples", whole(m->nll_samples)},
        {"ess", number(m->ess)},
        {"active_units", whole(m->active_units)},
        {"class_accuracy", number(m->class_accuracy)},
        {"mse", number(m->mse)},
        {"psnr", number(m->psnr)},
        {"ssim", number(m->ssim)},
        {"images", whole(m->images)},
        {"parameters", whole(m->parameters)},
        {"train_seconds", number(m->train_seconds)},
        {"refit_seconds", number(m->refit_seconds)},
        {"eval_seconds", number(m->eval_seconds)},
        {"threads", whole((uint64_t)m->threads)},
        {"seed", whole(m->seed)},
        {"eval_seed", whole(m->eval_seed)},
        {"refined_neg_elbo", number(r->neg_elbo)},
        {"refined_neg_elbo_se", number(r->neg_elbo_se)},
        {"refined_reconstruction", number(r->reconstruction)},
        {"refined_reconstruction_se", number(r->reconstruction_se)},
        {"refined_kl", number(r->kl)},
        {"refined_kl_se", number(r->kl_se)},
        {"refined_nll", number(r->nll)},
        {"refined_nll_se", number(r->nll_se)},
        {"refined_ess", number(r->ess)},
        {"refined_cross_entropy_before", number(r->cross_entropy_before)},
        {"refined_cross_entropy", number(r->cross_entropy)},
        {"refined_mse", number(r->mse)},
        {"refined_psnr", number(r->psnr)},
        {"refined_ssim", number(r->ssim)},
        {"refined_iterations", refined ? whole((uint64_t)r->iterations) : json_null()},
        {"refined_samples", refined ? whole((uint64_t)r->samples) : json_null()},
        {"refined_accepted", number(r->accepted)},
        {"refined_images", refined ? whole(r->improved) : json_null()},
        {"refined_milliseconds", number(r->milliseconds)},
        {"protocol", json_string(m->protocol)},
        {"dataset", json_string(m->dataset)},
        {"version", json_string(gkv_version())},
    };
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        failed |= json_object_set_new(object, fields[i].key, fields[i].value) != 0;
    char *text = failed ? NULL : json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(object);
    if (!text)
        return gkv_fail(GKV_ERR_MEMORY, "%s: out of memory for the figures", path);
    gkv_file_writer *writer = NULL;
    gkv_status status = gkv_file_begin(path, &writer);
    if (status == GKV_OK) {
        gkv_file_printf(writer, "%s\n", text);
        status = gkv_file_commit(writer);
    }
    free(text);
    return status;
}
