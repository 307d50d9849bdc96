/* The files of src/app/explorer/; declared in explorer_assets.h. The assembler includes them, and
 * CMakeLists.txt defines their folder. */
#include "app/explorer_assets.h"

#include "core/embed.h"

#define EMBEDDED(symbol, file) GKV_EMBED(gki_explorer_file_##symbol, GKV_EXPLORER_FOLDER "/" file)

EMBEDDED(style, "explorer.css");
EMBEDDED(body, "explorer.html");
EMBEDDED(tensors, "tensors.js");
EMBEDDED(numbers, "numbers.js");
EMBEDDED(network, "network.js");
EMBEDDED(transforms, "transforms.js");
EMBEDDED(flow, "flow.js");
EMBEDDED(posterior, "posterior.js");
EMBEDDED(base, "base.js");
EMBEDDED(level_sums, "level_sums.js");
EMBEDDED(likelihood, "likelihood.js");
EMBEDDED(model, "model.js");
EMBEDDED(refine, "refine.js");
EMBEDDED(reference, "reference.js");
EMBEDDED(examples, "examples.js");
EMBEDDED(state, "state.js");
EMBEDDED(pictures, "pictures.js");
EMBEDDED(page, "page.js");
EMBEDDED(input, "input.js");
EMBEDDED(view_draw, "view_draw.js");
EMBEDDED(view_map, "view_map.js");
EMBEDDED(view_change, "view_change.js");
EMBEDDED(view_between, "view_between.js");
EMBEDDED(view_sample, "view_sample.js");
EMBEDDED(view_base, "view_base.js");
EMBEDDED(view_flow, "view_flow.js");
EMBEDDED(view_about, "view_about.js");
EMBEDDED(app, "app.js");

#define ROW(kind, symbol)                                                  \
    {                                                                      \
        kind, gki_explorer_file_##symbol, gki_explorer_file_##symbol##_end \
    }

static const gki_asset assets[] = {
    ROW(GKV_ASSET_STYLE, style),         ROW(GKV_ASSET_BODY, body),
    ROW(GKV_ASSET_SCRIPT, tensors),      ROW(GKV_ASSET_SCRIPT, numbers),
    ROW(GKV_ASSET_SCRIPT, network),      ROW(GKV_ASSET_SCRIPT, transforms),
    ROW(GKV_ASSET_SCRIPT, flow),         ROW(GKV_ASSET_SCRIPT, posterior),
    ROW(GKV_ASSET_SCRIPT, base),         ROW(GKV_ASSET_SCRIPT, level_sums),
    ROW(GKV_ASSET_SCRIPT, likelihood),   ROW(GKV_ASSET_SCRIPT, model),
    ROW(GKV_ASSET_SCRIPT, refine),       ROW(GKV_ASSET_SCRIPT, reference),
    ROW(GKV_ASSET_SCRIPT, examples),     ROW(GKV_ASSET_SCRIPT, state),
    ROW(GKV_ASSET_SCRIPT, pictures),     ROW(GKV_ASSET_SCRIPT, page),
    ROW(GKV_ASSET_SCRIPT, input),        ROW(GKV_ASSET_SCRIPT, view_draw),
    ROW(GKV_ASSET_SCRIPT, view_map),     ROW(GKV_ASSET_SCRIPT, view_change),
    ROW(GKV_ASSET_SCRIPT, view_between), ROW(GKV_ASSET_SCRIPT, view_sample),
    ROW(GKV_ASSET_SCRIPT, view_base),    ROW(GKV_ASSET_SCRIPT, view_flow),
    ROW(GKV_ASSET_SCRIPT, view_about),   ROW(GKV_ASSET_SCRIPT, app),
};

const gki_asset *gki_explorer_asset(size_t i)
{
    return i < sizeof assets / sizeof *assets ? &assets[i] : NULL;
}
