/* The model of an explorer page: what it supports, its rounded weights, and their description. */
#ifndef GKV_APP_EXPLORER_MODEL_H
#define GKV_APP_EXPLORER_MODEL_H

#include "app/explorer.h"
#include "app/explorer_tensors.h"

/* Rounds the weights that the page has as float16, in place. */
void gki_explorer_round(gkv_model *model);

/* Appends the parameters of the model, which are rounded. GKV_ERR_MEMORY. */
gkv_status gki_explorer_parameters(const gkv_model *model, gki_tensors *tensors);

/* Describes sizes and settings, as an object of JSON that the caller frees. GKV_ERR_MEMORY. */
gkv_status gki_explorer_describe(const gkv_model *model, json_t **out);

#endif
