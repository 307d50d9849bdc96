#include "train/trainer_ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/adamw.h"

/* --- Creation ------------------------------------------------------------- */

static void add_slot(void *context, gki_slot slot)
{
    gki_slot_list *slots = context;
    if (slot.width == 0 || slots->failed)
        return;
    if (slots->count == slots->capacity) {
        const size_t capacity = 2 * slots->capacity + 8;
        gki_slot *grown = realloc(slots->list, capacity * sizeof *grown);
        slots->failed = !grown;
        if (!grown)
            return;
        slots->list = grown;
        slots->capacity = capacity;
    }
    slots->list[slots->count++] = slot;
}

/* Lists what the losses, the gradient and the codes of refits need of all images. */
static gkv_status list_slots(gki_ranks *ranks)
{
    const gkv_model *model = ranks->model;
    const gki_slot losses[] = {model->reconstruction, model->posterior.log_q,
                               model->base->log_density, model->flow->log_det},
                   codes[] = {model->flow->eps, model->draw_weight, model->label};
    gki_shard_image_slots(model, add_slot, &ranks->of_images);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        add_slot(&ranks->of_draws, losses[i]);
    gki_shard_slots(model, add_slot, &ranks->of_draws);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        add_slot(&ranks->of_codes, codes[i]);
    if (ranks->of_images.failed || ranks->of_draws.failed || ranks->of_codes.failed)
        return gki_fail(GKV_ERR_MEMORY, "out of memory for a list of slots");
    return GKV_OK;
}

/* The bytes of a row in some slots. */
static size_t row_bytes(const gki_slot_list *slots)
{
    size_t width = 0;
    for (size_t i = 0; i < slots->count; i++)
        width += slots->list[i].width;
    return width * sizeof(gki_real);
}

static gkv_status alloc_buckets(gki_ranks *ranks, bool has_stats)
{
    ranks->bucket_count = gki_shard_buckets(ranks->model, NULL);
    const size_t count = ranks->bucket_count + 1;
    GKV_TRY(gki_alloc(count, sizeof *ranks->buckets, &ranks->buckets));
    gki_shard_buckets(ranks->model, ranks->buckets);
    GKV_TRY(gki_alloc(count, sizeof *ranks->received, &ranks->received));
    GKV_TRY(gki_alloc(count, sizeof *ranks->sent, &ranks->sent));
    GKV_TRY(gki_alloc(count * (size_t)ranks->size, sizeof *ranks->given, &ranks->given));
    GKV_TRY(gki_alloc(2 * GKI_RANKS_PIECES * (size_t)ranks->size, sizeof *ranks->lengths_of_values,
                      &ranks->lengths_of_values));
    if (has_stats) {
        GKV_TRY(gki_base_stats_create(ranks->model->base, &ranks->stats));
        GKV_TRY(gki_base_stats_create(ranks->model->base, &ranks->stats_sums));
    }
    ranks->own = ranks->model->params;
    if (ranks->rank == ranks->size - 1)
        return GKV_OK;
    GKV_TRY(gki_alloc(ranks->own.total, sizeof *ranks->sums, &ranks->sums));
    ranks->own.grads = ranks->sums;
    return GKV_OK;
}

gkv_status gki_ranks_create(gkv_dist *dist, const gkv_model *model, size_t images, size_t draws,
                            bool has_stats, gki_ranks **out)
{
    gki_ranks *ranks = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof *ranks, &ranks));
    *ranks = (gki_ranks){
        .dist = dist, .rank = gkv_dist_rank(dist), .size = gkv_dist_size(dist), .model = model};
    GKV_TRY_GOTO(list_slots(ranks));
    GKV_TRY_GOTO(alloc_buckets(ranks, has_stats));
    GKV_TRY_GOTO(
        gki_workspace_create(&model->plan, images * draws, true, &model->params, &ranks->batch));
    const size_t each = row_bytes(&ranks->of_images) + 2 * sizeof(double) +
                        draws * (row_bytes(&ranks->of_draws) + row_bytes(&ranks->of_codes));
    GKV_TRY_GOTO(
        gki_alloc(images * each + (size_t)ranks->size * sizeof(uint64_t), 1, &ranks->blocks));
    GKV_TRY_GOTO(gki_alloc((size_t)ranks->size, sizeof *ranks->lengths, &ranks->lengths));
done:
    if (status != GKV_OK) {
        gki_ranks_free(ranks);
        ranks = NULL;
    }
    *out = ranks;
    return status;
}

void gki_ranks_free(gki_ranks *ranks)
{
    if (!ranks)
        return;
    gki_workspace_free(&ranks->batch);
    gki_base_stats_free(ranks->stats);
    gki_base_stats_free(ranks->stats_sums);
    free(ranks->sums);
    free(ranks->of_images.list);
    free(ranks->of_draws.list);
    free(ranks->of_codes.list);
    free(ranks->blocks);
    free(ranks->lengths);
    free(ranks->buckets);
    free(ranks->received);
    free(ranks->sent);
    free(ranks->given);
    free(ranks->lengths_of_values);
    free(ranks);
}

/* --- The images of a rank ------------------------------------------------- */

size_t gki_ranks_most(const gki_ranks *ranks, size_t images, size_t unit)
{
    size_t first = 0, most = 0;
    gkv_dist_range(images, unit, 0, ranks->size, &first, &most);
    return most;
}

void gki_ranks_divide(gki_ranks *ranks, size_t images, size_t unit, size_t draws)
{
    ranks->unit = unit;
    ranks->batch.draws = draws;
    ranks->shard = (gki_shard){.images = images, .batch = &ranks->batch};
    gkv_dist_range(images, unit, ranks->rank, ranks->size, &ranks->shard.first, &ranks->images);
}

/* --- The exchange of rows ------------------------------------------------- */

/* Copies the rows of images [first, first + n) of a workspace to a block, or back. Returns the end
 * of what is copied. */
static char *copy_rows(const gki_slot_list *slots, const gki_workspace *ws, size_t first, size_t n,
                       bool back, char *block)
{
    for (size_t i = 0; i < slots->count; i++) {
        const size_t bytes = n * slots->list[i].width * sizeof(gki_real);
        gki_real *rows = gki_at(ws, slots->list[i], first);
        if (back)
            memcpy(rows, block, bytes);
        else
            memcpy(block, rows, bytes);
        block += bytes;
    }
    return block;
}

/* Copies all that is exchanged of n images of a workspace, from image `first`. */
static char *copy_images(const gki_ranks *ranks, const gki_ranks_exchange *exchange,
                         const gki_workspace *ws, size_t first, size_t n, bool back, char *block)
{
    const size_t draws = ws->draws;
    block = copy_rows(&ranks->of_images, ws, first, n, back, block);
    block = copy_rows(&ranks->of_draws, ws, first * draws, n * draws, back, block);
    return exchange->codes ? copy_rows(&ranks->of_codes, ws, first * draws, n * draws, back, block)
                           : block;
}

/* A block has a word for the stop, the rows, and the losses. */
static size_t length_of(const gki_ranks *ranks, const gki_ranks_exchange *exchange, size_t n)
{
    const size_t draws =
        row_bytes(&ranks->of_draws) + (exchange->codes ? row_bytes(&ranks->of_codes) : 0);
    return sizeof(uint64_t) + n * (row_bytes(&ranks->of_images) + ranks->batch.draws * draws +
                                   (exchange->losses ? 2 * sizeof(double) : 0));
}

/* Takes the block of a rank. */
static void take(gki_ranks *ranks, const gki_ranks_exchange *exchange, int rank, char *block)
{
    size_t first = 0, n = 0;
    uint64_t stop = 0;
    gkv_dist_range(ranks->shard.images, ranks->unit, rank, ranks->size, &first, &n);
    memcpy(&stop, block, sizeof stop);
    ranks->stop |= stop != 0;
    block = copy_images(ranks, exchange, &ranks->batch, first, n, true, block + sizeof stop);
    if (exchange->losses)
        memcpy(exchange->losses + 2 * first, block, n * 2 * sizeof(double));
}

void gki_ranks_exchange_rows(gki_ranks *ranks, const gki_workspace *ws,
                             const gki_ranks_exchange *exchange)
{
    char *mine = ranks->blocks, *block = ranks->blocks;
    size_t first = 0, n = 0;
    if (ranks->status != GKV_OK)
        return;
    for (int r = 0; r < ranks->size; r++) {
        gkv_dist_range(ranks->shard.images, ranks->unit, r, ranks->size, &first, &n);
        ranks->lengths[r] = length_of(ranks, exchange, n);
        mine += r < ranks->rank ? ranks->lengths[r] : 0;
    }
    const uint64_t stop = ranks->stop;
    memcpy(mine, &stop, sizeof stop);
    char *losses = copy_images(ranks, exchange, ws, 0, ranks->images, false, mine + sizeof stop);
    if (exchange->losses)
        memcpy(losses, exchange->losses + 2 * ranks->shard.first,
               ranks->images * 2 * sizeof(double));
    ranks->status = gkv_dist_gather(ranks->dist, ranks->lengths, mine, ranks->blocks);
    for (int r = 0; ranks->status == GKV_OK && r < ranks->size; block += ranks->lengths[r++])
        take(ranks, exchange, r, block);
}

/* --- The buckets ---------------------------------------------------------- */

static bool is_last(const gki_ranks *ranks)
{
    return ranks->rank == ranks->size - 1;
}

/* The memory of a bucket: its sums up to this rank's images, or those over all images. */
static gki_real *memory_of(const gki_ranks *ranks, size_t bucket, bool all, size_t *bytes)
{
    size_t count = 0;
    gki_real *memory;
    if (bucket == ranks->bucket_count) {
        memory = gki_base_stats_tensor(all ? ranks->stats : ranks->stats_sums, &count);
    } else {
        count = ranks->buckets[bucket].elements;
        memory =
            (all ? ranks->model->params.grads : ranks->own.grads) + ranks->buckets[bucket].offset;
    }
    *bytes = count * sizeof *memory;
    return memory;
}

/* The elements of a bucket that are a rank's part; *count is 0 if there are none. */
static void overlap(const gki_ranks *ranks, size_t bucket, int rank, size_t *first, size_t *count)
{
    const gki_shard_bucket *b = &ranks->buckets[bucket];
    size_t own = 0, n = 0;
    gki_ranks_part(ranks, rank, &own, &n);
    const size_t end = b->offset + b->elements < own + n ? b->offset + b->elements : own + n;
    *first = b->offset > own ? b->offset : own;
    *count = end > *first ? end - *first : 0;
}

/* Begins to send a rank its part of a bucket, or on another rank than the last to receive it. */
static void give_part(gki_ranks *ranks, size_t bucket, int rank)
{
    size_t first = 0, count = 0;
    overlap(ranks, bucket, rank, &first, &count);
    gki_real *sums = ranks->model->params.grads + first;
    gki_dist_transfer *out = &ranks->given[bucket * (size_t)ranks->size + (size_t)rank];
    const size_t bytes = count * sizeof *sums;
    if (count == 0 || ranks->status != GKV_OK)
        return;
    ranks->status = is_last(ranks)
                        ? gki_dist_send(ranks->dist, rank, bytes, sums, out)
                        : gki_dist_receive(ranks->dist, ranks->size - 1, bytes, sums, out);
}

/* Begins to give a bucket of the last rank to the ranks: its part to each, and statistics to
 * all. */
static void give(gki_ranks *ranks, size_t bucket)
{
    size_t bytes = 0;
    if (bucket == ranks->bucket_count) {
        gki_real *all = memory_of(ranks, bucket, true, &bytes);
        ranks->status = gki_dist_broadcast_begin(ranks->dist, ranks->size - 1, bytes, all,
                                                 &ranks->given[bucket * (size_t)ranks->size]);
    } else if (is_last(ranks)) {
        for (int r = 0; r < ranks->size - 1; r++)
            give_part(ranks, bucket, r);
    } else {
        give_part(ranks, bucket, ranks->rank);
    }
}

void gki_ranks_begin(gki_ranks *ranks, const gki_ranks_exchange *exchange)
{
    const size_t count = ranks->bucket_count + (exchange->stats != NULL);
    for (size_t b = 0; b < count && ranks->rank > 0 && ranks->status == GKV_OK; b++) {
        size_t bytes = 0;
        gki_real *sums = memory_of(ranks, b, false, &bytes);
        ranks->status =
            gki_dist_receive(ranks->dist, ranks->rank - 1, bytes, sums, &ranks->received[b]);
    }
    for (size_t b = 0; b < count && !is_last(ranks) && ranks->status == GKV_OK; b++)
        give(ranks, b);
    if (ranks->rank == 0 && exchange->stats) { /* they continue those of earlier steps */
        size_t elements = 0;
        const gki_real *earlier = gki_base_stats_tensor(exchange->stats, &elements);
        memcpy(gki_base_stats_tensor(ranks->stats_sums, &elements), earlier,
               elements * sizeof *earlier);
    }
}

void gki_ranks_receive(gki_ranks *ranks, size_t bucket)
{
    if (ranks->status == GKV_OK)
        ranks->status = gki_dist_transfer_end(ranks->dist, &ranks->received[bucket]);
}

void gki_ranks_send(gki_ranks *ranks, size_t bucket)
{
    size_t bytes = 0;
    gki_real *sums = memory_of(ranks, bucket, false, &bytes),
             *all = memory_of(ranks, bucket, true, &bytes);
    if (ranks->status != GKV_OK)
        return;
    if (is_last(ranks)) {
        if (all != sums)
            memcpy(all, sums, bytes);
    } else {
        ranks->status =
            gki_dist_send(ranks->dist, ranks->rank + 1, bytes, sums, &ranks->sent[bucket]);
    }
    if (is_last(ranks) && ranks->status == GKV_OK)
        give(ranks, bucket);
}

void gki_ranks_end(gki_ranks *ranks)
{
    for (size_t b = 0; b <= ranks->bucket_count; b++) {
        if (ranks->status == GKV_OK)
            ranks->status = gki_dist_transfer_end(ranks->dist, &ranks->sent[b]);
        for (size_t r = 0; r < (size_t)ranks->size && ranks->status == GKV_OK; r++)
            ranks->status =
                gki_dist_transfer_end(ranks->dist, &ranks->given[b * (size_t)ranks->size + r]);
    }
}

void gki_ranks_take_stats(const gki_ranks *ranks, gki_base_stats *stats)
{
    size_t count = 0;
    gki_real *sums = gki_base_stats_tensor(stats, &count);
    memcpy(sums, gki_base_stats_tensor(ranks->stats, &count), count * sizeof *sums);
}

/* --- The update ----------------------------------------------------------- */

void gki_ranks_part(const gki_ranks *ranks, int rank, size_t *first, size_t *count)
{
    gkv_dist_range(ranks->model->params.trainable, GKV_ADAMW_CHUNK, rank, ranks->size, first,
                   count);
}

/* The chunks of a piece of a rank's part. */
static void piece_of(const gki_ranks *ranks, int rank, int piece, size_t *first, size_t *count)
{
    size_t part = 0, chunks = 0;
    gkv_dist_range(gki_adamw_chunks(&ranks->model->params), 1, rank, ranks->size, &part, &chunks);
    gkv_dist_range(chunks, 1, piece, GKI_RANKS_PIECES, first, count);
    *first += part;
}

void gki_ranks_piece(const gki_ranks *ranks, int piece, long *first, long *end)
{
    size_t from = 0, count = 0;
    piece_of(ranks, ranks->rank, piece, &from, &count);
    *first = (long)from;
    *end = (long)(from + count);
}

void gki_ranks_share_squares(gki_ranks *ranks, double *squares)
{
    if (ranks->status == GKV_OK)
        ranks->status = gkv_dist_share(ranks->dist, gki_adamw_chunks(&ranks->model->params), 1,
                                       sizeof *squares, squares);
}

/* Whether int can count the bytes of all values; others are given at the end, not in pieces. */
static bool has_pieces(const gki_ranks *ranks)
{
    return ranks->model->params.trainable <= GKI_DIST_BYTES_MAX / sizeof(gki_real);
}

void gki_ranks_give_values(gki_ranks *ranks, int piece)
{
    const gki_params *params = &ranks->model->params;
    int *lengths = ranks->lengths_of_values + 2 * piece * ranks->size,
        *offsets = lengths + ranks->size;
    if (ranks->status != GKV_OK || !has_pieces(ranks))
        return;
    for (int r = 0; r < ranks->size; r++) {
        size_t from = 0, count = 0;
        piece_of(ranks, r, piece, &from, &count);
        const size_t first = from * GKV_ADAMW_CHUNK, end = first + count * GKV_ADAMW_CHUNK,
                     last = end < params->trainable ? end : params->trainable;
        offsets[r] = (int)(first * sizeof *params->values);
        lengths[r] = count > 0 ? (int)((last - first) * sizeof *params->values) : 0;
    }
    ranks->status = gki_dist_gather_begin(ranks->dist, lengths, offsets, params->values,
                                          &ranks->updated[piece]);
}

void gki_ranks_end_values(gki_ranks *ranks)
{
    for (int p = 0; p < GKI_RANKS_PIECES && ranks->status == GKV_OK; p++)
        ranks->status = gki_dist_transfer_end(ranks->dist, &ranks->updated[p]);
    if (ranks->status == GKV_OK && !has_pieces(ranks))
        ranks->status = gki_ranks_collect(ranks, ranks->model->params.values);
}

gkv_status gki_ranks_collect(const gki_ranks *ranks, gki_real *array)
{
    return gkv_dist_share(ranks->dist, ranks->model->params.trainable, GKV_ADAMW_CHUNK,
                          sizeof *array, array);
}

/* --- The check ------------------------------------------------------------ */

gkv_status gki_ranks_check_weights(const gki_ranks *ranks, uint64_t epoch)
{
    const gki_params *params = &ranks->model->params;
    uint64_t sum = 0;
    char text[17], what[64];
    for (size_t i = 0; i < params->total; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &params->values[i], sizeof *params->values);
        sum = (sum ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    snprintf(what, sizeof what, "the checksum of the weights after epoch %llu",
             (unsigned long long)epoch);
    return gkv_dist_same(
        ranks->dist, what, text,
        "one of their machines computes wrongly: resume from the last checkpoint on others");
}
