/* The handle of the ranks, and what the files of this module share. The public part is
 * gkvae/dist.h. */
#ifndef GKV_DIST_DIST_H
#define GKV_DIST_DIST_H

#include <pthread.h>

#include "core/error.h"
#include "dist/dist_table.h"
#include "gkvae/dist.h"

enum { GKI_DIST_NAME = 128, GKI_DIST_TEXT = 2048 };

/* The most bytes of one operation, since MPI counts them in int: longer data go in pieces. */
enum { GKI_DIST_BYTES_MAX = 1 << 30 };

typedef struct gki_dist_watch gki_dist_watch;

struct gkv_dist {
    const gki_dist_table *table;
    int rank, size;
    int processors;               /* of each rank */
    bool shares_memory;           /* this rank may share memory with others of its machine */
    char (*names)[GKI_DIST_NAME]; /* [size]; NULL for one rank */
    gkv_dist_report *report;
    void *context;
    /* Held during every call of the table, and for what follows. */
    pthread_mutex_t lock;
    uint64_t tickets;      /* on rank 0: the next one */
    gki_dist_watch *watch; /* NULL for one rank */
};

/* The table of one process alone, and such a process: what NULL stands for. */
extern const gki_dist_table gki_dist_single;
gkv_dist *gki_dist_or_alone(gkv_dist *dist);

/* --- mpi_library.c -------------------------------------------------------- */

/* Loads the shared object for the MPI of this launch. GKV_ERR_CONFIG. */
gkv_status gki_dist_load(const gkv_dist_launch *launch, const gki_dist_table **out);

/* --- dist.c --------------------------------------------------------------- */

/* GKV_OK for code 0, else GKV_ERR_IO with a message: `what` failed. Under the lock. */
gkv_status gki_dist_check(const gkv_dist *dist, int code, const char *what);

/* Waits until the operation is done. Not under the lock. */
gkv_status gki_dist_wait(gkv_dist *dist, void **request, const char *what);

/* Checks the `code` that the start of an operation has returned. It is called under the lock, which
 * it unlocks. */
gkv_status gki_dist_begun(gkv_dist *dist, int code, const char *what);

/* The same, and waits until the operation is done. */
gkv_status gki_dist_end_operation(gkv_dist *dist, int code, void **request, const char *what);

/* gkv_dist_share() of the first `most` of the elements, and of no others. */
gkv_status gki_dist_share_first(gkv_dist *dist, size_t count, size_t unit, size_t most, size_t size,
                                void *all);

/* Sleeps longer from call to call, up to a millisecond. *calls counts them from 0. */
void gki_dist_pause(unsigned *calls);

/* --- window.c ------------------------------------------------------------- */

/* Reads the variable GKVAE_MPI_MEMORY: shares_memory. GKV_ERR_CONFIG if it is neither "shared",
 * "separate" nor empty. */
gkv_status gki_dist_read_memory(gkv_dist *dist);

/* --- watch.c -------------------------------------------------------------- */

/* Starts the thread that watches the other ranks. GKV_ERR_MEMORY, GKV_ERR_IO. */
gkv_status gki_dist_watch_start(gkv_dist *dist);

/* Tells rank 0 that this rank has ended, waits for all the others, and stops the thread. Returns
 * the code of all. See gkv_dist_close(). */
int gki_dist_watch_end(gkv_dist *dist, int code, const char *message);

/* Sends rank 0 a text for its report. */
gkv_status gki_dist_watch_tell(gkv_dist *dist, const char *text);

/* What all ranks have done of a call, for its progress. In the same calls each rank begins a count
 * at 0, and then tells how much it has done itself. On rank 0 gki_dist_count() returns what all
 * have done, as far as the others have told it, which they do once a second; on the others it
 * returns what is given. */
void gki_dist_count_begin(gkv_dist *dist);
uint64_t gki_dist_count(gkv_dist *dist, uint64_t mine);

/* Asks rank 0 for a ticket. */
gkv_status gki_dist_watch_ticket(gkv_dist *dist, uint64_t *ticket);

#endif
