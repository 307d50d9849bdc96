/* gkvae gk sample; declared in cli_gk.h. */
#include <stdlib.h>

#include "cli_gk.h"

static gkv_status draw(const cli_gk_model *model, size_t n, uint64_t seed, uint64_t first,
                       double *x)
{
    if (model->mixture)
        return gkv_mgk_mixture_sample(model->mixture, n, seed, first, NULL, x, NULL);
    gkv_gk_random(model->single, n, seed, first, x);
    return GKV_OK;
}

int cli_gk_draw(const cli_gk_arguments *a, const cli_gk_model *model)
{
    enum { PART = 4096 };
    const size_t part = model->d < PART ? PART / model->d : 1;
    double *x = cli_alloc(part, model->d * sizeof *x);
    cli_gk_output *output = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_gk_output_begin(a->out, model->d, (const char *const *)model->names, &output));
    for (uint64_t first = 0; first < a->count; first += part) {
        const size_t n = a->count - first < part ? (size_t)(a->count - first) : part;
        CLI_CHECK(draw(model, n, a->seed, first, x));
        CLI_TRY(cli_gk_output_add(output, n, x));
    }
done:
    free(x);
    return cli_gk_output_end(output, code);
}
