/* IDX files: written files can be read, raw or gzip, and files with false headers are refused. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <sys/resource.h>
#include <unistd.h>

#include "core/file.h"
#include "data/checksum.h"
#include "data/dataset.h"
#include "temporary.h"

enum { COUNT = 7, HEIGHT = 5, WIDTH = 3, PIXELS = COUNT * HEIGHT * WIDTH };

static uint8_t images[16 + PIXELS + 8], labels[8 + COUNT + 8];

static int make_files(void **state)
{
    idx_header(images, 0x803, COUNT, HEIGHT, WIDTH);
    for (int i = 0; i < PIXELS; i++)
        images[16 + i] = (uint8_t)(i * 37 + 11);
    idx_header(labels, 0x801, COUNT, 0, 0);
    for (int i = 0; i < COUNT; i++)
        labels[8 + i] = (uint8_t)(i * 40);
    return make_temporary(state);
}

static void expect_as_written(const char *images_path, const char *labels_path)
{
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_open(images_path, labels_path, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), COUNT);
    assert_int_equal(gkv_dataset_height(dataset), HEIGHT);
    assert_int_equal(gkv_dataset_width(dataset), WIDTH);
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), images + 16, PIXELS);
    assert_memory_equal(gkv_dataset_pixels(dataset, 2), images + 16 + 2 * HEIGHT * WIDTH,
                        HEIGHT * WIDTH);
    assert_null(gkv_dataset_pixels(dataset, COUNT));
    if (labels_path)
        assert_memory_equal(gkv_dataset_labels(dataset), labels + 8, COUNT);
    else
        assert_null(gkv_dataset_labels(dataset));
    gkv_dataset_free(dataset);
}

static void raw_and_gzip_are_recognized_by_content(void **state)
{
    (void)state;
    const char *raw = put("raw.gz", images, 16 + PIXELS); /* the name does not match the content */
    const char *raw_labels = put("raw-labels", labels, 8 + COUNT);
    const char *packed = put_gzip("packed", images, 16 + PIXELS, "wb");
    const char *packed_labels = put_gzip("packed-labels", labels, 8 + COUNT, "wb");
    expect_as_written(raw, raw_labels);
    expect_as_written(packed, packed_labels);
    expect_as_written(raw, packed_labels);
    expect_as_written(packed, NULL);
}

static void gzip_of_several_streams_is_one_file(void **state)
{
    (void)state;
    put_gzip("members", images, 3, "wb");
    put_gzip("members", images + 3, 40, "ab");
    put_gzip("members", NULL, 0, "ab");
    expect_as_written(put_gzip("members", images + 43, 16 + PIXELS - 43, "ab"), NULL);
}

static void large_files_arrive_whole(void **state)
{
    (void)state;
    enum { N = 5000, SIDE = 30, BYTES = N * SIDE * SIDE }; /* several chunks */
    uint8_t *big = test_alloc(16 + BYTES);
    idx_header(big, 0x803, N, SIDE, SIDE);
    for (size_t i = 0; i < BYTES; i++)
        big[16 + i] = (uint8_t)(i * 2654435761U >> 13);
    const char *paths[] = {put("big", big, 16 + BYTES), put_gzip("big-gz", big, 16 + BYTES, "wb1")};
    for (int i = 0; i < 2; i++) {
        gkv_dataset *dataset = NULL;
        assert_ok(gkv_dataset_open(paths[i], NULL, &dataset));
        assert_memory_equal(gkv_dataset_pixels(dataset, 0), big + 16, BYTES);
        gkv_dataset_free(dataset);
    }
    free(big);
}

/* Big-endian numbers of 32 bits. */
static size_t header_of(uint8_t *out, size_t n, const uint32_t *fields)
{
    for (size_t i = 0; i < 4 * n; i++)
        out[i] = (uint8_t)(fields[i / 4] >> (24 - 8 * (i % 4)));
    return 4 * n;
}

static void colour_has_four_dimensions(void **state)
{
    (void)state;
    enum { N = 2, H = 3, W = 2, BYTES = N * H * W * 3 };
    uint8_t bytes[20 + BYTES];
    gkv_dataset *dataset = NULL;
    header_of(bytes, 5, (const uint32_t[]){0x804, N, H, W, 3});
    for (int i = 0; i < BYTES; i++)
        bytes[20 + i] = (uint8_t)(7 * i);
    assert_ok(gkv_dataset_open(put_gzip("colour", bytes, sizeof bytes, "wb"), NULL, &dataset));
    assert_int_equal(gkv_dataset_channels(dataset), 3);
    assert_int_equal(gkv_dataset_height(dataset), H);
    assert_memory_equal(gkv_dataset_pixels(dataset, 1), bytes + 20 + BYTES / 2, BYTES / 2);
    gkv_dataset_free(dataset);
    assert_ok(gkv_idx_write(in_temporary("again"), N, H, W, 3, bytes + 20));
    char *again = NULL;
    size_t length = 0;
    assert_ok(gki_file_read(in_temporary("again"), 1 << 20, &again, &length));
    assert_int_equal(length, sizeof bytes);
    assert_memory_equal(again, bytes, sizeof bytes);
    free(again);
    /* opacity 0 is white; grey pixels alone are one channel */
    const uint8_t opaque[] = {9, 9, 9, 255, 9, 9, 9, 0};
    header_of(bytes, 5, (const uint32_t[]){0x804, 1, 1, 2, 4});
    memcpy(bytes + 20, opaque, sizeof opaque);
    assert_ok(gkv_dataset_open(put("alpha", bytes, 28), NULL, &dataset));
    assert_int_equal(gkv_dataset_channels(dataset), 1);
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), "\x09\xff", 2);
    gkv_dataset_free(dataset);
    header_of(bytes, 5, (const uint32_t[]){0x804, 1, 2, 1, 2});
    assert_fails(gkv_dataset_open(put("two", bytes, 24), NULL, &dataset), GKV_ERR_DATA,
                 "the images have 2 channels; expected 1 (grey), 3");
}

static void levels_of_16_bits_become_8(void **state)
{
    (void)state;
    uint8_t bytes[16 + 8] = {0};
    gkv_dataset *dataset = NULL;
    header_of(bytes, 4, (const uint32_t[]){0xB03, 1, 2, 2});
    memcpy(bytes + 16, "\0\0\xff\xff\x01\x01\x80\x00", 8);
    assert_ok(gkv_dataset_open(put("wide", bytes, sizeof bytes), NULL, &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), "\0\xff\x01\x80", 4);
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "of 16 bits, of at most 65535, are"));
    assert_null(gkv_dataset_remark(dataset, 1));
    gkv_dataset_free(dataset);
    memcpy(bytes + 16, "\0\0\0\xff\0\x01\0\x80", 8);
    assert_ok(gkv_dataset_open(put("wide", bytes, sizeof bytes), NULL, &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), "\0\xff\x01\x80", 4);
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "are at most 255 and are taken"));
    gkv_dataset_free(dataset);
}

/* A file with holes that is as long as it states. */
static void long_files_are_mapped(void **state)
{
    (void)state;
    enum { SIDE = 1024, N = 65, LENGTH = 16 + N * SIDE * SIDE };
    uint8_t header[16];
    gkv_dataset *dataset = NULL;
    idx_header(header, 0x803, N, SIDE, SIDE);
    const char *path = put("long", header, 16);
    assert_int_equal(truncate(path, LENGTH), 0);
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, LENGTH - 1, SEEK_SET), 0);
    assert_int_equal(fputc(77, file), 77);
    assert_int_equal(fclose(file), 0);
    assert_ok(gkv_dataset_open(path, NULL, &dataset));
    assert_int_equal(gkv_dataset_pixels(dataset, N - 1)[SIDE * SIDE - 1], 77);
    assert_non_null(dataset->images.mapping);
    char digest[GKV_DIGEST_SIZE];
    assert_ok(gki_file_digest(path, digest));
    assert_string_equal(gkv_dataset_sha256(dataset, GKV_IMAGES_FILE), digest);
    assert_ok(gki_dataset_turn(dataset, true, false)); /* copies */
    assert_int_equal(gkv_dataset_pixels(dataset, N - 1)[SIDE * SIDE - 1], 178);
    assert_int_equal(gkv_dataset_pixels(dataset, 0)[0], 255);
    gkv_dataset_free(dataset);
    assert_int_equal(truncate(path, LENGTH - 1), 0);
    assert_fails(gkv_dataset_open(path, NULL, &dataset), GKV_ERR_DATA, "expected at most");
    assert_int_equal(unlink(path), 0);
}

/* Expects that a malformed file is refused, raw and as gzip, with a message that has this text and
 * its name. */
static void refused(const void *bytes, size_t n, const char *text)
{
    gkv_dataset *dataset = (gkv_dataset *)1;
    assert_fails(gkv_dataset_open(put("hostile", bytes, n), NULL, &dataset), GKV_ERR_DATA, text);
    assert_non_null(strstr(gkv_error_message(), "/hostile: "));
    assert_null(dataset);
    if (n > 0)
        assert_fails(gkv_dataset_open(put_gzip("hostile", bytes, n, "wb"), NULL, &dataset),
                     GKV_ERR_DATA, text);
    assert_null(dataset);
}

static void false_headers_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[16 + PIXELS];
    refused("", 0, "it is empty, not IDX images: copy or fetch it again");
    refused(images, 3, "stops in the header's magic number: 3 of its");
    refused(images, 6, "stops in the header's count: 2 of its");
    refused(images, 11, "stops in the header's height");
    refused(images, 15, "stops in the header's width");
    refused(labels, 8 + COUNT,
            "it is IDX labels, not IDX images: name the file of the images, or exchange the two");
    refused("\x89PNG\r\n\x1a\n", 8, "it is a PNG picture, not IDX images: put all pictures as PNG");
    refused("\1\2\3\4\5\6\7\x18", 8,
            "the magic number is 0x01020304 (neither IDX images nor IDX labels)");
    static const char *const zeros[] = {"count is 0", "height is 0", "width is 0"};
    for (int i = 0; i < 3; i++) {
        memcpy(bytes, images, sizeof bytes);
        memset(bytes + 4 + 4 * i, 0, 4);
        refused(bytes, sizeof bytes, zeros[i]);
    }
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[20] = {0};
    idx_header(bytes, 0x803, 0x80000000U, 28, 28);
    refused(bytes, 20,
            "count 2147483648 × height 28 × width 28, 1683627180048 bytes with the header; "
            "expected at most");
    /* the product overflows 64 bits */
    idx_header(bytes, 0x803, UINT32_MAX, UINT32_MAX, UINT32_MAX);
    refused(bytes, 20, "count 4294967295 × height 4294967295 × width 4294967295");
    assert_fails(gkv_dataset_open(put("raw", bytes, 20), NULL, &(gkv_dataset *){NULL}),
                 GKV_ERR_DATA, "expected at most 20 bytes from a raw file of 20 bytes");
}

static void wrong_lengths_are_refused(void **state)
{
    (void)state;
    gkv_dataset *dataset = NULL;
    assert_fails(gkv_dataset_open(put("x", images, 15 + PIXELS), NULL, &dataset), GKV_ERR_DATA,
                 "expected at most 120 bytes from a raw file of 120 bytes");
    assert_fails(gkv_dataset_open(put_gzip("x", images, 15 + PIXELS, "wb"), NULL, &dataset),
                 GKV_ERR_DATA,
                 "too short: 104 bytes follow the header; expected 105, for the header's count 7 × "
                 "height 5 × width 3");
    refused(images, 17 + PIXELS, "too long: more than 105 bytes follow the header; expected 105");
}

static void damaged_gzip_is_refused(void **state)
{
    (void)state;
    gkv_dataset *dataset = NULL;
    uint8_t packed[512];
    FILE *file = fopen(put_gzip("good", images, 16 + PIXELS, "wb"), "rb");
    const size_t n = fread(packed, 1, sizeof packed, file);
    fclose(file);
    assert_fails(gkv_dataset_open(put("cut", packed, n - 1), NULL, &dataset), GKV_ERR_DATA,
                 "/cut: the gzip data stops in the middle");
    assert_fails(gkv_dataset_open(put("cut", packed, n / 2), NULL, &dataset), GKV_ERR_DATA,
                 "stops in the middle");
    assert_fails(gkv_dataset_open(put("cut", packed, 5), NULL, &dataset), GKV_ERR_DATA,
                 "stops in the middle");
    packed[n] = 'x';
    assert_fails(gkv_dataset_open(put("junk", packed, n + 1), NULL, &dataset), GKV_ERR_DATA,
                 "/junk: the gzip data is followed by a byte 0x78; expected the end of the file");
    packed[n - 8] ^= 1; /* the CRC-32 */
    assert_fails(gkv_dataset_open(put("sum", packed, n), NULL, &dataset), GKV_ERR_DATA,
                 "/sum: the gzip data is damaged: incorrect data check");
    packed[n - 8] ^= 1;
    packed[2] = 7; /* the method */
    assert_fails(gkv_dataset_open(put("method", packed, n), NULL, &dataset), GKV_ERR_DATA,
                 "damaged: unknown compression method");
}

static void every_flipped_byte_is_refused_or_harmless(void **state)
{
    (void)state;
    uint8_t packed[512];
    FILE *file = fopen(put_gzip("good", images, 16 + PIXELS, "wb"), "rb");
    const size_t n = fread(packed, 1, sizeof packed, file);
    fclose(file);
    for (size_t i = 0; i < n; i++) {
        gkv_dataset *dataset = NULL;
        packed[i] ^= 0x55;
        const gkv_status status = gkv_dataset_open(put("flipped", packed, n), NULL, &dataset);
        packed[i] ^= 0x55;
        if (status == GKV_OK) /* a byte of the gzip header that does not matter */
            assert_memory_equal(gkv_dataset_pixels(dataset, 0), images + 16, PIXELS);
        else
            assert_int_equal(status, GKV_ERR_DATA);
        gkv_dataset_free(dataset);
    }
}

static void labels_must_fit_the_images(void **state)
{
    (void)state;
    gkv_dataset *dataset = NULL;
    uint8_t fewer[8 + COUNT - 1];
    const char *path = put("images", images, 16 + PIXELS);
    memcpy(fewer, labels, sizeof fewer);
    idx_header(fewer, 0x801, COUNT - 1, 0, 0);
    assert_fails(gkv_dataset_open(path, put("fewer", fewer, sizeof fewer), &dataset), GKV_ERR_DATA,
                 "/fewer: the header's count is 6; expected 7, one label for each image of ");
    assert_null(dataset);
    assert_fails(gkv_dataset_open(path, path, &dataset), GKV_ERR_DATA,
                 "it is IDX images, not IDX labels: name the file of the labels");
    assert_fails(gkv_dataset_open(path, put("cut", labels, 7 + COUNT), &dataset), GKV_ERR_DATA,
                 "states count 7");
    assert_fails(gkv_dataset_open(path, put("long", labels, 9 + COUNT), &dataset), GKV_ERR_DATA,
                 "too long");
    assert_fails(gkv_dataset_open(path, in_temporary("nowhere"), &dataset), GKV_ERR_IO,
                 "/nowhere: cannot be opened: No such file or directory");
}

static void not_a_regular_file_is_an_io_error(void **state)
{
    (void)state;
    gkv_dataset *dataset = NULL;
    assert_fails(gkv_dataset_open(in_temporary("nowhere"), NULL, &dataset), GKV_ERR_IO,
                 "/nowhere: cannot be opened: No such file or directory");
    assert_fails(gkv_dataset_open(temporary, NULL, &dataset), GKV_ERR_DATA,
                 "there is no PNG file in the folder");
    assert_fails(gkv_dataset_open("/dev/zero", NULL, &dataset), GKV_ERR_IO, "not a regular file");
    const char *fifo = in_temporary("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    /* and does not hang */
    assert_fails(gkv_dataset_open(fifo, NULL, &dataset), GKV_ERR_IO, "not a regular file");
    assert_fails(gkv_dataset_open(NULL, NULL, &dataset), GKV_ERR_ARGUMENT, "images_path is NULL");
    assert_fails(gkv_dataset_open(fifo, NULL, NULL), GKV_ERR_ARGUMENT, "out is NULL");
}

/* The most memory that the process has reserved so far, in KiB, or the most that it has used if the
 * system does not report the former. */
static long peak(void)
{
    char line[256];
    long kib = 0;
    struct rusage usage;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && kib == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "VmPeak:", 7) == 0)
            kib = strtol(line + 7, NULL, 10);
    if (file)
        fclose(file);
    getrusage(RUSAGE_SELF, &usage);
    return kib > 0 ? kib : usage.ru_maxrss;
}

/* Writes a gzip file of an IDX header and zeros. */
static const char *put_bomb(const char *name, uint32_t count, size_t mebibytes)
{
    uint8_t header[16], *zeros = test_alloc(1 << 20);
    idx_header(header, 0x803, count, 28, 28);
    const char *path = in_temporary(name);
    gzFile file = gzopen(path, "wb1");
    int written = gzwrite(file, header, 16);
    for (size_t i = 0; i < mebibytes; i++)
        written += gzwrite(file, zeros, 1 << 20);
    free(zeros);
    assert_int_equal(written, 16 + (int)(mebibytes << 20));
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

static void memory_stays_bounded(void **state)
{
    (void)state;
    enum { ALLOWED = 6 * 1024 }; /* KiB */
    gkv_dataset *dataset = NULL;
    uint8_t *noise = test_alloc(100000);
    idx_header(noise, 0x803, 80000, 28, 28);
    for (size_t i = 16; i < 100000; i++)
        noise[i] = (uint8_t)((i * i * 2654435761U) >> 23);
    /* states 60 MiB, holds 100 KB */
    const char *false_size = put_gzip("false_size", noise, 100000, "wb");
    /* 142 MiB in about 600 KiB, as stated */
    const char *bomb = put_bomb("bomb", 190000, 142);
    const char *endless = put_bomb("endless", 100, 142); /* states 77 KiB */
    const long before = peak();
    assert_fails(gkv_dataset_open(false_size, NULL, &dataset), GKV_ERR_DATA,
                 "too short: 99984 bytes follow the header");
    assert_fails(gkv_dataset_open(bomb, NULL, &dataset), GKV_ERR_DATA,
                 "states count 190000 × height 28 × width 28");
    assert_fails(gkv_dataset_open(endless, NULL, &dataset), GKV_ERR_DATA, "too long");
    assert_true(peak() - before < ALLOWED);
    free(noise);
}

static void written_files_are_read(void **state)
{
    (void)state;
    const char *path = in_temporary("written");
    assert_ok(gkv_idx_write(path, COUNT, HEIGHT, WIDTH, 1, images + 16));
    expect_as_written(path, NULL);
    assert_int_equal(gkv_idx_write(path, 0, HEIGHT, WIDTH, 1, images), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_idx_write(path, SIZE_MAX, HEIGHT, WIDTH, 1, images), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_idx_write(path, 1, (size_t)1 << 40, WIDTH, 1, images), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_idx_write(in_temporary("nowhere/written"), 1, 2, 2, 1, images),
                     GKV_ERR_IO);
    expect_as_written(path, NULL);
}

static void writing_keeps_links_and_pipes(void **state)
{
    (void)state;
    const char *link = in_temporary("link"), *target = put("target", "old", 3),
               *fifo = in_temporary("written-fifo");
    struct stat info;
    assert_int_equal(symlink(target, link), 0);
    assert_ok(gkv_idx_write(link, COUNT, HEIGHT, WIDTH, 1, images + 16));
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    expect_as_written(target, NULL);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const int before = entries_of(temporary);
    assert_int_equal(gkv_idx_write(fifo, COUNT, HEIGHT, WIDTH, 1, images + 16), GKV_ERR_IO);
    assert_int_equal(gkv_idx_write(temporary, COUNT, HEIGHT, WIDTH, 1, images + 16), GKV_ERR_IO);
    assert_int_equal(lstat(fifo, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(entries_of(temporary), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_files_are_read),
        cmocka_unit_test(writing_keeps_links_and_pipes),
        cmocka_unit_test(memory_stays_bounded), /* first, since a peak never decreases */
        cmocka_unit_test(colour_has_four_dimensions),
        cmocka_unit_test(levels_of_16_bits_become_8),
        cmocka_unit_test(long_files_are_mapped),
        cmocka_unit_test(raw_and_gzip_are_recognized_by_content),
        cmocka_unit_test(gzip_of_several_streams_is_one_file),
        cmocka_unit_test(large_files_arrive_whole),
        cmocka_unit_test(false_headers_are_refused),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(every_flipped_byte_is_refused_or_harmless),
        cmocka_unit_test(labels_must_fit_the_images),
        cmocka_unit_test(not_a_regular_file_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, make_files, remove_temporary);
}
