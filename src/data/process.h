/* Running a program without a shell. */
#ifndef GKV_DATA_PROCESS_H
#define GKV_DATA_PROCESS_H

#include "core/error.h"

/* Runs argv[0], found on the PATH, with nothing to read and its output in the fresh
 * file `log`, and waits for it; after `seconds` it is stopped. GKV_OK if it ends with
 * exit code 0. GKV_ERR_IO says otherwise what happened, with the output's complaint. */
gkv_status gkv_process_run(const char *const argv[], const char *log, int seconds);

#endif
