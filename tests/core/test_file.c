/* Atomic writing of files, reading, folders, and the lock of a folder. */
#define _GNU_SOURCE
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"

static int count_entries(void)
{
    int count = 0;
    DIR *listing = opendir(temporary);
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

static void assert_holds(const char *path, const char *text)
{
    char *bytes = NULL;
    size_t count = 0;
    assert_ok(gki_file_read(path, 1 << 20, &bytes, &count));
    assert_int_equal(count, strlen(text));
    assert_string_equal(bytes, text);
    free(bytes);
}

static void written_is_read(void **state)
{
    (void)state;
    const char *path = in_temporary("a");
    assert_false(gki_file_exists(path));
    assert_ok(gki_file_write_atomic(path, "first", 5));
    assert_true(gki_file_exists(path));
    assert_holds(path, "first");
    assert_ok(gki_file_write_atomic(path, "", 0));
    assert_holds(path, "");
    gki_file_writer *writer = NULL;
    assert_ok(gki_file_begin(path, &writer));
    assert_ok(gki_file_printf(writer, "%d and ", 3));
    assert_ok(gki_file_write(writer, "more", 4));
    assert_holds(path, "");
    assert_ok(gki_file_commit(writer));
    assert_holds(path, "3 and more");
    assert_int_equal(count_entries(), 1);
    /* The permissions follow the umask, as for any file. */
    struct stat info;
    const mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
}

static void abandoned_leaves_nothing(void **state)
{
    (void)state;
    const char *path = in_temporary("a");
    assert_ok(gki_file_write_atomic(path, "old", 3));
    gki_file_writer *one = NULL, *two = NULL;
    assert_ok(gki_file_begin(path, &one));
    assert_ok(gki_file_begin(path, &two)); /* two writers at once have two temporary files */
    assert_int_equal(count_entries(), 3);
    assert_ok(gki_file_write(one, "new", 3));
    gki_file_abandon(one);
    gki_file_abandon(two);
    gki_file_abandon(NULL);
    assert_holds(path, "old");
    assert_int_equal(count_entries(), 1);
}

static void bad_paths_are_refused(void **state)
{
    (void)state;
    assert_fails(gki_file_write_atomic(NULL, "x", 1), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gki_file_write_atomic("x", NULL, 1), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gki_file_make_folder(NULL), GKV_ERR_ARGUMENT, "NULL");
    gki_file_writer *writer = NULL;
    assert_fails(gki_file_begin(in_temporary("no/such"), &writer), GKV_ERR_IO, "No such file");
    assert_null(writer);
    assert_fails(gki_file_begin(temporary, &writer), GKV_ERR_IO, "not a regular file");
    assert_fails(gki_file_begin("/dev/null", &writer), GKV_ERR_IO, "not a regular file");
    assert_fails(gki_file_begin("", &writer), GKV_ERR_IO, "no name");
    char *bytes = NULL;
    size_t count = 0;
    assert_fails(gki_file_read(in_temporary("none"), 10, &bytes, &count), GKV_ERR_IO,
                 "none: cannot read: No such");
    assert_fails(gki_file_read(temporary, 10000, &bytes, &count), GKV_ERR_IO, "directory");
    assert_null(bytes);
}

static void links_are_followed(void **state)
{
    (void)state;
    assert_ok(gki_file_write_atomic(in_temporary("real"), "old", 3));
    assert_int_equal(symlink("real", in_temporary("link")), 0);
    assert_ok(gki_file_write_atomic(in_temporary("link"), "new", 3));
    assert_holds(in_temporary("real"), "new");
    struct stat info;
    assert_int_equal(lstat(in_temporary("link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    gki_file_writer *writer = NULL;
    assert_int_equal(symlink("/dev/null", in_temporary("device")), 0);
    assert_fails(gki_file_begin(in_temporary("device"), &writer), GKV_ERR_IO, "not a regular file");
    assert_int_equal(symlink("gone", in_temporary("dangling")), 0);
    assert_fails(gki_file_begin(in_temporary("dangling"), &writer), GKV_ERR_IO, "follow the link");
}

/* A name without a folder is of the current one. */
static void names_may_have_no_folder(void **state)
{
    (void)state;
    const int before = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(before >= 0);
    assert_int_equal(chdir(temporary), 0);
    assert_ok(gki_file_write_atomic("here", "text", 4));
    assert_ok(gki_file_make_folder("new"));
    assert_int_equal(fchdir(before), 0);
    close(before);
    assert_holds(in_temporary("here"), "text");
    assert_true(gki_file_exists(in_temporary("new")));
}

/* Only regular files are opened as files. */
static void other_things_are_no_files(void **state)
{
    (void)state;
    assert_null(gki_file_open(temporary));
    assert_int_equal(errno, EINVAL);
    assert_null(gki_file_open(in_temporary("none")));
    assert_int_equal(errno, ENOENT);
    gki_file_writer *writer = NULL;
    assert_int_equal(mkdir(in_temporary("folder"), 0700), 0);
    assert_int_equal(symlink("folder", in_temporary("to-folder")), 0);
    assert_fails(gki_file_begin(in_temporary("to-folder"), &writer), GKV_ERR_IO,
                 "not a regular file");
    assert_fails(gki_file_sync(in_temporary("none")), GKV_ERR_IO, "No such file");
    gki_file_sweep(in_temporary("none"));
}

static void reading_keeps_its_limit(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t count = 0;
    assert_ok(gki_file_write_atomic(in_temporary("ten"), "0123456789", 10));
    assert_ok(gki_file_read(in_temporary("ten"), 10, &bytes, &count));
    assert_int_equal(count, 10);
    free(bytes);
    assert_fails(gki_file_read(in_temporary("ten"), 9, &bytes, &count), GKV_ERR_DATA,
                 "longer than the 9 bytes");
    assert_null(bytes);
    /* A file that is endless and has no size. */
    assert_fails(gki_file_read("/dev/zero", 300000, &bytes, &count), GKV_ERR_DATA, "longer than");
    assert_ok(gki_file_read("/dev/null", 0, &bytes, &count));
    assert_int_equal(count, 0);
    free(bytes);
}

static void folders_are_made(void **state)
{
    (void)state;
    assert_ok(gki_file_make_folder(in_temporary("x/y//z/")));
    assert_ok(gki_file_make_folder(in_temporary("x/y/z")));
    assert_ok(gki_file_make_folder("."));
    assert_ok(gki_file_make_folder("/"));
    assert_true(gki_file_exists(in_temporary("x/y/z")));
    assert_ok(gki_file_write_atomic(in_temporary("x/file"), "", 0));
    assert_fails(gki_file_make_folder(in_temporary("x/file/z")), GKV_ERR_IO, "x/file: cannot make");
    assert_fails(gki_file_make_folder(""), GKV_ERR_IO, "cannot make the folder");
    assert_fails(gki_file_make_folder("/proc/none"), GKV_ERR_IO, "/proc/none");
}

/* Runs in a child process where no file may exceed 64 KiB, which acts like a full disk. */
static int save_on_a_full_disk(void)
{
    const struct rlimit limit = {65536, 65536};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    static char large[200000];
    if (gki_file_write_atomic(in_temporary("a"), large, sizeof large) != GKV_ERR_IO)
        return 2;
    if (!strstr(gkv_error_message(), "/a: cannot write: ") ||
        !strstr(gkv_error_message(), strerror(EFBIG)))
        return 3;
    /* The first failure is returned again, although smaller writes would fit now. */
    gki_file_writer *writer = NULL;
    if (gki_file_begin(in_temporary("a"), &writer) != GKV_OK)
        return 4;
    gki_file_write(writer, large, sizeof large);
    if (gki_file_write(writer, large, 1) != GKV_ERR_IO ||
        gki_file_printf(writer, "x") != GKV_ERR_IO)
        return 5;
    return gki_file_commit(writer) == GKV_ERR_IO ? 0 : 6;
}

static void full_disk_keeps_the_old_file(void **state)
{
    (void)state;
    assert_ok(gki_file_write_atomic(in_temporary("a"), "old", 3));
    const int before = count_entries();
    const pid_t child = fork();
    if (child == 0)
        _exit(save_on_a_full_disk());
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    assert_holds(in_temporary("a"), "old");
    assert_int_equal(count_entries(), before);
}

enum { LARGE = 1 << 20 };

static void save_for_ever(const char *path)
{
    char *bytes = test_alloc(LARGE);
    alarm(30); /* in case the test ends before it kills this process */
    for (unsigned turn = 0;; turn++) {
        memset(bytes, 'a' + (int)(turn % 26), LARGE);
        if (gki_file_write_atomic(path, bytes, LARGE) != GKV_OK)
            _exit(1);
    }
}

static void killed_saves_leave_a_whole_file(void **state)
{
    (void)state;
    const char *path = in_temporary("a");
    char *bytes = test_alloc(LARGE);
    memset(bytes, 'z', LARGE);
    assert_ok(gki_file_write_atomic(path, bytes, LARGE));
    free(bytes);
    for (int turn = 0; turn < 15; turn++) {
        const pid_t child = fork();
        if (child == 0)
            save_for_ever(path);
        const struct timespec wait = {0, 3000000L + turn * 2777777L};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int result = 0;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFSIGNALED(result));
        size_t count = 0;
        assert_ok(gki_file_read(path, 2 * LARGE, &bytes, &count));
        assert_int_equal(count, LARGE);
        assert_memory_equal(bytes, bytes + 1, LARGE - 1); /* the whole file is from one save */
        free(bytes);
    }
}

/* A process writes half a file and is killed. */
static void leave_remnant(const char *path)
{
    const pid_t child = fork();
    if (child == 0) {
        gki_file_writer *writer = NULL;
        if (gki_file_begin(path, &writer) == GKV_OK)
            gki_file_write(writer, "half", 4);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
}

static void remnants_are_removed(void **state)
{
    (void)state;
    const char *path = in_temporary("a");
    assert_ok(gki_file_write_atomic(path, "old", 3));
    leave_remnant(path);
    assert_int_equal(count_entries(), 2);
    assert_ok(gki_file_write_atomic(path, "new", 3)); /* by the next writer of the file */
    assert_int_equal(count_entries(), 1);
    leave_remnant(path);
    assert_ok(gki_file_write_atomic(in_temporary("b.gkvae-tmp-12-3"), "older", 5));
    assert_ok(gki_file_write_atomic(in_temporary("notes.gkvae-tmp-1-x"), "mine", 4));
    assert_ok(gki_file_write_atomic(in_temporary("notes.gkvae-tmp-x"), "mine", 4));
    assert_int_equal(count_entries(), 5);
    gki_file_sweep(temporary);
    assert_int_equal(count_entries(), 3); /* a and the notes */
}

static void writers_at_work_are_spared(void **state)
{
    (void)state;
    const char *path = in_temporary("a");
    gki_file_writer *first = NULL, *second = NULL;
    assert_ok(gki_file_begin(path, &first));
    assert_ok(gki_file_begin(path, &second));
    assert_int_equal(count_entries(), 2);
    gki_file_sweep(temporary);
    assert_int_equal(count_entries(), 2);
    const pid_t child = fork(); /* another process writes the same file meanwhile */
    if (child == 0)
        _exit(gki_file_write_atomic(path, "third", 5) == GKV_OK ? 0 : 1);
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    gki_file_write(first, "first", 5);
    gki_file_write(second, "second", 6);
    assert_ok(gki_file_commit(second));
    assert_ok(gki_file_commit(first));
    char *text = NULL;
    size_t length = 0;
    assert_ok(gki_file_read(path, 100, &text, &length));
    assert_string_equal(text, "first");
    free(text);
    assert_int_equal(count_entries(), 1);
}

static void reasons_have_codes(void **state)
{
    (void)state;
    assert_fails(gki_fail_errno(ENOSPC, "%s: cannot write", "a"), GKV_ERR_IO,
                 "a: cannot write: No space left");
    assert_fails(gki_fail_errno(ENOMEM, "a"), GKV_ERR_MEMORY, "a: Cannot allocate");
    assert_fails(gki_fail_errno(0, "a"), GKV_ERR_IO, "a: Input/output");
}

static void folder_has_one_holder(void **state)
{
    (void)state;
    gki_lock *lock = NULL, *second = NULL;
    assert_ok(gki_lock_acquire(temporary, &lock));
    char holder[128];
    snprintf(holder, sizeof holder, "%s: in use by process %ld;", temporary, (long)getpid());
    assert_fails(gki_lock_acquire(temporary, &second), GKV_ERR_BUSY, holder);
    assert_null(second);
    const pid_t child = fork();
    if (child == 0)
        _exit(gki_lock_acquire(temporary, &second) == GKV_ERR_BUSY &&
                      strstr(gkv_error_message(), holder)
                  ? 0
                  : 1);
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    gki_lock_free(lock);
    assert_ok(gki_lock_acquire(temporary, &lock));
    gki_lock_free(lock);
    gki_lock_free(NULL);
    assert_fails(gki_lock_acquire("/no/such/folder", &lock), GKV_ERR_IO, "/no/such/folder/lock");
    assert_null(lock);
}

/* A file that is not gkvae's, or that a link names, is neither emptied nor locked. */
static void foreign_lock_files_are_left_alone(void **state)
{
    (void)state;
    gki_lock *lock = NULL;
    const char *victim = in_temporary("victim");
    assert_ok(gki_file_write_atomic(victim, "precious", 8));
    const char *path = in_temporary("lock");
    unlink(path);
    assert_ok(gki_file_write_atomic(path, "notes", 5));
    assert_fails(gki_lock_acquire(temporary, &lock), GKV_ERR_IO, "not a lock file");
    assert_holds(path, "notes");
    unlink(path);
    assert_int_equal(symlink("victim", path), 0);
    assert_fails(gki_lock_acquire(temporary, &lock), GKV_ERR_IO, "not a lock file");
    unlink(path);
    assert_ok(gki_file_write_atomic(victim, "4711\n", 5));
    assert_int_equal(link(victim, path), 0);
    assert_fails(gki_lock_acquire(temporary, &lock), GKV_ERR_IO, "not a lock file");
    assert_holds(victim, "4711\n");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails(gki_lock_acquire(temporary, &lock), GKV_ERR_IO, "not a lock file");
    unlink(path);
    assert_ok(gki_file_write_atomic(path, "0123456789012345678901234567890123456789", 40));
    assert_fails(gki_lock_acquire(temporary, &lock), GKV_ERR_IO, "not a lock file");
    unlink(path);
    assert_ok(gki_file_write_atomic(path, "4711\n", 5)); /* of a process that was killed */
    assert_ok(gki_lock_acquire(temporary, &lock));
    gki_lock_free(lock);
    unlink(victim);
}

static void permissions_are_kept(void **state)
{
    (void)state;
    const char *path = in_temporary("private");
    struct stat info;
    assert_ok(gki_file_write_atomic(path, "a", 1));
    assert_int_equal(chmod(path, 0600), 0);
    assert_ok(gki_file_write_atomic(path, "b", 1));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0400), 0);
    if (access(path, W_OK) != 0) { /* it is writable for root */
        assert_fails(gki_file_write_atomic(path, "c", 1), GKV_ERR_IO, "Permission denied");
        assert_holds(path, "b");
    }
    unlink(path);
}

/* A pipe without a writer is empty and does not block; one with a writer is read to its end. */
static void pipes_are_read(void **state)
{
    (void)state;
    const char *path = in_temporary("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_holds(path, "");
    const pid_t child = fork();
    if (child == 0) {
        const int out = open(path, O_RDWR);
        usleep(50000);
        const bool done = write(out, "from ", 5) == 5 && usleep(50000) == 0 &&
                          write(out, "a pipe", 6) == 6 && usleep(50000) == 0;
        _exit(done ? 0 : 1);
    }
    char *bytes = NULL;
    size_t count = 0;
    usleep(25000); /* until the child has opened the pipe; else the pipe is empty, which is right */
    assert_ok(gki_file_read(path, 1 << 20, &bytes, &count));
    assert_true(count == 0 || (count == 11 && memcmp(bytes, "from a pipe", 11) == 0));
    free(bytes);
    waitpid(child, NULL, 0);
    unlink(path);
}

static void lock_ends_with_its_holder(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        alarm(30); /* in case the test ends before it kills this process */
        gki_lock *lock = NULL;
        const char reply = gki_lock_acquire(temporary, &lock) == GKV_OK ? 'y' : 'n';
        if (write(ready[1], &reply, 1) == 1)
            pause();
        _exit(1);
    }
    char reply = 0;
    assert_int_equal(read(ready[0], &reply, 1), 1);
    assert_int_equal(reply, 'y');
    gki_lock *lock = NULL;
    char holder[128];
    snprintf(holder, sizeof holder, "process %ld;", (long)child);
    assert_fails(gki_lock_acquire(temporary, &lock), GKV_ERR_BUSY, holder);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(gki_lock_acquire(temporary, &lock));
    gki_lock_free(lock);
    /* A power cut may leave zeros in place of the process id. */
    assert_ok(gki_file_write_atomic(in_temporary("lock"), "\0\0\0\0", 4));
    assert_ok(gki_lock_acquire(temporary, &lock));
    gki_lock_free(lock);
    close(ready[0]);
    close(ready[1]);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_temporary, remove_temporary)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(written_is_read),
        WITH_FOLDER(abandoned_leaves_nothing),
        WITH_FOLDER(bad_paths_are_refused),
        WITH_FOLDER(links_are_followed),
        WITH_FOLDER(names_may_have_no_folder),
        WITH_FOLDER(other_things_are_no_files),
        WITH_FOLDER(reading_keeps_its_limit),
        WITH_FOLDER(folders_are_made),
        WITH_FOLDER(full_disk_keeps_the_old_file),
        WITH_FOLDER(killed_saves_leave_a_whole_file),
        WITH_FOLDER(remnants_are_removed),
        WITH_FOLDER(writers_at_work_are_spared),
        cmocka_unit_test(reasons_have_codes),
        WITH_FOLDER(folder_has_one_holder),
        WITH_FOLDER(foreign_lock_files_are_left_alone),
        WITH_FOLDER(permissions_are_kept),
        WITH_FOLDER(pipes_are_read),
        WITH_FOLDER(lock_ends_with_its_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
