/* gkvae: the table of commands, and the choice of the command to run. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "core/text.h"
#include "app/build.h"

/* --- The version ---------------------------------------------------------- */

int cli_version(int argc, char **argv)
{
    static const struct argp argp = {.doc =
                                         "Prints the version and what the program was built with."};
    const int code = cli_parse(&argp, argc, argv, NULL);
    if (code == CLI_OK)
        printf("gkvae %s\n%s\n", gkv_version(), gki_build_description());
    return code;
}

static const cli_command_row commands[] = {
    {"data get", cli_data_get, "download a data set and check it"},
    {"data info", cli_data_info, "describe the images in files, and check the files"},
    {"data import", cli_data_import, "write a folder of PNG files, or arrays, as IDX files"},
    {"data list", cli_data_list, "list the data sets that can be downloaded"},
    {"train", cli_train, "train a model, or continue a run that was stopped"},
    {"eval", cli_eval, "measure a model on test images, and write pictures and a results page"},
    {"compare", cli_compare,
     "compare the figures of several runs, or train and evaluate a plan of models"},
    {"sample", cli_sample, "draw images from a model"},
    {"reconstruct", cli_reconstruct, "draw images and a model's reconstructions of them"},
    {"interpolate", cli_interpolate,
     "draw interpolations between images, or between classes, through the prior"},
    {"encode", cli_encode,
     "write the latent codes of images, or draws from the prior, as a NumPy array"},
    {"features", cli_features,
     "write the features that a frozen classifier computes from images, as a NumPy array"},
    {"features train", cli_features_train,
     "train such a classifier on labelled images, for the metrics of generation"},
    {"explore", cli_explore, "write a page that shows and runs a model, and open it in a browser"},
    {"export", cli_export, "write a model for browsers, ONNX Runtime or PyTorch"},
    {"base fit", cli_base_fit, "fit another base to the codes of a trained model"},
    {"fit", cli_fit, "fit g-and-k distributions to columns of numbers"},
    {"gk", cli_gk, "evaluate a g-and-k distribution, and draw from it"},
    {"density fit", cli_density_fit, "fit the joint density of columns of numbers"},
    {"density eval", cli_density_eval, "measure a density on the rows of another table"},
    {"density sample", cli_density_sample, "draw rows from a density"},
    {"density log-density", cli_density_log_density,
     "write the log density of each row of a table"},
    {"density conditional", cli_density_conditional,
     "describe some columns given values of the others"},
    {"density outliers", cli_density_outliers, "list the least likely rows of a table"},
    {"bench", cli_bench, "measure how fast this machine trains, evaluates and draws"},
    {"settings", cli_settings, "print every setting with its default"},
    {"completion", cli_completion, "print a script that completes commands and options in a shell"},
    {"version", cli_version, "print the program's version"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* What commands do on several processes; the others are for one. */
static const struct {
    int (*run)(int argc, char **argv);
    cli_ranks_use use;
} on_ranks[] = {
    {cli_train, CLI_RANKS_SHARED},  {cli_eval, CLI_RANKS_SHARED},
    {cli_compare, CLI_RANKS_LATER}, {cli_bench, CLI_RANKS_LATER},
    {cli_fit, CLI_RANKS_LATER},     {cli_density_fit, CLI_RANKS_SHARED},
    {cli_settings, CLI_RANKS_EACH}, {cli_completion, CLI_RANKS_EACH},
    {cli_version, CLI_RANKS_EACH},
};

const cli_command_row *cli_command_at(size_t i)
{
    return i < COMMANDS ? &commands[i] : NULL;
}

static void print_help(void)
{
    puts("gkvae trains variational autoencoders whose prior is a flow over a multivariate\n"
         "g-and-k distribution.\n\n"
         "Usage: gkvae COMMAND [ARGUMENT…]\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-20s %s\n", commands[i].name, commands[i].about);
    puts("\ngkvae COMMAND --help shows the options of a command and their defaults.\n\n"
         "A first model:\n"
         "  gkvae data get mnist\n"
         "  gkvae train configs/mnist.ini --out results/mnist\n"
         "  gkvae eval results/mnist              then open results/mnist/index.html\n\n"
         "A first fit:\n"
         "  gkvae fit returns.csv --picture fit.png\n"
         "  gkvae gk quantile --params 0,1,0.2,0.1 0.01\n\n"
         "A first density of a table:\n"
         "  gkvae density fit returns.csv --out density\n"
         "  gkvae density outliers density returns.csv\n\n"
         "Exit codes:\n"
         "  0    done\n"
         "  1    an error in the program itself: please report it\n"
         "  2    wrong usage: an unknown command or option, or a value out of range\n"
         "  3    bad data: a file that is truncated, inconsistent, or of another kind than needed\n"
         "  4    bad configuration: an unknown key, a bad value, or a run that cannot be resumed "
         "with it\n"
         "  5    a file, folder, disk or network failed\n"
         "  6    numerical failure: training diverged, a figure is not finite, a fit found "
         "nothing, or a base could not be refitted\n"
         "  7    the run folder is in use by another process\n"
         "  8    out of memory\n"
         "  129  the terminal was closed (SIGHUP); training has saved its run\n"
         "  130  interrupted (Ctrl-C, SIGINT); training has saved its run\n"
         "  143  terminated (SIGTERM); training has saved its run");
}

static const cli_command_row *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int refuse(const char *name)
{
    const char *nearest = commands[0].name;
    for (size_t i = 1; i < COMMANDS; i++)
        if (gki_text_distance(name, commands[i].name) < gki_text_distance(name, nearest))
            nearest = commands[i].name;
    for (size_t i = 0; i < COMMANDS; i++)
        /* the name is a beginning of it */
        if (*name && strncmp(name, commands[i].name, strlen(name)) == 0)
            nearest = commands[i].name;
    return cli_error(CLI_USAGE,
                     "unknown command \"%s\"; the nearest is \"%s\" (all of them: gkvae --help)",
                     name, nearest);
}

static const char data_usage[] =
    "Usage: gkvae data get NAME | gkvae data info [CONFIG.ini | IMAGES [LABELS]] | gkvae data "
    "import IMAGES --out DIR | gkvae data list\n"
    "Each of these four commands has its own --help.\n";
static const char density_usage[] =
    "Usage: gkvae density fit TABLE --out FOLDER\n"
    "       gkvae density eval | log-density | outliers FOLDER TABLE\n"
    "       gkvae density sample FOLDER -n N\n"
    "       gkvae density conditional FOLDER --given NAME=VALUE,...\n"
    "Each of these six commands has its own --help.\n";

static cli_ranks_use ranks_use(const cli_command_row *command)
{
    for (size_t i = 0; i < sizeof on_ranks / sizeof *on_ranks; i++)
        if (on_ranks[i].run == command->run)
            return on_ranks[i].use;
    return CLI_RANKS_REFUSED;
}

/* Runs the command that the words name; argv[0] is the program. */
static int dispatch(int argc, char **argv)
{
    const char *second = argc > 2 && argv[2][0] != '-' ? argv[2] : "";
    char *both = cli_text("%s %s", argv[1], second);
    const cli_command_row *chosen = find(both);
    int used = 2;
    if (!chosen) {
        chosen = find(argv[1]);
        used = 1;
    }
    int code = CLI_OK;
    if (chosen) {
        char *name = cli_text("gkvae %s", chosen->name);
        argv[used] = name;
        code = cli_ranks_begin(chosen->name, ranks_use(chosen), argc - used, argv + used);
        if (code == CLI_OK)
            code = chosen->run(argc - used, argv + used);
        code = cli_ranks_end(code);
        free(name);
    } else if ((strcmp(argv[1], "data") == 0 || strcmp(argv[1], "density") == 0) && !*second) {
        const bool asked = argc > 2 && strcmp(argv[2], "--help") == 0;
        fputs(argv[1][1] == 'a' ? data_usage : density_usage, asked ? stdout : stderr);
        code = asked ? CLI_OK : CLI_USAGE;
    } else {
        code = refuse(*second && (strcmp(argv[1], "data") == 0 || strcmp(argv[1], "base") == 0 ||
                                  strcmp(argv[1], "density") == 0)
                          ? both
                          : argv[1]);
    }
    free(both);
    return code;
}

/* "gkvae help train" is "gkvae train --help"; "gkvae help settings" prints the settings. */
static int help_on(int argc, char **argv)
{
    static char help[] = "--help";
    char *words[5] = {argv[0], argv[2], NULL, NULL, NULL};
    int count = 2;
    if (argc > 3)
        words[count++] = argv[3];
    if (strcmp(argv[2], "settings") != 0)
        words[count++] = help;
    return dispatch(count, words);
}

/* Makes sure that descriptors 0 to 2 are in use, so that no file that the program opens takes the
 * place of a standard stream that was closed. Writing to such a stream still fails. */
static void fill_standard_descriptors(void)
{
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDONLY);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        close(descriptor);
}

int main(int argc, char **argv)
{
    static char version[] = "version";
    fill_standard_descriptors();
    /* A closed pipe and a file that may not grow must not kill the program in the middle of a run.
     * They are reported like other failures of writing. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    argp_err_exit_status = CLI_USAGE;
    cli_watch_streams();
    cli_watch_json();
    cli_program = argv[0];
    if (argc < 2) {
        print_help();
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        print_help();
        return CLI_OK;
    }
    if (strcmp(argv[1], "help") == 0) {
        if (argc > 2)
            return help_on(argc, argv);
        print_help();
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        argv[1] = version;
    if (argv[1][0] == '-')
        return cli_error(
            CLI_USAGE, "unknown option %s: gkvae begins with a command (all of them: gkvae --help)",
            argv[1]);
    return dispatch(argc, argv);
}
