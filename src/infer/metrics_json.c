/* Writes metrics.json: one flat object with stable keys. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "core/file.h"
#include "core/utf8.h"
#include "gkvae/eval.h"
#include "safetensors/json_text.h"

typedef struct field {
    const char *key;
    json_t *value;
} field;

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* "" is null. A path that is not UTF-8 gets U+FFFD for each byte that is not, as JSON must be. */
static json_t *text_or_null(const char *value)
{
    char shown[4 * GKV_PATH_SIZE];
    size_t length = 0;
    if (!*value)
        return json_null();
    for (uint32_t c; (c = gki_utf8_next(&value)) != 0 && length + 4 < sizeof shown;)
        length += gki_utf8_put(c, shown + length);
    return json_stringn(shown, length);
}

/* A log-probability of levels in bits per dimension; null for other pixels. */
static json_t *bits(const gkv_metrics *m, double nats)
{
    return number(m->pixels == GKV_PIXELS_LEVELS ? gkv_bits_per_dimension(nats, m->values) : NAN);
}

static json_t *whole(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Figures of generation: a key for each set, form and figure, as in
 * "floor_binary_frechet_lenet". */
static bool add_generation(json_t *object, const gkv_generation *g)
{
    static const char *const sets[GKV_IMAGE_SETS] = {
        [GKV_SET_SAMPLES] = "",
        [GKV_SET_NORMAL] = "normal_",
        [GKV_SET_POSTERIOR] = "posterior_",
        [GKV_SET_RECONSTRUCTIONS] = "reconstructed_",
        [GKV_SET_REFINED] = "refined_",
        [GKV_SET_TRAINING] = "floor_",
    };
    static const char *const forms[GKV_IMAGE_FORMS] = {
        [GKV_FORM_MEANS] = "", [GKV_FORM_BINARY] = "binary_", [GKV_FORM_LEVELS] = "drawn_"};
    bool good = true;
    for (size_t s = 0; s < GKV_IMAGE_SETS; s++)
        for (size_t f = 0; f < GKV_IMAGE_FORMS; f++) {
            const gkv_generation_figures *row = &g->figures[s][f];
            const struct {
                const char *name;
                double value;
            } figures[] = {
                {"frechet_lenet", row->frechet},   {"frechet_lenet_se", row->frechet_se},
                {"kid_lenet", row->kid},           {"kid_lenet_se", row->kid_se},
                {"precision", row->precision},     {"recall", row->recall},
                {"density", row->density},         {"coverage", row->coverage},
                {"coverage_se", row->coverage_se}, {"class_entropy", row->class_entropy},
                {"confidence", row->confidence},   {"confident", row->confident},
                {"recognised", row->recognised},
            };
            for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
                char key[64];
                snprintf(key, sizeof key, "%s%s%s", sets[s], forms[f], figures[i].name);
                good &= json_object_set_new(object, key, number(figures[i].value)) == 0;
            }
        }
    for (size_t c = 0; c < g->classes; c++) {
        char key[64];
        snprintf(key, sizeof key, "class_share_%zu", c);
        good &= json_object_set_new(object, key, number(g->class_share[c])) == 0;
        snprintf(key, sizeof key, "test_class_share_%zu", c);
        good &= json_object_set_new(object, key, number(g->test_class_share[c])) == 0;
    }
    return good;
}

/* Takes the values. Each is NULL if memory ran out, which makes json_object_set_new() fail. */
static bool add(json_t *object, size_t n, const field fields[])
{
    bool good = object != NULL;
    for (size_t i = 0; i < n; i++)
        good &= json_object_set_new(object, fields[i].key, fields[i].value) == 0;
    return good;
}

#define ADD(object, fields) add(object, sizeof(fields) / sizeof *(fields), fields)

static bool add_figures(json_t *object, const gkv_metrics *m)
{
    static const char *const pixels[] = {[GKV_PIXELS_BINARY] = "binary",
                                         [GKV_PIXELS_MEAN_LEVELS] = "mean levels",
                                         [GKV_PIXELS_LEVELS] = "grey levels",
                                         [GKV_PIXELS_CONTINUOUS] = "continuous"};
    const bool colour = m->pixels == GKV_PIXELS_LEVELS && m->channels > 1;
    const field fields[] = {
        {"neg_elbo", number(m->neg_elbo)},
        {"neg_elbo_se", number(m->neg_elbo_se)},
        {"reconstruction", number(m->reconstruction)},
        {"reconstruction_se", number(m->reconstruction_se)},
        {"kl", number(m->kl)},
        {"kl_se", number(m->kl_se)},
        {"nll", number(m->nll)},
        {"nll_se", number(m->nll_se)},
        {"nll_samples", whole(m->nll_samples)},
        {"neg_elbo_bits", bits(m, m->neg_elbo)},
        {"nll_bits", bits(m, m->nll)},
        {"nll_bits_se", bits(m, m->nll_se)},
        {"ess", number(m->ess)},
        {"active_units", whole(m->active_units)},
        {"class_accuracy", number(m->class_accuracy)},
        {"mse", number(m->mse)},
        {"psnr", number(m->psnr)},
        {"ssim", number(m->ssim)},
        {"pixels", json_string(colour ? "colour levels" : pixels[m->pixels])},
        {"values", whole(m->values)},
        {"images", whole(m->images)},
        {"parameters", whole(m->parameters)},
        {"train_seconds", number(m->train_seconds)},
        {"refit_seconds", number(m->refit_seconds)},
        {"eval_seconds", number(m->eval_seconds)},
        {"threads", whole((uint64_t)m->threads)},
        {"seed", whole(m->seed)},
        {"eval_seed", whole(m->eval_seed)},
    };
    return ADD(object, fields);
}

static bool add_refined(json_t *object, const gkv_metrics *m)
{
    const gkv_refined_metrics *r = &m->refined;
    const bool refined = r->samples > 0;
    const field fields[] = {
        {"refined_neg_elbo", number(r->neg_elbo)},
        {"refined_neg_elbo_se", number(r->neg_elbo_se)},
        {"refined_reconstruction", number(r->reconstruction)},
        {"refined_reconstruction_se", number(r->reconstruction_se)},
        {"refined_kl", number(r->kl)},
        {"refined_kl_se", number(r->kl_se)},
        {"refined_nll", number(r->nll)},
        {"refined_nll_se", number(r->nll_se)},
        {"refined_ess", number(r->ess)},
        {"refined_neg_elbo_bits", bits(m, r->neg_elbo)},
        {"refined_nll_bits", bits(m, r->nll)},
        {"refined_nll_bits_se", bits(m, r->nll_se)},
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
    };
    return ADD(object, fields);
}

static bool add_protocol_of_generation(json_t *object, const gkv_generation *g)
{
    const bool measured = g->sets > 0;
    const field fields[] = {
        {"test_confidence", number(g->test_confidence)},
        {"test_confident", number(g->test_confident)},
        {"test_recognised", number(g->test_recognised)},
        {"nearest_samples", number(g->nearest_samples)},
        {"nearest_samples_se", number(g->nearest_samples_se)},
        {"nearest_reconstructions", number(g->nearest_reconstructions)},
        {"nearest_reconstructions_se", number(g->nearest_reconstructions_se)},
        {"nearest_test", number(g->nearest_test)},
        {"nearest_test_se", number(g->nearest_test_se)},
        {"generation_draws", measured ? whole(g->draws) : json_null()},
        {"generation_sets", measured ? whole(g->sets) : json_null()},
        {"generation_references", measured ? whole(g->references) : json_null()},
        {"generation_temperature", number(g->temperature)},
        {"generation_seconds", number(g->seconds)},
        {"generation_protocol", measured ? json_string(g->protocol) : json_null()},
        {"features", measured ? json_string(g->features) : json_null()},
        {"features_sha256", measured ? json_string(g->features_sha256) : json_null()},
    };
    return ADD(object, fields);
}

/* What was measured, and by what. */
static bool add_origin(json_t *object, const gkv_metrics *m)
{
    const field fields[] = {
        {"protocol", json_string(m->protocol)},
        {"dataset", text_or_null(m->dataset)},
        {"images_file", text_or_null(m->images_file)},
        {"images_sha256", text_or_null(m->images_sha256)},
        {"labels_file", text_or_null(m->labels_file)},
        {"labels_sha256", text_or_null(m->labels_sha256)},
        {"version", json_string(gkv_version())},
    };
    return ADD(object, fields);
}

gkv_status gkv_metrics_write(const gkv_metrics *metrics, const char *path)
{
    GKV_NEED(metrics);
    GKV_NEED(path);
    json_t *object = json_object();
    bool good = add_figures(object, metrics);
    good &= add_refined(object, metrics);
    good &= add_protocol_of_generation(object, &metrics->generation);
    good &= add_origin(object, metrics);
    good &= add_generation(object, &metrics->generation);
    char *text =
        good ? gki_json_text(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12), NULL) : NULL;
    json_decref(object);
    if (!text)
        return gki_fail(GKV_ERR_MEMORY, "%s: out of memory for the figures", path);
    gki_file_writer *writer = NULL;
    gkv_status status = gki_file_begin(path, &writer);
    if (status == GKV_OK) {
        gki_file_printf(writer, "%s\n", text);
        status = gki_file_commit(writer);
    }
    free(text);
    return status;
}
