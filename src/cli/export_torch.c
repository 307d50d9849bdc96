/* gkvae export --torch: a PyTorch module of the model's file. */
#define _XOPEN_SOURCE 700
#include <stdlib.h>

#include "cli_export.h"
#include "gkvae/export.h"

int cli_check_torch(cli_export_source *from, const char *path)
{
    (void)from;
    return cli_check_writable(path);
}

int cli_export_torch(const cli_export_source *from, const char *path)
{
    char *given =
        cli_text(from->run->is_folder ? "%s/model.safetensors" : "%s", from->arguments->model);
    char *weights = realpath(given, NULL);
    const int code = cli_check(gkv_export_torch(from->run->model, weights ? weights : given, path));
    if (code == CLI_OK)
        printf("PyTorch module of %s: %s\n", weights ? weights : given, path);
    free(weights);
    free(given);
    return code;
}
