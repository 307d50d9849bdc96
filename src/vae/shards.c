#include "vae/shards.h"

/* The elements of a bucket, at least: layers with fewer share one. A message of a quarter of a
 * megabyte takes long enough that its latency does not matter. */
enum { LEAST = 1 << 16 };

/* A list of buckets, which may have no memory yet. */
typedef struct bucket_list {
    gki_shard_bucket *out;
    size_t count;
    gki_shard_bucket open; /* the last one, to which layers are added */
} bucket_list;

static void close_bucket(bucket_list *buckets)
{
    if (buckets->open.parts == 0)
        return;
    if (buckets->out)
        buckets->out[buckets->count] = buckets->open;
    buckets->count++;
    buckets->open.parts = 0;
}

/* Adds parts that compute elements [offset, end). Those of a bucket follow each other. */
static void add(bucket_list *buckets, size_t first_part, size_t parts, size_t offset, size_t end)
{
    if (buckets->open.parts == 0)
        buckets->open = (gki_shard_bucket){.first_part = first_part, .offset = offset};
    buckets->open.parts += parts;
    buckets->open.elements = end - buckets->open.offset;
    if (buckets->open.elements >= LEAST)
        close_bucket(buckets);
}

/* Extends a range of elements by those of a tensor. No layer that is trained has tensor 0, which is
 * the mean image. */
static void extend(const gki_params *params, gki_param_id id, size_t *offset, size_t *end)
{
    const gki_param *param = &params->list[id];
    if (id == 0)
        return;
    *offset = param->offset < *offset ? param->offset : *offset;
    *end = param->offset + param->size > *end ? param->offset + param->size : *end;
}

static void add_net(bucket_list *buckets, const gkv_model *model, const gki_net *net,
                    size_t first_part)
{
    size_t count = 0;
    const gki_layer *layers = net->ops->layers(net, &count);
    for (size_t i = 0; i < count; i++) {
        const size_t parts = layers[i].ops->parts ? layers[i].ops->parts(&layers[i]) : 0;
        size_t offset = SIZE_MAX, end = 0;
        if (parts == 0)
            continue;
        extend(&model->params, layers[i].weight, &offset, &end);
        extend(&model->params, layers[i].bias, &offset, &end);
        add(buckets, first_part, parts, offset, end);
        first_part += parts;
    }
    close_bucket(buckets);
}

/* The flow is one bucket. */
static void add_flow(bucket_list *buckets, const gkv_model *model, size_t first_part)
{
    const size_t parts = model->flow->ops->parts(model->flow);
    size_t offset = SIZE_MAX, end = 0;
    for (gki_param_id id = model->tensors.flow.first; id < model->tensors.flow.end; id++)
        if (model->params.list[id].trainable)
            extend(&model->params, id, &offset, &end);
    if (parts > 0)
        add(buckets, first_part, parts, offset, end);
    close_bucket(buckets);
}

/* The parts of encoder and decoder, which are the first, and of the flow, which follow. */
static size_t parts_of_nets(const gkv_model *model)
{
    return model->encoder->ops->parts(model->encoder) + model->decoder->ops->parts(model->decoder);
}

size_t gki_shard_buckets(const gkv_model *model, gki_shard_bucket *out)
{
    bucket_list buckets = {.out = out};
    add_net(&buckets, model, model->encoder, 0);
    add_net(&buckets, model, model->decoder, model->encoder->ops->parts(model->encoder));
    add_flow(&buckets, model, parts_of_nets(model));
    return buckets.count;
}

bool gki_shard_continues(const gkv_model *model, size_t part)
{
    const size_t nets = parts_of_nets(model);
    return part < nets || (part < nets + model->flow->ops->parts(model->flow) &&
                           model->flow->ops->continues(model->flow, part - nets));
}

void gki_shard_image_slots(const gkv_model *model, gki_slot_visit *visit, void *context)
{
    size_t count = 0; /* only a first layer, whose input is data, reads the whole batch */
    const gki_layer *layers = model->encoder->ops->layers(model->encoder, &count);
    for (size_t i = 0; i < count; i++)
        if (layers[i].reads_batch)
            visit(context, layers[i].d_out);
}

void gki_shard_slots(const gkv_model *model, gki_slot_visit *visit, void *context)
{
    model->flow->ops->batch_slots(model->flow, visit, context);
    if (model->base->ops->batch_slots && model->base->ops->parts(model->base) > 0)
        model->base->ops->batch_slots(model->base, visit, context);
    if (model->posterior.noise->ops->batch_slots)
        model->posterior.noise->ops->batch_slots(model->posterior.noise, visit, context);
    if (model->likelihood->d_own.width > 0)
        visit(context, model->likelihood->d_own);
}
