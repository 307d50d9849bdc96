/* gkvae explore: writes the explorer page of a model and opens it. */
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_export.h"

extern char **environ;

typedef struct explore_arguments {
    cli_model_arguments model;
    const char *out;
    bool without_images, no_open;
} explore_arguments;

static const struct argp_option options[] = {
    {"out", 'o', "FILE.html", CLI_ONCE,
     "Write the page to this file (default: explorer.html in the run folder; of a model file, in "
     "the current folder)",
     0},
    {"no-open", 'N', NULL, 0, "Only write the page (default: also open it in a browser)", 0},
    {"without-images", 'W', NULL, 0,
     "Write no images of the data set, which is then not needed (default: a few)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    explore_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case 'o': a->out = cli_output(state, "--out", arg, CLI_HTML); return 0;
    case 'N': a->no_open = true; return 0;
    case 'W': a->without_images = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Whether there is a screen for a browser. */
static bool has_screen(void)
{
    const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return true;
    }
    return false;
}

/* Starts xdg-open and does not wait for it: a browser may be open for hours. It gets neither the
 * terminal's output nor its interrupts. Returns false if it cannot be started. */
static bool open_page(const char *path)
{
    char program[] = "xdg-open";
    char *file = cli_text("%s%s", path[0] == '-' ? "./" : "", path);
    char *const argv[] = {program, file, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t ignored;
    pid_t child;
    bool started = false;
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ);
    if (posix_spawn_file_actions_init(&actions) == 0) {
        if (posix_spawnattr_init(&attributes) == 0) {
            started =
                posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
                                                 0) == 0 &&
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
                                                 0) == 0 &&
                posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO) == 0 &&
                posix_spawnattr_setsigdefault(&attributes, &ignored) == 0 &&
                posix_spawnattr_setflags(&attributes,
                                         POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF) == 0 &&
                posix_spawnp(&child, program, &actions, &attributes, argv, environ) == 0;
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    free(file);
    return started;
}

int cli_explore(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .children = cli_model_and_data,
        .parser = parse,
        .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Writes a page that shows and runs a model, and opens it in a browser.\vThe page is "
               "that of gkvae export --explorer. It is opened by xdg-open, if there is one and a "
               "screen. The results page of gkvae eval links to explorer.html of the run folder."};
    explore_arguments a = {.no_open = false};
    cli_run run = {.model = NULL};
    cli_export_source from = {.images = NULL};
    char *path = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    path = a.out           ? cli_text("%s", a.out)
           : run.is_folder ? cli_text("%s/explorer.html", a.model.model)
                           : cli_text("explorer.html");
    CLI_TRY(cli_output_spares_run("--out", path, &a.model, &run));
    from =
        (cli_export_source){.arguments = &a.model, .run = &run, .without_images = a.without_images};
    CLI_TRY(cli_check_explorer(&from, path));
    CLI_TRY(cli_export_explorer(&from, path));
    if (!a.no_open && !(has_screen() && open_page(path)))
        puts("open it in a browser");
done:
    free(path);
    cli_export_images_free(from.images);
    cli_run_free(&run);
    return code;
}
