/* A model with its settings and images; declared in cli.h. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <sys/stat.h>

#include "cli.h"

int cli_run_open(const char *path, const cli_assignments *assignments, cli_run *run)
{
    struct stat info;
    int code = CLI_OK;
    *run = (cli_run){.is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode)};
    char *model = cli_text(run->is_folder ? "%s/model.safetensors" : "%s", path);
    char *config = cli_text("%s/config.ini", path);
    CLI_CHECK(gkv_model_load(model, &run->model));
    run->settings = *gkv_model_settings_of(run->model);
    if (run->is_folder)
        CLI_CHECK(gkv_settings_read(&run->settings, config));
    CLI_TRY(cli_assignments_apply(assignments, &run->settings));
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

int cli_run_images(const cli_run *run, const char *idx, gkv_dataset **out)
{
    int code = CLI_OK;
    *out = NULL;
    if (idx)
        CLI_CHECK(gkv_dataset_open(idx, NULL, out));
    else
        CLI_CHECK(gkv_dataset_load(&run->settings.data, GKV_TEST, out));
    const size_t height = gkv_dataset_height(*out), width = gkv_dataset_width(*out);
    if (height != gkv_model_height(run->model) || width != gkv_model_width(run->model))
        code = cli_error(CLI_DATA, "%s: the images are %zu × %zu, but the model was trained on %zu × %zu",
                         idx ? idx : run->settings.data.dataset, height, width, gkv_model_height(run->model),
                         gkv_model_width(run->model));
done:
    if (code != CLI_OK) {
        gkv_dataset_free(*out);
        *out = NULL;
    }
    return code;
}
