/* The structure of sufficient statistics, for the bases that have them. */
#ifndef GKV_BASE_STATS_H
#define GKV_BASE_STATS_H

#include "base/base.h"

struct gki_base_stats {
    const gki_base *base; /* not owned */
    size_t parts;         /* the independent parts of each addition of rows */
    size_t count;         /* the numbers of all parts */
    gki_real *values;     /* [count] */
    bool is_placed;       /* whether the memory of the values is the caller's */
};

/* Allocates empty statistics; see create() of gki_base_stats_ops. */
gkv_status gki_base_stats_alloc(const gki_base *base, size_t parts, size_t count,
                                gki_base_stats **out);

#endif
