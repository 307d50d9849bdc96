/* Images drawn from a model; declared in draws.h. */
#include <stdlib.h>

#include "cli_draws.h"

int cli_draw_images(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n,
                    float *images)
{
    float *codes = cli_alloc(n * gkv_model_latent(model), sizeof *codes);
    int code = CLI_OK;
    if (which)
        CLI_CHECK(gkv_model_sample_class(model, n, *which, draws->seed, draws->first,
                                         draws->temperature, NULL, codes));
    else
        CLI_CHECK(
            gkv_model_sample(model, n, draws->seed, draws->first, draws->temperature, NULL, codes));
    CLI_CHECK(gkv_model_decode(model, n, codes, NULL, images));
    if (draws->pixels)
        CLI_CHECK(gkv_model_draw_pixels(model, n, images, draws->seed, draws->first, NULL, images));
done:
    free(codes);
    return code;
}
