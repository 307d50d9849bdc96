/* The program on several processes, which an MPI launcher has started (gkvae/dist.h). */
#ifndef GKV_CLI_RANKS_H
#define GKV_CLI_RANKS_H

#include <stdbool.h>

#include "gkvae/dist.h"

/* What a command does if a launcher has started several processes of it. */
typedef enum cli_ranks_use {
    CLI_RANKS_REFUSED, /* it is for one process */
    CLI_RANKS_SHARED,  /* they share its work */
    CLI_RANKS_EACH,    /* each process does it for itself */
    CLI_RANKS_LATER    /* its options decide; it calls cli_ranks_begin() when it knows them */
} cli_ranks_use;

/* Joins the ranks if there are any; otherwise nothing happens. CLI_USAGE for a command that is
 * refused; CLI_CONFIG if this build has no support for the launcher's MPI, or if ranks differ in
 * the program or the command line. */
int cli_ranks_begin(const char *command, cli_ranks_use use, int argc, char **argv);

/* Leaves the ranks, and returns the exit code of all. It may end the process. */
int cli_ranks_end(int code);

/* The ranks; NULL: this process is alone. */
gkv_dist *cli_ranks(void);

/* Whether this process is rank 0, which prints and writes, or alone. */
bool cli_ranks_first(void);

/* CLI_CONFIG unless all ranks have the same SHA-256 of what `what` says, or of the file of this
 * path. All ranks call them; CLI_OK at once without ranks. */
int cli_ranks_same_sum(const char *what, const char *sum);
int cli_ranks_same_file(const char *path);

/* The same for an argument that may be "-", standard input: CLI_USAGE with ranks. */
int cli_ranks_same_input(const char *path);

/* Keeps the message of an error for the end of this rank. False on rank 0, which prints it. */
bool cli_ranks_keep(const char *message);

/* Prints a text on standard error of rank 0, with the name of this rank if that is another. That of
 * an error begins with "gkvae: ". */
void cli_ranks_note(bool error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
