/* safetensors files that are written and read while calls of the file system fail. */
#define _XOPEN_SOURCE 700
#include "failing_files.h"

#include "core/error.h"
#include "folder.h"
#include "safetensors/safetensors.h"

enum { N = 6 };

static const float values[N] = {1, 2, 3, 4, 5, 6};

/* Frees a file that was opened; its tensor has the values. */
static gkv_status take(gkv_status status, gki_safetensors *file)
{
    float copy[N] = {0};
    assert_int_equal(status == GKV_OK, file != NULL);
    if (file)
        status = gki_safetensors_read(file, "a", GKV_F32, 1, (int64_t[]){N}, copy);
    if (status == GKV_OK)
        assert_memory_equal(copy, values, sizeof values);
    gki_safetensors_free(file);
    return status;
}

static gkv_status reads(void)
{
    gki_safetensors *file = NULL;
    const gkv_status status = gki_safetensors_open(in_temporary("file"), &file);
    return take(status, file);
}

/* After a failure the file is the old one. */
static gkv_status writes(void)
{
    const gki_tensor tensor = {"a", GKV_F32, 1, {N}, values};
    const gkv_status status = gki_safetensors_write(in_temporary("file"), 1, &tensor, 0, NULL);
    stop_failing();
    assert_ok(reads());
    return status;
}

static void a_file_is_the_old_or_the_new_one(void **state)
{
    (void)state;
    assert_true(loses_files(writes, true) > 10);
}

static void a_file_is_read_whole_or_not(void **state)
{
    (void)state;
    assert_true(loses_files(reads, true) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_the_old_or_the_new_one),
        cmocka_unit_test(a_file_is_read_whole_or_not),
    };
    return cmocka_run_group_tests(tests, make_temporary_in_memory, remove_temporary);
}
