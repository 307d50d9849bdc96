/* gkvae features train */
#include <string.h>

#include "cli.h"
#include "gkvae/features.h"

typedef struct train_arguments {
    const char *dataset, *out;
    cli_assignments assignments;
    gkv_features_train_settings settings;
    int threads; /* 0: one a processor */
    bool quiet;
} train_arguments;

static const struct argp_option options[] = {
    {"out", 'o', "FILE.safetensors", CLI_ONCE, "Write the network to this file (required)", 0},
    {"epochs", 'e', "N", 0, "Passes over the training images (default: 10)", 0},
    {"rate", 'r', "X", 0, "Adam's step size at the start of a cosine decay (default: 0.002)", 0},
    {"shift", 'm', "N", 0,
     "The most pixels that a training image is shifted by in each direction (default: 2)", 0},
    {"seed", 'S', "N", 0, "Of the weights, the order, the shifts and dropout (default: 1)", 0},
    {"data-folder", 'f', "DIR", 0, "The folder of the images, as data.folder (default: data)", 0},
    {"set", 's', "data.KEY=VALUE", 0,
     "Change one setting of the data, such as data.resize; may be repeated (default: none)", 0},
    {"threads", 't', "N", 0,
     "The number of threads. The results do not depend on it (default: one per processor)", 0},
    {"quiet", 'q', NULL, 0, "Print only the result (default: a line for each epoch)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    train_arguments *a = state->input;
    switch (key) {
    case 'o': a->out = cli_path(state, "--out", arg); return 0;
    case 'e': a->settings.epochs = (int)cli_whole(state, "--epochs", arg, 1, 10000); return 0;
    case 'r': a->settings.learning_rate = cli_number(state, "--rate", arg, 1e-9, 1); return 0;
    case 'm': a->settings.shift = (int)cli_whole(state, "--shift", arg, 0, 1024); return 0;
    case 'S': a->settings.seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'f': cli_assign(&a->assignments, state, "data.folder", arg, "--data-folder"); return 0;
    case 's': cli_assign_text(&a->assignments, state, arg); return 0;
    case 't': a->threads = (int)cli_whole(state, "--threads", arg, 1, 256); return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        if (a->dataset)
            argp_error(state, "one data set only: %s is too many", arg);
        a->dataset = arg;
        cli_assign(&a->assignments, state, "data.dataset", arg, "DATASET");
        return 0;
    case ARGP_KEY_END:
        if (!a->dataset)
            argp_error(state, "on which data set? Name one, such as mnist");
        if (!a->out)
            argp_error(state, "--out FILE.safetensors is needed: where to write the network");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool on_progress(void *context, const gkv_progress *progress)
{
    const train_arguments *a = context;
    const gkv_features_epoch *epoch = progress->details;
    if (epoch && !a->quiet)
        fprintf(stderr, "epoch %d of %d: loss %.4f\n", epoch->epoch, epoch->epochs, epoch->loss);
    return false;
}

/* Opens a half of the data set, which must be grey and have labels. */
static int open_half(gkv_split half, const gkv_settings *settings, gkv_dataset **dataset,
                     gkv_labelled_images *out)
{
    int code = CLI_OK;
    CLI_CHECK(gkv_dataset_load(half, &settings->data, dataset));
    const char *path = gkv_dataset_path(*dataset, GKV_IMAGES_FILE);
    if (gkv_dataset_channels(*dataset) != 1)
        return cli_error(CLI_DATA,
                         "%s: the images are in colour, but feature networks are for grey ones; "
                         "--set data.channels=1 makes them grey",
                         path);
    if (!gkv_dataset_labels(*dataset))
        return cli_error(
            CLI_DATA,
            "%s: there are no labels, which the network learns to predict; data.train_labels names "
            "their file, and labels of test images are those of the data set",
            path);
    *out = (gkv_labelled_images){.count = gkv_dataset_count(*dataset),
                                 .height = gkv_dataset_height(*dataset),
                                 .width = gkv_dataset_width(*dataset),
                                 .levels = gkv_dataset_pixels(*dataset, 0),
                                 .labels = gkv_dataset_labels(*dataset)};
done:
    return code;
}

int cli_features_train(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "DATASET --out FILE.safetensors",
        .doc = "Trains a small LeNet to classify the grey images of a data set, and writes the "
               "network whose features gkvae features and the metrics of generation use. Its "
               "accuracy on the test images is printed and written to the file. MNIST takes one to "
               "two minutes on two cores.\vThe training images need labels. The same command gives "
               "the same file, on any number of threads. To use the network: gkvae features IMAGES "
               "--network FILE, or eval.features = FILE. gkvae settings shows the keys of [data]."};
    train_arguments a = {.quiet = false};
    gkv_features_train_defaults(&a.settings);
    gkv_dataset *datasets[2] = {NULL, NULL};
    gkv_labelled_images train, test;
    gkv_settings settings;
    double accuracy = 0;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    gkv_settings_defaults(&settings);
    CLI_TRY(cli_assignments_apply(&a.assignments, &settings));
    a.settings.name = a.dataset;
    CLI_TRY(open_half(GKV_TRAIN, &settings, &datasets[0], &train));
    CLI_TRY(open_half(GKV_TEST, &settings, &datasets[1], &test));
    cli_catch_signals();
    const gkv_run_options how = {
        .threads = a.threads, .progress = on_progress, .context = &a, .stop = &cli_stop};
    CLI_CHECK(gkv_features_train(&train, &test, &a.settings, &how, a.out, &accuracy));
    printf("%s: %.2f %% of %zu test images right\n", a.out, 100 * accuracy, test.count);
done:
    gkv_dataset_free(datasets[0]);
    gkv_dataset_free(datasets[1]);
    return code;
}
