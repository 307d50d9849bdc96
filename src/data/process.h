/* Running a program without a shell, and telling who listens how long it takes. */
#ifndef GKV_DATA_PROCESS_H
#define GKV_DATA_PROCESS_H

#include <stdbool.h>

#include "core/error.h"
#include "data/catalogue.h"

/* Whether the PATH has a program of this name. */
bool gkv_process_exists(const char *name);

/* Runs argv[0], found on the PATH, with nothing to read and its output in the fresh
 * file `log`, and waits for it, of which the listener hears; after `seconds` it is stopped.
 * GKV_OK if it ends with exit code 0. GKV_ERR_IO says otherwise what happened, with the
 * output's complaint. */
gkv_status gkv_process_run(const char *const argv[], const char *log, int seconds, gkv_reporter listener);

#endif
