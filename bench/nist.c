/* NIST's 27 nonlinear regression problems, from both starts, with the default settings:
 *     bench_nist [--differences] FOLDER
 * FOLDER holds the files NAME.dat; --differences does without the models' derivatives. */
#include "lm/nist.h"

#include <stdlib.h>

static const char *reason(gkv_lm_stop stop)
{
    switch (stop) {
    case GKV_LM_COST: return "cost";
    case GKV_LM_STEP: return "step";
    case GKV_LM_COST_AND_STEP: return "cost, step";
    case GKV_LM_GRADIENT: return "gradient";
    case GKV_LM_ZERO: return "zero";
    case GKV_LM_LIMIT: return "limit";
    case GKV_LM_NO_PROGRESS: return "no progress";
    default: return "other";
    }
}

int main(int argc, char **argv)
{
    gkv_lm_jacobian *jacobian = nist_jacobian;
    if (argc > 1 && !strcmp(argv[1], "--differences")) {
        jacobian = NULL;
        argc--, argv++;
    }
    if (argc != 2) {
        fputs("use: bench_nist [--differences] FOLDER\n", stderr);
        return 2;
    }
    static nist_problem problem;
    char message[NIST_MESSAGE];
    int runs = 0, solved = 0;
    double digits = 0;
    gkv_lm_settings settings;
    gkv_lm_defaults(&settings);
    printf("%-9s %-8s %5s  %-11s %5s %5s %5s  %6s %6s %6s\n", "problem", "level", "start",
           "stopped by", "steps", "res.", "Jac.", "LRE b", "LRE sd", "LRE rss");
    for (int k = 0; k < NIST_MODELS; k++) {
        if (nist_read(argv[1], &nist_models[k], &problem, message)) {
            fprintf(stderr, "bench_nist: %s\n", message);
            return 1;
        }
        for (int start = 0; start < NIST_STARTS; start++) {
            nist_outcome out;
            const gkv_status status = nist_solve(&problem, start, &settings, jacobian, &out);
            printf("%-9s %-8s %5d  %-11s %5zu %5zu %5zu  %6.2f %6.2f %6.2f%s\n",
                   problem.model->name, problem.level, start + 1,
                   status == GKV_OK ? reason(out.result.stop) : "error", out.result.iterations,
                   out.result.residual_evaluations, out.result.jacobian_evaluations,
                   out.lre_parameters, out.lre_deviations, out.lre_rss,
                   out.lre_parameters < 6 ? "  <" : "");
            if (status != GKV_OK)
                printf("          %s\n", gkv_error_message());
            runs++;
            solved += out.lre_parameters >= 6;
            digits += out.lre_parameters;
        }
    }
    printf("nist: %d runs, %d solved, mean LRE %.2f\n", runs, solved, digits / runs);
    return EXIT_SUCCESS;
}
