/* The wire format of protocol buffers, byte by byte. The expected bytes are those of the
 * documentation of the format (protobuf.dev, "Encoding"). */
#include "support.h"

#include "export/onnx_wire.h"

static void assert_bytes(const gki_wire *wire, size_t count, const unsigned char *expected)
{
    assert_ok(gki_wire_status(wire));
    assert_int_equal(wire->count, count);
    assert_memory_equal(wire->bytes, expected, count);
}

static void whole_numbers(void **state)
{
    (void)state;
    gki_wire wire = {0};
    gki_wire_whole(&wire, 1, 150);
    assert_bytes(&wire, 3, (const unsigned char[]){0x08, 0x96, 0x01});
    gki_wire_free(&wire);
    gki_wire_whole(&wire, 1, -2);
    assert_bytes(
        &wire, 11,
        (const unsigned char[]){0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01});
    gki_wire_free(&wire);
    gki_wire_whole(&wire, 20, 0); /* the number of the field has two bytes */
    gki_wire_whole(&wire, 1, 127);
    gki_wire_whole(&wire, 1, 128);
    assert_bytes(&wire, 8, (const unsigned char[]){0xa0, 0x01, 0x00, 0x08, 0x7f, 0x08, 0x80, 0x01});
    gki_wire_free(&wire);
}

static void numbers_and_text(void **state)
{
    (void)state;
    gki_wire wire = {0};
    gki_wire_float(&wire, 2, 1.5F);
    gki_wire_text(&wire, 2, "testing");
    gki_wire_bytes(&wire, 3, NULL, 0);
    assert_bytes(&wire, 16,
                 (const unsigned char[]){0x15, 0, 0, 0xc0, 0x3f, 0x12, 0x07, 't', 'e', 's', 't',
                                         'i', 'n', 'g', 0x1a, 0x00});
    gki_wire_free(&wire);
}

/* Lengths of one byte and of two bytes, nested: the content moves when its length is known. */
static void messages(void **state)
{
    (void)state;
    enum { LONG = 300 };
    char text[LONG + 1];
    gki_wire wire = {0}, fields = {0};
    const size_t outer = gki_wire_begin(&wire, 3), inner = gki_wire_begin(&wire, 1);
    gki_wire_whole(&wire, 1, 150);
    gki_wire_end(&wire, inner);
    gki_wire_end(&wire, outer);
    assert_bytes(&wire, 7, (const unsigned char[]){0x1a, 0x05, 0x0a, 0x03, 0x08, 0x96, 0x01});
    gki_wire_free(&wire);
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    gki_wire_text(&fields, 4, text);
    const size_t message = gki_wire_begin(&wire, 7);
    gki_wire_append(&wire, &fields);
    gki_wire_end(&wire, message);
    /* 303 bytes: the key, the length 300 in two bytes, the text */
    assert_int_equal(wire.count, 306);
    assert_memory_equal(wire.bytes, ((const unsigned char[]){0x3a, 0xaf, 0x02, 0x22, 0xac, 0x02}),
                        6);
    assert_int_equal(wire.bytes[305], 'x');
    gki_wire_free(&wire);
    gki_wire_free(&fields);
    gki_wire_free(NULL);
}

/* A buffer grows without losing what it holds. */
static void many_fields(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    gki_wire wire = {0};
    for (int i = 0; i < MANY; i++)
        gki_wire_whole(&wire, 1, i % 100);
    assert_int_equal(wire.count, 2 * MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(wire.bytes[2 * i + 1], i % 100);
    gki_wire_free(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(numbers_and_text),
        cmocka_unit_test(messages),
        cmocka_unit_test(many_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
