/* safetensors files that are written and read while memory runs out, also jansson's. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include <jansson.h>

#include "core/error.h"
#include "folder.h"
#include "safetensors/safetensors.h"

enum { ALL = 10000, N = 6 };

static const float values[N] = {1, 2, 3, 4, 5, 6};
static const gki_tensor tensors[] = {{"a long name of a tensor", GKV_F32, 2, {2, 3}, values},
                                     {"b", GKV_F32, 1, {N}, values}};
static const gki_metadata notes[] = {{"format", "gkvae"}, {"a long name of a key", "text"}};

static gkv_status writes(void)
{
    return gki_safetensors_write(in_temporary("file"), 2, tensors, 2, notes);
}

/* jansson's own allocations fail too while it has malloc() of this file. */
static void let_jansson_fail(bool lets)
{
    static json_malloc_t own_malloc;
    static json_free_t own_free;
    if (!own_malloc)
        json_get_alloc_funcs(&own_malloc, &own_free);
    json_set_alloc_funcs(lets ? malloc : own_malloc, lets ? free : own_free);
}

static gkv_status opens(gki_safetensors **file)
{
    const gkv_status status = gki_safetensors_open(in_temporary("file"), file);
    assert_int_equal(status == GKV_OK, *file != NULL);
    return status;
}

static gkv_status reads(void)
{
    float copy[N] = {0};
    gki_safetensors *file = NULL;
    GKV_TRY(opens(&file));
    const gkv_status status = gki_safetensors_read(file, "b", GKV_F32, 1, (int64_t[]){N}, copy);
    assert_memory_equal(copy, values, sizeof values);
    gki_safetensors_free(file);
    return status;
}

MEMORY_TEST(reads, ALL)

static void writes_fails(void **state)
{
    (void)state;
    let_jansson_fail(true);
    runs_out_of_memory(writes, ALL);
    let_jansson_fail(false);
    assert_ok(reads());
}

/* jansson tells some of its failures as faults of the text, and drops a byte in others. */
static void reading_by_jansson_fails(void **state)
{
    (void)state;
    size_t told = 0, taken = 0;
    assert_ok(writes());
    let_jansson_fail(true);
    fail_allocation(0);
    assert_ok(reads());
    const unsigned long total = fail_allocation(0);
    for (unsigned long number = 1; number <= total; number++) {
        fail_allocation(number);
        const gkv_status status = reads();
        fail_allocation(0);
        assert_true(status == GKV_OK || status == GKV_ERR_MEMORY || status == GKV_ERR_DATA);
        told += status == GKV_ERR_MEMORY;
        taken += status == GKV_OK;
    }
    let_jansson_fail(false);
    assert_true(told > total / 2 && taken < total / 10);
}

/* A wrong value that there is no memory to show. */
static void what_cannot_be_shown_is_missing(void **state)
{
    (void)state;
    static const char header[] = "\x37\0\0\0\0\0\0\0{\"a\":{\"dtype\":7,\"shape\":[1],\"data_"
                                 "offsets\":[0,4]}}          1234";
    gki_safetensors *file = NULL;
    put("file", header, sizeof header - 1);
    fail_allocation(0);
    assert_fails(gki_safetensors_open(in_temporary("file"), &file), GKV_ERR_DATA, "dtype is 7");
    const unsigned long last = fail_allocation(0);
    fail_allocation(last);
    assert_fails(gki_safetensors_open(in_temporary("file"), &file), GKV_ERR_DATA,
                 "dtype is missing");
    fail_allocation(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fails),
        cmocka_unit_test(reads_fails),
        cmocka_unit_test(reading_by_jansson_fails),
        cmocka_unit_test(what_cannot_be_shown_is_missing),
    };
    return cmocka_run_group_tests(tests, make_temporary_in_memory, remove_temporary);
}
