/* Tables of Q⁻¹ compared with the exact inverse, and the division of rows into tiles and blocks. */
#include "support.h"

#include "core/rng.h"
#include "mixture/margin_table.h"

static void tables_are_right(void **state)
{
    (void)state;
    enum { D = 7, ROWS = GKV_MGK_TILE };
    /* Typical margins, strong curvature far from and near the median, bounded support, and heavy
     * tails. */
    gkv_gk margins[D] = {{1, 2, .4, .3, .8, 0},      {-5, .01, -1, .05, .8, 0},
                         {0, 1, .03, -.0591, .8, 0}, {0, 1, 7, .1, .8, 0},
                         {100, 3, 0, -.5, .8, 0},    {0, 1, .5, 3, .8, 0},
                         {0, 1, 0, 0, .8, 0}};
    gki_mgk_columns columns;
    gki_mgk_table *table;
    for (int j = 0; j < D; j++)
        margins[j] = margins[j].k == -.5 ? margins[j] : gkv_gk_project(&margins[j], 1e-4);
    assert_ok(gki_mgk_columns_create(D, margins, &columns));
    assert_ok(gki_mgk_table_create(&columns, 2, &table));
    double x[ROWS * D], z[ROWS * D], log_dq[ROWS * D], exact[ROWS * D], exact_log[ROWS * D];
    for (uint64_t round = 0; round < 40; round++) {
        gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_USER, 0, round), ROWS * D, z);
        for (size_t i = 0; i < ROWS * D; i++) /* from the median to far outside the table */
            x[i] = round % 4 == 3 ? z[i] * pow(10, (double)(i % 9) - 3)
                                  : gkv_gk_Q(&margins[i % D], z[i] * (double)(1 + round % 4 * 4));
        x[3] = margins[3].a;
        gki_mgk_table_inverse(table, ROWS, x, z, log_dq);
        gki_mgk_inverse_rows(&columns, ROWS, x, exact, exact_log, NULL, NULL);
        for (size_t i = 0; i < ROWS * D; i++) {
            assert_close(z[i], exact[i], 3e-6 * fmax(1, fabs(exact[i])));
            assert_close(log_dq[i], exact_log[i], 3e-6 * fmax(1, fabs(exact_log[i])));
        }
    }
    gki_mgk_table_free(table);
    gki_mgk_columns_free(&columns);
    /* Normal margins need no table. */
    margins[0] = gkv_gk_standard();
    assert_ok(gki_mgk_columns_create(1, margins, &columns));
    assert_ok(gki_mgk_table_create(&columns, 1, &table));
    assert_true(table == NULL);
    gki_mgk_table_free(NULL);
    gki_mgk_columns_free(&columns);
}

/* For any number of rows, blocks contain each tile once, in order. */
static void blocks_cover_the_rows(void **state)
{
    (void)state;
    for (size_t n = 0; n < 20000; n += 1 + n / 7) {
        size_t next = 0, rows = 0;
        for (size_t b = 0; b < gki_mgk_blocks(n); b++) {
            assert_int_equal(gki_mgk_block_start(n, b), next);
            next = gki_mgk_block_start(n, b + 1);
            assert_true(next > gki_mgk_block_start(n, b));
        }
        assert_int_equal(next, gki_mgk_tiles(n));
        for (size_t t = 0; t < next; t++)
            rows += gki_mgk_tile_rows(n, t);
        assert_int_equal(rows, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_right),
        cmocka_unit_test(blocks_cover_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
