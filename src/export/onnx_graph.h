/* A graph of ONNX operators (opset 17), built node by node and written as an ONNX model.
 *
 * Every value is a tensor of float32 unless stated otherwise; its first dimension is the batch,
 * whose size is known only when the graph runs. Functions that add a node return its output. As in
 * a buffer of onnx_wire.h the first failure is remembered: later calls do nothing useful and return
 * any value, and gki_onnx_write() returns the failure. A graph belongs to one thread at a time. */
#ifndef GKV_EXPORT_ONNX_GRAPH_H
#define GKV_EXPORT_ONNX_GRAPH_H

#include "export/onnx_wire.h"
#include "nn/params.h"

enum { GKV_ONNX_OPSET = 17, GKV_ONNX_IR_VERSION = 8 };

/* A value of a graph, by its number. */
typedef size_t gki_onnx_value;

typedef struct gki_onnx gki_onnx;

/* Creates an empty graph with this name. `params` has the tensors of gki_onnx_param() and outlives
 * the graph. The caller frees *out with gki_onnx_free(). GKV_ERR_MEMORY. */
gkv_status gki_onnx_create(const char *name, const gki_params *params, gki_onnx **out);
void gki_onnx_free(gki_onnx *graph);

/* Remembers a failure, unless there is one already. `status` is that of a call that failed, with
 * its message. */
void gki_onnx_fail(gki_onnx *graph, gkv_status status);

/* --- Inputs and outputs --------------------------------------------------- */

/* The most dimensions of an input or output beside the batch. */
enum { GKV_ONNX_DIMENSIONS_MAX = 3 };

/* An input or output of the graph: [batch, sizes…]. `about` describes it. */
typedef struct gki_onnx_port {
    const char *name, *about;
    size_t rank; /* dimensions beside the batch */
    size_t sizes[GKV_ONNX_DIMENSIONS_MAX];
} gki_onnx_port;

gki_onnx_value gki_onnx_input(gki_onnx *graph, const gki_onnx_port *port);
void gki_onnx_output(gki_onnx *graph, const gki_onnx_port *port, gki_onnx_value value);

/* --- Constants ------------------------------------------------------------ */

/* A tensor of the model's table. Its name in the file is that of the model file. A name that the
 * table does not have is GKV_ERR_INTERNAL. */
gki_onnx_value gki_onnx_param(gki_onnx *graph, const char *name_format, ...)
    __attribute__((format(printf, 2, 3)));

/* The tensor of the table with this name, or NULL after that failure. */
const gki_param *gki_onnx_param_find(gki_onnx *graph, const char *name);

/* A constant tensor of floats, which are copied, and one of whole numbers (int64) of rank 1. */
gki_onnx_value gki_onnx_tensor(gki_onnx *graph, const char *name, size_t rank, const size_t *sizes,
                               const float *values);
gki_onnx_value gki_onnx_wholes(gki_onnx *graph, size_t count, const int64_t *values);

/* A number, as a tensor of rank 0. */
gki_onnx_value gki_onnx_number(gki_onnx *graph, double value);

/* --- Nodes ---------------------------------------------------------------- */

/* An attribute of a node: a whole number, a number, a text, or a list of whole numbers. */
typedef struct gki_onnx_attribute {
    const char *name;
    enum { GKV_ONNX_WHOLE, GKV_ONNX_FLOAT, GKV_ONNX_TEXT, GKV_ONNX_WHOLES } kind;
    int64_t whole;
    double number;
    const char *text;
    size_t count;
    const int64_t *wholes;
} gki_onnx_attribute;

/* Adds a node of this type of operator. */
gki_onnx_value gki_onnx_node(gki_onnx *graph, const char *type, size_t inputs,
                             const gki_onnx_value *input, size_t attributes,
                             const gki_onnx_attribute *attribute);

/* The same without attributes, of one, two or three inputs. */
gki_onnx_value gki_onnx_1(gki_onnx *graph, const char *type, gki_onnx_value a);
gki_onnx_value gki_onnx_2(gki_onnx *graph, const char *type, gki_onnx_value a, gki_onnx_value b);
gki_onnx_value gki_onnx_3(gki_onnx *graph, const char *type, gki_onnx_value a, gki_onnx_value b,
                          gki_onnx_value c);

/* --- The file ------------------------------------------------------------- */

/* An entry of the model's metadata. */
typedef struct gki_onnx_entry {
    const char *key, *value;
} gki_onnx_entry;

/* Writes the model to a file, which appears whole or not at all. `about` describes the graph. The
 * first failure of the graph; GKV_ERR_CONFIG for a model of 2 GiB and more, which is the limit of
 * the format; GKV_ERR_IO, GKV_ERR_MEMORY. */
gkv_status gki_onnx_write(gki_onnx *graph, const char *path, const char *about, size_t entries,
                          const gki_onnx_entry *entry);

#endif
