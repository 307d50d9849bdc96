#include "app/report_script.h"

#include <sha2.h>
#include <string.h>

#include "app/base64.h"

__asm__(".pushsection .rodata\n"
        ".globl gki_report_js\n"
        ".hidden gki_report_js\n"
        "gki_report_js:\n"
        ".incbin \"" GKV_REPORT_FOLDER "/report.js\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char gki_report_js[];

void gki_report_script_hash(gki_file_writer *out)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)gki_report_js, strlen(gki_report_js));
    SHA256Final(digest, &context);
    gki_file_printf(out, "'sha256-");
    gki_base64_write(out, digest, sizeof digest);
    gki_file_printf(out, "'");
}

void gki_report_script(gki_file_writer *out)
{
    gki_file_printf(out, "<script>%s</script>\n", gki_report_js);
}

void gki_report_data(gki_file_writer *out, const char *json)
{
    gki_file_printf(out, "<script type=\"application/json\">");
    for (const char *rest = json; *rest;) {
        const size_t length = strcspn(rest, "<");
        gki_file_write(out, rest, length);
        rest += length;
        if (*rest) {
            gki_file_printf(out, "\\u003c");
            rest++;
        }
    }
    gki_file_printf(out, "</script>\n");
}
