/* safetensors: exact bytes, round trips, and files with false headers. */
#define _GNU_SOURCE
#include "folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/rng.h"
#include "safetensors/safetensors.h"
#include "core/text.h"

static char path[128];

static int begin(void **state)
{
    if (make_temporary(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s", in_temporary("t.safetensors"));
    return 0;
}

static size_t get_bytes(unsigned char *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t count = fread(bytes, 1, capacity, file);
    fclose(file);
    return count;
}

/* Writes a file with this header and `data` zero bytes of data. */
static void put_header(const char *header, size_t data)
{
    const size_t length = strlen(header);
    unsigned char *bytes = test_alloc(8 + length + data);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(length >> 8 * i);
    memcpy(bytes + 8, header, length);
    put("t.safetensors", bytes, 8 + length + data);
    free(bytes);
}

static const float f32[6] = {1, -2, 0.5f, 0, 1e-30f, 3};
static const double f64[1] = {0.1};
static const int64_t i64[2] = {INT64_MIN, 7};
static const uint64_t u64[1] = {UINT64_MAX};
static const uint8_t u8[3] = {0, 128, 255};

static const gki_tensor five[] = {
    {"net.weight", GKV_F32, 2, {2, 3}, f32}, {"scalar", GKV_F64, 0, {0}, f64},
    {"steps", GKV_I64, 1, {2}, i64},         {"empty", GKV_F32, 2, {0, 4}, NULL},
    {"seed", GKV_U64, 1, {1}, u64},          {"image \"ü\"", GKV_U8, 3, {1, 3, 1}, u8},
};
static const gki_metadata notes[] = {{"format", "gkvae"}, {"text", "two\nlines, \"quoted\""}};

static void write_five(void)
{
    assert_ok(gki_safetensors_write(path, 6, five, 2, notes));
}

static void tiny_file_has_exact_bytes(void **state)
{
    (void)state;
    const float data[2] = {1, -2};
    const gki_tensor tensor = {"a", GKV_F32, 1, {2}, data};
    const gki_metadata note = {"key", "v"};
    assert_ok(gki_safetensors_write(path, 1, &tensor, 1, &note));
    static const char wanted[] =
        "\x70\0\0\0\0\0\0\0"
        "{\"__metadata__\":{\"gkvae.crc32\":\"dc66b601\",\"key\":\"v\"},\"a\":{\"dtype\":\"F32\","
        "\"shape\":[2],\"data_offsets\":[0,8]}}      \0\0\x80\x3f\0\0\0\xc0";
    unsigned char bytes[256];
    assert_int_equal(get_bytes(bytes, sizeof bytes), sizeof wanted - 1);
    assert_memory_equal(bytes, wanted, sizeof wanted - 1);
    /* A file may have no arrays and no other metadata. */
    static const char empty[] = "\x30\0\0\0\0\0\0\0"
                                "{\"__metadata__\":{\"gkvae.crc32\":\"5d546b24\"}}     ";
    assert_ok(gki_safetensors_write(path, 0, NULL, 0, NULL));
    assert_int_equal(get_bytes(bytes, sizeof bytes), sizeof empty - 1);
    assert_memory_equal(bytes, empty, sizeof empty - 1);
    /* A header of 56 bytes needs no spaces. */
    const gki_metadata even = {"abcdefg", ""};
    assert_ok(gki_safetensors_write(path, 0, NULL, 1, &even));
    assert_int_equal(get_bytes(bytes, sizeof bytes), 8 + 56);
}

static void check_five(const gki_safetensors *file)
{
    assert_int_equal(gki_safetensors_count(file), 6);
    for (size_t i = 0; i < 6; i++) {
        uint64_t bytes = 0;
        assert_true(gki_tensor_bytes(&five[i], &bytes));
        void *copy = test_alloc(bytes);
        assert_ok(gki_safetensors_read(file, five[i].name, five[i].dtype, five[i].rank,
                                       five[i].shape, copy));
        if (bytes)
            assert_memory_equal(copy, five[i].data, bytes);
        free(copy);
        assert_non_null(gki_safetensors_find(file, five[i].name));
    }
    assert_string_equal(gki_safetensors_at(file, 0)->name, "net.weight");
    assert_string_equal(gki_safetensors_at(file, 5)->name, "image \"ü\"");
    assert_null(gki_safetensors_at(file, 6));
    assert_null(gki_safetensors_find(file, "none"));
    assert_string_equal(gki_safetensors_metadata(file, "format"), "gkvae");
    assert_string_equal(gki_safetensors_metadata(file, "text"), notes[1].value);
    assert_null(gki_safetensors_metadata(file, "none"));
}

static void written_is_read(void **state)
{
    (void)state;
    gki_safetensors *file = NULL;
    write_five();
    assert_ok(gki_safetensors_open(path, &file));
    check_five(file);
    gki_safetensors_free(file);
    gki_safetensors_free(NULL);

    unsigned char first[1024], second[1024];
    const size_t count = get_bytes(first, sizeof first);
    write_five();
    assert_int_equal(get_bytes(second, sizeof second), count);
    assert_memory_equal(first, second, count);
    assert_ok(gki_safetensors_open_memory(first, count, "first", &file));
    check_five(file);
    gki_safetensors_free(file);
    assert_fails(gki_safetensors_open_memory(NULL, 0, "first", &file), GKV_ERR_ARGUMENT, "first: ");
    assert_null(file);
}

static void mismatches_give_both_sides(void **state)
{
    (void)state;
    gki_safetensors *file = NULL;
    float out[6] = {9, 9, 9, 9, 9, 9};
    write_five();
    assert_ok(gki_safetensors_open(path, &file));
    const int64_t wrong[] = {3, 2}, right[] = {2, 3, 1};
    assert_fails(gki_safetensors_read(file, "net.weight", GKV_F32, 2, wrong, out), GKV_ERR_DATA,
                 "t.safetensors: tensor \"net.weight\": shape is [2, 3], not [3, 2]");
    assert_fails(gki_safetensors_read(file, "net.weight", GKV_F32, 3, right, out), GKV_ERR_DATA,
                 "not [2, 3, 1]");
    assert_fails(gki_safetensors_read(file, "net.weight", GKV_F32, 0, NULL, out), GKV_ERR_DATA,
                 "not []");
    assert_fails(gki_safetensors_read(file, "net.weight", GKV_F64, 2, right, out), GKV_ERR_DATA,
                 "dtype is F32, not F64");
    assert_fails(gki_safetensors_read(file, "none", GKV_F32, 2, right, out), GKV_ERR_DATA,
                 "no tensor \"none\"");
    assert_true(out[0] == 9 && out[5] == 9);
    /* The file is truncated after it was opened. */
    assert_int_equal(truncate(path, 300), 0);
    assert_fails(gki_safetensors_read(file, "net.weight", GKV_F32, 2, right, out), GKV_ERR_DATA,
                 "shorter");
    gki_safetensors_free(file);
}

static void writer_refuses_nonsense(void **state)
{
    (void)state;
    const float x = 0;
    const struct {
        gki_tensor tensors[2];
        size_t count;
        const char *message;
    } cases[] = {
        {{{"", GKV_F32, 0, {0}, &x}}, 1, "no name"},
        {{{NULL, GKV_F32, 0, {0}, &x}}, 1, "no name"},
        {{{"__metadata__", GKV_F32, 0, {0}, &x}}, 1, "may not be named"},
        {{{"a", GKV_F32, 0, {0}, &x}, {"a", GKV_F32, 0, {0}, &x}},
         2,
         "two tensors are named \"a\""},
        {{{"\xff", GKV_F32, 0, {0}, &x}}, 1, "not UTF-8"},
        {{{"a", GKV_F32, 9, {0}, &x}}, 1, "rank 9"},
        {{{"a", (gki_dtype)5, 0, {0}, &x}}, 1, "dtype 5"},
        {{{"a", GKV_F32, 1, {-1}, &x}}, 1, "shape is out of range"},
        {{{"a", GKV_F32, 3, {1LL << 31, 1LL << 31, 4}, &x}}, 1, "shape is out of range"},
        {{{"a", GKV_F32, 1, {1}, NULL}}, 1, "no data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(gki_safetensors_write(path, cases[i].count, cases[i].tensors, 0, NULL),
                     GKV_ERR_ARGUMENT, cases[i].message);
    const gki_metadata twice[] = {{"k", "v"}, {"k", "w"}}, bad[] = {{"k", "\xc3"}},
                       null[] = {{NULL, "v"}};
    assert_fails(gki_safetensors_write(path, 0, NULL, 2, twice), GKV_ERR_ARGUMENT,
                 "two metadata entries");
    assert_fails(gki_safetensors_write(path, 0, NULL, 1, bad), GKV_ERR_ARGUMENT, "not UTF-8");
    assert_fails(gki_safetensors_write(path, 0, NULL, 1, null), GKV_ERR_ARGUMENT, "no name");
    assert_true(access(path, F_OK) != 0);
    assert_fails(gki_safetensors_write("/no/such/t", 0, NULL, 0, NULL), GKV_ERR_IO, "/no/such/t");
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    gki_safetensors *file = NULL;
    write_five();
    const size_t count = get_bytes(bytes, sizeof bytes - 1);
    for (size_t length = 0; length < count; length++) {
        put("t.safetensors", bytes, length);
        assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "t.safetensors: ");
        assert_null(file);
        unsigned char *cut = test_alloc(length); /* sanitizers see its end */
        memcpy(cut, bytes, length);
        assert_fails(gki_safetensors_open_memory(cut, length, "cut", &file), GKV_ERR_DATA, "cut: ");
        assert_null(file);
        free(cut);
    }
    bytes[count] = 0;
    put("t.safetensors", bytes, count + 1);
    assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "follow the header");
    assert_fails(gki_safetensors_open_memory(bytes, count + 1, "longer", &file), GKV_ERR_DATA,
                 "follow the header");
    put("t.safetensors", bytes, count);
    assert_ok(gki_safetensors_open(path, &file));
    gki_safetensors_free(file);
}

/* A damaged file is refused or read. Sanitizers check that nothing else happens. */
static int open_and_read_all(void)
{
    gki_safetensors *file = NULL;
    const gkv_status status = gki_safetensors_open(path, &file);
    if (status != GKV_OK) {
        assert_int_equal(status, GKV_ERR_DATA);
        assert_null(file);
        return 0;
    }
    for (size_t i = 0; i < gki_safetensors_count(file); i++) {
        const gki_tensor *tensor = gki_safetensors_at(file, i);
        uint64_t size = 0;
        assert_true(gki_tensor_bytes(tensor, &size));
        assert_true(size < 1024);
        void *copy = test_alloc(size);
        assert_ok(gki_safetensors_read(file, tensor->name, tensor->dtype, tensor->rank,
                                       tensor->shape, copy));
        free(copy);
    }
    gki_safetensors_free(file);
    return 1;
}

static void flipped_bits_are_noticed(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    /* The key of the checksum: with a bit of it flipped, the file has no checksum. */
    const size_t begin = 8, end = begin + sizeof GKV_SAFETENSORS_CHECKSUM_BEGIN - 1;
    int refused = 0;
    write_five();
    const size_t count = get_bytes(bytes, sizeof bytes);
    for (size_t offset = 0; offset < count; offset++) {
        for (unsigned flip = 1; flip < 256; flip <<= 1) {
            bytes[offset] ^= (unsigned char)flip;
            put("t.safetensors", bytes, count);
            const bool opened = open_and_read_all();
            assert_true(!opened || (offset >= begin && offset < end));
            refused += !opened;
            bytes[offset] ^= (unsigned char)flip;
        }
    }
    assert_true(refused > 1000);
    /* Without a checksum, changed bytes do no harm, but those of arrays are not noticed. */
    int opened = 0;
    bytes[end - 4] ^= 1;
    refused = 0;
    for (uint64_t turn = 0; turn < 3000; turn++) {
        unsigned char damaged[1024];
        uint32_t words[8];
        memcpy(damaged, bytes, count);
        gki_rng_words(gki_rng_at(1, GKV_STREAM_USER, turn, 0), 8, words);
        for (uint32_t i = 0; i <= words[0] % 3; i++)
            damaged[words[2 * i + 1] % count] = (unsigned char)words[2 * i + 2];
        put("t.safetensors", damaged, count);
        open_and_read_all() ? opened++ : refused++;
    }
    assert_true(opened > 100 && refused > 1000);
}

static void false_headers_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *header;
        size_t data;
        const char *message;
    } cases[] = {
        {"[]", 0, "does not begin with {"},
        {" {}", 0, "does not begin with {"},
        {"{\"a\":}", 0, "not a JSON object"},
        {"{} x", 0, "not a JSON object"},
        {"{\"a\":1,\"a\":2}", 0, "duplicate"},
        {"{\"a\":1}", 0, "tensor \"a\": its entry is 1"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "its entry is"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"offsets\":[0,4]}}", 4,
         "data_offsets is missing"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
         "dtype is \"F16\", not one of F32"},
        {"{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "dtype is 7"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "shape is 1"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "shape is [1.0]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "shape is [-1]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "at most 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
         "shape [2] of F32 does not fill its 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         "does not fill"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4,
         "does not fill"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}", 4,
         "too big"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
         "data_offsets is [4,0]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4,
         "data_offsets is [-4,0]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4,
         "data_offsets is [0,4,8]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "cut short"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,9223372036854775807]}}", 4,
         "cut short"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
         "begin at 4, but what is before ends at 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8,
         "fill 4 bytes, but 8 follow"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\","
         "\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, "\"b\": data_offsets begin at 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\","
         "\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "begin at 4, but what is before ends at 8"},
        {"{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "empty name"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is [], not an object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "\"k\" is 1, not a text"},
        {"{\"a\\u0000b\":1}", 0, "not a JSON object"},
        {"{\"\\u001b[2Jx\":1}", 0, "tensor \"?[2Jx\""},
    };
    gki_safetensors *file = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_header(cases[i].header, cases[i].data);
        assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, cases[i].message);
        assert_non_null(strstr(gkv_error_message(), path));
        assert_null(file);
    }
    /* A deeply nested header, and header lengths beyond the file or beyond the limit. */
    char deep[100001];
    memset(deep, '[', sizeof deep - 1);
    memcpy(deep, "{\"a\":", 5);
    deep[100000] = '\0';
    put_header(deep, 0);
    assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "not a JSON object");
    put("t.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "18446744073709551615");
    put("t.safetensors", "\1\0\0\0\0\0\0\0{}", 10);
    assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "not a safetensors file");
    put("t.safetensors", "\0\0\0\2\0\0\0\0{}", 10);
    assert_int_equal(truncate(path, 40 << 20), 0); /* a sparse file */
    assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "at most");
}

/* What other writers may do: another order in the header, white space, empty arrays anywhere. */
static void foreign_files_are_read(void **state)
{
    (void)state;
    gki_safetensors *file = NULL;
    put_header("{ \"z\": {\"shape\": [1], \"data_offsets\": [4, 8], \"dtype\": \"F32\"},\n"
               "\"e\": {\"dtype\": \"I64\", \"shape\": [3, 0], \"data_offsets\": [4, 4]},\n"
               "\"a\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [0, 4]} }\n",
               8);
    assert_ok(gki_safetensors_open(path, &file));
    assert_int_equal(gki_safetensors_count(file), 3);
    assert_string_equal(gki_safetensors_at(file, 0)->name, "a");
    assert_string_equal(gki_safetensors_at(file, 1)->name, "e");
    assert_string_equal(gki_safetensors_at(file, 2)->name, "z");
    assert_null(gki_safetensors_metadata(file, "format"));
    gki_safetensors_free(file);
    assert_fails(gki_safetensors_open(temporary, &file), GKV_ERR_DATA, "not a regular file");
    assert_fails(gki_safetensors_open("/no/such/t", &file), GKV_ERR_IO, "No such file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails(gki_safetensors_open(path, &file), GKV_ERR_DATA, "not a regular file");
}

static void replaced_file_is_read_as_it_was(void **state)
{
    (void)state;
    gki_safetensors *file = NULL;
    double value = 0;
    write_five();
    assert_ok(gki_safetensors_open(path, &file));
    assert_ok(gki_safetensors_write(path, 0, NULL, 0, NULL));
    assert_ok(gki_safetensors_read(file, "scalar", GKV_F64, 0, NULL, &value));
    assert_true(value == 0.1);
    gki_safetensors_free(file);
}

static void names_are_made_printable(void **state)
{
    (void)state;
    char buffer[GKV_PRINTABLE_SIZE], text[400];
    assert_string_equal(gki_text_printable("a\tb\x7f ü", buffer), "a?b? ü");
    /* The text is cut at every position of a two-byte character. */
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'x', shift);
        for (size_t i = 0; i < 100; i++)
            memcpy(text + shift + 2 * i, "ü", 3);
        gki_text_printable(text, buffer);
        assert_true(strlen(buffer) < GKV_PRINTABLE_SIZE);
        assert_string_equal(buffer + strlen(buffer) - 5, "ü…");
    }
    memset(text, 'y', GKV_PRINTABLE_SIZE - 1);
    text[GKV_PRINTABLE_SIZE - 1] = '\0';
    assert_string_equal(gki_text_printable(text, buffer), text);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, remove_temporary)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(tiny_file_has_exact_bytes),
        WITH_FOLDER(written_is_read),
        WITH_FOLDER(mismatches_give_both_sides),
        WITH_FOLDER(writer_refuses_nonsense),
        WITH_FOLDER(every_cut_is_noticed),
        WITH_FOLDER(flipped_bits_are_noticed),
        WITH_FOLDER(false_headers_are_refused),
        WITH_FOLDER(foreign_files_are_read),
        WITH_FOLDER(replaced_file_is_read_as_it_was),
        cmocka_unit_test(names_are_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
