/* Checks that a command does not overwrite its own input; declared in cli.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

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
