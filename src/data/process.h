/* Runs a program without a shell and reports how long it takes. */
#ifndef GKV_DATA_PROCESS_H
#define GKV_DATA_PROCESS_H

#include <stdbool.h>

#include "core/error.h"
#include "data/catalogue.h"

/* This program with -C FOLDER and a command line runs that one in a folder. */
#define GKV_PROCESS_ENV "/usr/bin/env"

/* True if there is a program of this name on the PATH. */
bool gki_process_exists(const char *name);

/* Runs the program argv[0], which is searched on the PATH, and waits until it ends; the call
 * reports meanwhile. argv ends with NULL. The standard input is empty, and the output
 * replaces the file `log`. After `seconds`, and when the call is stopped, the program is stopped.
 * GKV_ERR_INTERRUPTED, or GKV_ERR_IO unless it ends with exit code 0; the message has the error
 * lines of the output. Thread-safe. */
gkv_status gki_process_run(const char *const argv[], const char *log, int seconds, gki_call *call);

#endif
