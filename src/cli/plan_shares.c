/* The work of a plan for several processes; declared in plan_shares.h. */
#include "plan_shares.h"

#include <stdlib.h>
#include <string.h>

/* --- Costs ---------------------------------------------------------------- */

/* The images of MNIST, as nobody has read those of the plan yet. */
enum { SIDE = 28, TRAINING_IMAGES = 60000, TEST_IMAGES = 10000, PASSES = 3 };

/* The multiplications of one image, about: a weight of a network of perceptrons is used once, and
 * one of a convolution at each of its positions. */
static double work_of_image(const gkv_settings *settings)
{
    static const double mean[SIDE * SIDE];
    enum { POSITIONS = SIDE / 4 * (SIDE / 4) };
    gkv_model *model = NULL;
    const bool conv = settings->model.net == GKV_NET_CONV;
    if (gkv_model_create(SIDE, SIDE, 1, mean, settings, &model) != GKV_OK)
        return 1e6; /* a model of other images: as the default's */
    const double parameters = (double)gkv_model_parameters(model);
    gkv_model_free(model);
    return parameters * (conv ? POSITIONS : 1);
}

plan_cost *plan_costs(const compare_plan *plan)
{
    plan_cost *costs = cli_alloc(plan->n_models, sizeof *costs);
    for (size_t m = 0; m < plan->n_models; m++) {
        const plan_model *planned = &plan->models[m];
        const double work = work_of_image(&planned->expected),
                     epochs =
                         planned->from == SIZE_MAX ? (double)planned->expected.train.epochs : 1;
        costs[m].make = work * PASSES * TRAINING_IMAGES * epochs;
        costs[m].eval = work * TEST_IMAGES * (double)planned->expected.eval.samples;
    }
    return costs;
}

/* --- Pieces --------------------------------------------------------------- */

static int by_cost(const void *a, const void *b)
{
    const plan_piece *one = a, *other = b;
    if (one->cost != other->cost)
        return one->cost < other->cost ? 1 : -1;
    return (one->key > other->key) - (one->key < other->key);
}

void plan_sort_pieces(plan_piece *pieces, size_t n)
{
    qsort(pieces, n, sizeof *pieces, by_cost);
}

/* The model that is trained, to whose codes this one is fitted in the end. */
static size_t root_of(const compare_plan *plan, size_t model)
{
    while (plan->models[model].from != SIZE_MAX)
        model = plan->models[model].from;
    return model;
}

/* The greatest piece goes to the shard that has the least so far (Graham 1969). */
static void hand_out(plan_piece *pieces, size_t n, size_t shards, size_t *shard_of)
{
    double *load = cli_alloc(shards, sizeof *load);
    plan_sort_pieces(pieces, n);
    for (size_t i = 0; i < n; i++) {
        size_t least = 0;
        for (size_t s = 1; s < shards; s++)
            least = load[s] < load[least] ? s : least;
        load[least] += pieces[i].cost;
        shard_of[pieces[i].key] = least;
    }
    free(load);
}

size_t *plan_shards(const compare_plan *plan, const bool *needed, size_t shards)
{
    const size_t keys = plan->n_models * plan->n_seeds;
    size_t *shard_of = cli_alloc(keys, sizeof *shard_of), n = 0;
    double *cost = cli_alloc(plan->n_models, sizeof *cost); /* of a model and those fitted to it */
    plan_cost *costs = plan_costs(plan);
    plan_piece *pieces = cli_alloc(keys, sizeof *pieces);
    for (size_t m = 0; m < plan->n_models; m++)
        if (needed[m])
            cost[root_of(plan, m)] += costs[m].make + (double)plan->n_evals * costs[m].eval;
    for (size_t m = 0; m < plan->n_models; m++)
        for (size_t s = 0; s < plan->n_seeds && needed[m] && root_of(plan, m) == m; s++)
            pieces[n++] = (plan_piece){m * plan->n_seeds + s, cost[m]};
    hand_out(pieces, n, shards, shard_of);
    for (size_t m = 0; m < plan->n_models; m++)
        for (size_t s = 0; s < plan->n_seeds; s++)
            shard_of[m * plan->n_seeds + s] = shard_of[root_of(plan, m) * plan->n_seeds + s];
    free(cost);
    free(costs);
    free(pieces);
    return shard_of;
}

/* --- Equal inputs --------------------------------------------------------- */

/* Compares the checksums of the images of both splits. */
static int compare_images(const gkv_data_settings *data)
{
    static const gkv_split splits[] = {GKV_TRAIN, GKV_TEST};
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof splits / sizeof *splits && code == CLI_OK; i++) {
        gkv_dataset *images = NULL;
        /* a step that needs images which cannot be read says so itself */
        const bool there = gkv_dataset_load(splits[i], data, &images) == GKV_OK;
        char *what = cli_text("the %s images of %s", splits[i] == GKV_TRAIN ? "training" : "test",
                              data->dataset);
        code = cli_ranks_same_sum(what,
                                  there ? gkv_dataset_sha256(images, GKV_IMAGES_FILE) : "unknown");
        gkv_dataset_free(images);
        free(what);
    }
    return code;
}

static bool same_images(const gkv_data_settings *a, const gkv_data_settings *b)
{
    return strcmp(a->dataset, b->dataset) == 0 && strcmp(a->folder, b->folder) == 0 &&
           strcmp(a->train_images, b->train_images) == 0 &&
           strcmp(a->test_images, b->test_images) == 0;
}

int plan_check_inputs(const compare_plan *plan, const char *data_folder)
{
    int code = CLI_OK;
    if (!cli_ranks())
        return code;
    code = cli_ranks_same_file(plan->path);
    if (code == CLI_OK && plan->config)
        code = cli_ranks_same_file(plan->config);
    for (size_t m = 0; m < plan->n_models && code == CLI_OK; m++) {
        gkv_data_settings data = plan->models[m].expected.data;
        if (m > 0 && same_images(&data, &plan->models[m - 1].expected.data))
            continue;
        if (data_folder)
            snprintf(data.folder, sizeof data.folder, "%s", data_folder);
        code = compare_images(&data);
    }
    return code;
}
