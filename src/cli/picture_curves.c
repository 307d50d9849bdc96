/* Curves over epochs; declared in pictures.h. */
#include <math.h>
#include <stdlib.h>

#include "pictures.h"
#include "records.h"
#include "app/plot.h"

/* A column of the history. */
typedef struct curve {
    const char *key, *name;
    gki_line_style style;
} curve;

/* The first epoch can be so high that the rest of the curve looks flat. So the axis ends a little
 * above the second epoch, if there are at least four. */
static double top_of(const gki_series *series, size_t n_series)
{
    double top = NAN;
    for (size_t s = 0; s < n_series; s++)
        if (series[s].n >= 4)
            top = fmax(top, series[s].y[1]);
    double least = NAN;
    for (size_t s = 0; s < n_series; s++)
        for (size_t i = 0; i < series[s].n; i++)
            least = fmin(least, series[s].y[i]);
    return isfinite(top) && isfinite(least) ? top + 0.1 * (top - least) : NAN;
}

static int draw(const json_t *records, const curve *curves, size_t n_curves, bool zoom,
                const char *y_label, const char *path)
{
    enum { MOST = 4 };
    gki_series series[MOST];
    const size_t n = json_array_size(records);
    double *epochs = cli_alloc(n, sizeof *epochs);
    for (size_t i = 0; i < n; i++)
        epochs[i] = cli_record_number(records, i, "epoch");
    size_t used = 0;
    for (size_t c = 0; c < n_curves; c++) {
        double *y = cli_alloc(n, sizeof *y);
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            y[i] = cli_record_number(records, i, curves[c].key);
            any = any || isfinite(y[i]);
        }
        if (any)
            series[used++] = (gki_series){.name = curves[c].name,
                                          .x = epochs,
                                          .y = y,
                                          .n = n,
                                          .style = curves[c].style,
                                          .markers = n <= 40};
        else
            free(y);
    }
    gki_lines_settings settings;
    gki_lines_defaults(&settings);
    settings.width = 720;
    settings.height = 380;
    settings.x_label = "epoch";
    settings.y_label = y_label;
    if (zoom)
        settings.y_high = top_of(series, used);
    const int code = used ? cli_check(gki_plot_lines(path, series, used, &settings)) : CLI_OK;
    for (size_t s = 0; s < used; s++)
        free((double *)(uintptr_t)series[s].y);
    free(epochs);
    return code;
}

int cli_picture_curves(const char *folder, const char *path, const char *terms_path, bool *drawn)
{
    static const curve bounds[] = {{"neg_elbo", "training", GKV_LINE_DASHED},
                                   {"validation_neg_elbo", "validation", GKV_LINE_SOLID}};
    static const curve terms[] = {
        {"reconstruction", "reconstruction, training", GKV_LINE_DASHED},
        {"validation_reconstruction", "reconstruction, validation", GKV_LINE_SOLID},
        {"kl", "KL, training", GKV_LINE_DASHED},
        {"validation_kl", "KL, validation", GKV_LINE_SOLID}};
    json_t *records = cli_records_read(folder, "history.jsonl");
    int code = CLI_OK;
    *drawn = json_array_size(records) > 0;
    if (*drawn) {
        CLI_TRY(draw(records, bounds, 2, true, "−ELBO, nats per image", path));
        CLI_TRY(draw(records, terms, 4, false, "nats per image", terms_path));
    }
done:
    json_decref(records);
    return code;
}
