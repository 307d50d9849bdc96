#include "reconstruct_files.h"

#include <stdlib.h>

#include "array_files.h"
#include "pictures.h"

static int write_arrays(const gkv_model *model, const gkv_dataset *images,
                        const cli_reconstructions *reconstructions, const char *path)
{
    enum { ARRAYS = 8 };
    const uint8_t *all = gkv_dataset_labels(images);
    const size_t n = reconstructions->n, d = gkv_model_latent(model);
    const bool refined = reconstructions->refined_images != NULL;
    uint8_t *labels = all ? cli_alloc(n, sizeof *labels) : NULL;
    gkv_npz_array arrays[ARRAYS];
    size_t count = 0;
    for (size_t i = 0; labels && i < n; i++)
        labels[i] = all[reconstructions->chosen[i]];
    if (refined)
        arrays[count++] =
            cli_images_array("refined_reconstructions", model, n, reconstructions->refined_images);
    arrays[count++] = cli_images_array("reconstructions", model, n, reconstructions->images);
    arrays[count++] = cli_images_array("originals", model, n, reconstructions->originals);
    arrays[count++] = cli_images_array("targets", model, n, reconstructions->targets);
    arrays[count++] = (gkv_npz_array){
        .name = "codes", .rank = 2, .sizes = {n, d}, .floats = reconstructions->codes};
    if (refined)
        arrays[count++] = (gkv_npz_array){.name = "refined_codes",
                                          .rank = 2,
                                          .sizes = {n, d},
                                          .floats = reconstructions->refined_codes};
    arrays[count++] = cli_labels_array(n, labels);
    const int code = cli_write_arrays(path, count, arrays);
    free(labels);
    return code;
}

int cli_write_reconstructions(const gkv_model *model, const gkv_dataset *images,
                              const cli_reconstructions *reconstructions,
                              const cli_reconstruction_files *files)
{
    int code = CLI_OK;
    if (files->arrays) {
        CLI_TRY(write_arrays(model, images, reconstructions, files->arrays));
        printf("%zu images: %s\n", reconstructions->n, files->arrays);
    }
    if (files->folder) {
        CLI_TRY(cli_write_pngs(files->folder, model, reconstructions->n, 0, reconstructions->chosen,
                               reconstructions->refined_images ? reconstructions->refined_images
                                                               : reconstructions->images));
        printf("%zu images: %s\n", reconstructions->n, files->folder);
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
