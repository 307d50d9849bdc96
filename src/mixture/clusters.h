/* Clusters of weighted rows: k-means, from a good start. */
#ifndef GKV_MGK_CLUSTERS_H
#define GKV_MGK_CLUSTERS_H

#include "mixture/rows.h"

enum { GKV_CLUSTERS_CANDIDATES = 10 };

typedef struct gkv_clusters {
    size_t n, d, count;
    const double *weights; /* [n], or NULL for 1; not owned */
    const uint32_t *group; /* [n], or NULL: rows of groups other than `only` weigh nothing; not owned */
    size_t only;
    uint64_t seed;
    int threads;
    double *rows;     /* [n × d]: to be filled before they are looked for */
    double *centres;  /* [count × d] */
    double *distance; /* [n] squared, to the nearest centre */
    double *sums;     /* [blocks × count × (2d + 2)] of each block's members: Σw, what their
                         centre's removal would cost, Σwx, Σwx²; in the end the first block's
                         are all rows' */
    double total;     /* Σ w·distance */
    double *tiles;    /* [tiles] Σ w·distance */
    double *trials;   /* [tiles × candidates] what it would be with each candidate */
} gkv_clusters;

/* Memory for what out->n, d and count say. What it holds is freed by gkv_clusters_free, also after a
 * failure. */
gkv_status gkv_clusters_create(gkv_clusters *out);
void gkv_clusters_free(gkv_clusters *clusters);

/* Centres, and the sums of their members. GKV_ERR_DATA for fewer different rows than clusters. */
gkv_status gkv_clusters_find(gkv_clusters *clusters);

/* --- Parts of it ------------------------------------------------------------------------------ */

/* clusters_seed.c: k-means++ (Arthur and Vassilvitskii 2007), each centre the best of a few that are
 * drawn. */
gkv_status gkv_clusters_seed(gkv_clusters *clusters);

/* The row in which `target` of the running sum of w·distance falls; one that has some. */
size_t gkv_clusters_row_at(const gkv_clusters *clusters, double target);

static inline double gkv_clusters_weight(const gkv_clusters *clusters, size_t i)
{
    if (clusters->group && clusters->group[i] != clusters->only)
        return 0.0;
    return clusters->weights ? clusters->weights[i] : 1.0;
}

#endif
