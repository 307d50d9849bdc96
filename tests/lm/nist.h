/* NIST's nonlinear regression problems: reading their files, solving them, and counting
 * the digits that agree with the certified values. */
#ifndef GKV_TESTS_NIST_H
#define GKV_TESTS_NIST_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gkvae/lm.h"
#include "lm/nist_models.h"

enum { NIST_OBSERVATIONS = 256, NIST_STARTS = 2, NIST_MESSAGE = 512 };

typedef struct nist_problem {
    const nist_model *model;
    char level[8]; /* Lower, Average or Higher: how difficult */
    int n;
    double start[NIST_STARTS][NIST_PARAMETERS], certified[NIST_PARAMETERS],
        deviation[NIST_PARAMETERS];
    double rss; /* the certified residual sum of squares */
    /* In long double, like the model; see nist_models.h. */
    long double y[NIST_OBSERVATIONS], x[NIST_OBSERVATIONS][NIST_PREDICTORS];
} nist_problem;

/* A solution. lre_* are the numbers of digits that agree with the certified values; of several
 * parameters the least number counts. */
typedef struct nist_outcome {
    gkv_lm_result result;
    double b[NIST_PARAMETERS], deviation[NIST_PARAMETERS], rss;
    double lre_parameters, lre_deviations, lre_rss;
} nist_outcome;

/* --- Reading -------------------------------------------------------------- */

/* Reads a number that every file has once, as in "Number of Observations: 14". The degrees of
 * freedom are not read, because they are wrong in Rat43's file: they are 9, but its residual
 * standard deviation implies n − p = 11. */
static int nist_fact(const char *line, const char *label, double *value)
{
    return !strncmp(line, label, strlen(label)) && sscanf(line + strlen(label), "%lf", value) == 1;
}

/* Reads the header: the first line of the data, the level of difficulty, other facts, and one line
 * for each parameter. */
static void nist_header(const char *line, nist_problem *pr, int *first, int *seen)
{
    int k;
    double from, value[4];
    char level[8];
    if (sscanf(line, " Data (lines %d to", &k) == 1)
        *first = k;
    else if (strstr(line, "Level of Difficulty") && sscanf(line, " %7s", level) == 1)
        strcpy(pr->level, level);
    else if (nist_fact(line, "Residual Sum of Squares:", &from))
        pr->rss = from;
    else if (nist_fact(line, "Number of Observations:", &from))
        pr->n = (int)from;
    else if (sscanf(line, " b%d = %lf %lf %lf %lf", &k, value, value + 1, value + 2, value + 3) ==
                 5 &&
             k == *seen + 1 && k <= pr->model->parameters) {
        pr->start[0][*seen] = value[0];
        pr->start[1][*seen] = value[1];
        pr->certified[*seen] = value[2];
        pr->deviation[*seen] = value[3];
        ++*seen;
    }
}

/* Reads FOLDER/NAME.dat. Returns 0, or −1 with the reason in message[NIST_MESSAGE]. */
static int nist_read(const char *folder, const nist_model *model, nist_problem *pr, char *message)
{
    char path[NIST_MESSAGE - 100], line[256];
    *pr = (nist_problem){.model = model};
    snprintf(path, sizeof path, "%s/%s.dat", folder, model->name);
    FILE *file = fopen(path, "r");
    if (!file) {
        snprintf(message, NIST_MESSAGE,
                 "%s cannot be read: the 27 files of NIST's nonlinear regression are wanted there",
                 path);
        return -1;
    }
    int first = 0, seen = 0, count = 0, good = 1;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        long double v[1 + NIST_PREDICTORS] = {0};
        if (!first || number < first) {
            nist_header(line, pr, &first, &seen);
        } else if (strspn(line, " \t\r\n") != strlen(line)) {
            good = good && count < NIST_OBSERVATIONS &&
                   sscanf(line, "%Lf %Lf %Lf", v, v + 1, v + 2) == 1 + model->predictors;
            if (!good)
                break;
            pr->y[count] = model->log_response ? logl(v[0]) : v[0];
            memcpy(pr->x[count++], v + 1, sizeof *pr->x);
        }
    }
    good = good && !ferror(file);
    fclose(file);
    if (good && seen == model->parameters && count == pr->n && pr->rss > 0 && *pr->level)
        return 0;
    snprintf(message, NIST_MESSAGE,
             "%s is not NIST's file: it holds %d parameters of %d and %d observations of %d, or "
             "lacks a fact",
             path, seen, model->parameters, count, pr->n);
    return -1;
}

/* --- Solving -------------------------------------------------------------- */

static long double nist_value(const nist_problem *pr, const double *b, int i, long double *g)
{
    long double wide[NIST_PARAMETERS];
    for (int j = 0; j < pr->model->parameters; j++)
        wide[j] = b[j];
    return pr->model->function(wide, pr->x[i], g);
}

static gkv_status nist_residuals(void *user, const double *b, double *r)
{
    const nist_problem *pr = user;
    long double g[NIST_PARAMETERS];
    for (int i = 0; i < pr->n; i++)
        r[i] = (double)(nist_value(pr, b, i, g) - pr->y[i]);
    return GKV_OK;
}

static gkv_status nist_jacobian(void *user, const double *b, double *jacobian)
{
    const nist_problem *pr = user;
    long double g[NIST_PARAMETERS];
    for (int i = 0; i < pr->n; i++) {
        nist_value(pr, b, i, g);
        for (int j = 0; j < pr->model->parameters; j++)
            jacobian[j * pr->n + i] = (double)g[j];
    }
    return GKV_OK;
}

/* −log10 of the relative error, from 0 to the 11 digits that are certified. */
static double nist_lre(double value, double certified)
{
    const double error = fabs(value - certified) / fabs(certified);
    return error > 0 ? fmax(0, fmin(11, -log10(error))) : error == 0 ? 11 : 0;
}

/* Solves the problem from start number `start`, counted from 0. If `settings` is NULL the defaults
 * apply. If `jacobian` is NULL the solver uses differences. Without a covariance the digits of
 * standard deviations are 0. */
static gkv_status nist_solve(const nist_problem *pr, int start, const gkv_lm_settings *settings,
                             gkv_lm_jacobian *jacobian, nist_outcome *out)
{
    const int p = pr->model->parameters;
    double covariance[NIST_PARAMETERS * NIST_PARAMETERS];
    nist_problem copy = *pr; /* the callbacks take a `user` that is not const */
    gkv_lm *lm;
    *out = (nist_outcome){0};
    memcpy(out->b, pr->start[start], sizeof out->b);
    gkv_status status = gkv_lm_create((size_t)pr->n, (size_t)p, &lm);
    if (status == GKV_OK)
        status =
            gkv_lm_solve(lm, nist_residuals, jacobian, &copy, settings, NULL, out->b, &out->result);
    if (status == GKV_OK)
        status = gkv_lm_covariance(lm, 0, covariance, NULL);
    gkv_lm_free(lm);
    if (status != GKV_OK)
        return status;
    out->rss = 2 * out->result.cost_after;
    out->lre_rss = nist_lre(out->rss, pr->rss);
    out->lre_parameters = out->lre_deviations = 11;
    for (int j = 0; j < p; j++) {
        out->deviation[j] = sqrt(covariance[j * p + j] * out->rss / (pr->n - p));
        out->lre_parameters = fmin(out->lre_parameters, nist_lre(out->b[j], pr->certified[j]));
        out->lre_deviations =
            fmin(out->lre_deviations, nist_lre(out->deviation[j], pr->deviation[j]));
    }
    return GKV_OK;
}

#endif
