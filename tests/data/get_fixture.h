/* What is fetched in tests: four small files, a row of the catalogue that knows them, and programs
 * npm, apt-get and dpkg-deb of the test's own. */
#ifndef GKV_TESTS_GET_FIXTURE_H
#define GKV_TESTS_GET_FIXTURE_H

#include "data/catalogue.h"
#include "data/checksum.h"
#include "temporary.h"

enum { SIZE = 20 };

static char sums[GKV_DATA_FILES][GKV_DIGEST_SIZE];

/* The right content of file i. */
static inline void content_of(int i, uint8_t bytes[SIZE])
{
    for (int k = 0; k < SIZE; k++)
        bytes[k] = (uint8_t)(i * 50 + k);
}

/* Puts the four right files into FOLDER of the temporary folder, which it makes. */
static inline void put_files(const char *folder, bool gzip)
{
    char name[128];
    uint8_t bytes[SIZE];
    (void)mkdir(in_temporary(folder), 0700); /* allocates nothing, and may be there */
    for (int i = 0; i < GKV_DATA_FILES; i++) {
        content_of(i, bytes);
        snprintf(name, sizeof name, "%s/%s%s", folder, gki_data_file_names[i], gzip ? ".gz" : "");
        if (gzip)
            put_gzip(name, bytes, SIZE, "wb");
        else
            put(name, bytes, SIZE);
    }
}

static inline int make_sums(void **state)
{
    if (make_temporary(state) != 0)
        return -1;
    put_files("right", false);
    for (int i = 0; i < GKV_DATA_FILES; i++) {
        char name[128];
        uint64_t bytes = 0;
        snprintf(name, sizeof name, "right/%s", gki_data_file_names[i]);
        if (gki_sha256_file(in_temporary(name), SIZE, sums[i], &bytes) != GKV_OK || bytes != SIZE)
            return -1;
    }
    return 0;
}

static inline gki_known_data row(const char *name)
{
    gki_known_data data = {.name = name, .about = "a test"};
    for (int i = 0; i < GKV_DATA_FILES; i++)
        data.files[i] = (gki_known_file){sums[i], SIZE};
    return data;
}

static char *old_path; /* PATH before own_path() */

static inline void put_program(const char *name, const char *script)
{
    char relative[64], text[1024];
    assert_ok(gki_file_make_folder(in_temporary("programs")));
    snprintf(relative, sizeof relative, "programs/%s", name);
    snprintf(text, sizeof text, "#!/bin/sh\nPATH=/usr/bin:/bin\nhere=%s\n%s\n", temporary, script);
    assert_int_equal(chmod(put(relative, text, strlen(text)), 0700), 0);
}

/* Sets PATH to the folder of the test's own programs. give_path_back() restores it. */
static inline int own_path(void **state)
{
    (void)state;
    free(old_path);
    old_path = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    return setenv("PATH", in_temporary("programs"), 1);
}

static inline int give_path_back(void **state)
{
    (void)state;
    gki_folder_remove(in_temporary("programs"));
    const int failed = old_path ? setenv("PATH", old_path, 1) : unsetenv("PATH");
    free(old_path);
    old_path = NULL;
    return failed;
}

static const char *const npm_delivers =
    "expected='install --prefix --ignore-scripts --no-audit --no-fund --no-save "
    "--fetch-timeout=60000 --fetch-retries=0 pack@1.0'\n"
    "[ \"$1 $2 $4 $5 $6 $7 $8 $9 ${10}\" = \"$expected\" ] || exit 9\n"
    "mkdir -p \"$3/node_modules/pack/data\" && cp \"$here\"/right/* \"$3/node_modules/pack/data\"";

/* Programs that do as apt-get and dpkg-deb do: the package is found only after an update. */
static inline void put_debian_programs(const char *unpacked)
{
    char unpack[256];
    put_program("apt-get",
                "case \"$*\" in *install*) exit 9;; *update*) touch \"$here/updated\";; "
                "*download\\ set) [ -e \"$here/updated\" ] && touch set_1_all.deb;; esac");
    snprintf(unpack, sizeof unpack,
             "mkdir -p \"$3$here\" && cp -r \"$here/%s\" \"$3$here/apt-system\"", unpacked);
    put_program("dpkg-deb", unpack);
}

#endif
