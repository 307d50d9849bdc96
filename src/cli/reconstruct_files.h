/* The files of gkvae reconstruct besides its picture. */
#ifndef GKV_CLI_RECONSTRUCT_FILES_H
#define GKV_CLI_RECONSTRUCT_FILES_H

#include "cli.h"

/* Where they are written; NULL for none. */
typedef struct cli_reconstruction_files {
    const char *arrays; /* .npy, .npz or .csv */
    const char *folder; /* of PNG files */
} cli_reconstruction_files;

/* The arrays of n images: [n, values] of images and [n, latent] of codes. */
typedef struct cli_reconstructions {
    size_t n;
    const size_t *chosen;                      /* the numbers of the images [n] */
    const float *originals, *targets, *images; /* `images` are the reconstructions */
    const float *codes;
    const float *refined_images, *refined_codes; /* NULL without refinement */
} cli_reconstructions;

/* Writes the files. Refined reconstructions, if there are any, are those of PNG files and of .npy
 * and .csv; an archive has both. `images` has the labels. */
int cli_write_reconstructions(const gkv_model *model, const gkv_dataset *images,
                              const cli_reconstructions *reconstructions,
                              const cli_reconstruction_files *files);

/* Computes the reconstructions of images chosen[n] from the encoder's codes, and writes them. */
int cli_write_encoded(const cli_run *run, const gkv_dataset *images, const size_t *chosen, size_t n,
                      const cli_reconstruction_files *files);

#endif
