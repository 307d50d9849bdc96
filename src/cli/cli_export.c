/* gkvae export: the table of formats, and the command. */
#include "cli_export.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"

/* A format: an option whose value is the file to write. */
typedef struct export_format {
    const char *option, *argument;
    cli_format kind;
    const char *about;
    cli_export_check *check;
    cli_export_write *write;
    /* The format is made of rounded weights, and rounds those of the run: it comes last. */
    bool rounds;
} export_format;

static const export_format formats[] = {
    {"explorer", "FILE.html", CLI_HTML,
     "Write a page that shows and runs the model in a browser, with a few of its images (default: "
     "no)",
     cli_check_explorer, cli_export_explorer, true},
    {"onnx", "FILE.onnx|FOLDER", CLI_ONNX,
     "Write a part of the model for ONNX Runtime and other engines. The name of the file says "
     "which part: encoder.onnx, decoder.onnx, flow.onnx, flow_inverse.onnx, log_prob.onnx or "
     "sample.onnx. A folder gets all of them (default: no)",
     cli_check_onnx, cli_export_onnx, false},
    {"torch", "FILE.py", CLI_PYTHON,
     "Write a PyTorch module that loads the model's file (default: no)", cli_check_torch,
     cli_export_torch, false},
};
enum { FORMATS = sizeof formats / sizeof *formats, OPTION_FORMAT = 256 };

typedef struct export_arguments {
    cli_model_arguments model;
    const char *paths[FORMATS];
    bool without_images;
} export_arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    export_arguments *a = state->input;
    bool any = false;
    if (key >= OPTION_FORMAT && key < OPTION_FORMAT + FORMATS) {
        const export_format *format = &formats[key - OPTION_FORMAT];
        char *option = cli_text("--%s", format->option);
        a->paths[key - OPTION_FORMAT] = cli_output(state, option, arg, format->kind);
        free(option);
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &a->model; return 0;
    case 'W': a->without_images = true; return 0;
    case ARGP_KEY_END:
        for (size_t i = 0; i < FORMATS; i++)
            any = any || a->paths[i];
        if (!any)
            argp_error(state, "in which format? Name a file, as in --%s %s", formats[0].option,
                       formats[0].argument);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The options of the formats, and those of the command. */
static const struct argp_option *options(void)
{
    static struct argp_option list[FORMATS + 2];
    for (int i = 0; i < FORMATS; i++)
        list[i] = (struct argp_option){.name = formats[i].option,
                                       .key = OPTION_FORMAT + i,
                                       .arg = formats[i].argument,
                                       .flags = CLI_ONCE,
                                       .doc = formats[i].about};
    list[FORMATS] = (struct argp_option){
        .name = "without-images",
        .key = 'W',
        .doc = "Write no images of the data set, which is then not needed (default: a few)"};
    return list;
}

static int check_outputs(const export_arguments *a, const cli_run *run)
{
    int code = CLI_OK;
    for (size_t i = 0; i < FORMATS && code == CLI_OK; i++) {
        char *option = cli_text("--%s", formats[i].option);
        if (a->paths[i])
            code = cli_output_spares_run(option, a->paths[i], &a->model, run);
        for (size_t j = 0; j < i && a->paths[i] && code == CLI_OK; j++)
            code = cli_output_spares(option, a->paths[i], a->paths[j]);
        free(option);
    }
    return code;
}

int cli_check_writable(const char *path)
{
    gki_file_writer *writer = NULL;
    const int code = cli_check(gki_file_begin(path, &writer));
    gki_file_abandon(writer);
    return code;
}

int cli_export(int argc, char **argv)
{
    static struct argp argp = {
        .children = cli_model_and_data,
        .parser = parse,
        .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Writes a model in formats that other programs read. Each format is an option with "
               "the file to write; several may be given at once.\vThe explorer is one file that "
               "needs no network and no other file. It runs in a browser, also when it is opened "
               "from a disk or a mail."};
    export_arguments a = {.without_images = false};
    cli_run run = {.model = NULL};
    cli_export_source from = {.images = NULL};
    int code = CLI_OK;
    argp.options = options();
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(&a.model, &run));
    CLI_TRY(check_outputs(&a, &run));
    from =
        (cli_export_source){.arguments = &a.model, .run = &run, .without_images = a.without_images};
    for (size_t i = 0; i < FORMATS; i++)
        if (a.paths[i])
            CLI_TRY(formats[i].check(&from, a.paths[i]));
    for (int last = 0; last < 2; last++)
        for (size_t i = 0; i < FORMATS; i++)
            if (a.paths[i] && formats[i].rounds == (last == 1))
                CLI_TRY(formats[i].write(&from, a.paths[i]));
done:
    cli_export_images_free(from.images);
    cli_run_free(&run);
    return code;
}
