/* The files of src/app/explorer/, which the program carries within itself. */
#ifndef GKV_APP_EXPLORER_ASSETS_H
#define GKV_APP_EXPLORER_ASSETS_H

#include <stddef.h>

/* The kind of a file is its place in the page. */
typedef enum gki_asset_kind { GKV_ASSET_STYLE, GKV_ASSET_BODY, GKV_ASSET_SCRIPT } gki_asset_kind;

typedef struct gki_asset {
    gki_asset_kind kind;
    const unsigned char *begin, *end;
} gki_asset;

/* The i-th file, from 0, in the order of the page; NULL past the last. */
const gki_asset *gki_explorer_asset(size_t i);

#endif
