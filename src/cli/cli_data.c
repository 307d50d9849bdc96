/* gkvae data get, info, list, import */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* --- get ------------------------------------------------------------------ */

typedef struct get_arguments {
    const char *name, *folder;
    bool quiet;
} get_arguments;

static error_t parse_get(int key, char *arg, struct argp_state *state)
{
    get_arguments *a = state->input;
    switch (key) {
    case 'f': a->folder = arg; return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        if (a->name)
            argp_error(state, "one data set at a time: %s is too many", arg);
        a->name = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->name)
            argp_error(state, "which data set? gkvae data list lists them");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static bool print_progress(void *context, const gkv_progress *progress)
{
    const get_arguments *a = context;
    if (a->quiet)
        return false;
    printf("%s\n", (const char *)progress->details);
    fflush(stdout);
    return false;
}

int cli_data_get(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"folder", 'f', "DIR", 0, "Write the files to DIR/NAME (default: data)", 0},
        {"quiet", 'q', NULL, 0, "Print nothing unless the command fails (default: print each step)",
         0},
        {.name = NULL},
    };
    static const struct argp argp = {.options = options,
                                     .parser = parse_get,
                                     .args_doc = "NAME",
                                     .doc =
                                         "Downloads a data set and checks its SHA-256. Files that "
                                         "are already there and correct are not downloaded again."};
    get_arguments a = {.folder = "data"};
    const gkv_run_options progress = {.progress = print_progress, .context = &a};
    char *source = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_CHECK(gkv_data_get(a.name, a.folder, &progress, &source));
    if (!a.quiet)
        printf("%s is in %s/%s (%s)\n", a.name, a.folder, a.name, source);
done:
    free(source);
    return code;
}

/* --- info ----------------------------------------------------------------- */

typedef struct info_arguments {
    const char *config, *images, *labels;
    cli_assignments assignments;
} info_arguments;

static bool is_configuration(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".ini") == 0;
}

static error_t parse_info(int key, char *arg, struct argp_state *state)
{
    info_arguments *a = state->input;
    switch (key) {
    case 'd': cli_assign(&a->assignments, state, "data.dataset", arg, "--dataset"); return 0;
    case 'f': cli_assign(&a->assignments, state, "data.folder", arg, "--folder"); return 0;
    case 's': cli_assign_text(&a->assignments, state, arg); return 0;
    case ARGP_KEY_ARG:
        if (is_configuration(arg) && !a->config)
            a->config = arg;
        else if (!a->images)
            a->images = arg;
        else if (!a->labels)
            a->labels = arg;
        else
            argp_error(state, "%s is too many: one configuration, or images and their labels", arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_file(const char *what, const gkv_file_info *file)
{
    static const char *const verdicts[] = {
        [GKV_CHECKSUM_UNKNOWN] = "",
        [GKV_CHECKSUM_GOOD] = "  checked: the file of the data set",
        [GKV_CHECKSUM_DIFFERENT] = "  DIFFERENT from the file of the data set",
    };
    if (!*file->path) {
        printf("  %s  none\n", what);
        return;
    }
    printf("  %s  %s\n          sha256 %s%s\n", what, file->path, file->sha256,
           verdicts[file->checksum]);
}

static void print_info(const char *half, const gkv_data_info *info)
{
    const bool grey = info->channels == 1;
    printf("%s: %zu images of %zu × %zu pixels%s; mean %s %.2f of 255; %.2f %% of %s on\n", half,
           info->count, info->height, info->width, grey ? "" : " in colour",
           grey ? "grey" : "level", info->mean_grey, 100 * info->share_on,
           grey ? "pixels" : "levels");
    if (info->classes > 0) {
        printf("  images of each label:");
        for (size_t c = 0; c < info->classes; c++)
            printf("%s %zu: %zu", c ? "," : "", c, info->per_class[c]);
        putchar('\n');
    }
    print_file("images", &info->images);
    print_file("labels", &info->labels);
}

static bool print_warning(void *context, const gkv_progress *progress)
{
    (void)context;
    printf("warning: %s\n", (const char *)progress->details);
    return false;
}

/* Prints warnings about the images of the training half, and of the test half if it can be read. */
static int print_warnings(const gkv_settings *settings, bool has_test)
{
    gkv_dataset *train = NULL, *test = NULL;
    int code = CLI_OK;
    CLI_CHECK(gkv_dataset_load(GKV_TRAIN, &settings->data, &train));
    if (has_test)
        CLI_CHECK(gkv_dataset_load(GKV_TEST, &settings->data, &test));
    CLI_CHECK(gkv_dataset_check(train, test, &(gkv_run_options){.progress = print_warning}));
done:
    gkv_dataset_free(train);
    gkv_dataset_free(test);
    return code;
}

int cli_data_info(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"dataset", 'd', "NAME", 0, "The name of the data set, as data.dataset (default: mnist)",
         0},
        {"folder", 'f', "DIR", 0,
         "The folder that contains NAME/train-images-idx3-ubyte and the other files (default: "
         "data)",
         0},
        {"set", 's', "SECTION.KEY=VALUE", 0, "Change one setting; may be repeated (default: none)",
         0},
        {.name = NULL},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_info,
        .args_doc = "[CONFIG.ini]\nIMAGES [LABELS]",
        .doc = "Describes the images in the files of a data set, or in files of images and labels: "
               "IDX, .npy, .npz, or a folder of PNG files. Checks the files of a data set that "
               "gkvae data list names."};
    info_arguments a = {.config = NULL};
    gkv_settings settings;
    gkv_data_info info;
    int code = CLI_OK;
    gkv_settings_defaults(&settings);
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    if (a.config)
        CLI_CHECK(gkv_settings_read(&settings, a.config));
    CLI_TRY(cli_assignments_apply(&a.assignments, &settings));
    if (a.images) {
        CLI_CHECK(gkv_settings_set(&settings, "data.train_images", a.images, "IMAGES"));
        CLI_CHECK(
            gkv_settings_set(&settings, "data.train_labels", a.labels ? a.labels : "", "LABELS"));
        CLI_CHECK(gkv_data_describe(GKV_TRAIN, &settings.data, &info));
        print_info(a.images, &info);
        CLI_TRY(print_warnings(&settings, false));
        goto done;
    }
    bool good = true;
    for (int half = GKV_TRAIN; half <= GKV_TEST; half++) {
        CLI_CHECK(gkv_data_describe((gkv_split)half, &settings.data, &info));
        print_info(half == GKV_TRAIN ? "training" : "test", &info);
        good = good && info.images.checksum != GKV_CHECKSUM_DIFFERENT &&
               info.labels.checksum != GKV_CHECKSUM_DIFFERENT;
    }
    CLI_TRY(print_warnings(&settings, true));
    if (!good)
        code = cli_error(CLI_DATA,
                         "%s/%s is not the data set of that name; gkvae data get %s fetches it",
                         settings.data.folder, settings.data.dataset, settings.data.dataset);
done:
    return code;
}

/* --- list ----------------------------------------------------------------- */

int cli_data_list(int argc, char **argv)
{
    static const struct argp argp = {.doc =
                                         "Lists the data sets that gkvae data get can download."};
    const int code = cli_parse(&argp, argc, argv, NULL);
    if (code != CLI_OK)
        return code;
    for (size_t i = 0; gkv_data_name_at(i); i++)
        printf("%-14s %s\n", gkv_data_name_at(i), gkv_data_about_at(i));
    return CLI_OK;
}

/* --- Import --------------------------------------------------------------- */

typedef struct import_arguments {
    const char *images, *labels, *out;
    cli_assignments assignments;
    gkv_export_settings settings;
} import_arguments;

static error_t parse_import(int key, char *arg, struct argp_state *state)
{
    import_arguments *a = state->input;
    switch (key) {
    case 'o': a->out = cli_output(state, "--out", arg, CLI_FOLDER); return 0;
    case 'l': a->labels = cli_path(state, "--labels", arg); return 0;
    case 't': a->settings.test = cli_number(state, "--test", arg, 0, 1); return 0;
    case 'e': a->settings.seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'r': cli_assign(&a->assignments, state, "data.resize", arg, "--resize"); return 0;
    case 'c': cli_assign(&a->assignments, state, "data.channels", arg, "--channels"); return 0;
    case 'b': cli_assign(&a->assignments, state, "data.background", arg, "--background"); return 0;
    case 'k': cli_assign(&a->assignments, state, "data.skip_bad", "yes", "--skip-bad"); return 0;
    case 's': cli_assign_text(&a->assignments, state, arg); return 0;
    case 'w': a->settings.overwrite = true; return 0;
    case ARGP_KEY_ARG:
        if (a->images)
            argp_error(state, "%s is too many: one folder or file of images", arg);
        a->images = cli_path(state, "IMAGES", arg);
        return 0;
    case ARGP_KEY_END:
        if (!a->images || !a->out)
            argp_error(state, "which images, and where to? gkvae data import IMAGES --out DIR");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_labels(const gkv_data_info *info)
{
    if (info->classes == 0) {
        puts("  labels      none");
        return;
    }
    fputs("  labels     ", stdout);
    for (size_t c = 0, shown = 0; c < info->classes; c++)
        if (info->per_class[c] > 0)
            printf("%s %zu: %zu", shown++ ? "," : "", c, info->per_class[c]);
    putchar('\n');
}

static bool print_import_warning(void *context, const gkv_progress *progress)
{
    (void)context;
    printf("warning: %s\n", (const char *)progress->details);
    return false;
}

/* What was read: sizes, levels, duplicates, and the files that were left out. */
static int report(const char *path, const gkv_dataset *dataset)
{
    gkv_data_info info;
    size_t skipped = 0;
    int code = CLI_OK;
    CLI_CHECK(gkv_dataset_describe(dataset, &info));
    printf("%s: %zu images of %zu × %zu pixels, %s\n", path, info.count, info.height, info.width,
           info.channels == 1 ? "grey" : "in colour");
    printf("  levels      %zu different, %u … %u; mean %.2f of 255\n", info.levels, info.lowest,
           info.highest, info.mean_grey);
    printf("  duplicates  %zu image%s equal%s an earlier one\n", info.copies,
           cli_plural(info.copies), info.copies == 1 ? "s" : "");
    print_labels(&info);
    while (gkv_dataset_skipped(dataset, skipped))
        skipped++;
    printf("  left out    %zu bad file%s\n", skipped, cli_plural(skipped));
    for (size_t i = 0; i < skipped; i++)
        printf("    %s\n", gkv_dataset_skipped(dataset, i));
    CLI_CHECK(
        gkv_dataset_check(dataset, NULL, &(gkv_run_options){.progress = print_import_warning}));
done:
    return code;
}

/* Prints where the files are, and the command that trains on them. */
static void print_next(const char *out, size_t count, size_t tests)
{
    char *path = cli_text("%s", out);
    for (size_t i = strlen(path); i > 1 && path[i - 1] == '/'; i--)
        path[i - 1] = '\0';
    const char *slash = strrchr(path, '/');
    char *folder =
        cli_text("data.folder=%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    char *name = cli_text("data.dataset=%s", slash ? slash + 1 : path);
    const char *const words[] = {"gkvae", "train", "--set", folder, "--set", name};
    char *command = cli_quote(sizeof words / sizeof *words, words);
    printf("%s: %zu training and %zu test images\nnext: %s --out RUN\n", out, count - tests, tests,
           command);
    free(command);
    free(name);
    free(folder);
    free(path);
}

int cli_data_import(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"out", 'o', "DIR", CLI_ONCE, "Write the IDX files to this folder (required)", 0},
        {"labels", 'l', "FILE", CLI_ONCE,
         "The labels: a table of files and labels, or IDX, .npy or .npz (default: the sub-folders "
         "of a folder, if it has some)",
         0},
        {"test", 't', "SHARE", 0,
         "The share of the images that become test images, drawn at random (default: 0)", 0},
        {"seed", 'e', "N", 0, "The seed of this draw (default: 1)", 0},
        {"resize", 'r', "HEIGHTxWIDTH", 0,
         "Resize all images, as data.resize (default: they must have one size)", 0},
        {"channels", 'c', "auto|1|3", 0,
         "Write grey (1) or colour images (3), as data.channels (default: auto)", 0},
        {"background", 'b', "COLOUR", 0,
         "What is behind transparent pixels, as data.background (default: white)", 0},
        {"skip-bad", 'k', NULL, 0,
         "Leave out files that are damaged or of another size (default: refuse the folder)", 0},
        {"set", 's', "SECTION.KEY=VALUE", 0, "Change one setting; may be repeated (default: none)",
         0},
        {"overwrite", 'w', NULL, 0, "Replace a data set in DIR (default: no)", 0},
        {.name = NULL},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_import,
        .args_doc = "IMAGES",
        .doc = "Writes images as IDX files, which gkvae reads fastest, and reports on them: sizes, "
               "levels, duplicates, labels, and files that were left out. IMAGES is a folder of "
               "PNG files, whose sub-folders are labels, or an .npy, .npz or IDX file."};
    import_arguments a = {.settings = {.seed = 1}};
    gkv_settings settings;
    gkv_dataset *dataset = NULL;
    size_t tests = 0;
    int code = CLI_OK;
    gkv_settings_defaults(&settings);
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_assignments_apply(&a.assignments, &settings));
    CLI_CHECK(gkv_settings_set(&settings, "data.train_images", a.images, "IMAGES"));
    CLI_CHECK(
        gkv_settings_set(&settings, "data.train_labels", a.labels ? a.labels : "", "--labels"));
    CLI_CHECK(gkv_dataset_load(GKV_TRAIN, &settings.data, &dataset));
    CLI_TRY(report(a.images, dataset));
    CLI_CHECK(gkv_dataset_export(dataset, a.out, &a.settings, &tests));
    print_next(a.out, gkv_dataset_count(dataset), tests);
done:
    gkv_dataset_free(dataset);
    return code;
}
