/* Runs a program without a shell. */
#ifndef GKV_DATA_PROCESS_H
#define GKV_DATA_PROCESS_H

#include "core/error.h"

/* Runs the program argv[0], which is searched on the PATH, and waits until it ends. argv ends with NULL. The standard
 * input is empty, and the output replaces the file `log`. After `seconds` the program is stopped. GKV_ERR_IO unless it
 * ends with exit code 0; the message has the error lines of the output. Thread-safe. */
gkv_status gkv_process_run(const char *const argv[], const char *log, int seconds);

#endif
