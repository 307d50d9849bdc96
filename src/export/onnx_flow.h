/* The pieces of prior flows as graphs. Each layer of a flow is a chain of steps (flow/chain.h), and
 * a step maps numbers by transforms whose raw parameters a network computes (flow/transform.h). */
#ifndef GKV_EXPORT_ONNX_FLOW_H
#define GKV_EXPORT_ONNX_FLOW_H

#include "export/onnx_model.h"

/* A direction in which the flow of a model goes. */
typedef struct gki_onnx_direction {
    const gkv_model *model;
    bool generates;          /* ε → z, and not z → ε */
    gki_onnx_value *log_det; /* [batch]; z → ε adds to it, the other direction does not read it */
} gki_onnx_direction;

/* A transform: the raw parameters of each number, and the map of n numbers [batch, n] by their raw
 * parameters [batch, width·n]. */
typedef struct gki_onnx_transform {
    size_t (*width)(const gkv_model_settings *settings);
    gki_onnx_value (*apply)(gki_onnx *g, const gki_onnx_direction *direction, size_t n,
                            gki_onnx_value raw, gki_onnx_value in);
} gki_onnx_transform;

extern const gki_onnx_transform gki_onnx_affine, gki_onnx_spline, gki_onnx_gk_map;

#endif
