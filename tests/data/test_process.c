/* Programs that are run: how they end, and what is said of it. */
#define _XOPEN_SOURCE 700
#include <signal.h>

#include "core/call.h"
#include "data/process.h"
#include "folder.h"

static gkv_status run(const char *const argv[], int seconds)
{
    gki_call call;
    assert_ok(gki_call_begin(&call, NULL, 0));
    return gki_process_run(argv, in_temporary("log"), seconds, &call);
}

static gkv_status run_shell(const char *command, int seconds)
{
    return run((const char *const[]){"sh", "-c", command, NULL}, seconds);
}

static void test_ends(void **state)
{
    (void)state;
    assert_ok(run_shell("true", 10));
    assert_fails(run_shell("echo 'error: no mirror'; exit 3", 10), GKV_ERR_IO,
                 "sh ended with exit code 3: error: no mirror");
    assert_fails(run_shell("kill -9 $$", 10), GKV_ERR_IO, "sh was ended by signal 9");
    assert_fails(run((const char *const[]){"no-such-program", NULL}, 10), GKV_ERR_IO,
                 "no-such-program cannot be run");
    assert_fails(run_shell("sleep 20", 0), GKV_ERR_IO, "took more than 0 seconds");
    gki_call call;
    assert_ok(gki_call_begin(&call, NULL, 0));
    assert_fails(
        gki_process_run((const char *const[]){"true", NULL}, in_temporary("none/log"), 10, &call),
        GKV_ERR_IO, "true cannot be run");
}

/* env -C FOLDER is named by what it runs, if it runs something. */
static void test_names(void **state)
{
    (void)state;
    const char *none = in_temporary("none");
    assert_ok(run((const char *const[]){GKV_PROCESS_ENV, "-C", temporary, "true", NULL}, 10));
    assert_fails(run((const char *const[]){GKV_PROCESS_ENV, "-C", temporary, "false", NULL}, 10),
                 GKV_ERR_IO, "false ended with exit code 1");
    assert_fails(run((const char *const[]){GKV_PROCESS_ENV, "-C", none, "true", NULL}, 10),
                 GKV_ERR_IO, "true ended with exit code 125");
    assert_fails(run((const char *const[]){GKV_PROCESS_ENV, "-C", none, NULL}, 10), GKV_ERR_IO,
                 "env ended with exit code 125");
    assert_fails(run((const char *const[]){GKV_PROCESS_ENV, "-C", NULL}, 10), GKV_ERR_IO,
                 "env ended with exit code 125");
    assert_fails(run((const char *const[]){GKV_PROCESS_ENV, "-S", "false", NULL}, 10), GKV_ERR_IO,
                 "env ended with exit code 1");
    assert_ok(run((const char *const[]){GKV_PROCESS_ENV, NULL}, 10));
}

static bool always(void *context, const gkv_progress *progress)
{
    (void)context, (void)progress;
    return true;
}

static void test_stop(void **state)
{
    (void)state;
    gki_call call;
    const gkv_run_options options = {.progress = always};
    assert_ok(gki_call_begin(&call, &options, 1));
    (void)gki_call_advance(&call, 1);
    assert_fails(
        gki_process_run((const char *const[]){"sleep", "20", NULL}, in_temporary("log"), 30, &call),
        GKV_ERR_INTERRUPTED, "sleep was stopped");
}

/* The host program may reap all its children; then nobody knows how they ended. */
static void test_reaped(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    assert_int_equal(sigaction(SIGCHLD, &ignore, &before), 0);
    assert_ok(run_shell("exit 3", 10));
    assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
}

/* Without a PATH there is no program. */
static void test_path(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    assert_true(gki_process_exists("env"));
    unsetenv("PATH");
    assert_false(gki_process_exists("env"));
    setenv("PATH", "", 1);
    assert_false(gki_process_exists("env"));
    setenv("PATH", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends), cmocka_unit_test(test_names),  cmocka_unit_test(test_stop),
        cmocka_unit_test(test_path), cmocka_unit_test(test_reaped),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
