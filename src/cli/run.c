/* A model with its settings and images, and the arguments of commands that open one; declared in
 * cli.h. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli_draws.h"
#include "gkvae/train.h"

/* --- Draws ---------------------------------------------------------------- */

int cli_draw_codes(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n,
                   float *codes)
{
    if (which)
        return cli_check(gkv_model_sample_class(model, n, *which, draws->seed, draws->first,
                                                draws->temperature, NULL, codes));
    return cli_check(
        gkv_model_sample(model, n, draws->seed, draws->first, draws->temperature, NULL, codes));
}

int cli_draw_images(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n,
                    float *images)
{
    float *codes = cli_alloc(n * gkv_model_latent(model), sizeof *codes);
    int code = CLI_OK;
    CLI_TRY(cli_draw_codes(model, draws, which, n, codes));
    switch (draws->form) {
    case CLI_MEANS: CLI_CHECK(gkv_model_decode(model, n, codes, NULL, images)); break;
    case CLI_MEDIANS: CLI_CHECK(gkv_model_decode_medians(model, n, codes, NULL, images)); break;
    default:
        CLI_CHECK(
            gkv_model_sample_images(model, n, codes, draws->seed, draws->first, NULL, images));
    }
done:
    free(codes);
    return code;
}

/* --- Arguments ------------------------------------------------------------ */

static const struct argp_option model_options[] = {
    {"threads", 't', "N", 0,
     "The number of threads, as train.threads. The results do not depend on it (default: that of "
     "the run, or one per processor)",
     0},
    {.name = NULL},
};

static error_t parse_model(int key, char *arg, struct argp_state *state)
{
    cli_model_arguments *a = state->input;
    switch (key) {
    case 't': cli_assign(&a->assignments, state, "train.threads", arg, "--threads"); return 0;
    case ARGP_KEY_ARG:
        cli_refuse_assignment(state, arg);
        if (a->model)
            argp_error(state, "one model only: %s is too many", arg);
        a->model = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->model)
            argp_error(state, "which model? A run folder or a model file is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option data_options[] = {
    {"data-folder", 'f', "DIR", 0,
     "The folder of the images, as data.folder (default: that of the run, or data)", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0,
     "Change one setting that is not part of the model, such as eval.seed; may be repeated "
     "(default: none)",
     0},
    {.name = NULL},
};

static error_t parse_data(int key, char *arg, struct argp_state *state)
{
    cli_model_arguments *a = state->input;
    switch (key) {
    case 'f': cli_assign(&a->assignments, state, "data.folder", arg, "--data-folder"); return 0;
    case 's': cli_assign_text(&a->assignments, state, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp model_argp = {.options = model_options, .parser = parse_model};
static const struct argp data_argp = {.options = data_options, .parser = parse_data};

const struct argp_child cli_model_only[2] = {{.argp = &model_argp}, {.argp = NULL}};
const struct argp_child cli_model_and_data[3] = {{.argp = &model_argp},
                                                 {.argp = &data_argp},
                                                 {.argp = NULL}};

/* --- Settings ------------------------------------------------------------- */

/* `source` is where the run's settings are from: config.ini, or "" for the command line. */
static int compare(const cli_run *run, const char *source, const cli_assignments *assignments)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char name[64], wished[GKV_PATH_SIZE], made[GKV_PATH_SIZE];
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        if (!(key->facts & GKV_KEY_IS_MODELS))
            continue;
        int code = cli_check(gkv_settings_get(&run->settings, name, sizeof wished, wished));
        if (code == CLI_OK)
            code = cli_check(
                gkv_settings_get(gkv_model_settings_of(run->model), name, sizeof made, made));
        if (code != CLI_OK)
            return code;
        if (strcmp(wished, made) == 0)
            continue;
        for (size_t a = 0; assignments && a < assignments->count; a++)
            if (strcmp(assignments->list[a].name, name) == 0)
                source = assignments->list[a].origin;
        return cli_error(CLI_CONFIG,
                         "%s sets %s = %s, but the model was trained with %s = %s; remove this "
                         "setting, or use the model's value",
                         source, name, wished, name, made);
    }
    return CLI_OK;
}

/* --- Run ------------------------------------------------------------------ */

int cli_run_open(const cli_model_arguments *arguments, cli_run *run)
{
    const char *path = arguments->model;
    const cli_assignments *assignments = &arguments->assignments;
    struct stat info;
    int code = CLI_OK;
    *run = (cli_run){.is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode)};
    char *model = cli_text(run->is_folder ? "%s/model.safetensors" : "%s", path);
    char *config = cli_text("%s/config.ini", path);
    if (run->is_folder) /* by one rank; the others read the folder after it */
        CLI_CHECK(gkv_dist_agree(cli_ranks(), cli_ranks_first() ? gkv_run_recover(path) : GKV_OK));
    if (stat(model, &run->file) != 0)
        run->file = (struct stat){.st_size = 0}; /* gkv_model_load reports the reason */
    CLI_CHECK(gkv_model_load(model, &run->model));
    run->settings = *gkv_model_settings_of(run->model);
    if (run->is_folder) {
        CLI_CHECK(gkv_settings_read(&run->settings, config));
        CLI_TRY(compare(run, config, NULL));
    }
    CLI_TRY(cli_assignments_apply(assignments, &run->settings));
    CLI_TRY(compare(run, "", assignments));
    if (run->settings.train.threads > 0)
        CLI_CHECK(gkv_model_set_threads(run->model, (int)run->settings.train.threads));
done:
    free(model);
    free(config);
    if (code != CLI_OK)
        cli_run_free(run);
    return code;
}

void cli_run_free(cli_run *run)
{
    gkv_model_free(run->model);
    run->model = NULL;
}

bool cli_run_changed(const cli_run *run, const char *folder)
{
    struct stat now;
    const struct stat *before = &run->file;
    char *model = cli_text("%s/model.safetensors", folder);
    const bool there = stat(model, &now) == 0;
    free(model);
    return !there || now.st_dev != before->st_dev || now.st_ino != before->st_ino ||
           now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

/* The name of the images of a half in messages: their file, or the data set. */
static const char *name_of(const cli_run *run, gkv_split half, const char *idx)
{
    const gkv_data_settings *data = &run->settings.data;
    const char *file = half == GKV_TRAIN ? data->train_images : data->test_images;
    return idx ? idx : *file ? file : data->dataset;
}

int cli_run_images(const cli_run *run, gkv_split half, const char *idx, gkv_dataset **out)
{
    int code = CLI_OK;
    *out = NULL;
    if (idx)
        CLI_CHECK(gkv_dataset_open_as(idx, NULL, &run->settings.data, out));
    else
        CLI_CHECK(gkv_dataset_load(half, &run->settings.data, out));
    const size_t height = gkv_dataset_height(*out), width = gkv_dataset_width(*out);
    if (height != gkv_model_height(run->model) || width != gkv_model_width(run->model))
        code = cli_error(CLI_DATA,
                         "%s: the images are %zu × %zu, but the model was trained on %zu × %zu",
                         name_of(run, half, idx), height, width, gkv_model_height(run->model),
                         gkv_model_width(run->model));
    else if (gkv_dataset_channels(*out) != gkv_model_channels(run->model))
        code = cli_error(CLI_DATA,
                         "%s: the images are %s, but the model was trained on %s: set "
                         "data.channels = %zu to convert them",
                         name_of(run, half, idx),
                         gkv_dataset_channels(*out) == 1 ? "grey" : "in colour",
                         gkv_dataset_channels(*out) == 1 ? "images in colour" : "grey ones",
                         gkv_model_channels(run->model));
done:
    if (code != CLI_OK) {
        gkv_dataset_free(*out);
        *out = NULL;
    }
    return code;
}

const char *cli_base_name(const gkv_model *model, char text[GKV_NAME_SIZE])
{
    return gkv_settings_choice("model.base", (int)gkv_model_settings_of(model)->model.base, text);
}

/* --- Outputs that are inputs ---------------------------------------------- */

/* Whether both paths are the same file; if neither exists yet, whether they would be. */
static bool are_same(const char *one, const char *other)
{
    struct stat a, b;
    const bool is_one = stat(one, &a) == 0, is_other = stat(other, &b) == 0;
    if (is_one && is_other)
        return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return !is_one && !is_other && strcmp(one, other) == 0;
}

int cli_output_spares(const char *option, const char *path, const char *other)
{
    if (!path || !other || !*other || !are_same(path, other))
        return CLI_OK;
    return cli_error(CLI_USAGE,
                     "%s %s: this is %s, which the command needs itself; name another file", option,
                     path, other);
}

int cli_output_spares_run(const char *option, const char *path,
                          const cli_model_arguments *arguments, const cli_run *run)
{
    static const char *const files[] = {
        "model.safetensors", "config.ini", "checkpoint.safetensors", "history.csv", "history.jsonl",
        "refits.jsonl",      "times.json", "metrics.json",           "lock"};
    const gkv_data_settings *data = &run->settings.data;
    const char *network = run->settings.eval.features;
    const bool is_file = strpbrk(network, "./") != NULL; /* otherwise it is a built-in network */
    const char *const others[] = {arguments->model,  data->train_images, data->train_labels,
                                  data->test_images, data->test_labels,  is_file ? network : NULL};
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && run->is_folder && code == CLI_OK; i++) {
        char *file = cli_text("%s/%s", arguments->model, files[i]);
        code = cli_output_spares(option, path, file);
        free(file);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others && code == CLI_OK; i++)
        code = cli_output_spares(option, path, others[i]);
    return code;
}
