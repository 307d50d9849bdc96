#include "reconstruct_files.h"

#include <stdlib.h>

#include "array_files.h"
#include "pictures.h"

static int write_arrays(const gkv_model *model, const gkv_dataset *images,
                        const cli_reconstructions *it, const char *path)
{
    enum { ARRAYS = 8 };
    const uint8_t *all = gkv_dataset_labels(images);
    const size_t n = it->n, d = gkv_model_latent(model);
    const bool refined = it->refined_images != NULL;
    uint8_t *labels = all ? cli_alloc(n, sizeof *labels) : NULL;
    gkv_npz_array arrays[ARRAYS];
    size_t count = 0;
    for (size_t i = 0; labels && i < n; i++)
        labels[i] = all[it->chosen[i]];
    if (refined)
        arrays[count++] = cli_images_array("refined_reconstructions", model, n, it->refined_images);
    arrays[count++] = cli_images_array("reconstructions", model, n, it->images);
    arrays[count++] = cli_images_array("originals", model, n, it->originals);
    arrays[count++] = cli_images_array("targets", model, n, it->targets);
    arrays[count++] =
        (gkv_npz_array){.name = "codes", .rank = 2, .sizes = {n, d}, .floats = it->codes};
    if (refined)
        arrays[count++] = (gkv_npz_array){
            .name = "refined_codes", .rank = 2, .sizes = {n, d}, .floats = it->refined_codes};
    arrays[count++] = cli_labels_array(n, labels);
    const int code = cli_write_arrays(path, count, arrays);
    free(labels);
    return code;
}

int cli_write_reconstructions(const gkv_model *model, const gkv_dataset *images,
                              const cli_reconstructions *it, const cli_reconstruction_files *files)
{
    int code = CLI_OK;
    if (files->arrays) {
        CLI_TRY(write_arrays(model, images, it, files->arrays));
        printf("%zu images: %s\n", it->n, files->arrays);
    }
    if (files->folder) {
        CLI_TRY(cli_write_pngs(files->folder, model, it->n, 0, it->chosen,
                               it->refined_images ? it->refined_images : it->images));
        printf("%zu images: %s\n", it->n, files->folder);
    }
done:
    return code;
}

int cli_write_encoded(const cli_run *run, const gkv_dataset *images, const size_t *chosen, size_t n,
                      const cli_reconstruction_files *files)
{
    const size_t values = gkv_model_values(run->model);
    float *grey = cli_alloc(n * values, sizeof *grey), *seen = cli_alloc(n * values, sizeof *seen),
          *decoded = cli_alloc(n * values, sizeof *decoded),
          *codes = cli_alloc(n * gkv_model_latent(run->model), sizeof *codes);
    int code = CLI_OK;
    CLI_TRY(cli_fetch(run, images, chosen, n, grey, seen));
    CLI_CHECK(gkv_model_encode(run->model, n, seen, NULL, codes));
    CLI_CHECK(gkv_model_decode(run->model, n, codes, NULL, decoded));
    CLI_TRY(cli_write_reconstructions(run->model, images,
                                      &(cli_reconstructions){.n = n,
                                                             .chosen = chosen,
                                                             .originals = grey,
                                                             .targets = seen,
                                                             .images = decoded,
                                                             .codes = codes},
                                      files));
done:
    free(grey);
    free(seen);
    free(decoded);
    free(codes);
    return code;
}
