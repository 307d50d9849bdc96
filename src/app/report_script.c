#include "app/report_script.h"

#include <sha2.h>
#include <string.h>

#include "app/base64.h"
#include "core/embed.h"

GKV_EMBED(gki_report_js, GKV_REPORT_FOLDER "/report.js");

static const char *script(void)
{
    return (const char *)gki_report_js;
}

void gki_report_script_hash(gki_file_writer *out)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, gki_report_js, strlen(script()));
    SHA256Final(digest, &context);
    gki_file_printf(out, "'sha256-");
    gki_base64_write(out, digest, sizeof digest);
    gki_file_printf(out, "'");
}

void gki_report_script(gki_file_writer *out)
{
    gki_file_printf(out, "<script>%s</script>\n", script());
}

void gki_report_data(gki_file_writer *out, const char *json)
{
    gki_file_printf(out, "<script type=\"application/json\">");
    gki_report_json(out, json);
    gki_file_printf(out, "</script>\n");
}

void gki_report_json(gki_file_writer *out, const char *json)
{
    for (const char *rest = json; *rest;) {
        const size_t length = strcspn(rest, "<");
        gki_file_write(out, rest, length);
        rest += length;
        if (*rest) {
            gki_file_printf(out, "\\u003c");
            rest++;
        }
    }
}
