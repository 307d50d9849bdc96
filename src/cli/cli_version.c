/* gkvae version */
#include "app/build.h"
#include "cli.h"

int cli_version(int argc, char **argv)
{
    static const struct argp argp = {.doc =
                                         "Prints the version and what the program was built with."};
    const int code = cli_parse(&argp, argc, argv, NULL);
    if (code == CLI_OK)
        printf("gkvae %s\n%s\n", gkv_version(), gki_build_description());
    return code;
}
