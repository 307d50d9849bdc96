/* Ranks of one machine that train in shared memory (dist/window.h), as threads of one process do.
 *
 * Parameters, gradients, moments, average, activations, packed weights and statistics of a trainer
 * move to memory that all ranks share. The tasks of each phase of a step are taken by all threads
 * of all ranks, and the ranks meet where the threads of one process meet. So nothing is sent,
 * copied or repeated, and the result is that of one process. What is not divided rank 0 does alone:
 * it leads. */
#ifndef GKV_TRAIN_TEAM_H
#define GKV_TRAIN_TEAM_H

#include <stdatomic.h>

#include "dist/window.h"

/* Phases of a step whose tasks are taken one by one. */
typedef enum gki_team_phase {
    GKI_TEAM_PACKING,
    GKI_TEAM_PASSES,
    GKI_TEAM_GRADIENT,
    GKI_TEAM_STATISTICS,
    GKI_TEAM_PHASES
} gki_team_phase;

/* What ranks know of one step. */
typedef struct gki_team_step {
    struct {
        _Alignas(64) atomic_long next; /* the first task that nobody has taken */
    } tasks[GKI_TEAM_PHASES];
    atomic_bool stop; /* whether any rank was asked to stop */
} gki_team_step;

/* The head of the shared memory. Steps use the two entries by turns. */
typedef struct gki_team_board {
    gki_dist_meeting meeting;
    gki_team_step steps[2];
} gki_team_board;

typedef struct gki_team {
    gki_team_board *board;
    int rank, size;
    unsigned turn; /* the entry of the current step */
} gki_team;

/* Returns the next task of a phase; it is at least their number when all are taken. */
long gki_team_take(const gki_team *team, gki_team_phase phase);

/* Returns once all ranks have called it. */
void gki_team_meet(const gki_team *team);

/* Begins and ends a step, on one thread of each rank. `stop`: whether this rank was asked to stop.
 * The ranks have met in between; gki_team_end_step() returns whether any was asked.
 * gki_team_prepare_next() is called between two meetings of the step. */
void gki_team_begin_step(gki_team *team, bool stop);
void gki_team_prepare_next(const gki_team *team);
bool gki_team_end_step(gki_team *team);

#endif
