/* gkvae data import */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct import_arguments {
    const char *images, *labels, *out;
    cli_assignments assignments;
    gkv_export_settings settings;
} import_arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
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

static bool print_warning(void *context, const gkv_progress *progress)
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
    CLI_CHECK(gkv_dataset_check(dataset, NULL, &(gkv_run_options){.progress = print_warning}));
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
        {"out", 'o', "DIR", 0, "Write the IDX files to this folder (needed)", 0},
        {"labels", 'l', "FILE", 0,
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
         "Leave out files that are damaged or of another size (default: "
         "refuse the folder)",
         0},
        {"set", 's', "SECTION.KEY=VALUE", 0, "Change one setting; may be repeated (default: none)",
         0},
        {"overwrite", 'w', NULL, 0, "Replace a data set in DIR (default: no)", 0},
        {.name = NULL},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
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
