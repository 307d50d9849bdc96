/* Settings: the table, values and their ranges, files and their faults. */
#define _GNU_SOURCE
#include "folder.h"

#include <locale.h>
#include <unistd.h>

#include "config/settings_table.h"
#include "core/text.h"
#include "gkvae/settings.h"

#define CONFIGS GKV_TEST_FIXTURES "/../../configs/"

static char path[128];

static int begin(void **state)
{
    if (make_temporary(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s", in_temporary("s.ini"));
    return 0;
}

static gkv_status read_text(gkv_settings *settings, const char *text)
{
    put("s.ini", text, strlen(text));
    return gkv_settings_read(settings, path);
}

static void full_name(const gkv_settings_key *key, char name[64])
{
    snprintf(name, 64, "%s.%s", key->section, key->name);
}

static void defaults_are_as_documented(void **state)
{
    (void)state;
    static const char *const wanted[][2] = {
        {"data.dataset", "mnist"},
        {"data.folder", "data"},
        {"data.train_images", ""},
        {"data.train_labels", ""},
        {"data.test_images", ""},
        {"data.test_labels", ""},
        {"data.train_images_sha256", ""},
        {"data.train_labels_sha256", ""},
        {"data.invert", "no"},
        {"data.transpose", "no"},
        {"data.channels", "auto"},
        {"data.resize", ""},
        {"data.background", "white"},
        {"data.skip_bad", "no"},
        {"data.binarization", "dynamic"},
        {"data.range", ""},
        {"data.validation", "2000"},
        {"model.latent", "24"},
        {"model.net", "mlp"},
        {"model.hidden", "400"},
        {"model.layers", "3"},
        {"model.block", "residual"},
        {"model.half_channels", "16"},
        {"model.quarter_channels", "48"},
        {"model.conv_blocks", "1"},
        {"model.conv_block", "full"},
        {"model.downsampling", "unshuffle"},
        {"model.posterior", "normal"},
        {"model.posterior_flow", "none"},
        {"model.posterior_layers", "0"},
        {"model.prior_flow", "realnvp"},
        {"model.prior_layers", "8"},
        {"model.prior_hidden", "128"},
        {"model.log_scale_bound", "2"},
        {"model.spline_bins", "8"},
        {"model.spline_bound", "4"},
        {"model.base", "gk-mixture"},
        {"model.base_fit", "lm"},
        {"model.base_components", "32"},
        {"model.base_covariance", "full"},
        {"model.base_rank", "4"},
        {"model.base_tied_shapes", "no"},
        {"model.base_classes", "10"},
        {"model.base_g", "0"},
        {"model.base_k", "0"},
        {"model.likelihood", "bernoulli"},
        {"model.likelihood_components", "2"},
        {"model.learned_edges", "yes"},
        {"train.epochs", "46"},
        {"train.batch", "200"},
        {"train.objective", "elbo"},
        {"train.samples", "1"},
        {"train.resampling", "none"},
        {"train.elbo_epochs", "0"},
        {"train.gradient", "path-derivative"},
        {"train.learning_rate", "0.003"},
        {"train.weight_decay", "0.1"},
        {"train.clip_norm", "5"},
        {"train.kl_weight", "1"},
        {"train.kl_warmup", "5"},
        {"train.free_bits", "0"},
        {"train.augmentation", "0"},
        {"train.refit_every", "1"},
        {"train.refit_iterations", "1"},
        {"train.refit_codes", "20000"},
        {"train.refit_steps", "10"},
        {"train.refit_window", "0.25"},
        {"train.refit_damping", "1"},
        {"train.ema", "0.999"},
        {"train.fine_tune_epochs", "0"},
        {"train.fine_tune_iterations", "1"},
        {"train.fine_tune_samples", "2"},
        {"train.patience", "0"},
        {"train.checkpoint_every", "1"},
        {"train.seed", "1"},
        {"train.threads", "auto"},
        {"eval.samples", "500"},
        {"eval.images", "all"},
        {"eval.generation", "all"},
        {"eval.draws", "auto"},
        {"eval.draw_sets", "3"},
        {"eval.temperature", "1"},
        {"eval.features", ""},
        {"eval.seed", "1"},
    };
    gkv_settings settings;
    char value[GKV_PATH_SIZE], name[64];
    memset(&settings, 0xAA, sizeof settings);
    gkv_settings_defaults(&settings);
    size_t i = 0;
    for (const gkv_settings_key *key; (key = gkv_settings_key_at(i)) != NULL; i++) {
        full_name(key, name);
        assert_string_equal(name, wanted[i][0]);
        assert_ok(gkv_settings_get(&settings, name, sizeof value, value));
        assert_string_equal(value, wanted[i][1]);
        assert_true(strlen(key->meaning) > 10 && key->meaning[strlen(key->meaning) - 1] == '.');
        assert_non_null(key->range);
    }
    assert_int_equal(i, sizeof wanted / sizeof *wanted);
    assert_ok(gkv_settings_check(&settings));
    assert_true(settings.train.learning_rate == 3e-3 && settings.train.threads == 0 &&
                settings.eval.images == 0);
    assert_int_equal(settings.model.latent, 24);
    assert_int_equal(settings.model.base, GKV_BASE_GK_MIXTURE);
}

/* The facts of every key, by rules on names. */
static void facts_of_keys(void **state)
{
    (void)state;
    static const char
        *const sections
            [GKV_SECTIONS] = {"data", "model", "train", "eval"},
    *const types[GKV_KINDS] = {
        [GKV_KIND_INTEGER] = "integer", [GKV_KIND_SEED] = "integer", [GKV_KIND_NUMBER] = "number",
        [GKV_KIND_CHOICE] = "name",     [GKV_KIND_SWITCH] = "name",  [GKV_KIND_LABEL] = "name",
        [GKV_KIND_PATH] = "path",       [GKV_KIND_FOLDER] = "path",  [GKV_KIND_DIGEST] = "sha256",
        [GKV_KIND_SIZE] = "size",       [GKV_KIND_RANGE] = "range",  [GKV_KIND_COLOUR] = "colour"};
    size_t counts[GKV_KINDS] = {0};
    char name[64];
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        full_name(key, name);
        const bool is_threads = strcmp(name, "train.threads") == 0,
                   is_folder = strcmp(name, "data.folder") == 0;
        assert_string_equal(key->section, sections[key->section_id]);
        assert_string_equal(key->type, types[key->kind]);
        assert_int_equal(strcmp(key->name, "seed") == 0, key->kind == GKV_KIND_SEED);
        assert_int_equal(strchr(key->range, ',') && strcmp(key->type, "name") == 0,
                         key->kind == GKV_KIND_CHOICE || key->kind == GKV_KIND_SWITCH);
        assert_int_equal(!!(key->facts & GKV_KEY_IS_LOCAL),
                         strcmp(key->type, "path") == 0 || is_threads);
        assert_int_equal(!!(key->facts & GKV_KEY_CHANGES_MODEL),
                         strcmp(key->section, "eval") != 0 && !is_threads && !is_folder);
        assert_int_equal(!!(key->facts & GKV_KEY_IS_MODELS),
                         strcmp(key->section, "model") == 0 ||
                             strcmp(name, "data.binarization") == 0 ||
                             strcmp(name, "data.validation") == 0 ||
                             (strcmp(key->section, "train") == 0 && !is_threads));
        counts[key->kind]++;
    }
    for (size_t k = 0; k < GKV_KINDS; k++)
        assert_true(counts[k] > 0);
}

static void good_values_are_taken(void **state)
{
    (void)state;
    static const char *const good[][3] = {
        /* key, as written, as given back */
        {"model.latent", "1", "1"},
        {"model.latent", "4096", "4096"},
        {"model.latent", "+7", "7"},
        {"train.threads", "auto", "auto"},
        {"train.threads", "256", "256"},
        {"eval.images", "1", "1"},
        {"eval.images", "all", "all"},
        {"data.validation", "0", "0"},
        {"train.ema", "0.999", "0.999"},
        {"model.base_k", "-0.4999", "-0.4999"},
        {"model.base_k", "5", "5"},
        {"model.base_g", "-5", "-5"},
        {"train.learning_rate", "1e-05", "1e-05"},
        {"train.learning_rate", "0.1", "0.1"},
        {"train.learning_rate", "0.30000000000000004", "0.30000000000000004"},
        {"train.learning_rate", "5e-324", "5e-324"},
        {"train.kl_warmup", "2.5", "2.5"},
        {"train.seed", "9223372036854775807", "9223372036854775807"},
        {"train.seed", "0", "0"},
        {"data.dataset", "fashion-mnist", "fashion-mnist"},
        {"data.dataset", "my_own.2", "my_own.2"},
        {"data.train_images", "", ""},
        {"data.folder", "/a b/c;d#e/é", "/a b/c;d#e/é"},
        {"model.posterior", "gk-amortized", "gk-amortized"},
    };
    gkv_settings settings;
    char value[GKV_PATH_SIZE];
    gkv_settings_defaults(&settings);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(gkv_settings_set(&settings, good[i][0], good[i][1], "--set"));
        assert_ok(gkv_settings_get(&settings, good[i][0], sizeof value, value));
        assert_string_equal(value, good[i][2]);
    }
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"model.latent", "0", "--set: model.latent = 0: must be an integer, 1 … 4096"},
        {"model.latent", "4097", "1 … 4096"},
        {"model.latent", "", "model.latent = : must be an integer"},
        {"model.latent", "4.0", "integer"},
        {"model.latent", "4x", "integer"},
        {"model.latent", "0x10", "integer"},
        {"model.latent", " 4", "integer"},
        {"model.latent", "-", "integer"},
        {"model.latent", "1_000", "integer"},
        {"model.latent", "99999999999999999999", "integer"},
        {"model.latent", "18446744073709551656", "integer"},
        {"data.validation", "-1", "0 … 1000000"},
        {"train.threads", "0", "auto or 1 … 256; use \"auto\""},
        {"train.threads", "257", "auto or 1 … 256"},
        {"train.threads", "Auto", "auto or"},
        {"eval.images", "0", "use \"all\""},
        {"eval.images", "auto", "all or 1"},
        {"train.seed", "-1", "9223372036854775807"},
        {"train.seed", "9223372036854775808", "9223372036854775807"},
        {"train.seed", "", "integer"},
        {"train.learning_rate", "0", "above 0, at most 1"},
        {"train.learning_rate", "nan", "number"},
        {"train.learning_rate", "inf", "number"},
        {"train.learning_rate", "0x1p-3", "number"},
        {"train.learning_rate", "1e", "number"},
        {"train.learning_rate", "0,1", "number"},
        {"train.learning_rate", "1e-999", "number"},
        {"train.learning_rate", "1e999", "number"},
        {"train.learning_rate", "0.1 ", "number"},
        {"train.learning_rate", "", "number"},
        {"train.ema", "1", "at least 0, below 1"},
        {"train.ema", "-0.1", "at least 0"},
        {"train.refit_damping", "1.01", "above 0, at most 1"},
        {"model.base_k", "-0.5",
         "above -0.5, at most 5; at k ≤ −1/2 the quantile function Q(z) stops increasing"},
        {"model.base_k", "-3", "stops increasing"},
        {"model.base_g", "5.1", "-5 … 5"},
        {"model.base", "gk-copulas", "gk-mixture, gk-by-class; the nearest is \"gk-copula\""},
        {"model.base", "", "one of"},
        {"model.base", "normal, gk", "one of"},
        {"model.base", "Normal", "\"normal\""},
        {"model.posterior_flow", "palnar", "\"planar\""},
        {"data.dataset", "", "a name of"},
        {"data.dataset", "../etc", "a name of"},
        {"data.dataset", "a/b", "a name"},
        {"data.dataset", "a b", "a name of"},
        {"data.dataset", "abcdefghijklmnopqrstuvwxyzabcdef", "31 bytes"},
        {"data.folder", "", "write . for"},
        {"data.folder", "a\nb", "control"},
        {"data.folder", " a", "blank"},
        {"data.folder", "a ", "blank"},
        {"data.folder", "a #b", "comment"},
        {"data.folder", ";b", "comment"},
        {"data.folder", "\"data\"", "quotes"},
    };
    gkv_settings settings, before;
    gkv_settings_defaults(&settings);
    before = settings;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(gkv_settings_set(&settings, bad[i][0], bad[i][1], "--set"), GKV_ERR_CONFIG,
                     bad[i][2]);
        assert_non_null(strstr(gkv_error_message(), bad[i][0]));
        assert_memory_equal(&settings, &before, sizeof settings);
    }
    char longest[GKV_PATH_SIZE + 1];
    memset(longest, 'p', GKV_PATH_SIZE);
    longest[GKV_PATH_SIZE] = '\0';
    assert_fails(gkv_settings_set(&settings, "data.folder", longest, "--set"), GKV_ERR_CONFIG,
                 "1023 bytes");
    assert_ok(gkv_settings_set(&settings, "data.folder", longest + 1, "--set"));
    char small[4];
    assert_fails(gkv_settings_get(&settings, "data.folder", sizeof small, small), GKV_ERR_ARGUMENT,
                 "1024 bytes");
    assert_ok(gkv_settings_get(&settings, "train.seed", 2, small));
}

static void unknown_names_meet_the_nearest(void **state)
{
    (void)state;
    static const char *const unknown[][2] = {
        {"model.latnet", "--set: unknown key \"model.latnet\"; the nearest is \"model.latent\""},
        {"model.epochs", "the nearest is \"train.epochs\""},
        {"latent", "unknown key \"latent\"; the nearest is \"model.latent\""},
        {"train.learning-rate", "\"train.learning_rate\""},
        {"", "unknown key \"\""},
        {".", "unknown key"},
        {"model.", "unknown key \"model.\""},
        {"model.latent.x", "\"model.latent\""},
        {"model.\x1b[2J", "\"model.?[2J\""},
    };
    gkv_settings settings;
    char value[8];
    gkv_settings_defaults(&settings);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_fails(gkv_settings_set(&settings, unknown[i][0], "1", "--set"), GKV_ERR_CONFIG,
                     unknown[i][1]);
    assert_fails(gkv_settings_get(&settings, "eval.seeds", 8, value), GKV_ERR_CONFIG,
                 "\"eval.seed\"");
    assert_int_equal(gki_text_distance("latnet", "latent"), 1);
    assert_int_equal(gki_text_distance("", "abc"), 3);
    assert_int_equal(gki_text_distance("kitten", "sitting"), 3);
    assert_int_equal(gki_text_distance("ca", "abc"), 3); /* the string alignment form: 3, not 2 */
    assert_int_equal(gki_text_distance("abcd", "abcd"), 0);
}

static void untidy_file_is_read(void **state)
{
    (void)state;
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    assert_ok(gkv_settings_read(&settings, GKV_TEST_FIXTURES "/settings/untidy.ini"));
    assert_string_equal(settings.data.folder, "my data/a#1;2");
    assert_int_equal(settings.model.latent, 12);
    assert_true(settings.model.base_k == -0.25);
    assert_int_equal(settings.model.posterior, GKV_POSTERIOR_GK);
    assert_int_equal(settings.eval.images, 0);
    assert_int_equal(settings.train.threads, 3);
    assert_true(settings.train.learning_rate == 1e-4);
    assert_true(settings.train.seed == INT64_MAX);
    assert_int_equal(settings.model.hidden, 400);
}

static void bad_files_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"[model]\nlatent = 3\n\nlatnet = 3\n",
         "s.ini:4: unknown key \"model.latnet\"; the nearest is \"model.latent\""},
        {"[model]\nlatent = 3\nhidden = 0\n",
         "s.ini:3: model.hidden = 0: must be an integer, 1 … 65536"},
        {"[model]\nlatent = 3\n[modle]\nhidden = 4\n",
         "s.ini:3: unknown section \"modle\"; the nearest is \"model\""},
        {"[model]\nlatent = 3\n[trian]\n",
         "s.ini:3: unknown section \"trian\"; the nearest is \"train\""},
        {"[model]\nlatent = 3\n# x\nlatent = 4\n",
         "s.ini:4: model.latent is set on line 2 already"},
        {"[model]\nlatent = 3\n[train]\nepochs = 4\n[model]\nlatent = 3\n",
         "s.ini:6: model.latent is set on line 2"},
        {"latent = 3\n", "s.ini:1: unknown key \"latent\"; the nearest is \"model.latent\""},
        {"[model]\nlatent = 3\nhidden\n", "s.ini:3: a line must be [section] or key = value"},
        {"[model]\nlatent = 3\n= 5\n", "s.ini:3: a line must be"},
        {"[model\nlatent = 3\n", "s.ini:1: a section is written [name]"},
        {"[model] latent = 3\n", "s.ini:1: a section is written [name]"},
        {"[]\nlatent = 3\n", "s.ini:1: unknown section \"\""},
        {"[model]\nlatent = 3 4\n", "s.ini:2: model.latent = 3 4: must be"},
        {"[data]\nresize = 32\n", "s.ini:2: data.resize = 32: must be empty, or HEIGHTxWIDTH"},
        {"[data]\nresize = 0x32\n", "must be empty, or HEIGHTxWIDTH"},
        {"[data]\nresize = 32x32x3\n", "must be empty, or HEIGHTxWIDTH"},
        {"[data]\nresize = 32x65536\n", "must be empty, or HEIGHTxWIDTH"},
        {"[data]\nrange = 3\n", "must be empty, or LOW,HIGH with LOW < HIGH"},
        {"[data]\nrange = 3,3\n", "must be empty, or LOW,HIGH"},
        {"[data]\nrange = 1,2,3\n", "must be empty, or LOW,HIGH"},
        {"[data]\nrange = -1e308,1e308\n", "must be empty, or LOW,HIGH"},
        {"[data]\nrange = nan,1\n", "must be empty, or LOW,HIGH"},
        {"[data]\nbackground = grey\n", "must be white, black, or six hexadecimal digits"},
        {"[data]\nbackground = #ffffff\n", "must be white, black, or six hexadecimal digits"},
        {"[data]\nchannels = 4\n", "must be one of auto, 1, 3"},
        {"[model]\nlatent =\n", "s.ini:2: model.latent = : must be"},
        {"[model]\nlatent = 3\n  hidden = x\n", "s.ini:3: model.hidden = x"},
        {"[eval]\nimages = 0 # none\n", "s.ini:2: eval.images = 0: must be"},
        {"\1\2\3\n", "s.ini:1: a line must be"},
        {"\x7f"
         "ELF\2\1\1\n",
         "s.ini: "}, /* core/foreign.h knows such a file */
    };
    gkv_settings settings, before;
    gkv_settings_defaults(&settings);
    before = settings;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(read_text(&settings, bad[i][0]), GKV_ERR_CONFIG, bad[i][1]);
        assert_memory_equal(&settings, &before, sizeof settings);
    }
    put("s.ini", "[model]\n\0latent = 3\n", 20);
    assert_fails(gkv_settings_read(&settings, path), GKV_ERR_CONFIG, "zero byte");
    assert_fails(gkv_settings_read(&settings, "/no/such.ini"), GKV_ERR_IO, "/no/such.ini");
    assert_fails(gkv_settings_read(&settings, temporary), GKV_ERR_IO, temporary);
    assert_memory_equal(&settings, &before, sizeof settings);
    assert_ok(read_text(&settings, ""));
    assert_ok(read_text(&settings, "\n\n# nothing\n[model]"));
    assert_memory_equal(&settings, &before, sizeof settings);
}

static void long_lines_are_whole_or_refused(void **state)
{
    (void)state;
    gkv_settings settings, before;
    char text[6000], value[GKV_PATH_SIZE];
    /* Paths of every length about the line buffer's multiples, of an awkward pattern. */
    for (size_t length = 150; length < GKV_PATH_SIZE; length += length < 450 ? 1 : 97) {
        for (size_t i = 0; i < length; i++)
            value[i] = "ab c#d;[e]=f:/"[(i * 5 + i / 13 + length) % 14];
        value[0] = value[length - 1] = 'x';
        for (size_t i = 1; i < length; i++)
            if (value[i - 1] == ' ' && (value[i] == '#' || value[i] == ';'))
                value[i] = 'y';
        value[length] = '\0';
        snprintf(text, sizeof text, "[data]\nfolder = %s   # and a comment\n[model]\nlatent = 7\n",
                 value);
        gkv_settings_defaults(&settings);
        assert_ok(read_text(&settings, text));
        assert_string_equal(settings.data.folder, value);
        assert_int_equal(settings.model.latent, 7);
    }
    before = settings;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "[data]\nfolder = ", 16);
    assert_fails(read_text(&settings, text), GKV_ERR_CONFIG, "s.ini:2: the line is too long");
    text[1100] = '\0';
    assert_fails(read_text(&settings, text), GKV_ERR_CONFIG, "s.ini:2: data.folder = xxx");
    for (size_t i = 17; i < 1000; i += 2)
        text[i] = ' ';
    text[1001] = '\0';
    assert_ok(read_text(&settings, text)); /* one-letter words */
    assert_string_equal(settings.data.folder, text + 16);
    settings = before;
    memset(text + 7, 'x', 1000);
    text[300] = '=';
    assert_fails(read_text(&settings, text), GKV_ERR_CONFIG, "s.ini:2: the key is too long");
    memset(text, '#', 5000);
    assert_ok(read_text(&settings, text)); /* a comment may be of any length */
    memset(text, '[', 300);
    text[300] = ']';
    text[301] = '\0';
    assert_fails(read_text(&settings, text), GKV_ERR_CONFIG, "s.ini:1: a section is written");
    assert_memory_equal(&settings, &before, sizeof settings);
}

/* A value of every key that is not its default. */
static void change_everything(gkv_settings *settings)
{
    static const char *const changed[][2] = {
        {"data.dataset", "fashion-mnist"},
        {"data.folder", "/x/y z"},
        {"data.train_images", "a:b=c"},
        {"data.train_labels", "b"},
        {"data.test_images", "c"},
        {"data.test_labels", "d"},
        {"data.train_images_sha256",
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {"data.train_labels_sha256",
         "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"},
        {"data.invert", "yes"},
        {"data.transpose", "yes"},
        {"data.channels", "3"},
        {"data.resize", "24x32"},
        {"data.background", "ff8000"},
        {"data.skip_bad", "yes"},
        {"data.binarization", "grey"},
        {"data.range", "-1e30,2.5"},
        {"data.validation", "17"},
        {"model.latent", "3"},
        {"model.net", "conv"},
        {"model.hidden", "5"},
        {"model.layers", "1"},
        {"model.block", "gated"},
        {"model.half_channels", "7"},
        {"model.quarter_channels", "11"},
        {"model.conv_blocks", "2"},
        {"model.conv_block", "depthwise"},
        {"model.downsampling", "stride"},
        {"model.posterior", "gk"},
        {"model.posterior_flow", "planar"},
        {"model.posterior_layers", "4"},
        {"model.prior_flow", "none"},
        {"model.prior_layers", "2"},
        {"model.prior_hidden", "9"},
        {"model.log_scale_bound", "0.1"},
        {"model.spline_bins", "5"},
        {"model.spline_bound", "2.5"},
        {"model.base", "gk"},
        {"model.base_fit", "grad"},
        {"model.base_components", "7"},
        {"model.base_covariance", "diagonal"},
        {"model.base_rank", "9"},
        {"model.base_tied_shapes", "yes"},
        {"model.base_classes", "3"},
        {"model.base_g", "-0.3"},
        {"model.base_k", "0.12345678901234568"},
        {"model.likelihood", "logistic-mixture"},
        {"model.likelihood_components", "5"},
        {"model.learned_edges", "no"},
        {"train.epochs", "2"},
        {"train.batch", "3"},
        {"train.objective", "iwae"},
        {"train.samples", "4"},
        {"train.resampling", "importance"},
        {"train.elbo_epochs", "5"},
        {"train.gradient", "total"},
        {"train.learning_rate", "0.30000000000000004"},
        {"train.weight_decay", "0.01"},
        {"train.clip_norm", "0"},
        {"train.kl_weight", "0.5"},
        {"train.kl_warmup", "1e-07"},
        {"train.free_bits", "3"},
        {"train.augmentation", "0.5"},
        {"train.refit_every", "0.4"},
        {"train.refit_iterations", "3"},
        {"train.refit_codes", "100"},
        {"train.refit_steps", "7"},
        {"train.refit_window", "2.5"},
        {"train.refit_damping", "0.7"},
        {"train.ema", "0.9999"},
        {"train.fine_tune_epochs", "2"},
        {"train.fine_tune_iterations", "3"},
        {"train.fine_tune_samples", "4"},
        {"train.patience", "5"},
        {"train.checkpoint_every", "6"},
        {"train.seed", "9223372036854775807"},
        {"train.threads", "2"},
        {"eval.samples", "7"},
        {"eval.images", "8"},
        {"eval.generation", "samples"},
        {"eval.draws", "1000"},
        {"eval.draw_sets", "7"},
        {"eval.temperature", "0.9"},
        {"eval.features", "my net.safetensors"},
        {"eval.seed", "9223372036854775806"},
    };
    char value[GKV_PATH_SIZE], name[64];
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        full_name(gkv_settings_key_at(i), name);
        assert_string_equal(name, changed[i][0]); /* none is forgotten */
        assert_ok(gkv_settings_get(settings, name, sizeof value, value));
        if (strcmp(gkv_settings_key_at(i)->range, value) != 0) /* there are other values */
            assert_string_not_equal(value, changed[i][1]);
        assert_ok(gkv_settings_set(settings, name, changed[i][1], "test"));
    }
    assert_null(gkv_settings_key_at(sizeof changed / sizeof *changed));
}

static void written_is_read(void **state)
{
    (void)state;
    gkv_settings settings, back;
    gkv_settings_defaults(&settings);
    gkv_settings_defaults(&back);
    change_everything(&back);
    assert_ok(gkv_settings_write(&settings, path));
    assert_ok(gkv_settings_read(&back, path));
    assert_memory_equal(&settings, &back, sizeof settings);
    change_everything(&settings);
    settings.train.free_bits = 0;        /* which does not go with the objective, … */
    settings.train.fine_tune_epochs = 0; /* … nor this with the posterior */
    assert_ok(gkv_settings_check(&settings));
    assert_ok(gkv_settings_write(&settings, path));
    assert_ok(gkv_settings_read(&back, path));
    assert_memory_equal(&settings, &back, sizeof settings);
    /* What a file could not give back is not written. */
    settings.train.learning_rate = NAN;
    assert_fails(gkv_settings_write(&settings, path), GKV_ERR_CONFIG, "train.learning_rate = ");
    settings.train.learning_rate = 0.5;
    strcpy(settings.data.folder, "a\nb = c");
    assert_fails(gkv_settings_write(&settings, path), GKV_ERR_CONFIG, "data.folder = a?b");
    strcpy(settings.data.folder, "a");
    assert_fails(gkv_settings_write(&settings, "/no/such/s.ini"), GKV_ERR_IO, "/no/such/s.ini");
}

/* A range is read as it was written, to the last bit. */
static void ranges_come_back(void **state)
{
    (void)state;
    static const double ranges[][2] = {
        {0, 1}, {-1.0 / 3, 2.0 / 3}, {-1.2345678901234567e-300, 1.7976931348623157e+300}};
    gkv_settings settings;
    double range[2] = {7, 7};
    gkv_settings_defaults(&settings);
    assert_false(gkv_settings_range(&settings.data, range));
    assert_true(range[0] == 0 && range[1] == 1);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        gki_settings_put_range(ranges[i], settings.data.range);
        assert_true(gkv_settings_range(&settings.data, range));
        assert_true(range[0] == ranges[i][0] && range[1] == ranges[i][1]);
    }
}

static void commas_of_a_locale_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8",
                                        "ru_RU.UTF-8"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = setlocale(LC_ALL, names[i]);
    if (!found)
        skip(); /* no such locale is installed */
    gkv_settings settings;
    char value[64];
    gkv_settings_defaults(&settings);
    assert_true(settings.train.learning_rate == 0.003);
    assert_ok(gkv_settings_get(&settings, "train.learning_rate", sizeof value, value));
    setlocale(LC_ALL, "C");
    assert_string_equal(value, "0.003");
}

static void configurations_hold(void **state)
{
    (void)state;
    static const char *const files[] = {CONFIGS "mnist.ini", CONFIGS "mnist-plain.ini",
                                        CONFIGS "mnist-best.ini", CONFIGS "mnist-quick.ini",
                                        CONFIGS "mnist-by-class.ini"};
    gkv_settings settings, defaults;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        gkv_settings_defaults(&settings);
        assert_ok(gkv_settings_read(&settings, files[i]));
        assert_ok(gkv_settings_check(&settings));
    }
    /* The first states every default. */
    gkv_settings_defaults(&defaults);
    gkv_settings_defaults(&settings);
    change_everything(&settings);
    assert_ok(gkv_settings_read(&settings, files[0]));
    assert_memory_equal(&settings, &defaults, sizeof settings);
}

/* The comment of each key is its row in the table: the meaning, and in brackets the range if the
 * key has one. The keys are in the order of the table. */
static void comments_are_the_table(void **state)
{
    (void)state;
    FILE *file = fopen(CONFIGS "mnist.ini", "r");
    assert_non_null(file);
    char line[512], comment[512] = "", section[64] = "", wanted[512];
    size_t keys = 0;
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        assert_non_null(strchr(line, '\n'));
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            strcpy(comment, line);
        else if (line[0] == '[')
            snprintf(section, sizeof section, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
        else if (line[0] != '\0') {
            const gkv_settings_key *key = gkv_settings_key_at(keys++);
            assert_non_null(key);
            const size_t length = strcspn(line, " =");
            if (strcmp(section, key->section) != 0 || strncmp(line, key->name, length) != 0 ||
                key->name[length])
                fail_msg("mnist.ini:%u: \"%s\", where %s.%s is the next", number, line,
                         key->section, key->name);
            snprintf(wanted, sizeof wanted, *key->range ? "# %s [%s]" : "# %s", key->meaning,
                     key->range);
            if (strcmp(comment, wanted) != 0)
                fail_msg("mnist.ini:%u: the comment is \"%s\", not \"%s\"", number, comment,
                         wanted);
            comment[0] = '\0'; /* each key has its own */
        }
    }
    assert_null(gkv_settings_key_at(keys));
    assert_int_equal(fclose(file), 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, remove_temporary)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(facts_of_keys),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(unknown_names_meet_the_nearest),
        cmocka_unit_test(untidy_file_is_read),
        WITH_FOLDER(bad_files_change_nothing),
        WITH_FOLDER(long_lines_are_whole_or_refused),
        WITH_FOLDER(written_is_read),
        cmocka_unit_test(ranges_come_back),
        cmocka_unit_test(commas_of_a_locale_do_no_harm),
        cmocka_unit_test(configurations_hold),
        cmocka_unit_test(comments_are_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
