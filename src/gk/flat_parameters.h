/* The parameters of n elements, for the flat functions of gkvae/flat.h. */
#ifndef GKV_GK_FLAT_PARAMETERS_H
#define GKV_GK_FLAT_PARAMETERS_H

#include "core/error.h"
#include "gkvae/gk.h"

enum { GKV_FLAT_PARAMETERS = 5 };

/* The array of a parameter has one element or n. */
typedef struct gki_flat_parameters {
    size_t n;
    size_t length[GKV_FLAT_PARAMETERS];
    const double *value[GKV_FLAT_PARAMETERS];
} gki_flat_parameters;

/* Collects the arguments n, n_a … n_c and a … c of a flat function. */
#define GKV_FLAT_COLLECT              \
    {                                 \
        n, {n_a, n_b, n_g, n_k, n_c}, \
        {                             \
            a, b, g, k, c             \
        }                             \
    }

/* GKV_ERR_ARGUMENT for an array that is NULL or has another length than 1 and n. The message begins
 * with the name of the public function. */
static inline gkv_status gki_flat_check(const char *caller, const gki_flat_parameters *p)
{
    static const char names[GKV_FLAT_PARAMETERS] = {'a', 'b', 'g', 'k', 'c'};
    for (int j = 0; j < GKV_FLAT_PARAMETERS; j++) {
        if (!p->value[j])
            return gki_fail(GKV_ERR_ARGUMENT, "%s: the array of parameters %c is NULL", caller,
                            names[j]);
        if (p->length[j] != 1 && p->length[j] != p->n)
            return gki_fail(GKV_ERR_ARGUMENT,
                            "%s: there are %zu parameters %c for %zu elements; give 1 or %zu",
                            caller, p->length[j], names[j], p->n, p->n);
    }
    return GKV_OK;
}

static inline double gki_flat_value_at(const gki_flat_parameters *p, int j, size_t i)
{
    return p->value[j][p->length[j] == 1 ? 0 : i];
}

/* The number of elements from `first` on that have the same parameters, which become *gk. */
static inline size_t gki_flat_run(const gki_flat_parameters *p, size_t first, gkv_gk *gk)
{
    *gk = (gkv_gk){.a = gki_flat_value_at(p, 0, first),
                   .b = gki_flat_value_at(p, 1, first),
                   .g = gki_flat_value_at(p, 2, first),
                   .k = gki_flat_value_at(p, 3, first),
                   .c = gki_flat_value_at(p, 4, first)};
    if (p->length[0] == 1 && p->length[1] == 1 && p->length[2] == 1 && p->length[3] == 1 &&
        p->length[4] == 1)
        return p->n - first;
    for (size_t i = first + 1; i < p->n; i++)
        for (int j = 0; j < GKV_FLAT_PARAMETERS; j++)
            if (gki_flat_value_at(p, j, i) != gki_flat_value_at(p, j, first))
                return i - first;
    return p->n - first;
}

#endif
