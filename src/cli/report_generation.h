/* Metrics of generation in an evaluation: how they are measured and how they are shown. */
#ifndef GKV_CLI_REPORT_GENERATION_H
#define GKV_CLI_REPORT_GENERATION_H

#include "cli.h"
#include "gkvae/generation.h"
#include "app/plot.h"
#include "texts.h"

/* Opens a network by a data set's name or as a file. */
int cli_generation_open(const char *wanted, gkv_features **out);

/* Opens the network that eval.features names, by a data set's name or as a file; it must be for
 * images of the model's size. If eval.features is empty, opens the network of the run's data set.
 * If there is none, or it is for images of another size, *out is NULL, and a line on standard error
 * reports this unless `quiet`. */
int cli_generation_network(const cli_run *run, bool quiet, gkv_features **out);

/* Reads the run's training images, which the metrics also need. If they cannot be read and
 * eval.features is empty, *out is NULL, and a line on standard error reports this. */
int cli_generation_training(const cli_run *run, gkv_dataset **out);

/* Measures the run's images against its test images. refined[test images, latent] are refined
 * codes, or NULL. */
int cli_generation_measure(const cli_run *run, const gkv_dataset *test, const gkv_dataset *training,
                           const gkv_features *network, const float *refined, bool quiet,
                           gkv_generation *out);

/* Prints the table of all figures, or nothing if there are none. */
void cli_generation_print(const gkv_generation *generation);

/* Tables of the results page: the main figures for readers without background, and all figures of
 * one form. The caller provides arrays of these sizes for their cells. */
enum { CLI_PLAIN_CELLS = 6 * 5, CLI_GENERATION_CELLS = GKV_IMAGE_SETS * 10 };
gki_report_table cli_generation_plain_table(const gkv_generation *generation, const char **cells,
                                            cli_texts *all);
gki_report_table cli_generation_table(const gkv_generation *generation, gkv_image_form form,
                                      const char **cells, cli_texts *all);

#endif
