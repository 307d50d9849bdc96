/* Masks of weights; declared in mask.h. */
#include "flow/mask.h"

static bool is_free(const gki_mask *mask, size_t row, size_t column)
{
    const size_t above = mask->row_degrees[row], below = mask->column_degrees[column];
    return mask->strict ? above > below : above >= below;
}

void gki_mask_clear(const gki_mask *mask, const gki_params *params, gki_real *elements)
{
    const gki_param *weight = &params->list[mask->weight];
    for (size_t i = 0; i < weight->rows; i++)
        for (size_t j = 0; j < weight->cols; j++)
            if (!is_free(mask, i, j))
                elements[i * weight->cols + j] = 0;
}

gkv_status gki_mask_check(const gki_mask *mask, const gki_params *params)
{
    const gki_param *weight = &params->list[mask->weight];
    const gki_real *elements = gki_param_value(params, mask->weight);
    for (size_t i = 0; i < weight->rows; i++)
        for (size_t j = 0; j < weight->cols; j++)
            if (!is_free(mask, i, j) && elements[i * weight->cols + j] != 0)
                return gki_fail(GKV_ERR_DATA,
                                "%s[%zu, %zu] is %g, but the order of the dimensions in this flow "
                                "needs 0 there",
                                weight->name, i, j, (double)elements[i * weight->cols + j]);
    return GKV_OK;
}
