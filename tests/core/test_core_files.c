/* Files, folders, replacements and locks while calls of the file system fail. */
#define _XOPEN_SOURCE 700
#include "failing_files.h"

#include "core/commit.h"
#include "core/error.h"
#include "core/file.h"
#include "folder.h"

static const char old[] = "old", new[] = "new text";

/* Whether a file has this content. The check itself is not disturbed. */
static bool holds(const char *name, const char *text)
{
    char read[64] = "";
    stop_failing();
    char *content = NULL;
    size_t size = 0;
    if (gki_file_read(in_temporary(name), sizeof read, &content, &size) != GKV_OK)
        return false;
    const bool same = strcmp(content, text) == 0;
    free(content);
    return same;
}

static gkv_status writes(void)
{
    const gkv_status status = gki_file_write_atomic(in_temporary("file"), new, strlen(new));
    assert_true(status == GKV_OK ? holds("file", new) : holds("file", old) || holds("file", new));
    return status;
}

/* The old file is put in place before each write, by calls that are not disturbed. */
static void a_file_is_the_old_or_the_new_one(void **state)
{
    (void)state;
    put("file", old, strlen(old));
    assert_true(loses_files(writes, true) > 10);
}

/* A writer that has failed says so at every further call, and leaves no file. */
static void a_writer_that_failed_stays_so(void **state)
{
    (void)state;
    static const char bytes[1 << 17];
    gki_file_writer *writer = NULL;
    assert_ok(gki_file_begin(in_temporary("never"), &writer));
    fail_call(1, ENOSPC);
    assert_fails(gki_file_write(writer, bytes, sizeof bytes), GKV_ERR_IO, "never");
    stop_failing();
    assert_fails(gki_file_write(writer, "x", 1), GKV_ERR_IO, "never");
    assert_fails(gki_file_printf(writer, "%d", 1), GKV_ERR_IO, "never");
    assert_fails(gki_file_commit(writer), GKV_ERR_IO, "never");
    assert_true(access(in_temporary("never"), F_OK) != 0);
}

static gkv_status writes_by_link(void)
{
    gki_file_writer *writer = NULL;
    GKV_TRY(gki_file_begin(in_temporary("link"), &writer));
    gki_file_printf(writer, "%s %d", "text", 1);
    const gkv_status status = gki_file_commit(writer);
    assert_true(status != GKV_OK || holds("target", "text 1"));
    return status;
}

static void a_link_is_followed(void **state)
{
    (void)state;
    put("target", old, strlen(old));
    assert_int_equal(symlink(in_temporary("target"), in_temporary("link")), 0);
    assert_true(loses_files(writes_by_link, true) > 10);
}

static gkv_status reads(void)
{
    char *text = NULL;
    size_t size = 0;
    const gkv_status status = gki_file_read(in_temporary("target"), 100, &text, &size);
    assert_int_equal(status == GKV_OK, text != NULL);
    if (text)
        assert_string_equal(text, "text 1");
    free(text);
    return status;
}

static void a_file_is_read_whole_or_not(void **state)
{
    (void)state;
    assert_true(loses_files(reads, true) > 2);
}

static gkv_status makes_folders(void)
{
    return gki_file_make_folder(in_temporary("a/b/c"));
}

static void folders_are_made(void **state)
{
    (void)state;
    loses_files(makes_folders, true);
    assert_true(gki_file_exists(in_temporary("a/b/c")));
}

static gkv_status syncs(void)
{
    gki_file_sweep(temporary);
    return gki_file_sync(in_temporary("target"));
}

static void a_file_is_made_durable(void **state)
{
    (void)state;
    assert_true(loses_files(syncs, true) > 2);
}

/* Replaces two files and removes a third, and completes what failures left. */
static gkv_status replaces(void)
{
    char *staged = NULL;
    static const char *const removed[] = {"third"};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_commit_recover(temporary));
    GKV_TRY_GOTO(gki_commit_begin(temporary, &staged));
    GKV_TRY_GOTO(gki_file_write_atomic(in_temporary(".gkvae-new/first"), new, strlen(new)));
    GKV_TRY_GOTO(gki_file_write_atomic(in_temporary(".gkvae-new/second"), new, strlen(new)));
    GKV_TRY_GOTO(gki_commit_apply(temporary, 1, removed));
done:
    free(staged);
    const bool pending = gki_commit_is_pending(temporary);
    stop_failing();
    if (status != GKV_OK && pending)
        assert_ok(gki_commit_recover(temporary));
    assert_false(gki_commit_is_pending(temporary));
    assert_true(holds("first", new) == holds("second", new)); /* both are old, or both new */
    assert_true(status != GKV_OK || holds("first", new));
    put("first", old, strlen(old));
    put("second", old, strlen(old));
    put("third", old, strlen(old));
    return status;
}

static void files_are_replaced_together(void **state)
{
    (void)state;
    assert_true(loses_files(replaces, true) > 20);
}

/* An interrupted replacement that cannot be looked for counts as one. */
static void what_is_unknown_is_pending(void **state)
{
    (void)state;
    static const struct {
        int error;
        bool pending;
    } cases[] = {{EIO, true}, {EACCES, true}, {ENOENT, false}, {ENOTDIR, false}, {ELOOP, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fail_call(1, cases[i].error);
        const bool pending = gki_commit_is_pending(temporary);
        stop_failing();
        assert_int_equal(pending, cases[i].pending);
    }
    char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(gki_commit_is_pending(longer));
    assert_int_equal(gki_commit_recover(longer), GKV_ERR_IO);
}

static gkv_status locks(void)
{
    gki_lock *lock = NULL;
    const gkv_status status = gki_lock_acquire(temporary, &lock);
    assert_int_equal(status == GKV_OK, lock != NULL);
    gki_lock_free(lock);
    return status;
}

static void a_folder_is_locked(void **state)
{
    (void)state;
    assert_true(loses_files(locks, true) > 2);
}

/* How many of the calls may fail with this errno without harm. */
static size_t does_without(files_call *call, int error)
{
    size_t harmless = 0;
    fail_call(0, 0);
    calls_were_counted = false;
    assert_ok(call());
    stop_failing();
    const unsigned long total = counted_calls;
    for (unsigned long number = 1; number <= total; number++) {
        assert_ok(call()); /* removes what the one before has left */
        fail_call(number, error);
        harmless += call() == GKV_OK;
        stop_failing();
    }
    return harmless;
}

static gkv_status makes_durable(void)
{
    return gki_file_sync(in_temporary("target"));
}

/* A file system may have no permissions, no fsync of folders, and input that is not there yet. */
static void file_systems_may_lack_something(void **state)
{
    (void)state;
    put("file", old, strlen(old));
    const size_t written = does_without(writes, EIO);
    assert_int_equal(does_without(writes, ENOTSUP), written + 2);
    assert_int_equal(does_without(writes, EPERM), written + 1);
    assert_int_equal(does_without(writes, EINVAL), written + 1);
    assert_int_equal(does_without(writes, EROFS), written + 1);
    assert_int_equal(does_without(writes, EWOULDBLOCK), written); /* another temporary file */
    assert_int_equal(does_without(makes_durable, EINVAL), does_without(makes_durable, EIO) + 1);
    assert_int_equal(does_without(reads, EAGAIN), does_without(reads, EIO) + 2);
}

/* The lock of a folder fails so with this errno, at one of its calls. */
static void lock_fails_once(int error, gkv_status status, const char *text)
{
    size_t seen = 0;
    for (unsigned long number = 1; number <= 4; number++) {
        gki_lock *lock = NULL;
        fail_call(number, error);
        seen += gki_lock_acquire(temporary, &lock) == status &&
                strstr(gkv_error_message(), text) != NULL;
        stop_failing();
        gki_lock_free(lock);
    }
    assert_int_equal(seen, 1);
}

static void reasons_of_locks_are_told(void **state)
{
    (void)state;
    lock_fails_once(EWOULDBLOCK, GKV_ERR_BUSY, "in use by another process");
    put("lock", "4711", 4); /* half a line says nothing */
    lock_fails_once(EWOULDBLOCK, GKV_ERR_BUSY, "in use by another process");
    put("lock", "4711\n", 5);
    lock_fails_once(EWOULDBLOCK, GKV_ERR_BUSY, "in use by process 4711");
    lock_fails_once(ELOOP, GKV_ERR_IO, "this link is not a lock file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_the_old_or_the_new_one),
        cmocka_unit_test(a_writer_that_failed_stays_so),
        cmocka_unit_test(a_link_is_followed),
        cmocka_unit_test(a_file_is_read_whole_or_not),
        cmocka_unit_test(folders_are_made),
        cmocka_unit_test(a_file_is_made_durable),
        cmocka_unit_test(files_are_replaced_together),
        cmocka_unit_test(what_is_unknown_is_pending),
        cmocka_unit_test(a_folder_is_locked),
        cmocka_unit_test(file_systems_may_lack_something),
        cmocka_unit_test(reasons_of_locks_are_told),
    };
    return cmocka_run_group_tests(tests, make_temporary_in_memory, remove_temporary);
}
