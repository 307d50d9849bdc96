/* The public functions of models, and model files. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include <omp.h>

#include "core/rng.h"
#include "safetensors/safetensors.h"
#include "vae/model.h"

enum { N = 130, PIXELS = 784, LATENT = 4 };

/* A model after two epochs, and a few images. */
static gkv_model *model;
static float images[N * PIXELS];

static int prepare(void **state)
{
    if (make_temporary(state) != 0)
        return -1;
    gkv_settings settings = small_settings();
    gkv_dataset *test = NULL;
    if (train(&settings, "run", NULL, false, false, NULL) != GKV_OK ||
        gkv_model_load(in_folder("run", "model.safetensors"), &model) != GKV_OK ||
        gkv_dataset_load(GKV_TEST, &settings.data, &test) != GKV_OK)
        return -1;
    for (size_t i = 0; i < N * PIXELS; i++)
        images[i] = (float)gkv_dataset_pixels(test, 0)[i] / 255.0F;
    gkv_dataset_free(test);
    return 0;
}

static int finish(void **state)
{
    gkv_model_free(model);
    return remove_temporary(state);
}

static void test_save_and_load(void **state)
{
    (void)state;
    gkv_model *copy = NULL;
    assert_ok(gki_file_make_folder(in_folder("copy", NULL)));
    assert_ok(gkv_model_save(model, in_folder("copy", "model.safetensors")));
    assert_same_file("run", "copy", "model.safetensors");
    assert_ok(gkv_model_load(in_folder("copy", "model.safetensors"), &copy));
    assert_memory_equal(copy->params.values, model->params.values,
                        model->params.total * sizeof(gki_real));
    gkv_model_free(copy);
    /* A checkpoint can be read as a model, the current one. */
    assert_ok(gkv_model_load(in_folder("run", "checkpoint.safetensors"), &copy));
    assert_memory_equal(copy->params.values, model->params.values,
                        model->params.total * sizeof(gki_real));
    gkv_model_free(copy);
    assert_fails(gkv_model_save(model, in_folder("no-folder", "model")), GKV_ERR_IO, "no-folder");
}

/* Reading a model and using it leave OpenMP as the application set it; nn/test_blas.c is about
 * OpenBLAS. */
static void test_threads_of_the_application(void **state)
{
    (void)state;
    float mean[2 * LATENT], scale[2 * LATENT];
    gkv_model *copy = NULL;
    const int of_openmp = omp_get_max_threads();
    omp_set_num_threads(3);
    assert_ok(gkv_model_load(in_folder("run", "model.safetensors"), &copy));
    assert_ok(gkv_model_posterior(copy, 2, images, NULL, mean, scale));
    assert_int_equal(omp_get_max_threads(), 3);
    gkv_model_free(copy);
    omp_set_num_threads(of_openmp);
}

static void test_what_it_says_of_itself(void **state)
{
    (void)state;
    assert_int_equal(gkv_model_height(model), 28);
    assert_int_equal(gkv_model_width(model), 28);
    assert_int_equal(gkv_model_latent(model), LATENT);
    assert_int_equal(gkv_model_settings_of(model)->model.hidden, 24);
    /* encoder, decoder, two coupling layers, the base: counted by hand */
    const size_t encoder = 784 * 24 + 24 + 2 * 24 + 24 * 8 + 8,
                 decoder = 4 * 24 + 24 + 2 * 24 + 24 * 784 + 784;
    const size_t coupling = 2 * 8 + 8 + 8 * 8 + 8 + 8 * 4 + 4;
    assert_int_equal(gkv_model_parameters(model), encoder + decoder + 2 * coupling + 4 * 4 + 16);
    double margin[5];
    assert_ok(gkv_model_base_margin(model, 3, margin));
    assert_true(margin[1] > 0 && margin[4] == 0.8);
    assert_fails(gkv_model_base_margin(model, 4, margin), GKV_ERR_ARGUMENT, "dimension 4");
    assert_fails(gkv_model_set_threads(model, 0), GKV_ERR_ARGUMENT, "1 to 256");
    assert_fails(gkv_model_set_threads(model, 257), GKV_ERR_ARGUMENT, "1 to 256");
}

/* All results of a model are the same for any number of threads and of rows. */
static void test_threads_and_rows(void **state)
{
    (void)state;
    static float mean[N * LATENT], scale[N * LATENT], codes[N * LATENT], decoded[N * PIXELS],
        samples[N * LATENT];
    static float other[N * PIXELS];
    double log_prior[N], other_prior[N];
    assert_ok(gkv_model_set_threads(model, 1));
    assert_ok(gkv_model_posterior(model, N, images, NULL, mean, scale));
    assert_ok(gkv_model_encode(model, N, images, NULL, codes));
    assert_memory_equal(codes, mean, sizeof codes); /* normal noise, no posterior flow */
    assert_ok(gkv_model_decode(model, N, codes, NULL, decoded));
    assert_ok(gkv_model_sample(model, N, 3, 0, 1, NULL, samples));
    assert_ok(gkv_model_log_prior(model, N, codes, NULL, log_prior));
    for (size_t i = 0; i < N * LATENT; i++)
        assert_true(scale[i] > 0 && isfinite((double)mean[i]) && isfinite((double)samples[i]));
    double error = 0;
    for (size_t i = 0; i < N * PIXELS; i++) {
        assert_true(decoded[i] >= 0 && decoded[i] <= 1);
        error += (double)fabsf(decoded[i] - images[i]) / (N * PIXELS);
    }
    assert_true(error < 0.2);
    for (int threads = 2; threads <= 5; threads += 3) {
        assert_ok(gkv_model_set_threads(model, threads));
        assert_ok(gkv_model_encode(model, N, images, NULL, other));
        assert_memory_equal(other, codes, sizeof codes);
        assert_ok(gkv_model_decode(model, N, codes, NULL, other));
        assert_memory_equal(other, decoded, sizeof decoded);
        assert_ok(gkv_model_sample(model, N, 3, 0, 1, NULL, other));
        assert_memory_equal(other, samples, sizeof samples);
        assert_ok(gkv_model_log_prior(model, N, codes, NULL, other_prior));
        assert_memory_equal(other_prior, log_prior, sizeof log_prior);
    }
    assert_ok(
        /* either output may be left out */
        gkv_model_posterior(model, N, images, NULL, NULL, other));
    assert_memory_equal(other, scale, sizeof scale);
    assert_ok(gkv_model_posterior(model, 0, images, NULL, other, other));
    assert_ok(gkv_model_decode(model, 0, codes, NULL, other));
}

/* log p(x|z) is that of the decoded probabilities. */
static void test_log_likelihood(void **state)
{
    (void)state;
    static float bits[N * PIXELS], codes[N * LATENT], p[N * PIXELS];
    double log_likelihood[N], other[N];
    for (size_t i = 0; i < N * PIXELS; i++)
        bits[i] = images[i] >= 0.5F;
    assert_ok(gkv_model_encode(model, N, bits, NULL, codes));
    assert_ok(gkv_model_decode(model, N, codes, NULL, p));
    assert_ok(gkv_model_log_likelihood(model, N, bits, codes, ON_THREADS(1), log_likelihood));
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t k = i * PIXELS; k < (i + 1) * PIXELS; k++)
            sum += log(bits[k] > 0 ? (double)p[k] : 1 - (double)p[k]);
        assert_relative(log_likelihood[i], sum, 1e-4);
    }
    assert_ok(gkv_model_log_likelihood(model, N, bits, codes, ON_THREADS(3), other));
    assert_memory_equal(other, log_likelihood, sizeof other);
}

static bool stop_after_one(void *context, const gkv_progress *progress)
{
    uint64_t *done = context;
    assert_true(progress->done <= N && progress->total == N);
    *done = progress->done;
    return progress->done > 0;
}

/* A batch reports its rows, and ends early when it is told to. */
static void test_options_of_a_batch(void **state)
{
    (void)state;
    static float codes[N * LATENT];
    uint64_t done = 0;
    const volatile sig_atomic_t stop = 1;
    const gkv_run_options asked = {.threads = 1, .progress = stop_after_one, .context = &done};
    assert_fails(gkv_model_encode(model, N, images, &asked, codes), GKV_ERR_INTERRUPTED,
                 "after 50 of 130 rows");
    assert_int_equal(done, 50);
    assert_fails(gkv_model_encode(model, N, images, &(gkv_run_options){.stop = &stop}, codes),
                 GKV_ERR_INTERRUPTED, "after 0 of 130 rows");
    assert_fails(gkv_model_encode(model, N, images, ON_THREADS(-1), codes), GKV_ERR_ARGUMENT,
                 "threads = -1");
}

static void test_samples(void **state)
{
    (void)state;
    float all[60 * LATENT], some[5 * LATENT], cold[2 * LATENT];
    assert_ok(gkv_model_sample(model, 60, 8, 100, 1, NULL, all));
    assert_ok(gkv_model_sample(model, 5, 8, 152, 1, NULL, some)); /* a part of the same sequence */
    for (size_t i = 0; i < 5 * LATENT; i++)
        assert_close(some[i], all[52 * LATENT + i], 1e-5);
    assert_ok(gkv_model_sample(model, 5, 9, 152, 1, NULL, some));
    assert_true(some[0] != all[52 * LATENT]);
    assert_ok(
        gkv_model_sample(model, 2, 8, 0, 0, NULL, cold)); /* temperature 0: the median, always */
    assert_memory_equal(cold, cold + LATENT, LATENT * sizeof *cold);
    assert_fails(gkv_model_sample(model, 1, 1, 0, -1, NULL, some), GKV_ERR_ARGUMENT, "temperature");
    assert_fails(gkv_model_sample(model, 1, 1, 0, (double)NAN, NULL, some), GKV_ERR_ARGUMENT,
                 "temperature");
    assert_fails(gkv_model_sample(model, 1, 1, 0, (double)INFINITY, NULL, some), GKV_ERR_ARGUMENT,
                 "temperature");
}

/* Posterior draws are μ + σu without a posterior flow. Each image has one number of the
 * sequence. */
static void test_draws(void **state)
{
    (void)state;
    float mean[20 * LATENT], scale[20 * LATENT], all[20 * LATENT], some[5 * LATENT], u[LATENT];
    assert_ok(gkv_model_posterior(model, 20, images, NULL, mean, scale));
    assert_ok(gkv_model_sample_posterior(model, 20, images, 8, 100, NULL, all));
    for (size_t i = 0; i < 20; i++) {
        gki_rng_normal(gki_rng_at(8, GKV_STREAM_USER, 0, 100 + i), LATENT, u);
        for (size_t j = 0; j < LATENT; j++)
            assert_close(all[i * LATENT + j], mean[i * LATENT + j] + scale[i * LATENT + j] * u[j],
                         1e-5);
    }
    assert_ok(gkv_model_sample_posterior(model, 5, images + 12 * PIXELS, 8, 112, NULL, some));
    for (size_t i = 0; i < 5 * LATENT; i++)
        assert_close(some[i], all[12 * LATENT + i], 1e-5);
}

static void test_normalise_and_generate(void **state)
{
    (void)state;
    static float z[N * LATENT], eps[N * LATENT], back[N * LATENT];
    assert_ok(gkv_model_sample(model, N, 4, 0, 1, NULL, z));
    assert_ok(gkv_model_normalise(model, N, z, NULL, eps));
    assert_ok(gkv_model_generate(model, N, eps, NULL, back));
    assert_true(memcmp(z, eps, sizeof z) != 0);
    for (size_t i = 0; i < N * LATENT; i++)
        assert_close(back[i], z[i], 1e-5);
    /* log p(z) is higher where samples are than far from them. */
    double near[N], far[N];
    assert_ok(gkv_model_log_prior(model, N, z, NULL, near));
    for (size_t i = 0; i < N * LATENT; i++)
        z[i] *= 20;
    assert_ok(gkv_model_log_prior(model, N, z, NULL, far));
    double difference = 0;
    for (size_t i = 0; i < N; i++)
        difference += (near[i] - far[i]) / N;
    assert_true(difference > 10);
}

/* Replaces text in the header by text of the same length. */
static void put_changed(const char *bytes, size_t size, const char *from, const char *to)
{
    char *changed = test_alloc(size);
    memcpy(changed, bytes, size);
    const size_t length = strlen(from);
    bool found = false;
    assert_int_equal(length, strlen(to));
    for (size_t i = 0; i + length <= size && !found; i++)
        if (memcmp(changed + i, from, length) == 0) {
            memcpy(changed + i, to, length);
            found = true;
        }
    assert_true(found);
    put("bad.safetensors", changed, size);
    free(changed);
}

static void test_bad_files(void **state)
{
    (void)state;
    size_t size;
    char *good = contents(in_folder("run", "model.safetensors"), &size);
    const char *path = in_folder("bad.safetensors", NULL);
    gkv_model *none = model;
    assert_fails(gkv_model_load(in_folder("missing", NULL), &none), GKV_ERR_IO, "missing");
    assert_null(none);
    for (size_t i = 0; i < 12; i++) {
        put("bad.safetensors", good, i < 10 ? size * i / 10 : size - (i == 10 ? 1 : 4));
        assert_fails(gkv_model_load(path, &none), GKV_ERR_DATA, "bad.safetensors");
        assert_null(none);
    }
    static const char *const changes[][2] = {
        {"\"model.latent\":\"4\"", "\"model.latent\":\"5\""},
        {"\"image.height\":\"28\"", "\"image.height\":\"29\""},
        {"\"image.height\":\"28\"", "\"image.height\":\"-1\""},
        {"\"image.width\":\"28\"", "\"image.widht\":\"28\""},
        {"\"model.hidden\":\"24\"", "\"model.hidden\":\"x4\""},
        {"\"model.block\":\"silu\"", "\"model.block\":\"relu\""},
        {"decoder.output.bias", "decoder.output.bios"},
        {"\"F32\"", "\"I32\""},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        put_changed(good, size, changes[i][0], changes[i][1]);
        assert_fails(gkv_model_load(path, &none), GKV_ERR_DATA, "bad.safetensors");
        assert_null(none);
    }
    free(good);
    /* Numbers that are not a valid model. */
    const gki_real bad[] = {NAN, INFINITY, -1};
    for (size_t i = 0; i < 3; i++) {
        gkv_model *copy = NULL;
        assert_ok(gkv_model_load(in_folder("run", "model.safetensors"), &copy));
        for (size_t k = 0; k < copy->params.count; k++)
            if (strcmp(copy->params.list[k].name, "prior.base.scale") == 0)
                gki_param_value(&copy->params, k)[1] = bad[i];
        assert_ok(gkv_model_save(copy, path));
        assert_fails(gkv_model_load(path, &none), GKV_ERR_DATA,
                     i < 2 ? "prior.base.scale" : "margin 1");
        gkv_model_free(copy);
    }
    gkv_model_free(NULL);
}

/* Writes a copy of a file with one more entry of metadata and one more tensor, unless these are
 * NULL. */
static void copy_with(const char *from, const char *key, const char *value, const char *tensor)
{
    enum { MOST = 400 };
    static const float number = 1;
    gki_safetensors *file = NULL;
    gki_tensor tensors[MOST];
    gki_metadata metadata[MOST];
    void *data[MOST];
    size_t n = 0, entries = 0;
    assert_ok(gki_safetensors_open(from, &file));
    for (const gki_tensor *t; (t = gki_safetensors_at(file, n)); n++) {
        uint64_t bytes = 0;
        assert_true(gki_tensor_bytes(t, &bytes) && n + 1 < MOST);
        tensors[n] = *t;
        tensors[n].data = data[n] = test_alloc((size_t)bytes);
        assert_ok(gki_safetensors_read(file, t->name, t->dtype, t->rank, t->shape, data[n]));
    }
    const char *name;
    for (size_t i = 0; (name = gki_safetensors_metadata_key(file, i)); i++)
        if (strcmp(name, GKV_SAFETENSORS_CHECKSUM_KEY) != 0 && !(key && strcmp(name, key) == 0))
            metadata[entries++] = (gki_metadata){name, gki_safetensors_metadata(file, name)};
    if (key)
        metadata[entries++] = (gki_metadata){key, value};
    const size_t own = n;
    if (tensor)
        tensors[n++] = (gki_tensor){
            .name = tensor, .dtype = GKV_F32, .rank = 1, .shape = {1}, .data = &number};
    assert_ok(
        gki_safetensors_write(in_folder("bad.safetensors", NULL), n, tensors, entries, metadata));
    for (size_t t = 0; t < own; t++)
        free(data[t]);
    gki_safetensors_free(file);
}

static void test_unknown_content(void **state)
{
    (void)state;
    char from[512];
    const char *path = in_folder("bad.safetensors", NULL);
    const struct {
        const char *key, *value, *tensor, *text; /* NULL: it is read */
    } cases[] = {
        {NULL, NULL, NULL, NULL},
        {"origin", "elsewhere", NULL, NULL},
        {"gkvae", "0.0.9", NULL, NULL},
        {"model.depth", "3", NULL, "setting \"model.depth\""},
        {"train.new", "yes", NULL, "which gkvae"},
        {"gkvae", "99.1.0", NULL, "written by gkvae 99.1.0"},
        {NULL, NULL, "decoder.extra", "tensor \"decoder.extra\""},
        {NULL, NULL, "optimizer.m.decoder.output.bias", "not part of a model"},
    };
    snprintf(from, sizeof from, "%s", in_folder("run", "model.safetensors"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gkv_model *copy = NULL;
        copy_with(from, cases[i].key, cases[i].value, cases[i].tensor);
        if (cases[i].text)
            assert_fails(gkv_model_load(path, &copy), GKV_ERR_DATA, cases[i].text);
        else
            assert_ok(gkv_model_load(path, &copy));
        gkv_model_free(copy);
    }
    /* a checkpoint can be used as a model */
    gkv_model *copy = NULL;
    assert_ok(gkv_model_load(in_folder("run", "checkpoint.safetensors"), &copy));
    gkv_model_free(copy);
}

static void test_create_refuses(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    static double mean[PIXELS];
    gkv_model *none = model;
    assert_fails(gkv_model_create(0, 28, 1, mean, &settings, &none), GKV_ERR_ARGUMENT, "pixels");
    assert_null(none);
    assert_fails(gkv_model_create(1000, 1000, 1, mean, &settings, &none), GKV_ERR_ARGUMENT,
                 "pixels");
    assert_fails(gkv_model_create(SIZE_MAX / 2, 3, 1, mean, &settings, &none), GKV_ERR_ARGUMENT,
                 "pixels");
    mean[77] = 1.5;
    assert_fails(gkv_model_create(28, 28, 1, mean, &settings, &none), GKV_ERR_ARGUMENT, "pixel 77");
    mean[77] = (double)NAN;
    assert_fails(gkv_model_create(28, 28, 1, mean, &settings, &none), GKV_ERR_ARGUMENT, "pixel 77");
    mean[77] = 0;
    set(&settings, "model.base_g", "3");
    set(&settings, "model.base_k", "-0.3");
    assert_fails(gkv_model_create(28, 28, 1, mean, &settings, &none), GKV_ERR_CONFIG,
                 "model.base_k");
    assert_null(none);
}

/* A model of colour and one of continuous images come back from a file: channels, range and what
 * they decode. */
static void test_colour_and_numbers(void **state)
{
    (void)state;
    enum { HEIGHT = 4, WIDTH = 5, CHANNELS = 3, VALUES = HEIGHT * WIDTH * CHANNELS };
    static const char *const kinds[][2] = {{"grey", "logistic-mixture"},
                                           {"continuous", "gk-density"}};
    const char *path = in_folder("colour.safetensors", NULL);
    double mean[VALUES];
    for (size_t i = 0; i < VALUES; i++)
        mean[i] = (double)i / VALUES;
    for (size_t k = 0; k < 2; k++) {
        gkv_settings settings = small_settings();
        gkv_model *made = NULL, *back = NULL;
        float code[LATENT] = {0.3F, -1, 0.5F, 2}, image[VALUES], again[VALUES];
        double density = 0, range[2];
        set(&settings, "data.binarization", kinds[k][0]);
        set(&settings, "model.likelihood", kinds[k][1]);
        if (k == 1)
            set(&settings, "data.range", "-3,17.25");
        assert_ok(gkv_model_create(HEIGHT, WIDTH, CHANNELS, mean, &settings, &made));
        assert_ok(gkv_model_save(made, path));
        assert_ok(gkv_model_load(path, &back));
        assert_int_equal(gkv_model_channels(back), CHANNELS);
        assert_int_equal(gkv_model_values(back), VALUES);
        assert_int_equal(gkv_settings_range(&gkv_model_settings_of(back)->data, range), k == 1);
        assert_true(range[0] == (k ? -3 : 0) && range[1] == (k ? 17.25 : 1));
        assert_ok(gkv_model_sample_images(made, 1, code, 5, 0, NULL, image));
        assert_ok(gkv_model_sample_images(back, 1, code, 5, 0, NULL, again));
        assert_memory_equal(image, again, sizeof image);
        assert_ok(gkv_model_log_likelihood(back, 1, image, code, NULL, &density));
        assert_true(isfinite(density));
        if (k == 0) /* the levels of a picture are whole */
            for (size_t i = 0; i < VALUES; i++)
                assert_close((double)image[i] * 255, round((double)image[i] * 255), 1e-4);
        gkv_model_free(made);
        gkv_model_free(back);
    }
    gkv_model *none = model;
    assert_fails(gkv_model_create(HEIGHT, WIDTH, 2, mean, NULL, &none), GKV_ERR_ARGUMENT,
                 "2 channels");
    assert_null(none);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The ranges of tensors are those that the names in files say, for every flow and base. */
static void test_tensors_of_parts(void **state)
{
    (void)state;
    static const double mean[16] = {0};
    for (int kind = 0; kind < GKV_PRIOR_FLOWS * GKV_BASES * GKV_NETS; kind++) {
        gkv_settings settings;
        gkv_model *made = NULL;
        size_t counts[4] = {0};
        gkv_settings_defaults(&settings);
        settings.model.latent = settings.model.hidden = settings.model.prior_hidden = 4;
        settings.model.prior_layers = 1;
        settings.model.base_components = 2;
        settings.model.posterior = GKV_POSTERIOR_GK;
        settings.model.likelihood = GKV_LIKELIHOOD_GK; /* they have tensors of their own */
        settings.data.binarization = GKV_BINARIZE_GREY;
        settings.model.net = (gkv_net_family)(kind % GKV_NETS);
        settings.model.prior_flow = (gkv_prior_flow_family)(kind / GKV_NETS % GKV_PRIOR_FLOWS);
        settings.model.base = (gkv_base_family)(kind / GKV_NETS / GKV_PRIOR_FLOWS);
        assert_ok(gkv_model_create(4, 4, 1, mean, &settings, &made));
        for (gki_param_id id = 0; id < made->params.count; id++) {
            const char *name = made->params.list[id].name;
            const gki_param_range ranges[] = {made->tensors.encoder, made->tensors.decoder,
                                              made->tensors.flow, made->tensors.base};
            const bool wanted[] = {begins(name, "encoder.") && id != made->input_mean,
                                   begins(name, "decoder."), begins(name, "prior.flow."),
                                   begins(name, "prior.base.")};
            for (size_t r = 0; r < 4; r++) {
                assert_int_equal(gki_param_range_has(ranges[r], id), wanted[r]);
                counts[r] += wanted[r];
            }
        }
        assert_true(counts[0] > 1 && counts[1] > 1);
        assert_int_equal(counts[2] > 0, settings.model.prior_flow != GKV_PRIOR_FLOW_NONE);
        assert_int_equal(counts[3] > 0, settings.model.base != GKV_BASE_NORMAL);
        gkv_model_free(made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_save_and_load),
        cmocka_unit_test(test_threads_of_the_application),
        cmocka_unit_test(test_what_it_says_of_itself),
        cmocka_unit_test(test_threads_and_rows),
        cmocka_unit_test(test_log_likelihood),
        cmocka_unit_test(test_options_of_a_batch),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_normalise_and_generate),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_unknown_content),
        cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_colour_and_numbers),
        cmocka_unit_test(test_tensors_of_parts),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
