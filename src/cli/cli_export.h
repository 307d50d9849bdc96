/* The formats of gkvae export. A format is one file export_NAME.c, with the function that writes
 * it, and one line in the table of cli_export.c. */
#ifndef GKV_CLI_EXPORT_H
#define GKV_CLI_EXPORT_H

#include "cli.h"

/* What is exported. */
typedef struct cli_export_source {
    const cli_model_arguments *arguments; /* as gkvae export got them */
    cli_run *run;
    bool without_images; /* leave images of the data set out */
} cli_export_source;

/* Writes the file of a format. CLI_CONFIG if the format cannot have a part of the model. */
typedef int cli_export_write(const cli_export_source *from, const char *path);

cli_export_write cli_export_explorer, cli_export_onnx, cli_export_torch;

#endif
