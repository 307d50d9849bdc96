/* Memory that all ranks of one machine share, and how they wait for each other in it. */
#ifndef GKV_DIST_WINDOW_H
#define GKV_DIST_WINDOW_H

#include <stdatomic.h>

#include "dist/dist.h"

/* Gives all ranks the same memory of so many bytes, all zero, at a 64-byte boundary. It replaces
 * what an earlier call gave, and gkv_dist_close() frees it. All ranks call it. *memory is NULL on
 * all ranks if there is none to share: they are on several machines, the system has too little, or
 * the variable GKVAE_MPI_MEMORY of one of them is "separate". GKV_ERR_IO if MPI fails. */
gkv_status gki_dist_window(gkv_dist *dist, size_t bytes, void **memory);

/* A place in shared memory where ranks meet; zero at first. */
typedef struct gki_dist_meeting {
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint round;
} gki_dist_meeting;

/* Returns once all ranks have called it. What they wrote before, all see after it. */
void gki_dist_meet(gki_dist_meeting *meeting, int ranks);

#endif
