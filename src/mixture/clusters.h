/* Clusters of weighted rows by k-means, with k-means++ and swaps of centres. */
#ifndef GKV_MIXTURE_CLUSTERS_H
#define GKV_MIXTURE_CLUSTERS_H

#include "mixture/rows.h"

enum { GKV_CLUSTERS_CANDIDATES = 10 };

typedef struct gki_clusters {
    size_t n, d, count;    /* the numbers of rows, columns and clusters */
    const double *weights; /* [n], or NULL for 1; not owned */
    const uint32_t *group; /* [n], or NULL; not owned */
    size_t only;           /* with `group`, rows of other groups have weight 0 */
    uint64_t seed;         /* of the random numbers */
    int threads;
    double *rows;     /* [n × d] the rows; the caller fills them before gki_clusters_find */
    double *centres;  /* [count × d] */
    double *distance; /* [n] the squared distance of each row from its nearest centre */
    /* [blocks × count × (2d + 2)] sums over the members of each cluster in a block: Σw, the cost of
     * removing the centre, Σwx, Σwx²; at the end the first block contains the sums of all rows */
    double *sums;
    double total;   /* Σ w·distance */
    double *tiles;  /* [tiles] Σ w·distance of each tile */
    double *trials; /* [tiles × candidates] Σ w·distance of each tile with each candidate */
} gki_clusters;

/* Allocates memory for out->n, out->d and out->count. The caller frees it with gki_clusters_free,
 * also after an error. */
gkv_status gki_clusters_create(gki_clusters *out);
void gki_clusters_free(gki_clusters *clusters);

/* Computes the centres and the sums over their members. Returns GKV_ERR_DATA if there are fewer
 * different rows than clusters, and GKV_ERR_MEMORY. */
gkv_status gki_clusters_find(gki_clusters *clusters);

/* Chooses the first centres by k-means++ (Arthur and Vassilvitskii 2007). Each centre is the best
 * of several candidates that are drawn. */
gkv_status gki_clusters_seed(gki_clusters *clusters);

/* The weight of row i. */
static inline double gki_clusters_weight(const gki_clusters *clusters, size_t i)
{
    if (clusters->group && clusters->group[i] != clusters->only)
        return 0.0;
    return clusters->weights ? clusters->weights[i] : 1.0;
}

#endif
