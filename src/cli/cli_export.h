/* The formats of gkvae export. A format is one file export_NAME.c, with the function that writes
 * it, perhaps one that checks first whether it can, and one line in the table of cli_export.c. */
#ifndef GKV_CLI_EXPORT_H
#define GKV_CLI_EXPORT_H

#include "cli.h"

/* The images of the data set that a page has. */
typedef struct cli_export_images cli_export_images;
void cli_export_images_free(cli_export_images *images);

/* What is exported. */
typedef struct cli_export_source {
    const cli_model_arguments *arguments; /* as gkvae export got them */
    cli_run *run;
    bool without_images;       /* leave images of the data set out */
    cli_export_images *images; /* by cli_check_explorer() */
} cli_export_source;

/* Whether a file can be written: CLI_IO if not. */
int cli_check_writable(const char *path);

/* Reports early what writing would fail at, before any format is written. */
typedef int cli_export_check(cli_export_source *from, const char *path);

/* Writes the file of a format. CLI_CONFIG if the format cannot have a part of the model. */
typedef int cli_export_write(const cli_export_source *from, const char *path);

cli_export_check cli_check_explorer, cli_check_onnx, cli_check_torch;
cli_export_write cli_export_explorer, cli_export_onnx, cli_export_torch;

#endif
