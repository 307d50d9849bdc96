/* Refined inference; declared in refined.h. */
#include "refined.h"

#include <math.h>
#include <string.h>

bool cli_refine_parse(struct argp_state *state, const char *text, gkv_refine_settings *settings)
{
    enum { MOST = 1000, MOST_SAMPLES = 512 };
    char iterations[16] = "", samples[16] = "", extra = 0;
    const int fields = sscanf(text, "lm:%15[0-9]:%15[0-9]%c", iterations, samples, &extra);
    const size_t used =
        strlen("lm:") + strlen(iterations) + (fields == 2 ? 1 + strlen(samples) : 0);
    if (fields < 1 || fields > 2 || strlen(text) != used)
        argp_error(
            state,
            "--refine %s: must be lm:T or lm:T:S, for T iterations with S samples, as in lm:3",
            text);
    settings->iterations = (size_t)cli_whole(state, "--refine, T", iterations, 0, MOST);
    if (fields < 2)
        return false;
    settings->curvature_samples = (size_t)cli_whole(state, "--refine, S", samples, 2, MOST_SAMPLES);
    if (settings->curvature_samples % 2)
        argp_error(state, "--refine %s: S must be even, because samples come in pairs", text);
    return true;
}

void cli_refined_print(const char *heading, const cli_refined_row *rows, size_t n)
{
    enum { COLUMNS = 4, MOST = CLI_REFINED_ROWS + 1 };
    char text[MOST][2][32];
    const char *cells[MOST * COLUMNS] = {heading, "encoder", "refined", ""};
    for (size_t i = 0; i < n; i++) {
        const double values[2] = {rows[i].before, rows[i].after};
        for (size_t v = 0; v < 2; v++) {
            snprintf(text[i][v], sizeof text[i][v], "not known");
            if (isfinite(values[v]))
                cli_decimal(values[v], rows[i].places, text[i][v]);
        }
        const char *const row[COLUMNS] = {rows[i].name, isnan(rows[i].before) ? "" : text[i][0],
                                          text[i][1], rows[i].unit};
        memcpy(cells + (i + 1) * COLUMNS, row, sizeof row);
    }
    cli_table(cells, n + 1, COLUMNS, "lrrl");
}

size_t cli_refined_rows(const gkv_metrics *m, cli_refined_row rows[CLI_REFINED_ROWS])
{
    const gkv_refined_metrics *r = &m->refined;
    const cli_refined_row all[CLI_REFINED_ROWS] = {
        {"−ELBO", m->neg_elbo, r->neg_elbo, 3, "nats per image"},
        {"  reconstruction", m->reconstruction, r->reconstruction, 3, ""},
        {"  KL", m->kl, r->kl, 3, ""},
        {"−log p(x)", m->nll, r->nll, 3, "nats per image, at most"},
        {"effective samples", m->ess, r->ess, 1, "of the importance samples"},
        {"−log p(x|z) at the mean", r->cross_entropy_before, r->cross_entropy, 3, "nats per image"},
        {"mean squared error", m->mse, r->mse, 5, "at the mean"},
        {"PSNR", m->psnr, r->psnr, 2, "dB"},
        {"SSIM", m->ssim, r->ssim, 4, ""},
        {"accepted iterations", NAN, r->accepted, 2, "per image"},
        {"images improved", NAN, (double)r->improved, 0, ""},
        {"refinement", NAN, r->milliseconds, 2, "milliseconds per image"},
    };
    memcpy(rows, all, sizeof all);
    return r->samples > 0 ? CLI_REFINED_ROWS : 0;
}
