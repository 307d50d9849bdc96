/* The built-in networks. The library contains the bytes of the files features/NAME.safetensors. */
#include <string.h>

#include "core/error.h"
#include "core/text.h"
#include "metrics/features.h"

/* The assembler includes the files. CMakeLists.txt defines their folder. */
#define EMBEDDED(symbol, file)                                                         \
    extern const unsigned char gki_features_##symbol[], gki_features_##symbol##_end[]; \
    __asm__(".pushsection .rodata\n"                                                   \
            ".balign 64\n"                                                             \
            ".globl gki_features_" #symbol "\n"                                        \
            ".hidden gki_features_" #symbol "\n"                                       \
            "gki_features_" #symbol ":\n"                                              \
            ".incbin \"" GKV_FEATURES_FOLDER "/" file "\"\n"                           \
            ".globl gki_features_" #symbol "_end\n"                                    \
            ".hidden gki_features_" #symbol "_end\n"                                   \
            "gki_features_" #symbol "_end:\n"                                          \
            ".byte 0\n"                                                                \
            ".popsection\n")

EMBEDDED(mnist, "mnist.safetensors");
EMBEDDED(fashion_mnist, "fashion-mnist.safetensors");

static const struct {
    const char *dataset, *name;
    const unsigned char *begin, *end;
} networks[] = {
    {"mnist", "the built-in network mnist", gki_features_mnist, gki_features_mnist_end},
    {"fashion-mnist", "the built-in network fashion-mnist", gki_features_fashion_mnist,
     gki_features_fashion_mnist_end},
};

gkv_status gkv_features_builtin(const char *dataset, gkv_features **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(dataset);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(networks[i].dataset, dataset) == 0)
            return gki_features_read(networks[i].name, networks[i].begin,
                                     (size_t)(networks[i].end - networks[i].begin), out);
    char shown[GKV_PRINTABLE_SIZE];
    return gki_fail(
        GKV_ERR_CONFIG,
        "there is no built-in feature network for \"%s\", only for mnist and fashion-mnist; "
        "scripts/train_features.py trains one on images with labels and writes its file",
        gki_text_printable(dataset, shown));
}
