/* In the place of the program's messages: millions of inputs are refused, and no message is to be
 * printed. The readers of src/cli are linked with --wrap for these (cmake/fuzz.cmake). */
#include <stdarg.h>

#include "cli/cli.h"
#include "cli/ranks.h"
#include "fuzz_check.h"
#include "gkvae/error.h"

int __wrap_cli_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_cli_check(gkv_status status);

/* The message is formatted, so that a sanitizer sees what it reads. */
int __wrap_cli_error(int code, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    FUZZ_CHECK(length > 0);
    fuzz_accepted = false;
    return code;
}

int __wrap_cli_check(gkv_status status)
{
    FUZZ_CHECK(status == GKV_OK || *gkv_error_message());
    return cli_code(status);
}

/* One process alone keeps no message (cli/ranks.c). */
bool cli_ranks_keep(const char *text)
{
    (void)text;
    return false;
}
