/* gkvae sample */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "pictures.h"

typedef struct sample_arguments {
    const char *model, *out, *idx;
    size_t count;
    uint64_t seed;
    double temperature;
    cli_assignments assignments;
} sample_arguments;

static const struct argp_option options[] = {
    {"count", 'n', "N", 0, "How many images (default: 200)", 0},
    {"seed", 'S', "N", 0, "Of the draws (default: 1)", 0},
    {"temperature", 'T', "T", 0, "Scale of the base's normal scores; below 1 is nearer to the mode (default: 1)", 0},
    {"out", 'o', "FILE.png", 0, "The picture (default: samples.png, or none with --idx)", 0},
    {"idx", 'x', "FILE", 0, "Write the images as IDX of unsigned bytes too (default: no)", 0},
    {"threads", 't', "N", 0, "As train.threads (default: the run's, or auto: one per processor)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    sample_arguments *a = state->input;
    switch (key) {
    case 'n': a->count = (size_t)cli_whole(state, "--count", arg, 1, 10000000); return 0;
    case 'S': a->seed = cli_whole(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'T': a->temperature = cli_number(state, "--temperature", arg, 0, 100); return 0;
    case 'o': a->out = arg; return 0;
    case 'x': a->idx = arg; return 0;
    case 't': cli_assign(&a->assignments, state, "train.threads", arg, "--threads"); return 0;
    case ARGP_KEY_ARG:
        if (a->model)
            argp_error(state, "one model only: %s is too many", arg);
        a->model = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->model)
            argp_error(state, "which model? A run folder or a model file is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* About twice as wide as high, without empty places if the number allows it. */
static size_t columns_for(size_t n)
{
    size_t wished = 1;
    while (wished * wished < 2 * n)
        wished++;
    for (size_t off = 0; off <= wished / 3; off++) {
        if (n % (wished + off) == 0)
            return wished + off;
        if (n % (wished - off) == 0)
            return wished - off;
    }
    return wished < n ? wished : n;
}

/* --- IDX --------------------------------------------------------------------------------- */

static void put_size(FILE *file, size_t size)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(size >> shift & 0xFF), file);
}

static gkv_status write_images(FILE *file, const sample_arguments *a, const gkv_model *model)
{
    enum { BLOCK = 1000 };
    const size_t pixels = gkv_model_height(model) * gkv_model_width(model);
    float *codes = cli_alloc(BLOCK * gkv_model_latent(model), sizeof *codes);
    float *images = cli_alloc(BLOCK * pixels, sizeof *images);
    gkv_status status = GKV_OK;
    for (size_t first = 0; first < a->count && status == GKV_OK; first += BLOCK) {
        const size_t n = a->count - first < BLOCK ? a->count - first : BLOCK;
        status = gkv_model_sample(model, n, a->seed, first, a->temperature, codes);
        if (status == GKV_OK)
            status = gkv_model_decode(model, n, codes, images);
        for (size_t i = 0; status == GKV_OK && i < n * pixels; i++)
            fputc((int)lrintf(255 * images[i]), file);
    }
    free(codes);
    free(images);
    return status;
}

/* Whole or not at all: under another name first. */
static int write_idx(const sample_arguments *a, const gkv_model *model)
{
    int code = CLI_OK;
    char *temporary = cli_text("%s.tmp-%ld", a->idx, (long)getpid());
    FILE *file = fopen(temporary, "wb");
    if (!file) {
        code = cli_error(CLI_IO, "%s: cannot be written: %s", a->idx, strerror(errno));
        goto done;
    }
    put_size(file, 0x00000803); /* unsigned bytes, three dimensions */
    put_size(file, a->count);
    put_size(file, gkv_model_height(model));
    put_size(file, gkv_model_width(model));
    code = cli_check(write_images(file, a, model));
    const bool failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || ferror(file);
    const int why = errno;
    if ((fclose(file) != 0 || failed) && code == CLI_OK)
        code = cli_error(CLI_IO, "%s: cannot be written: %s", a->idx, strerror(why));
    else if (code == CLI_OK && rename(temporary, a->idx) != 0)
        code = cli_error(CLI_IO, "%s: cannot be put in its place: %s", a->idx, strerror(errno));
    if (code != CLI_OK)
        unlink(temporary);
done:
    free(temporary);
    return code;
}

int cli_sample(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options, .parser = parse, .args_doc = "FOLDER\nMODEL.safetensors",
        .doc = "Draws images from a model: the decoder's pixel probabilities at draws from the prior."};
    sample_arguments a = {.count = 200, .seed = 1, .temperature = 1};
    cli_run run = {.model = NULL};
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_run_open(a.model, &a.assignments, &run));
    if (a.idx) {
        CLI_TRY(write_idx(&a, run.model));
        printf("%zu images: %s\n", a.count, a.idx);
    }
    if (!a.out && !a.idx)
        a.out = "samples.png";
    if (a.out) {
        CLI_TRY(cli_picture_samples(run.model, a.seed, a.temperature, a.count, columns_for(a.count), a.out));
        printf("%zu images: %s\n", a.count, a.out);
    }
done:
    cli_run_free(&run);
    return code;
}
