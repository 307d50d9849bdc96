/* Files, folders, replacements and locks while memory runs out. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include "core/commit.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "folder.h"

enum { ALL = 100, OLD = 3, LINE = 2000 };

static off_t size_of(const char *name)
{
    struct stat info;
    return stat(in_temporary(name), &info) == 0 ? info.st_size : -1;
}

/* A line that is longer than the writer's own buffer of a line, through a link. */
static gkv_status writes(void)
{
    gki_file_writer *writer = NULL;
    put("target", "old", OLD);
    if (size_of("link") < 0)
        assert_int_equal(symlink(in_temporary("target"), in_temporary("link")), 0);
    gkv_status status = gki_file_begin(in_temporary("link"), &writer);
    if (status == GKV_OK) {
        gki_file_printf(writer, "%*d", LINE, 7);
        status = gki_file_commit(writer);
    }
    assert_int_equal(size_of("target"), status == GKV_OK ? LINE : OLD);
    assert_int_equal(size_of("target.gkvae-tmp-0"), -1);
    return status;
}

static gkv_status reads(void)
{
    char *bytes = NULL;
    size_t count = 0;
    const gkv_status status = gki_file_read(in_temporary("target"), LINE, &bytes, &count);
    assert_true(status == GKV_OK ? count == LINE && bytes[LINE - 1] == '7' : !bytes && count == 0);
    free(bytes);
    return status;
}

static gkv_status locks(void)
{
    gki_lock *lock = NULL;
    const gkv_status status = gki_lock_acquire(temporary, &lock);
    assert_int_equal(status == GKV_OK, lock != NULL);
    gki_lock_free(lock);
    return status;
}

/* Puts a file in the place of another and removes a third, or does nothing, or completes it when
 * there is memory again. */
static gkv_status replaces(void)
{
    static const char *const removed[] = {"gone"};
    char *staged = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_commit_recover(temporary));
    put("first", "old", OLD);
    put("gone", "old", OLD);
    GKV_TRY_GOTO(gki_commit_begin(temporary, &staged));
    put(".gkvae-new/first", "longer", 6);
    GKV_TRY_GOTO(gki_commit_apply(temporary, 1, removed));
    assert_true(size_of("first") == 6 && size_of("gone") == -1);
done:
    free(staged);
    assert_true(size_of("first") == OLD || size_of("first") == 6);
    return status;
}

static gkv_status makes_folders(void)
{
    rmdir(in_temporary("a/b"));
    rmdir(in_temporary("a"));
    const gkv_status status = gki_file_make_folder(in_temporary("a/b"));
    assert_int_equal(status == GKV_OK, gki_file_exists(in_temporary("a/b")));
    return status;
}

MEMORY_TEST(writes, ALL)
MEMORY_TEST(reads, ALL)
MEMORY_TEST(locks, ALL)
MEMORY_TEST(replaces, ALL)
MEMORY_TEST(makes_folders, ALL)

static void sizes_that_no_memory_has(void **state)
{
    (void)state;
    void *memory = &memory;
    assert_fails(gki_alloc(SIZE_MAX / 2, 3, &memory), GKV_ERR_MEMORY, "do not fit in memory");
    assert_null(memory);
    assert_fails(gki_alloc(SIZE_MAX - 8, 1, &memory), GKV_ERR_MEMORY, "do not fit in memory");
    assert_ok(gki_alloc(0, 8, &memory));
    assert_non_null(memory);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fails),        cmocka_unit_test(reads_fails),
        cmocka_unit_test(locks_fails),         cmocka_unit_test(replaces_fails),
        cmocka_unit_test(makes_folders_fails), cmocka_unit_test(sizes_that_no_memory_has),
    };
    return cmocka_run_group_tests(tests, make_temporary_in_memory, remove_temporary);
}
