/* Draws from the model at the checkpoints of a run: gkvae train --epoch-pictures keeps them as
 * FOLDER/epochs/NNNNNN.png, by the number of the epoch, and the results page shows them. */
#ifndef GKV_CLI_EPOCH_PICTURES_H
#define GKV_CLI_EPOCH_PICTURES_H

#include "app/plot.h"
#include "cli.h"
#include "texts.h"

/* The state during a run. Zero-initialise it before use. */
typedef struct cli_epoch_pictures {
    const char *folder; /* of the run; NULL if there are no pictures */
    uint64_t ended; /* the epoch that has ended, whose model may be on the disk now; 0 for none */
    struct stat model; /* of the model's file that was drawn last */
} cli_epoch_pictures;

/* Draws the epoch that has ended, if its model has been saved. Pictures of later epochs, which are
 * of another run, are removed. */
int cli_epoch_pictures_draw(cli_epoch_pictures *pictures);

/* The pictures of a run for its page, at most CLI_EPOCH_FRAMES of them, evenly spaced: frames[…].
 * Returns how many there are. `all` keeps the texts. */
enum { CLI_EPOCH_FRAMES = 30 };
size_t cli_epoch_frames(const char *folder, gki_report_frame frames[CLI_EPOCH_FRAMES],
                        cli_texts *all);

#endif
