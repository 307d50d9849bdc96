/* What the fuzzers of histories and of fits call, and the mutations of
 * tests/app/test_run_mutations.c: any lines of a run are kept up to the first damaged one, and any
 * file of gkvae fit --json is read or refused. The file that includes this defines _GNU_SOURCE
 * first, and is linked to the target program_readers (cmake/fuzz.cmake). */
#ifndef GKV_TESTS_FUZZ_RUN_ENTRIES_H
#define GKV_TESTS_FUZZ_RUN_ENTRIES_H

#include <math.h>

#include "cli/cli_gk.h"
#include "cli/records.h"
#include "fuzz_files.h"
#include "train/history.h"

/* --- Histories ------------------------------------------------------------ */

/* Checks that a history has a header, if `headed`, and then lines that the input has behind the
 * same header or at its beginning, no more than `most`. Returns whether the input has the header
 * and a line. */
static inline bool fuzz_check_lines(const char *name, bool headed, const uint8_t *bytes,
                                    size_t size, size_t most)
{
    char path[128];
    size_t count = 0, lines = 0;
    fuzz_path(name, path);
    char *text = fuzz_content(path, &count);
    FUZZ_CHECK(strlen(text) == count && (count == 0 || text[count - 1] == '\n'));
    const size_t header = headed ? strcspn(text, "\n") + 1 : 0;
    FUZZ_CHECK(header <= count);
    for (size_t i = header; i < count; i++)
        lines += text[i] == '\n';
    const bool same = size >= header && (header == 0 || memcmp(bytes, text, header) == 0);
    const size_t skip = same ? header : 0;
    FUZZ_CHECK(lines <= most && count - header <= size - skip);
    FUZZ_CHECK(count == header || memcmp(text + header, bytes + skip, count - header) == 0);
    free(text);
    return same && lines > 0;
}

/* The same as the program reads it, for its curves. */
static inline size_t fuzz_records_count(void)
{
    json_t *records = cli_records_read(fuzz_folder, "history.jsonl");
    const size_t count = json_array_size(records);
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(json_is_object(json_array_get(records, i)));
        cli_record_number(records, i, "epoch");
        cli_record_number(records, i, "neg_elbo");
    }
    json_decref(records);
    return count;
}

/* The bytes as each file of the histories. A resumed run keeps lines, and appends one. */
static inline int fuzz_history(const uint8_t *bytes, size_t size)
{
    enum { KEPT = 2 };
    static const char *const names[] = {"history.csv", "history.jsonl", "refits.jsonl",
                                        "times.json"};
    const gki_history_epoch line = {.epoch = 1234, .step = 5678, .kl = NAN};
    char path[128];
    uint64_t epoch = 0, step = 0;
    gki_history_times times;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fuzz_put(names[i], bytes, size, path);
    FUZZ_CHECK(gki_history_last(fuzz_folder, &epoch, &step) == GKV_OK);
    FUZZ_CHECK(gki_history_read_times(fuzz_folder, &times) == GKV_OK);
    FUZZ_CHECK(isnan(times.train) || times.train >= 0);
    FUZZ_CHECK(isnan(times.refits) || times.refits >= 0);
    fuzz_accepted = fuzz_records_count() > 0 || times.train >= 0;
    FUZZ_CHECK(gki_history_start(fuzz_folder, KEPT, KEPT) == GKV_OK);
    fuzz_check_lines("history.jsonl", false, bytes, size, KEPT);
    fuzz_check_lines("refits.jsonl", false, bytes, size, KEPT);
    fuzz_accepted = fuzz_check_lines("history.csv", true, bytes, size, KEPT) || fuzz_accepted;
    const size_t before = fuzz_records_count();
    FUZZ_CHECK(gki_history_append_epoch(fuzz_folder, &line) == GKV_OK);
    FUZZ_CHECK(gki_history_last(fuzz_folder, &epoch, &step) == GKV_OK);
    FUZZ_CHECK(epoch == line.epoch && step == line.step);
    FUZZ_CHECK(fuzz_records_count() == before + 1);
    FUZZ_CHECK(gki_history_start(fuzz_folder, 0, 0) == GKV_OK);
    fuzz_check_lines("history.jsonl", false, bytes, size, 0);
    return 0;
}

/* --- Fits ----------------------------------------------------------------- */

static inline int fuzz_fit(const uint8_t *bytes, size_t size)
{
    char path[128];
    cli_gk_model model;
    fuzz_put("input", bytes, size, path);
    const int code = cli_gk_read_fit(path, &model);
    fuzz_accepted = code == CLI_OK;
    if (!fuzz_accepted) {
        FUZZ_CHECK(code == CLI_DATA && !model.names && !model.single && !model.mixture);
        return 0;
    }
    FUZZ_CHECK(model.d > 0 && !model.single != !model.mixture);
    for (size_t j = 0; j < model.d; j++) {
        FUZZ_CHECK(model.names[j]);
        FUZZ_CHECK(!model.single || gkv_gk_check(&model.single[j]) == GKV_OK);
    }
    if (model.mixture) {
        double *x = calloc(model.d, sizeof *x), log_pdf = 0;
        FUZZ_CHECK(x && gkv_mgk_mixture_dimensions(model.mixture) == model.d);
        FUZZ_CHECK(gkv_mgk_mixture_log_pdf(model.mixture, 1, x, NULL, &log_pdf) == GKV_OK);
        FUZZ_CHECK(!isnan(log_pdf));
        free(x);
    }
    cli_gk_model_free(&model);
    return 0;
}

#endif
