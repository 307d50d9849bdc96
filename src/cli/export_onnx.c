/* gkvae export --onnx: one part of a model, which the name of the file says, or all parts in a
 * folder. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "cli_export.h"
#include "gkvae/export.h"

/* Finds the part that the name of a file ends in, as in mnist-decoder.onnx: the longest one. */
static bool find_part(const char *path, gkv_onnx_part *found)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t length = strlen(name) - strlen(".onnx");
    size_t longest = 0;
    for (int i = 0; i < GKV_ONNX_PARTS; i++) {
        const char *part = gkv_onnx_part_name((gkv_onnx_part)i);
        const size_t n = strlen(part);
        if (n > length || n <= longest || strncmp(name + length - n, part, n) != 0)
            continue;
        if (n < length && !strchr("-_. ", name[length - n - 1]))
            continue; /* a longer word */
        longest = n;
        *found = (gkv_onnx_part)i;
    }
    return longest > 0;
}

static void print_file(gkv_onnx_part part, const char *path)
{
    struct stat info;
    const double size = stat(path, &info) == 0 ? (double)info.st_size / 1e6 : 0;
    printf("%s, ONNX, %.2g MB: %s\n", gkv_onnx_part_name(part), size, path);
}

static int write_part(const gkv_model *model, gkv_onnx_part part, const char *path)
{
    const int code = cli_check(gkv_export_onnx(model, part, path));
    if (code == CLI_OK)
        print_file(part, path);
    return code;
}

/* A part that the model cannot have is left out, unless none is left. */
static int write_folder(const gkv_model *model, const char *folder)
{
    int code = CLI_OK;
    size_t written = 0;
    CLI_CHECK(gki_file_make_folder(folder));
    for (int i = 0; i < GKV_ONNX_PARTS && code == CLI_OK; i++) {
        const gkv_onnx_part part = (gkv_onnx_part)i;
        char *path = cli_text("%s/%s.onnx", folder, gkv_onnx_part_name(part));
        const gkv_status status = gkv_export_onnx(model, part, path);
        if (status == GKV_OK) {
            written++;
            print_file(part, path);
        } else if (status == GKV_ERR_CONFIG && (written > 0 || i + 1 < GKV_ONNX_PARTS)) {
            printf("%s, not written: %s\n", gkv_onnx_part_name(part), cli_reason());
        } else {
            code = cli_check(status);
        }
        free(path);
    }
done:
    return code;
}

int cli_check_onnx(cli_export_source *from, const char *path)
{
    gkv_onnx_part part;
    (void)from;
    if (!cli_ends_in(path, ".onnx"))
        return CLI_OK;
    if (find_part(path, &part))
        return cli_check_writable(path);
    return cli_error(CLI_USAGE,
                     "--onnx %s: the name of the file says which part of the model it gets, as in "
                     "mnist-decoder.onnx: encoder, decoder, flow, flow_inverse, log_prob or "
                     "sample; or name a folder for all parts",
                     path);
}

int cli_export_onnx(const cli_export_source *from, const char *path)
{
    gkv_onnx_part part;
    return cli_ends_in(path, ".onnx") && find_part(path, &part)
               ? write_part(from->run->model, part, path)
               : write_folder(from->run->model, path);
}
