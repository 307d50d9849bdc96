/* Several files of a folder, replaced together, and interrupted at every point. */
#define _XOPEN_SOURCE 700
#include "folder.h"

#include "core/commit.h"
#include "core/file.h"

/* The new files. Of the old ones, "a" and "b" are to be replaced, "c" is to go, and "d" is to
 * stay. */
static const char *const new_files[] = {"a", "b", "e"};
static const char *const removed[] = {"a", "c", "missing"};
enum { NEW_FILES = 3, REMOVED = 3 };

static void write_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static void assert_holds(const char *name, const char *text)
{
    char *bytes = NULL;
    size_t count = 0;
    assert_ok(gki_file_read(in_temporary(name), 1000, &bytes, &count));
    assert_string_equal(bytes, text);
    free(bytes);
}

static void assert_absent(const char *name)
{
    assert_false(gki_file_exists(in_temporary(name)));
}

static void make_old(void)
{
    unlink(in_temporary("e"));
    write_text("a", "old");
    write_text("b", "old");
    write_text("c", "old");
    write_text("d", "old");
}

static void make_new(void)
{
    char *staged = NULL;
    assert_ok(gki_commit_begin(temporary, &staged));
    assert_string_equal(staged, in_temporary(".gkvae-new"));
    free(staged);
    write_text(".gkvae-new/a", "new");
    write_text(".gkvae-new/b", "new");
    write_text(".gkvae-new/e", "new");
}

static void assert_new(void)
{
    for (size_t i = 0; i < NEW_FILES; i++)
        assert_holds(new_files[i], "new");
    assert_holds("d", "old");
    assert_absent("c");
    assert_absent(".removed");
    assert_absent(".gkvae-new");
    assert_absent(".gkvae-commit");
    assert_false(gki_commit_is_pending(temporary));
}

static void files_are_replaced(void **state)
{
    (void)state;
    make_old();
    assert_int_equal(chmod(in_temporary("b"), 0600), 0);
    make_new();
    assert_holds("a", "old");
    assert_ok(gki_commit_apply(temporary, REMOVED, removed));
    assert_new();
    struct stat info;
    assert_int_equal(stat(in_temporary("b"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_ok(gki_commit_recover(temporary)); /* nothing to do */
    assert_new();
}

static void new_files_are_abandoned(void **state)
{
    (void)state;
    make_old();
    make_new();
    assert_false(gki_commit_is_pending(temporary));
    make_new(); /* what is there is removed first */
    gki_commit_abandon(temporary);
    gki_commit_abandon(temporary);
    assert_absent(".gkvae-new");
    assert_holds("a", "old");
    assert_holds("c", "old");
}

/* A kill leaves any part of the moves done, and a power cut may leave them in any order. */
static void interrupted_replacements_are_completed(void **state)
{
    (void)state;
    for (unsigned done = 0; done < 1U << (NEW_FILES + 1); done++) {
        make_old();
        make_new();
        assert_int_equal(rename(in_temporary(".gkvae-new"), in_temporary(".gkvae-commit")), 0);
        write_text(".gkvae-commit/.removed", "c\nmissing\n");
        for (unsigned i = 0; i < NEW_FILES; i++)
            if (done >> i & 1) {
                char from[64];
                snprintf(from, sizeof from, ".gkvae-commit/%s", new_files[i]);
                assert_int_equal(rename(in_temporary(from), in_temporary(new_files[i])), 0);
            }
        if (done >> NEW_FILES)
            unlink(in_temporary("c"));
        assert_true(gki_commit_is_pending(temporary));
        assert_ok(gki_commit_recover(temporary));
        assert_new();
    }
    make_old(); /* the very end: the list is gone, the folder is not */
    make_new();
    assert_ok(gki_commit_apply(temporary, REMOVED, removed));
    assert_int_equal(mkdir(in_temporary(".gkvae-commit"), 0700), 0);
    assert_ok(gki_commit_recover(temporary));
    assert_new();
}

/* A list that nobody has written is not followed. */
static void other_lists_are_refused(void **state)
{
    (void)state;
    enum { LONG = 70000 };
    make_old();
    assert_int_equal(mkdir(in_temporary(".gkvae-commit"), 0700), 0);
    char *longer = test_alloc(LONG);
    memset(longer, 'x', LONG);
    put(".gkvae-commit/.removed", longer, LONG);
    free(longer);
    assert_fails(gki_commit_recover(temporary), GKV_ERR_DATA, "longer than the 65536 bytes");
    assert_true(gki_commit_is_pending(temporary));
    write_text(".gkvae-commit/.removed", "others/precious\nc\n../c\n");
    assert_ok(gki_commit_recover(temporary));
    assert_absent("c");
    assert_holds("others/precious", "kept");
    assert_holds("d", "old");
}

/* Links in the place of the folders lead to files of others. */
static void links_are_not_followed(void **state)
{
    (void)state;
    char *staged = NULL;
    assert_int_equal(mkdir(in_temporary("others"), 0700), 0);
    write_text("others/precious", "kept");
    assert_int_equal(symlink("others", in_temporary(".gkvae-new")), 0);
    assert_int_equal(symlink("others", in_temporary(".gkvae-commit")), 0);
    assert_fails(gki_commit_begin(temporary, &staged), GKV_ERR_IO, ".gkvae-new");
    gki_commit_abandon(temporary);
    assert_false(gki_commit_is_pending(temporary));
    assert_ok(gki_commit_recover(temporary));
    assert_holds("others/precious", "kept");
    unlink(in_temporary(".gkvae-new"));
    unlink(in_temporary(".gkvae-commit"));
}

static void failures_keep_the_old_files(void **state)
{
    (void)state;
    char *staged = NULL;
    assert_fails(gki_commit_begin("/no/such/folder", &staged), GKV_ERR_IO, "/no/such/folder");
    make_old();
    gki_commit_abandon(temporary);
    assert_fails(gki_commit_apply(temporary, REMOVED, removed), GKV_ERR_IO, ".gkvae-new");
    assert_holds("a", "old");
    assert_holds("c", "old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_replaced),
        cmocka_unit_test(new_files_are_abandoned),
        cmocka_unit_test(interrupted_replacements_are_completed),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(other_lists_are_refused),
        cmocka_unit_test(failures_keep_the_old_files),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
