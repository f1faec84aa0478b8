/* embed.h - a file of the repository as a text in the program, so that a binary needs no files beside it.
 *
 *     EMBED_TEXT(broker_readmodel_sql, "services/broker/readmodel.sql");
 *
 * at file scope of a .c file defines `const char broker_readmodel_sql[]`, the file's bytes with a closing NUL, and
 * declares it; others declare it with `extern`. The path is relative to the repository root, where the compiler runs.
 * The symbol is global, so its name says whose text it is. The Makefile finds the path by the macro's name and compiles
 * the file again when the text changes; keep the whole macro on one line. */
#ifndef TIDEGATE_BASE_EMBED_H
#define TIDEGATE_BASE_EMBED_H

/* The assembler reads the file (.incbin), which costs nothing however large it is. `used` is no help here: the text is
 * the assembler's, and the linker keeps what an extern declaration refers to. */
#define EMBED_TEXT(symbol, path)                         \
    __asm__(".pushsection .rodata\n"                     \
            ".balign 16\n"                               \
            ".global " #symbol "\n"                      \
            ".hidden " #symbol "\n"                      \
            ".type " #symbol ", @object\n" #symbol ":\n" \
            ".incbin \"" path "\"\n"                     \
            ".byte 0\n"                                  \
            ".size " #symbol ", . - " #symbol "\n"       \
            ".popsection\n");                            \
    extern const char symbol[] __attribute__((visibility("hidden")))

#endif
