/* Files of densities: each part missing, of another shape or out of range in turn, and calls of the
 * file system that fail. */
#define _XOPEN_SOURCE 700
#include "failing_files.h"

#include "density/table_density.h"
#include "density_fixture.h"
#include "folder.h"
#include "safetensors/safetensors.h"

enum { ROWS = 40, COLUMNS = 2, TENSORS_MAX = 80, METADATA_MAX = 16, OF_CANDIDATE = 18 };

static double *table;
static gkv_density *fitted;

static gkv_density_settings short_settings(void)
{
    gkv_density_settings settings = quick_settings();
    settings.margin = GKV_DENSITY_MARGIN_T;
    settings.flow_updates = 2;
    settings.max_components = 1;
    /* the copula is in the file in any case, and the other mixture is alike */
    settings.candidates[GKV_DENSITY_COPULA] = settings.candidates[GKV_DENSITY_NORMAL_MIXTURE] =
        false;
    return settings;
}

static int make(void **state)
{
    const gkv_density_settings settings = short_settings();
    if (make_temporary_in_memory(state) != 0)
        return -1;
    table = make_table(ROWS, COLUMNS);
    fitted = fit_table(ROWS, COLUMNS, table, &settings, 1);
    assert_ok(gkv_density_save(fitted, in_temporary("density.safetensors")));
    return 0;
}

static int release(void **state)
{
    gkv_density_free(fitted);
    free(table);
    return remove_temporary(state);
}

/* --- Changed files -------------------------------------------------------- */

/* All that is in the file of the density, to be changed and written elsewhere. */
typedef struct content {
    gki_safetensors *file; /* which has the names */
    size_t n_tensors, n_metadata;
    gki_tensor tensors[TENSORS_MAX];
    gki_metadata metadata[METADATA_MAX];
} content;

static size_t bytes_of(const gki_tensor *tensor)
{
    uint64_t bytes = 0;
    assert_true(gki_tensor_bytes(tensor, &bytes));
    return (size_t)bytes;
}

static content read_content(void)
{
    content all = {.n_tensors = 0};
    const char *key;
    assert_ok(gki_safetensors_open(in_temporary("density.safetensors"), &all.file));
    for (size_t i = 0; (key = gki_safetensors_metadata_key(all.file, i)); i++)
        if (strcmp(key, GKV_SAFETENSORS_CHECKSUM_KEY) != 0) {
            assert_true(all.n_metadata < METADATA_MAX);
            all.metadata[all.n_metadata++] =
                (gki_metadata){key, gki_safetensors_metadata(all.file, key)};
        }
    assert_true(gki_safetensors_count(all.file) <= TENSORS_MAX);
    for (; all.n_tensors < gki_safetensors_count(all.file); all.n_tensors++) {
        gki_tensor *tensor = &all.tensors[all.n_tensors];
        *tensor = *gki_safetensors_at(all.file, all.n_tensors);
        void *data = test_alloc(bytes_of(tensor));
        assert_ok(gki_safetensors_read(all.file, tensor->name, tensor->dtype, tensor->rank,
                                       tensor->shape, data));
        tensor->data = data;
    }
    return all;
}

static void free_content(content *all)
{
    for (size_t i = 0; i < all->n_tensors; i++)
        free((void *)(uintptr_t)all->tensors[i].data);
    gki_safetensors_free(all->file);
}

static gki_tensor *tensor_of(content *all, const char *name)
{
    for (size_t i = 0; i < all->n_tensors; i++)
        if (strcmp(all->tensors[i].name, name) == 0)
            return &all->tensors[i];
    print_error("there is no %s\n", name);
    fail();
    return NULL;
}

/* Writes the content and frees it. The file is refused with this text. */
static void is_refused(content *all, const char *what, const char *text)
{
    const char *path = in_temporary("changed.safetensors");
    gkv_density *density = fitted; /* an address that the failure must replace */
    assert_ok(
        gki_safetensors_write(path, all->n_tensors, all->tensors, all->n_metadata, all->metadata));
    const gkv_status status = gkv_density_load(path, &density);
    if (status != GKV_ERR_DATA || density || !strstr(gkv_error_message(), text)) {
        print_error("%s: %s \"%s\"\n", what, gkv_status_name(status), gkv_error_message());
        fail();
    }
    free_content(all);
}

/* Any tensor that is needed may be missing. */
static void test_missing_tensors(void **state)
{
    (void)state;
    content first = read_content();
    const size_t count = first.n_tensors;
    free_content(&first);
    for (size_t i = 0; i < count; i++) {
        content all = read_content();
        const gki_tensor removed = all.tensors[i];
        all.tensors[i] = all.tensors[--all.n_tensors];
        is_refused(&all, removed.name, "");
        free((void *)(uintptr_t)removed.data);
    }
}

/* Tensors with another length of one dimension; new elements are 0. */
static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t dimension;
        int64_t length;
    } cases[] = {
        {"columns", "names of columns are missing", 0, 3},
        {"margins", "it has no columns", 0, 0},
        {"margins", "it has no columns", 0, GKV_DENSITY_COLUMNS_MAX + 1},
        {"margins", "shape is", 1, GKV_MARGIN_NUMBERS - 1},
        {"margins.info", "shape is", 0, 1},
        {"candidates", "shape is", 1, OF_CANDIDATE - 1},
        {"t-copula.freedom", "shape is", 0, 2},
        {"t-copula.cholesky", "shape is", 1, 3},
        {"calibration.gk-mixture", "of held-out rows are too many", 0, GKV_CALIBRATION_MAX + 1},
        {"calibration.gk-mixture", "of held-out rows are too many", 0, 0},
        {"gk-mixture.weights", "a mixture is missing", 0, 0},
        {"gk-mixture.weights", "a mixture is missing", 0, 1025},
        {"gk-mixture.mean", "shape is", 1, 1},
        {"gk-mixture.margins", "shape is", 2, 5},
        {"gk-mixture.cholesky", "shape is", 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        content all = read_content();
        gki_tensor *tensor = tensor_of(&all, cases[i].name);
        const size_t before = bytes_of(tensor);
        void *old = (void *)(uintptr_t)tensor->data;
        tensor->shape[cases[i].dimension] = cases[i].length;
        void *data = test_alloc(bytes_of(tensor));
        memcpy(data, old, before < bytes_of(tensor) ? before : bytes_of(tensor));
        free(old);
        tensor->data = data;
        is_refused(&all, cases[i].name, cases[i].text);
    }
}

/* Numbers that they may not be. */
static void test_numbers(void **state)
{
    (void)state;
    enum { SHARE = GKV_DENSITY_GK_MIXTURE * OF_CANDIDATE + 7 };
    static const struct {
        const char *name, *text;
        size_t element;
        double number;
    } cases[] = {
        {"margins", "a margin is not a distribution", 0, 7},
        {"candidates", "a share of the copula is out of range", SHARE, -0.1},
        {"candidates", "a share of the copula is out of range", SHARE, 1.1},
        {"candidates", "a share of the copula is out of range", SHARE, NAN},
        {"t-copula.freedom", "the t copula is not a distribution", 0, 0},
        {"t-copula.freedom", "the t copula is not a distribution", 0, INFINITY},
        {"t-copula.cholesky", "the t copula is not a distribution", 0, 0},
        {"t-copula.cholesky", "the t copula is not a distribution", 2, NAN},
        {"calibration.flow", "are not in order", 0, 1e9},
        {"calibration.flow", "are not in order", 1, NAN},
        {"gk-mixture.weights", "a mixture is not a distribution", 0, -1},
        {"gk-mixture.margins", "a mixture is not a distribution", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        content all = read_content();
        double *numbers = (void *)(uintptr_t)tensor_of(&all, cases[i].name)->data;
        numbers[cases[i].element] = cases[i].number;
        is_refused(&all, cases[i].name, cases[i].text);
    }
    for (size_t i = 0, flows = 0; i < 1000 && flows < 3; i++) { /* weights of the flow */
        content all = read_content();
        gki_tensor *tensor = i < all.n_tensors ? &all.tensors[i] : NULL;
        if (!tensor || strncmp(tensor->name, "flow.", 5) != 0) {
            free_content(&all);
            continue;
        }
        *(float *)(uintptr_t)tensor->data = flows++ == 1 ? INFINITY : NAN;
        is_refused(&all, "a flow", "a weight of the flow is not finite");
    }
    content all = read_content(); /* a candidate that is chosen, but was not fitted */
    double *candidates = (void *)(uintptr_t)tensor_of(&all, "candidates")->data;
    candidates[OF_CANDIDATE * gkv_density_chosen(fitted)] = 0;
    is_refused(&all, "chosen", "no candidate is chosen");
}

/* Texts of the metadata. */
static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *text; /* NULL: the entry is missing */
    } cases[] = {
        {"format", NULL, "write such files"},
        {"format", "gkvae-density-2", "write such files"},
        {"chosen", NULL, "no candidate is chosen"},
        {"chosen", "nothing", "no candidate is chosen"},
        {"flow", NULL, "its flow is unknown"},
        {"flow", "whirl", "its flow is unknown"},
        {"flow.layers", NULL, "its flow is unknown"},
        {"flow.layers", "0", "its flow is unknown"},
        {"flow.layers", "65", "its flow is unknown"},
        {"flow.layers", "3", ""},
        {"flow.hidden", "", "its flow is unknown"},
        {"flow.hidden", "8x", "its flow is unknown"},
        {"flow.hidden", "1025", "its flow is unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        content all = read_content();
        size_t m = 0;
        while (m < all.n_metadata && strcmp(all.metadata[m].key, cases[i].key) != 0)
            m++;
        assert_true(m < all.n_metadata);
        if (cases[i].value)
            all.metadata[m].value = cases[i].value;
        else
            all.metadata[m] = all.metadata[--all.n_metadata];
        is_refused(&all, cases[i].key, cases[i].text);
    }
}

/* --- Calls that fail ------------------------------------------------------ */

static gkv_status saves(void)
{
    return gkv_density_save(fitted, in_temporary("saved.safetensors"));
}

static gkv_status loads(void)
{
    gkv_density *density = NULL;
    const gkv_status status = gkv_density_load(in_temporary("density.safetensors"), &density);
    assert_int_equal(status == GKV_OK, density != NULL);
    gkv_density_free(density);
    return status;
}

static void test_calls_fail(void **state)
{
    (void)state;
    gkv_density *density = NULL;
    assert_true(loses_files(saves, true) > 10);
    assert_true(loses_files(loads, true) > 10);
    stop_failing();
    assert_ok(gkv_density_load(in_temporary("saved.safetensors"), &density));
    gkv_density_free(density);
    assert_fails(gkv_density_load(in_temporary("none"), &density), GKV_ERR_IO, "none");
    assert_null(density);
}

/* Stops when the flow of the first fold has been trained for a while. */
static bool stop_in_flow(void *context, const gkv_progress *progress)
{
    const gkv_density_progress *details = progress->details;
    (void)context;
    return details && details->updates >= 20;
}

static gkv_status fit_by_state(bool (*progress)(void *, const gkv_progress *))
{
    const char *path = in_temporary("state");
    gkv_density *density = NULL;
    gkv_density_settings settings = short_settings();
    settings.candidates[GKV_DENSITY_GK_MIXTURE] = false;
    settings.flow_updates = 60;
    settings.checkpoint = path;
    settings.keep_checkpoint = true;
    const gkv_run_options options = {.threads = 1, .progress = progress};
    const gkv_status status = gkv_density_fit(ROWS, COLUMNS, table, &settings, &options, &density);
    assert_int_equal(status == GKV_OK, density != NULL);
    gkv_density_free(density);
    return status;
}

/* A fit whose state cannot be written or read tells so, and the state stays whole. */
static void test_states_fail(void **state)
{
    (void)state;
    const char *path = in_temporary("state");
    size_t written = 0, refused = 0;
    for (unsigned long n = 1; n < 100; n += 5) { /* each call of a stop that writes it */
        (void)unlink(path);
        fail_call(n, EIO);
        const gkv_status status = fit_by_state(stop_in_flow);
        const bool reached = fail_call(0, 0) >= n;
        assert_true(status == GKV_ERR_INTERRUPTED || (reached && status == GKV_ERR_IO));
        refused += status == GKV_ERR_IO;
        written += access(path, F_OK) == 0;
        if (!reached)
            break;
    }
    assert_true(written > 0 && refused > 0 && access(path, F_OK) == 0);
    for (unsigned long n = 1; n < 100; n += 6) { /* and of one that begins with it */
        fail_call(n, EIO);
        const gkv_status status = fit_by_state(stop_in_flow);
        const bool reached = fail_call(0, 0) >= n;
        assert_true(status == GKV_ERR_INTERRUPTED || (reached && status == GKV_ERR_IO));
        if (!reached)
            break;
    }
    assert_ok(fit_by_state(NULL)); /* it goes on from the state */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_tensors), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_calls_fail),      cmocka_unit_test(test_states_fail),
    };
    return cmocka_run_group_tests(tests, make, release);
}
