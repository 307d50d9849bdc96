/* Whether two configurations make the same model; declared in cli_compare.h. */
#include <string.h>

#include "cli_compare.h"

/* The folder of the data, the number of threads and the settings of the evaluation do not change a
 * model. */
static bool is_ignored(const gkv_settings_key *key, const char *name)
{
    return strcmp(key->section, "eval") == 0 || strcmp(name, "train.threads") == 0 ||
           strcmp(name, "data.folder") == 0;
}

bool compare_same_model(const gkv_settings *one, const gkv_settings *other, bool of_one_seed,
                        char name[64])
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char values[2][GKV_PATH_SIZE];
        snprintf(name, 64, "%s.%s", key->section, key->name);
        if (is_ignored(key, name) || (!of_one_seed && strcmp(name, "train.seed") == 0))
            continue;
        if (gkv_settings_get(one, name, sizeof values[0], values[0]) != GKV_OK ||
            gkv_settings_get(other, name, sizeof values[1], values[1]) != GKV_OK ||
            strcmp(values[0], values[1]) != 0)
            return false;
    }
    return true;
}
