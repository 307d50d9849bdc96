/* Small models of every kind that can be exported, with parameters that no training made, and their
 * graphs beside what the library computes: folders of .onnx and .npy files, which check_onnx.py and
 * run_onnx.js compare. */
#ifndef GKV_TESTS_EXPORT_CASES_H
#define GKV_TESTS_EXPORT_CASES_H

#include "folder.h"
#include "settings.h"

#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "gkvae/export.h"
#include "gkvae/table.h"
#include "vae/model.h"

enum { CASE_HEIGHT = 6, CASE_WIDTH = 5, CASE_ROWS = 7, CASE_SETTINGS = 10 };

/* A kind of model: settings as "section.key=value". */
typedef struct export_case {
    const char *name;
    size_t channels;
    const char *settings[CASE_SETTINGS];
} export_case;

static const export_case export_cases[] = {
    {"silu", 1, {"model.base=gk-mixture", "model.base_components=4", "model.block=silu"}},
    {"residual", 1, {"model.base=normal", "model.block=residual", "model.layers=3"}},
    {"gated", 1, {"model.base=gk", "model.block=gated", "model.posterior=gk", "model.latent=7"}},
    {"copula",
     1,
     {"model.base=gk-copula", "model.posterior=gk-amortized", "model.posterior_flow=radial",
      "model.posterior_layers=2"}},
    {"full",
     1,
     {"model.base=full-gaussian", "model.posterior=full", "model.posterior_flow=planar",
      "model.posterior_layers=2", "model.prior_flow=none"}},
    {"student", 1, {"model.base=student-t", "model.prior_layers=1"}},
    {"normals", 1, {"model.base=gaussian-mixture", "model.base_components=3"}},
    {"diagonal",
     1,
     {"model.base=gk-mixture", "model.base_components=1", "model.base_covariance=diagonal"}},
    {"classes",
     1,
     {"model.base=gk-by-class", "model.base_components=2", "model.base_classes=3",
      "model.prior_flow=none"}},
    {"conv",
     1,
     {"model.net=conv", "model.half_channels=6", "model.quarter_channels=10",
      "model.conv_blocks=2"}},
    {"logistic",
     1,
     {"data.binarization=grey", "model.likelihood=logistic-mixture",
      "model.likelihood_components=3"}},
    {"equal-edges",
     1,
     {"data.binarization=grey", "model.likelihood=logistic-mixture",
      "model.likelihood_components=1", "model.learned_edges=no"}},
    {"gk-levels", 1, {"data.binarization=grey", "model.likelihood=gk"}},
    {"gk-mixture", 1, {"data.binarization=grey", "model.likelihood=gk-mixture"}},
    {"normal-density",
     1,
     {"data.binarization=continuous", "model.likelihood=normal-density", "data.range=0,1"}},
    {"gk-density",
     1,
     {"data.binarization=continuous", "model.likelihood=gk-density", "data.range=0,1"}},
    {"colour",
     3,
     {"data.binarization=grey", "model.likelihood=logistic-mixture",
      "model.likelihood_components=2", "model.net=conv", "model.half_channels=6",
      "model.quarter_channels=10", "model.conv_blocks=1"}},
    {"colour-gk", 3, {"data.binarization=grey", "model.likelihood=gk"}},
    {"depthwise",
     1,
     {"model.net=conv", "model.half_channels=6", "model.quarter_channels=10", "model.conv_blocks=2",
      "model.conv_block=depthwise", "model.downsampling=stride"}},
    {"spline",
     1,
     {"model.prior_flow=spline", "model.base=normal", "model.spline_bound=2",
      "model.posterior_flow=iaf", "model.posterior_layers=3"}},
    {"spline-odd",
     1,
     {"model.prior_flow=spline", "model.base=gk", "model.latent=7", "model.spline_bins=2"}},
    {"gk-coupling",
     1,
     {"model.prior_flow=gk-coupling", "model.base=normal",
      "model.posterior_flow=sylvester-orthogonal", "model.posterior_layers=2"}},
    {"maf",
     1,
     {"model.prior_flow=maf", "model.base=gaussian-mixture", "model.base_components=2",
      "model.posterior_flow=sylvester-householder", "model.posterior_layers=2"}},
    {"glow",
     1,
     {"model.prior_flow=glow", "model.base=gk-mixture", "model.base_components=2",
      "model.latent=11", "model.posterior_flow=sylvester-orthogonal", "model.posterior_layers=1"}},
};
enum { EXPORT_CASES = sizeof export_cases / sizeof *export_cases };

static inline gkv_settings case_settings(const export_case *kind)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    set(&settings, "model.latent", "6");
    set(&settings, "model.hidden", "24");
    set(&settings, "model.layers", "2");
    set(&settings, "model.prior_layers", "5");
    set(&settings, "model.prior_hidden", "16");
    for (size_t i = 0; i < CASE_SETTINGS && kind->settings[i]; i++) {
        char name[64];
        const char *equals = strchr(kind->settings[i], '=');
        assert_non_null(equals);
        snprintf(name, sizeof name, "%.*s", (int)(equals - kind->settings[i]), kind->settings[i]);
        set(&settings, name, equals + 1);
    }
    return settings;
}

/* --- Parameters ----------------------------------------------------------- */

static inline bool ends_in(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The value of a parameter from its initial one and a standard normal number. */
static inline double stirred(const gki_param *param, double value, double noise)
{
    const char *name = param->name;
    if (strcmp(name, "encoder.input_mean") == 0 || ends_in(name, "cholesky"))
        return value;
    if (ends_in(name, "base.scale"))
        return value * exp(0.3 * fabs(noise));
    if (ends_in(name, "base.k")) /* any k above −0.059 goes with any g */
        return 0.2 * fabs(noise) - 0.05;
    if (ends_in(name, "whitening"))
        return value; /* see stir() */
    if (param->cols > 0 && !ends_in(name, "base.g") && !ends_in(name, "base.location"))
        return value + (strncmp(name, "prior", 5) == 0 ? 0.15 : 0.5) * noise /
                           sqrt((double)(param->kernel ? param->rows : param->cols));
    if (ends_in(name, "base.g") || ends_in(name, "location") || ends_in(name, "raw_g") ||
        ends_in(name, "raw_k"))
        return noise;
    return value + 0.1 * noise;
}

/* Whether row `to` of a weight of an autoregressive layer may read column `from`
 * (docs/model.md, "Prior flow"). */
static inline bool autoregressive_reads(const gkv_model *model, const gki_param *param, size_t to,
                                        size_t from)
{
    const size_t d = model->d, layer = (size_t)atoi(param->name + strlen("prior.flow."));
    const bool is_first = strstr(param->name, "layers.0") != NULL,
               is_output = strstr(param->name, "output") != NULL;
    const size_t dimension = is_output ? to % d : from,
                 degree = layer % 2 ? d - 1 - dimension : dimension;
    if (is_first)
        return to % (d - 1) >= degree;
    return is_output ? degree > from % (d - 1) : to % (d - 1) >= from % (d - 1);
}

/* Whether an element of a tensor of a flow must stay 0: the masked weights of an autoregressive
 * network, and one side of the triangles of a linear map. */
static inline bool is_masked(const gkv_model *model, const gki_param *param, size_t i)
{
    const bool is_lower = ends_in(param->name, "linear.lower");
    if (is_lower || ends_in(param->name, "linear.upper"))
        return is_lower ? i / param->cols <= i % param->cols : i / param->cols >= i % param->cols;
    return model->settings.model.prior_flow == GKV_PRIOR_FLOW_MAF &&
           strncmp(param->name, "prior.flow.", 11) == 0 && ends_in(param->name, ".weight") &&
           !autoregressive_reads(model, param, i / param->cols, i % param->cols);
}

/* Gives every parameter another value, also correlations. */
static inline void stir(gkv_model *model)
{
    const size_t d = model->d;
    for (size_t p = 0; p < model->params.count; p++) {
        const gki_param *param = &model->params.list[p];
        gki_real *values = gki_param_value(&model->params, p);
        for (size_t i = 0; i < param->size; i++) {
            double noise;
            gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_INIT, (uint32_t)p, i), 1, &noise);
            if (is_masked(model, param, i))
                continue;
            values[i] = (gki_real)stirred(param, (double)values[i], noise);
            const size_t row = i / (param->cols ? param->cols : 1) % d, column = i % d;
            if (ends_in(param->name, "whitening") && column > row)
                values[i] = (gki_real)(0.2 * noise);
            if (ends_in(param->name, "cholesky") && column < row)
                values[i] = (gki_real)(0.3 * noise);
        }
        for (size_t row = 0; ends_in(param->name, "cholesky") && row < d; row++) {
            double squares = 0;
            for (size_t j = 0; j < d; j++)
                squares += (double)values[row * d + j] * (double)values[row * d + j];
            for (size_t j = 0; j < d; j++)
                values[row * d + j] /= (gki_real)sqrt(squares);
        }
    }
    assert_ok(model->base->ops->check(model->base, &model->params));
    assert_ok(gki_flow_check(model->flow, &model->params));
}

static inline gkv_model *case_model(const export_case *kind)
{
    const gkv_settings settings = case_settings(kind);
    double mean[CASE_HEIGHT * CASE_WIDTH * 3];
    gkv_model *model = NULL;
    for (size_t i = 0; i < sizeof mean / sizeof *mean; i++)
        mean[i] = 0.1 + 0.008 * (double)i;
    assert_ok(gkv_model_create(CASE_HEIGHT, CASE_WIDTH, kind->channels, mean, &settings, &model));
    stir(model);
    return model;
}

/* --- Files ---------------------------------------------------------------- */

static inline const char *case_file(const char *folder, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void keep(const char *folder, const char *name, size_t columns, const float *values)
{
    assert_ok(gkv_npy_write_float(case_file(folder, name), CASE_ROWS, columns, values));
}

static inline void keep_doubles(const char *folder, const char *name, size_t columns,
                                const double *values)
{
    float rounded[CASE_ROWS * 64];
    assert_true(columns <= 64);
    for (size_t i = 0; i < CASE_ROWS * columns; i++)
        rounded[i] = (float)values[i];
    keep(folder, name, columns, rounded);
}

/* Draws of the prior by normals and choices that the graph gets too. */
static inline void keep_draws(const gkv_model *model, const char *folder)
{
    enum { MOST = CASE_ROWS * 16 };
    const size_t d = model->d;
    gki_real rows[MOST];
    float values[MOST], codes[MOST];
    double choice[CASE_ROWS];
    gki_rng_normal(gki_rng_at(6, GKV_STREAM_USER, 0, 0), CASE_ROWS * d, rows);
    for (size_t i = 0; i < CASE_ROWS; i++)
        choice[i] = ((double)i + 0.4) / CASE_ROWS;
    for (size_t i = 0; i < CASE_ROWS * d; i++)
        values[i] = (float)rows[i];
    keep(folder, "sample.in.normals.npy", d, values);
    keep_doubles(folder, "sample.in.choice.npy", 1, choice);
    model->base->ops->transform(model->base, &model->params, CASE_ROWS, choice, rows);
    for (size_t i = 0; i < CASE_ROWS * d; i++)
        values[i] = (float)rows[i];
    assert_ok(gkv_model_generate(model, CASE_ROWS, values, NULL, codes));
    keep(folder, "sample.out.codes.npy", d, codes);
}

/* log p(z, y) of every class, from the densities that training uses of images with labels. */
static inline void keep_classes(const gkv_model *model, const char *folder, const float *codes)
{
    enum { CLASSES = 8 };
    const size_t classes = gkv_model_classes(model);
    double joint[CASE_ROWS * CLASSES];
    gki_workspace ws;
    if (classes == 0)
        return;
    assert_true(classes <= CLASSES);
    assert_ok(gki_workspace_create(&model->plan, CASE_ROWS, false, &model->params, &ws));
    for (size_t c = 0; c < classes; c++) {
        for (size_t i = 0; i < CASE_ROWS; i++) {
            for (size_t j = 0; j < model->d; j++)
                gki_at(&ws, model->posterior.z, i)[j] = (gki_real)codes[i * model->d + j];
            *gki_at(&ws, model->label, i) = (gki_real)(1 + c);
        }
        gki_pass_prior(model, &ws, 0, CASE_ROWS);
        for (size_t i = 0; i < CASE_ROWS; i++)
            joint[i * classes + c] = gki_pass_log_prior(model, &ws, i);
    }
    gki_workspace_free(&ws);
    keep_doubles(folder, "log_prob.out.class_log_prob.npy", classes, joint);
}

/* Writes what the library computes of the model. */
static inline void keep_expected(const gkv_model *model, const char *folder)
{
    enum { MOST = CASE_ROWS * CASE_HEIGHT * CASE_WIDTH * 3 };
    const size_t d = model->d, values = model->values, n = CASE_ROWS;
    float images[MOST], mean[MOST], scale[MOST], code[MOST], codes[MOST], eps[MOST];
    double log_prob[CASE_ROWS], noise[MOST];
    gki_rng_uniform(gki_rng_at(7, GKV_STREAM_USER, 0, 0), n * values, noise);
    for (size_t i = 0; i < n * values; i++)
        images[i] = (float)(noise[i] < 0.5 ? 0 : noise[i]);
    keep(folder, "encoder.in.images.npy", values, images);
    assert_ok(gkv_model_posterior(model, n, images, NULL, mean, scale));
    assert_ok(gkv_model_encode(model, n, images, NULL, code));
    keep(folder, "encoder.out.mean.npy", d, mean);
    keep(folder, "encoder.out.scale.npy", d, scale);
    keep(folder, "encoder.out.code.npy", d, code);
    assert_ok(gkv_model_sample(model, n, 3, 0, 1, NULL, codes));
    for (size_t i = 0; i < n * d; i++)
        codes[i] *= i < d ? 3 : 1; /* a code far out, too */
    keep(folder, "decoder.in.codes.npy", d, codes);
    keep(folder, "flow.in.codes.npy", d, codes);
    keep(folder, "log_prob.in.codes.npy", d, codes);
    keep(folder, "flow_inverse.out.codes.npy", d, codes);
    assert_ok(gkv_model_decode(model, n, codes, NULL, images));
    keep(folder, "decoder.out.images.npy", values, images);
    assert_ok(gkv_model_normalise(model, n, codes, NULL, eps));
    keep(folder, "flow.out.eps.npy", d, eps);
    keep(folder, "flow_inverse.in.eps.npy", d, eps);
    assert_ok(gkv_model_log_prior(model, n, codes, NULL, log_prob));
    keep_doubles(folder, "log_prob.out.log_prob.npy", 1, log_prob);
    keep_classes(model, folder, codes);
}

/* Draws ε of the prior, whose moments others are compared with. */
static inline void keep_eps(const gkv_model *model, const char *folder)
{
    enum { DRAWS = 4000 };
    float *draws = test_alloc(DRAWS * model->d * sizeof *draws);
    assert_ok(gkv_model_sample(model, DRAWS, 11, 0, 1, NULL, draws));
    assert_ok(gkv_model_normalise(model, DRAWS, draws, NULL, draws));
    assert_ok(gkv_npy_write_float(case_file(folder, "draws.npy"), DRAWS, model->d, draws));
    free(draws);
}

/* Writes a folder of graphs and expected numbers into the temporary folder. */
static inline void keep_case(const export_case *kind)
{
    const char *folder = in_temporary(kind->name);
    gkv_model *model = case_model(kind);
    assert_int_equal(mkdir(folder, 0777), 0);
    for (int part = 0; part < GKV_ONNX_PARTS; part++) {
        char name[64];
        if (part == GKV_ONNX_SAMPLE && model->settings.model.base == GKV_BASE_STUDENT_T)
            continue; /* it has no such draws */
        snprintf(name, sizeof name, "%s.onnx", gkv_onnx_part_name((gkv_onnx_part)part));
        assert_ok(gkv_export_onnx(model, (gkv_onnx_part)part, case_file(folder, name)));
    }
    assert_ok(gkv_model_save(model, case_file(folder, "model.safetensors")));
    assert_ok(gkv_export_torch(model, case_file(folder, "model.safetensors"),
                               case_file(folder, "model.py")));
    keep_expected(model, folder);
    keep_eps(model, folder);
    if (model->settings.model.base != GKV_BASE_STUDENT_T)
        keep_draws(model, folder);
    gkv_model_free(model);
}

#endif
