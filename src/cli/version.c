/* gkvae version */
#include "cli.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "an unknown compiler"
#endif

int cli_version(int argc, char **argv)
{
    static const struct argp argp = {.doc = "Prints the version and what the program was built with."};
    const int code = cli_parse(&argp, argc, argv, NULL);
    if (code == CLI_OK)
        printf("gkvae %s\nbuilt with %s\n", gkv_version(), COMPILER);
    return code;
}
