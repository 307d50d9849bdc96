/* Files that the assembler includes, so that a library or program carries them. */
#ifndef GKV_CORE_EMBED_H
#define GKV_CORE_EMBED_H

/* Declares symbol[] and symbol_end[], the bytes of the file at a path, which is a string literal.
 * A zero byte follows them, so that a text can be read as a string. They are aligned to 64 bytes,
 * and not exported. */
#define GKV_EMBED(symbol, path)                           \
    extern const unsigned char symbol[], symbol##_end[];  \
    __asm__(".pushsection .rodata\n"                      \
            ".balign 64\n"                                \
            ".globl " #symbol "\n"                        \
            ".hidden " #symbol "\n" #symbol ":\n"         \
            ".incbin \"" path "\"\n"                      \
            ".globl " #symbol "_end\n"                    \
            ".hidden " #symbol "_end\n" #symbol "_end:\n" \
            ".byte 0\n"                                   \
            ".popsection\n")

#endif
