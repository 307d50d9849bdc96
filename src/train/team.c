#include "train/team.h"

long gki_team_take(const gki_team *team, gki_team_phase phase)
{
    return atomic_fetch_add(&team->board->steps[team->turn].tasks[phase].next, 1);
}

void gki_team_meet(const gki_team *team)
{
    gki_dist_meet(&team->board->meeting, team->size);
}

void gki_team_begin_step(gki_team *team, bool stop)
{
    if (stop)
        atomic_store(&team->board->steps[team->turn].stop, true);
}

void gki_team_prepare_next(const gki_team *team)
{
    gki_team_step *next = &team->board->steps[1 - team->turn];
    if (team->rank != 0)
        return;
    for (int p = 0; p < GKI_TEAM_PHASES; p++)
        atomic_store(&next->tasks[p].next, 0);
    atomic_store(&next->stop, false);
}

bool gki_team_end_step(gki_team *team)
{
    const bool stop = atomic_load(&team->board->steps[team->turn].stop);
    team->turn = 1 - team->turn;
    return stop;
}
