/* The fields of the messages are those of onnx.proto, IR version 8. */
#include "export/onnx_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "gkvae/error.h"

enum { NAME_SIZE = GKV_PARAM_NAME_SIZE };

/* Numbers of fields of each message. */
enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER, MODEL_PRODUCER_VERSION };
enum { MODEL_ABOUT = 6, MODEL_GRAPH = 7, MODEL_OPSET = 8, MODEL_ENTRY = 14 };
enum { OPSET_VERSION = 2, ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_WHOLE = 3, ATTRIBUTE_TEXT = 4 };
enum { ATTRIBUTE_WHOLES = 8, ATTRIBUTE_TYPE = 20 };
enum { TENSOR_SIZE = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_BYTES = 9 };
enum { PORT_NAME = 1, PORT_TYPE = 2, PORT_ABOUT = 3, TYPE_TENSOR = 1, TENSOR_TYPE_ELEMENT = 1 };
enum { TENSOR_TYPE_SHAPE = 2, SHAPE_DIMENSION = 1, DIMENSION_SIZE = 1, DIMENSION_NAME = 2 };

/* Types of elements and of attributes. */
enum { ELEMENT_FLOAT = 1, ELEMENT_INT64 = 7 };
static const int64_t attribute_types[] =
    {[GKV_ONNX_WHOLE] = 2, [GKV_ONNX_FLOAT] = 1, [GKV_ONNX_TEXT] = 3, [GKV_ONNX_WHOLES] = 7};

typedef struct value_name {
    char text[NAME_SIZE];
} value_name;

/* A constant that is used again: a tensor of the table, or a number. */
typedef struct constant {
    size_t param; /* its number in the table, or SIZE_MAX for a number */
    float number;
    gki_onnx_value value;
} constant;

struct gki_onnx {
    char name[NAME_SIZE];
    const gki_params *params;
    gki_wire nodes, tensors, inputs, outputs; /* fields of the graph's message */
    value_name *names;                        /* of the values */
    size_t count, capacity;
    constant *constants;
    size_t constants_count, constants_capacity;
    gkv_status status; /* the first failure */
};

gkv_status gki_onnx_create(const char *name, const gki_params *params, gki_onnx **out)
{
    GKV_TRY(gki_alloc(1, sizeof **out, out));
    (*out)->params = params;
    snprintf((*out)->name, sizeof(*out)->name, "%s", name);
    return GKV_OK;
}

void gki_onnx_free(gki_onnx *graph)
{
    if (!graph)
        return;
    gki_wire_free(&graph->nodes);
    gki_wire_free(&graph->tensors);
    gki_wire_free(&graph->inputs);
    gki_wire_free(&graph->outputs);
    free(graph->names);
    free(graph->constants);
    free(graph);
}

void gki_onnx_fail(gki_onnx *graph, gkv_status status)
{
    if (graph->status == GKV_OK)
        graph->status = status;
}

/* Makes room for one more element of *list. */
static bool grow(gki_onnx *graph, void *list, size_t count, size_t *capacity, size_t size)
{
    void *old = NULL, *longer = NULL;
    if (count < *capacity || graph->status != GKV_OK)
        return count < *capacity;
    const size_t wished = *capacity > 0 ? 2 * *capacity : 64;
    const gkv_status status = gki_alloc(wished, size, &longer);
    if (status != GKV_OK) {
        gki_onnx_fail(graph, status);
        return false;
    }
    memcpy(&old, list, sizeof old);
    if (count > 0)
        memcpy(longer, old, count * size);
    free(old);
    memcpy(list, &longer, sizeof longer);
    *capacity = wished;
    return true;
}

/* Adds a value, by the name or, if that is NULL, by its number. */
static gki_onnx_value new_value(gki_onnx *graph, const char *name)
{
    if (!grow(graph, &graph->names, graph->count, &graph->capacity, sizeof *graph->names))
        return 0;
    char *text = graph->names[graph->count].text;
    if (name)
        snprintf(text, NAME_SIZE, "%s", name);
    else
        snprintf(text, NAME_SIZE, "v%zu", graph->count);
    return graph->count++;
}

static const char *name_of(const gki_onnx *graph, gki_onnx_value value)
{
    return value < graph->count ? graph->names[value].text : "";
}

/* --- Inputs and outputs --------------------------------------------------- */

static void write_port(gki_wire *wire, unsigned field, const gki_onnx_port *port)
{
    const size_t message = gki_wire_begin(wire, field);
    gki_wire_text(wire, PORT_NAME, port->name);
    const size_t type = gki_wire_begin(wire, PORT_TYPE), tensor = gki_wire_begin(wire, TYPE_TENSOR);
    gki_wire_whole(wire, TENSOR_TYPE_ELEMENT, ELEMENT_FLOAT);
    const size_t shape = gki_wire_begin(wire, TENSOR_TYPE_SHAPE);
    size_t dimension = gki_wire_begin(wire, SHAPE_DIMENSION);
    gki_wire_text(wire, DIMENSION_NAME, "batch");
    gki_wire_end(wire, dimension);
    for (size_t i = 0; i < port->rank; i++) {
        dimension = gki_wire_begin(wire, SHAPE_DIMENSION);
        gki_wire_whole(wire, DIMENSION_SIZE, (int64_t)port->sizes[i]);
        gki_wire_end(wire, dimension);
    }
    gki_wire_end(wire, shape);
    gki_wire_end(wire, tensor);
    gki_wire_end(wire, type);
    gki_wire_text(wire, PORT_ABOUT, port->about);
    gki_wire_end(wire, message);
}

gki_onnx_value gki_onnx_input(gki_onnx *graph, const gki_onnx_port *port)
{
    write_port(&graph->inputs, GRAPH_INPUT, port);
    return new_value(graph, port->name);
}

static void write_node(gki_onnx *graph, const char *type, size_t inputs,
                       const gki_onnx_value *input, const char *output, size_t attributes,
                       const gki_onnx_attribute *attribute);

void gki_onnx_output(gki_onnx *graph, const gki_onnx_port *port, gki_onnx_value value)
{
    write_node(graph, "Identity", 1, &value, port->name, 0, NULL);
    write_port(&graph->outputs, GRAPH_OUTPUT, port);
}

/* --- Constants ------------------------------------------------------------ */

static void write_tensor(gki_onnx *graph, const char *name, int64_t type, size_t rank,
                         const size_t *sizes, const void *bytes, size_t count)
{
    gki_wire *wire = &graph->tensors;
    const size_t message = gki_wire_begin(wire, GRAPH_TENSOR);
    for (size_t i = 0; i < rank; i++)
        gki_wire_whole(wire, TENSOR_SIZE, (int64_t)sizes[i]);
    gki_wire_whole(wire, TENSOR_TYPE, type);
    gki_wire_text(wire, TENSOR_NAME, name);
    gki_wire_bytes(wire, TENSOR_BYTES, bytes, count);
    gki_wire_end(wire, message);
}

/* The constant that was added before, or SIZE_MAX. */
static gki_onnx_value known(const gki_onnx *graph, size_t param, float number)
{
    for (size_t i = 0; i < graph->constants_count; i++) {
        const constant *kept = &graph->constants[i];
        if (kept->param == param &&
            (param != SIZE_MAX || memcmp(&kept->number, &number, sizeof number) == 0))
            return kept->value;
    }
    return SIZE_MAX;
}

static void remember(gki_onnx *graph, size_t param, float number, gki_onnx_value value)
{
    if (grow(graph, &graph->constants, graph->constants_count, &graph->constants_capacity,
             sizeof *graph->constants))
        graph->constants[graph->constants_count++] = (constant){param, number, value};
}

/* The number of the tensor in the table; SIZE_MAX, and a failure, if there is none. */
static size_t find_param(gki_onnx *graph, const char *name)
{
    for (size_t i = 0; i < graph->params->count; i++)
        if (strcmp(graph->params->list[i].name, name) == 0)
            return i;
    if (graph->status == GKV_OK)
        graph->status = gki_fail(GKV_ERR_INTERNAL, "the model has no tensor %s", name);
    return SIZE_MAX;
}

const gki_param *gki_onnx_param_find(gki_onnx *graph, const char *name)
{
    const size_t id = find_param(graph, name);
    return id == SIZE_MAX ? NULL : &graph->params->list[id];
}

gki_onnx_value gki_onnx_param(gki_onnx *graph, const char *name_format, ...)
{
    char name[NAME_SIZE];
    va_list arguments;
    va_start(arguments, name_format);
    vsnprintf(name, sizeof name, name_format, arguments);
    va_end(arguments);
    const size_t id = find_param(graph, name);
    if (id == SIZE_MAX)
        return 0;
    gki_onnx_value value = known(graph, id, 0);
    if (value != SIZE_MAX)
        return value;
    const gki_param *param = &graph->params->list[id];
    const size_t sizes[] = {param->rows, param->cols};
    value = gki_onnx_tensor(graph, name, param->cols > 0 ? 2 : 1, sizes,
                            gki_param_value(graph->params, id));
    remember(graph, id, 0, value);
    return value;
}

gki_onnx_value gki_onnx_tensor(gki_onnx *graph, const char *name, size_t rank, const size_t *sizes,
                               const float *values)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= sizes[i];
    const gki_onnx_value value = new_value(graph, name);
    write_tensor(graph, name_of(graph, value), ELEMENT_FLOAT, rank, sizes, values,
                 count * sizeof *values);
    return value;
}

gki_onnx_value gki_onnx_wholes(gki_onnx *graph, size_t count, const int64_t *values)
{
    const gki_onnx_value value = new_value(graph, NULL);
    write_tensor(graph, name_of(graph, value), ELEMENT_INT64, 1, &count, values,
                 count * sizeof *values);
    return value;
}

gki_onnx_value gki_onnx_number(gki_onnx *graph, double number)
{
    const float single = (float)number;
    gki_onnx_value value = known(graph, SIZE_MAX, single);
    if (value != SIZE_MAX)
        return value;
    value = gki_onnx_tensor(graph, NULL, 0, NULL, &single);
    remember(graph, SIZE_MAX, single, value);
    return value;
}

/* --- Nodes ---------------------------------------------------------------- */

static void write_attribute(gki_wire *wire, const gki_onnx_attribute *attribute)
{
    const size_t message = gki_wire_begin(wire, NODE_ATTRIBUTE);
    gki_wire_text(wire, ATTRIBUTE_NAME, attribute->name);
    if (attribute->kind == GKV_ONNX_WHOLE)
        gki_wire_whole(wire, ATTRIBUTE_WHOLE, attribute->whole);
    if (attribute->kind == GKV_ONNX_FLOAT)
        gki_wire_float(wire, ATTRIBUTE_FLOAT, (float)attribute->number);
    if (attribute->kind == GKV_ONNX_TEXT)
        gki_wire_text(wire, ATTRIBUTE_TEXT, attribute->text);
    for (size_t i = 0; attribute->kind == GKV_ONNX_WHOLES && i < attribute->count; i++)
        gki_wire_whole(wire, ATTRIBUTE_WHOLES, attribute->wholes[i]);
    gki_wire_whole(wire, ATTRIBUTE_TYPE, attribute_types[attribute->kind]);
    gki_wire_end(wire, message);
}

static void write_node(gki_onnx *graph, const char *type, size_t inputs,
                       const gki_onnx_value *input, const char *output, size_t attributes,
                       const gki_onnx_attribute *attribute)
{
    gki_wire *wire = &graph->nodes;
    const size_t message = gki_wire_begin(wire, GRAPH_NODE);
    for (size_t i = 0; i < inputs; i++)
        gki_wire_text(wire, NODE_INPUT, name_of(graph, input[i]));
    gki_wire_text(wire, NODE_OUTPUT, output);
    gki_wire_text(wire, NODE_NAME, output);
    gki_wire_text(wire, NODE_TYPE, type);
    for (size_t i = 0; i < attributes; i++)
        write_attribute(wire, &attribute[i]);
    gki_wire_end(wire, message);
}

gki_onnx_value gki_onnx_node(gki_onnx *graph, const char *type, size_t inputs,
                             const gki_onnx_value *input, size_t attributes,
                             const gki_onnx_attribute *attribute)
{
    const gki_onnx_value output = new_value(graph, NULL);
    write_node(graph, type, inputs, input, name_of(graph, output), attributes, attribute);
    return output;
}

gki_onnx_value gki_onnx_1(gki_onnx *graph, const char *type, gki_onnx_value a)
{
    return gki_onnx_node(graph, type, 1, &a, 0, NULL);
}

gki_onnx_value gki_onnx_2(gki_onnx *graph, const char *type, gki_onnx_value a, gki_onnx_value b)
{
    return gki_onnx_node(graph, type, 2, (const gki_onnx_value[]){a, b}, 0, NULL);
}

gki_onnx_value gki_onnx_3(gki_onnx *graph, const char *type, gki_onnx_value a, gki_onnx_value b,
                          gki_onnx_value c)
{
    return gki_onnx_node(graph, type, 3, (const gki_onnx_value[]){a, b, c}, 0, NULL);
}

/* --- The file ------------------------------------------------------------- */

static void write_model(const gki_onnx *graph, const char *about, size_t entries,
                        const gki_onnx_entry *entry, gki_wire *wire)
{
    gki_wire_whole(wire, MODEL_IR_VERSION, GKV_ONNX_IR_VERSION);
    gki_wire_text(wire, MODEL_PRODUCER, "gkvae");
    gki_wire_text(wire, MODEL_PRODUCER_VERSION, gkv_version());
    gki_wire_text(wire, MODEL_ABOUT, about);
    const size_t message = gki_wire_begin(wire, MODEL_GRAPH);
    gki_wire_append(wire, &graph->nodes);
    gki_wire_text(wire, GRAPH_NAME, graph->name);
    gki_wire_append(wire, &graph->tensors);
    gki_wire_append(wire, &graph->inputs);
    gki_wire_append(wire, &graph->outputs);
    gki_wire_end(wire, message);
    const size_t opset = gki_wire_begin(wire, MODEL_OPSET);
    gki_wire_whole(wire, OPSET_VERSION, GKV_ONNX_OPSET);
    gki_wire_end(wire, opset);
    for (size_t i = 0; i < entries; i++) {
        const size_t begun = gki_wire_begin(wire, MODEL_ENTRY);
        gki_wire_text(wire, ENTRY_KEY, entry[i].key);
        gki_wire_text(wire, ENTRY_VALUE, entry[i].value);
        gki_wire_end(wire, begun);
    }
}

gkv_status gki_onnx_write(gki_onnx *graph, const char *path, const char *about, size_t entries,
                          const gki_onnx_entry *entry)
{
    gki_wire file = {0};
    gkv_status status = graph->status;
    if (status != GKV_OK)
        return status;
    write_model(graph, about, entries, entry, &file);
    status = gki_wire_status(&file);
    if (status == GKV_OK && file.count > INT32_MAX)
        status = gki_fail(GKV_ERR_CONFIG,
                          "%s: the %s of this model has %zu bytes, but an ONNX file at most 2 GiB",
                          path, graph->name, file.count);
    if (status == GKV_OK)
        status = gki_file_write_atomic(path, file.bytes, file.count);
    gki_wire_free(&file);
    return status;
}
