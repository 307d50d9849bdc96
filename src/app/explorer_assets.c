/* The files of src/app/explorer/; declared in explorer_assets.h. The assembler includes them, and
 * CMakeLists.txt defines their folder. */
#include "app/explorer_assets.h"

#define EMBEDDED(symbol, file)                                                         \
    extern const unsigned char gki_explorer_##symbol[], gki_explorer_##symbol##_end[]; \
    __asm__(".pushsection .rodata\n"                                                   \
            ".globl gki_explorer_" #symbol "\n"                                        \
            ".hidden gki_explorer_" #symbol "\n"                                       \
            "gki_explorer_" #symbol ":\n"                                              \
            ".incbin \"" GKV_EXPLORER_FOLDER "/" file "\"\n"                           \
            ".globl gki_explorer_" #symbol "_end\n"                                    \
            ".hidden gki_explorer_" #symbol "_end\n"                                   \
            "gki_explorer_" #symbol "_end:\n"                                          \
            ".byte 0\n"                                                                \
            ".popsection\n")

EMBEDDED(style, "explorer.css");
EMBEDDED(body, "explorer.html");
EMBEDDED(tensors, "tensors.js");
EMBEDDED(app, "app.js");

#define ROW(kind, symbol)                                        \
    {                                                            \
        kind, gki_explorer_##symbol, gki_explorer_##symbol##_end \
    }

static const gki_asset assets[] = {
    ROW(GKV_ASSET_STYLE, style),
    ROW(GKV_ASSET_BODY, body),
    ROW(GKV_ASSET_SCRIPT, tensors),
    ROW(GKV_ASSET_SCRIPT, app),
};

const gki_asset *gki_explorer_asset(size_t i)
{
    return i < sizeof assets / sizeof *assets ? &assets[i] : NULL;
}
