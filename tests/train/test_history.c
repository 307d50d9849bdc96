/* The histories of a run: their lines, and the lines that a resumed run keeps. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include "train/history.h"

static const char *text_of(const char *name)
{
    static char *text;
    size_t size;
    free(text);
    text = contents(in_folder(name, NULL), &size);
    return text;
}

static size_t lines_of(const char *name)
{
    size_t lines = 0;
    for (const char *c = text_of(name); *c; c++)
        lines += *c == '\n';
    return lines;
}

static void append(uint64_t epoch)
{
    const gki_history_epoch line = {.epoch = epoch,
                                    .step = 10 * epoch,
                                    .neg_elbo = 100.5,
                                    .kl = 0.1,
                                    .validation_neg_elbo = NAN,
                                    .gradient_norm = INFINITY,
                                    .refit_seconds = 0.25,
                                    .skipped = 3};
    assert_ok(gki_history_append_epoch(temporary, &line));
}

static void test_lines(void **state)
{
    (void)state;
    assert_ok(gki_history_start(temporary, 0, 0));
    assert_int_equal(lines_of("history.csv"), 1);
    assert_int_equal(lines_of("history.jsonl"), 0);
    for (uint64_t epoch = 1; epoch <= 5; epoch++)
        append(epoch);
    const gki_base_refit_report refit = {.iterations = 12, .step = 0.5, .goodness = NAN};
    for (uint64_t epoch = 1; epoch <= 5; epoch++)
        assert_ok(gki_history_append_refit(temporary, epoch, 10 * epoch, &refit));
    assert_int_equal(lines_of("history.csv"), 6);
    assert_non_null(strstr(text_of("history.csv"), "\n2,20,100.5,0,0.1,0,0,,,0,0,0,0,0.25,3,0\n"));
    assert_non_null(
        strstr(text_of("history.jsonl"), "{\"epoch\": 4, \"step\": 40, \"neg_elbo\": 100.5"));
    assert_non_null(strstr(text_of("history.jsonl"), "\"gradient_norm\": null"));
    assert_non_null(strstr(text_of("refits.jsonl"), "\"lm_iterations\": 12"));
    assert_non_null(strstr(text_of("refits.jsonl"), "\"goodness_of_fit\": null"));
    /* The checkpoint is of epoch 3 with two refits. One more line is incomplete, as after a
     * crash. */
    assert_ok(gki_history_start(temporary, 3, 2));
    assert_int_equal(lines_of("history.csv"), 4);
    assert_int_equal(lines_of("history.jsonl"), 3);
    assert_int_equal(lines_of("refits.jsonl"), 2);
    assert_non_null(strstr(text_of("history.csv"), "\n3,30,"));
    assert_null(strstr(text_of("history.csv"), "\n4,40,"));
    FILE *file = fopen(in_folder("history.jsonl", NULL), "a");
    assert_non_null(file);
    fputs("{\"epoch\": 4, \"st", file);
    fclose(file);
    assert_ok(gki_history_start(temporary, 3, 2));
    assert_null(strstr(text_of("history.jsonl"), "\"epoch\": 4"));
    append(4);
    assert_int_equal(lines_of("history.jsonl"), 4);
    assert_ok(gki_history_start(temporary, 0, 0));
    assert_int_equal(lines_of("history.csv"), 1);
    assert_int_equal(lines_of("refits.jsonl"), 0);
}

/* A resumed run works without its old histories. */
static void test_missing_files(void **state)
{
    (void)state;
    remove(in_folder("history.csv", NULL));
    assert_ok(gki_history_start(temporary, 3, 3));
    assert_int_equal(lines_of("history.csv"), 1);
    append(4);
    assert_int_equal(lines_of("history.csv"), 2);
    gki_history_epoch line = {.epoch = 1};
    assert_fails(gki_history_append_epoch(in_folder("no-folder", NULL), &line), GKV_ERR_IO,
                 "no-folder");
}

/* A very long history does not stop a run. */
static void test_long_log(void **state)
{
    (void)state;
    enum { LINE = 1000, LINES = 68000 }; /* more than 64 MiB, lines across the ends of blocks */
    char line[LINE + 1];
    memset(line, 'x', LINE);
    line[LINE - 1] = '\n', line[LINE] = '\0';
    gki_file_writer *writer = NULL;
    assert_ok(gki_file_begin(in_folder("refits.jsonl", NULL), &writer));
    for (size_t i = 0; i < LINES; i++)
        assert_ok(gki_file_write(writer, line, LINE));
    assert_ok(gki_file_commit(writer));
    assert_ok(gki_history_start(temporary, 0, LINES - 1));
    assert_int_equal(lines_of("refits.jsonl"), LINES - 1);
    assert_int_equal(strlen(text_of("refits.jsonl")), LINE * (LINES - 1));
    assert_ok(gki_history_start(temporary, 0, 2 * LINES)); /* more than there are */
    assert_int_equal(lines_of("refits.jsonl"), LINES - 1);
    assert_ok(gki_history_start(temporary, 0, 70));
    assert_int_equal(strlen(text_of("refits.jsonl")), LINE * 70);
    assert_ok(gki_history_start(temporary, 0, 0));
}

static void test_times(void **state)
{
    (void)state;
    gki_history_times times;
    assert_ok(gki_history_read_times(in_folder("no-folder", NULL), &times));
    assert_true(isnan(times.train) && isnan(times.refits));
    assert_ok(gki_history_save_times(temporary, (gki_history_times){12.5, 0.25}));
    assert_ok(gki_history_read_times(temporary, &times));
    assert_close(times.train, 12.5, 0);
    assert_close(times.refits, 0.25, 0);
    static const char *const foreign[] = {"", "{}", "{\"train_seconds\": -3, \"refit_seconds\": 1}",
                                          "{\"train_seconds\": nan}", "seconds"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_ok(
            gki_file_write_atomic(in_folder("times.json", NULL), foreign[i], strlen(foreign[i])));
        assert_ok(gki_history_read_times(temporary, &times));
        assert_true(isnan(times.train) && isnan(times.refits));
    }
    static const char older[] = "{\"train_seconds\": 3}\n";
    assert_ok(gki_file_write_atomic(in_folder("times.json", NULL), older, sizeof older - 1));
    assert_ok(gki_history_read_times(temporary, &times));
    assert_true(times.train == 3 && isnan(times.refits));
}

/* A power cut may leave half a line at the end, or zeros. A resumed run writes no line after
 * them. */
static void damaged_lines_are_dropped(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } tails[] = {{"{\"epoch\": 3, \"st", 15}, {"\0\0\0\0\0\0", 6}, {"{\"ep\0\0\0\0\n", 9}};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        assert_ok(gki_history_start(temporary, 0, 0));
        append(1);
        append(2);
        assert_ok(gki_history_sync(temporary));
        FILE *file = fopen(in_folder("history.jsonl", NULL), "a");
        assert_non_null(file);
        assert_int_equal(fwrite(tails[i].bytes, 1, tails[i].length, file), tails[i].length);
        fclose(file);
        assert_ok(gki_history_start(temporary, 3, 0));
        assert_int_equal(lines_of("history.jsonl"), 2);
        append(3);
        assert_int_equal(lines_of("history.jsonl"), 3);
        assert_int_equal(lines_of("history.csv"), 4);
        assert_non_null(strstr(text_of("history.jsonl"), "\n{\"epoch\": 3, \"step\": 30,"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),         cmocka_unit_test(damaged_lines_are_dropped),
        cmocka_unit_test(test_missing_files), cmocka_unit_test(test_long_log),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
