/* Options and assignments; declared in cli.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli.h"
#include "cli_gk.h"
#include "core/text.h"

/* The options of a command, those of its children, and those that argp adds to every command. */
typedef struct option_list {
    const struct argp_option *list[CLI_OPTIONS_MAX];
    size_t count;
} option_list;

static void add_options(option_list *all, const struct argp_option *options)
{
    for (const struct argp_option *o = options;
         o && (o->name || o->key || o->doc) && all->count < CLI_OPTIONS_MAX; o++)
        all->list[all->count++] = o;
}

static void collect_options(option_list *all, const struct argp *argp)
{
    add_options(all, argp->options);
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        collect_options(all, child->argp);
}

size_t cli_argp_options(const struct argp *argp, const struct argp_option *list[CLI_OPTIONS_MAX])
{
    option_list all = {.count = 0};
    collect_options(&all, argp);
    memcpy(list, all.list, all.count * sizeof(const struct argp_option *));
    return all.count;
}

/* The pointer through which cli_parse() returns the table to cli_argp_of(); NULL when it must
 * parse. */
static const struct argp **wanted;

const struct argp *cli_argp_of(int (*run)(int argc, char **argv))
{
    static char name[] = "gkvae";
    char *argv[] = {name, NULL};
    const struct argp *found = NULL;
    wanted = &found;
    (void)run(1, argv);
    wanted = NULL;
    return found;
}

/* The index of the option of this name, or else of the first one whose name begins with it; the
 * count if there is none. */
static size_t find_long(const option_list *all, const char *name, size_t length)
{
    size_t found = all->count;
    for (size_t i = 0; i < all->count; i++) {
        const char *other = all->list[i]->name;
        if (!other || strncmp(other, name, length) != 0)
            continue;
        if (other[length] == '\0')
            return i;
        if (found == all->count)
            found = i;
    }
    return found;
}

static size_t find_short(const option_list *all, char letter)
{
    size_t i = 0;
    while (i < all->count && all->list[i]->key != letter)
        i++;
    return i;
}

static const char *nearest_option(const option_list *all, const char *name)
{
    const char *nearest = "help";
    size_t best = gki_text_distance(name, nearest);
    for (size_t i = 0; i < all->count; i++) {
        const size_t distance =
            all->list[i]->name ? gki_text_distance(name, all->list[i]->name) : SIZE_MAX;
        if (distance < best) {
            best = distance;
            nearest = all->list[i]->name;
        }
    }
    return nearest;
}

/* The kernels keep blocks of matrices on the stack, up to 200 KiB, in every thread. Threads have
 * the stack of the limit. */
static int check_stack(void)
{
    enum { NEEDED = 512 << 10 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= NEEDED)
        return CLI_OK;
    return cli_error(CLI_MEMORY,
                     "the stack is limited to %llu KiB, and the program needs %d: raise the limit "
                     "(ulimit -s %d)",
                     (unsigned long long)limit.rlim_cur >> 10, NEEDED >> 10, 8192);
}

/* Finds the option of a word that begins with a hyphen, and its value in the same word, or NULL. Of
 * letters in one word, as in -qo, it is the first one that takes a value. */
static int find_option(const option_list *all, const char *program, const char *word, size_t *found,
                       const char **value)
{
    if (word[1] == '-') {
        const size_t length = strcspn(word + 2, "=");
        *value = word[2 + length] == '=' ? word + 2 + length + 1 : NULL;
        *found = find_long(all, word + 2, length);
        if (*found < all->count)
            return CLI_OK;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), word + 2);
        return cli_error(CLI_USAGE,
                         "unknown option --%s; the nearest is --%s (all of them: %s --help)", name,
                         nearest_option(all, name), program);
    }
    do
        *found = find_short(all, *++word);
    while (*found < all->count && !all->list[*found]->arg && word[1]);
    *value = word[1] ? word + 1 : NULL;
    return CLI_OK;
}

/* Refuses an unknown long option, and a second value of an option that takes one (CLI_ONCE). */
static int check_words(const option_list *all, int argc, char **argv)
{
    const char *values[CLI_OPTIONS_MAX] = {NULL};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t found = all->count;
        const char *value = NULL;
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            continue;
        const int code = find_option(all, argv[0], argv[i], &found, &value);
        if (code != CLI_OK)
            return code;
        if (found == all->count || !all->list[found]->arg)
            continue;
        if (!value && argv[i + 1])
            value = argv[++i];
        if (value && values[found] && (all->list[found]->flags & CLI_ONCE))
            return cli_error(CLI_USAGE, "--%s is given twice, as %s and as %s: choose one%s",
                             all->list[found]->name, values[found], value,
                             strchr(all->list[found]->arg, ',') ? ", or name all between commas"
                                                                : "");
        values[found] = value;
    }
    return CLI_OK;
}

int cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    static const struct argp_option added[] = {{.name = "help"}, {.name = "usage"}, {.name = NULL}};
    option_list all = {.count = 0};
    if (wanted) {
        *wanted = argp;
        return CLI_USAGE;
    }
    int code = check_stack();
    if (code != CLI_OK)
        return code;
    collect_options(&all, argp);
    add_options(&all, added);
    code = check_words(&all, argc, argv);
    if (code != CLI_OK)
        return code;
    const error_t error = argp_parse(argp, argc, argv, 0, NULL, input);
    return error ? cli_error(error == ENOMEM ? CLI_MEMORY : CLI_USAGE, "%s: %s", argv[0],
                             strerror(error))
                 : CLI_OK;
}

uint64_t cli_whole(struct argp_state *state, const char *option, const char *text, uint64_t low,
                   uint64_t high)
{
    const bool digits = *text && text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    const uintmax_t value = digits ? strtoumax(text, NULL, 10) : 0;
    if (!digits || errno || value < low || value > high)
        argp_error(state, "%s %s: must be a whole number from %" PRIu64 " to %" PRIu64, option,
                   text, low, high);
    return (uint64_t)value;
}

double cli_number(struct argp_state *state, const char *option, const char *text, double low,
                  double high)
{
    char buffer[GKV_PRINTABLE_SIZE];
    double value = NAN;
    const char *number = gki_text_plain_minus(text, buffer);
    if (number[strspn(number, "+-.0123456789eE")] || !cli_is_number(number, &value) ||
        !(value >= low && value <= high))
        argp_error(state, "%s %s: must be a number from %g to %g", option, text, low, high);
    return value;
}

const char *cli_path(struct argp_state *state, const char *option, const char *text)
{
    if (!*text)
        argp_error(state, "%s: the name is empty", option);
    return text;
}

bool cli_ends_in(const char *text, const char *list)
{
    const size_t length = strlen(text);
    while (*list) {
        const size_t word = strcspn(list, " ");
        if (length > word && strncasecmp(text + length - word, list, word) == 0)
            return true;
        list += word + strspn(list + word, " ");
    }
    return false;
}

const char *cli_output(struct argp_state *state, const char *option, const char *text,
                       cli_format format)
{
    static const char *const endings[] = {[CLI_PNG] = ".png",
                                          [CLI_NPY] = ".npy",
                                          [CLI_IDX] = ".idx",
                                          [CLI_JSON] = ".json",
                                          [CLI_HTML] = ".html .htm",
                                          [CLI_ROWS] = ".csv .txt .npy",
                                          [CLI_ARRAYS] = ".npy .npz .csv .txt",
                                          [CLI_ONNX] = ".onnx",
                                          [CLI_PYTHON] = ".py"};
    static const struct {
        const char *name, *wish;
    } formats[] = {
        [CLI_PNG] = {"a PNG picture", "a name that ends in .png"},
        [CLI_NPY] = {"a NumPy array", "a name that ends in .npy"},
        [CLI_IDX] = {"an IDX file", "a name that ends in .idx or -ubyte"},
        [CLI_JSON] = {"JSON", "a name that ends in .json"},
        [CLI_HTML] = {"a page", "a name that ends in .html"},
        [CLI_ROWS] = {"a table", "a name that ends in .csv or .npy"},
        [CLI_ARRAYS] = {"arrays", "a name that ends in .npy, .npz or .csv"},
        [CLI_ONNX] = {"ONNX files", "a name that ends in .onnx, or that of a folder"},
        [CLI_PYTHON] = {"Python", "a name that ends in .py"},
        [CLI_FOLDER] = {"a folder", "the name of a folder"},
    };
    static const char others[] =
        ".png .npy .idx .json .jpg .jpeg .jpe .gif .bmp .tif .tiff .webp .svg .pdf .ps .eps .pgm "
        ".ppm .csv .tsv .txt .npz .mat .h5 .hdf5 .parquet .pt .pth .pkl .xls .xlsx .html .gz .bz2 "
        ".xz .zst .zip .tar .onnx .safetensors .py";
    cli_path(state, option, text);
    if (strcmp(text, "-") == 0)
        argp_error(state, "%s -: the command writes %s, and not to standard output: give %s",
                   option, formats[format].name, formats[format].wish);
    if (format != CLI_FOLDER && !cli_ends_in(text, endings[format]) && cli_ends_in(text, others))
        argp_error(state, "%s %s: the command writes %s: give %s", option, text,
                   formats[format].name, formats[format].wish);
    return text;
}

void cli_assign(cli_assignments *all, struct argp_state *state, const char *name, const char *value,
                const char *origin)
{
    if (all->count == CLI_ASSIGNMENTS_MAX)
        argp_error(state, "more than %d settings; put them in a file", CLI_ASSIGNMENTS_MAX);
    snprintf(all->list[all->count].name, sizeof all->list->name, "%s", name);
    all->list[all->count].value = value;
    all->list[all->count].origin = origin;
    all->count++;
}

void cli_assign_text(cli_assignments *all, struct argp_state *state, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[sizeof all->list->name];
    if (!equals)
        argp_error(state, "--set %s: must be section.key=value, as in --set model.latent=20", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    cli_assign(all, state, name, equals + 1, "--set");
}

void cli_refuse_assignment(struct argp_state *state, const char *operand)
{
    if (strchr(operand, '=') && access(operand, F_OK) != 0)
        argp_error(state, "a setting follows an option: --set %s", operand);
}

int cli_assignments_apply(const cli_assignments *all, gkv_settings *settings)
{
    for (size_t i = 0; i < all->count; i++) {
        const int code = cli_check(
            gkv_settings_set(settings, all->list[i].name, all->list[i].value, all->list[i].origin));
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}
