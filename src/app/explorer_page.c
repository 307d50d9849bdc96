/* The explorer page; declared in explorer.h. */
#include "app/explorer.h"

#include <math.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>

#include "app/base64.h"
#include "app/explorer_assets.h"
#include "app/explorer_model.h"
#include "app/explorer_numbers.h"
#include "app/html.h"
#include "app/report_script.h"
#include "safetensors/json_text.h"

/* --- The parts that are always the same ----------------------------------- */

static void write_assets(gki_file_writer *out, gki_asset_kind kind)
{
    const gki_asset *asset;
    for (size_t i = 0; (asset = gki_explorer_asset(i)); i++)
        if (asset->kind == kind)
            gki_file_write(out, asset->begin, (size_t)(asset->end - asset->begin));
}

/* Writes the source expression of a policy for the style sheet or the script. The hash is that of
 * the content of its element, which is what write_assets() writes between the tags. */
static void write_hash(gki_file_writer *out, gki_asset_kind kind)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    SHA256Init(&context);
    const gki_asset *asset;
    for (size_t i = 0; (asset = gki_explorer_asset(i)); i++)
        if (asset->kind == kind)
            SHA256Update(&context, asset->begin, (size_t)(asset->end - asset->begin));
    SHA256Final(digest, &context);
    gki_file_printf(out, "'sha256-");
    gki_base64_write(out, digest, sizeof digest);
    gki_file_printf(out, "'");
}

/* Nothing is loaded from anywhere: pictures are those that the user drops. */
static void write_explorer_head(gki_file_writer *out, const char *name)
{
    gki_file_printf(out,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "img-src blob: data:; base-uri 'none'; form-action 'none'; style-src ");
    write_hash(out, GKV_ASSET_STYLE);
    gki_file_printf(out, "; script-src ");
    write_hash(out, GKV_ASSET_SCRIPT);
    gki_file_printf(out,
                    "\">\n<meta name=\"viewport\" content=\"width=device-width, "
                    "initial-scale=1\">\n<meta name=\"generator\" content=\"gkvae %s\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<link rel=\"icon\" href=\"data:,\">\n<title>",
                    gkv_version());
    gki_html_text(out, name);
    gki_file_printf(out, " – latent explorer</title>\n<style>");
    write_assets(out, GKV_ASSET_STYLE);
    gki_file_printf(out, "</style>\n</head>\n");
}

/* --- The model ------------------------------------------------------------ */

/* Writes JSON without "<", so that no text of it ends its element. */
static gkv_status write_json(gki_file_writer *out, const json_t *value)
{
    char *const text = gki_json_text(value, JSON_COMPACT | JSON_ENSURE_ASCII, NULL);
    if (!text)
        return gki_fail(GKV_ERR_MEMORY, "no memory for the description of a page");
    gki_report_json(out, text);
    free(text);
    return GKV_OK;
}

static int set_number(json_t *object, const char *key, double value)
{
    return json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

/* Rounds the model and collects everything that depends on it. */
static gkv_status collect(const gki_explorer *explorer, const gkv_run_options *options,
                          json_t **about, gki_tensors *tensors)
{
    double exact = NAN, rounded = NAN;
    GKV_TRY(gki_explorer_describe(explorer->model, about));
    GKV_TRY(gki_explorer_neg_elbo(explorer, options, &exact));
    gki_explorer_round(explorer->model);
    GKV_TRY(gki_explorer_neg_elbo(explorer, options, &rounded));
    GKV_TRY(gki_explorer_parameters(explorer->model, tensors));
    GKV_TRY(gki_explorer_examples(explorer, options, *about, tensors));
    GKV_TRY(gki_explorer_reference(explorer, options, tensors));
    if (json_object_set_new(*about, "name", json_string(explorer->name)) |
        set_number(*about, "neg_elbo", exact) | set_number(*about, "neg_elbo_rounded", rounded) |
        json_object_set(*about, "tensors", tensors->entries))
        return gki_fail(GKV_ERR_MEMORY, "no memory for the description of a page");
    return GKV_OK;
}

gkv_status gki_explorer_write(const gki_explorer *explorer, const gkv_run_options *options,
                              const char *path)
{
    gkv_status status = GKV_OK;
    gki_file_writer *out = NULL;
    json_t *about = NULL;
    gki_tensors tensors = {.size = 0};
    unsigned char *arrays = NULL;
    size_t size = 0;
    GKV_TRY_GOTO(gki_explorer_check(explorer->model));
    GKV_TRY_GOTO(collect(explorer, options, &about, &tensors));
    GKV_TRY_GOTO(gki_tensors_compress(&tensors, &arrays, &size));
    GKV_TRY_GOTO(gki_file_begin(path, &out));
    write_explorer_head(out, explorer->name);
    write_assets(out, GKV_ASSET_BODY);
    gki_file_printf(out, "<script type=\"application/json\" id=\"description\">");
    GKV_TRY_GOTO(write_json(out, about));
    gki_file_printf(out, "</script>\n<script type=\"text/plain\" id=\"arrays\">");
    gki_base64_write(out, arrays, size);
    gki_file_printf(out, "</script>\n<script>");
    write_assets(out, GKV_ASSET_SCRIPT);
    gki_file_printf(out, "</script>\n</body>\n</html>\n");
    status = gki_file_commit(out);
    out = NULL;
done:
    gki_file_abandon(out);
    json_decref(about);
    gki_tensors_free(&tensors);
    free(arrays);
    return status;
}
