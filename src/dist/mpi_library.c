/* What the launcher says, and the shared object for its MPI. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/late.h"
#include "core/memory.h"
#include "dist/dist.h"

/* The variables of launchers. The first row whose variables are set decides: an mpirun may itself
 * have been started by srun, whose variables the ranks inherit. */
typedef struct launcher_row {
    const char *size, *rank, *launcher;
    const char *mpi; /* the MPI that it belongs to; NULL: any */
} launcher_row;

static const launcher_row launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun", "openmpi"},
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MVAPICH's mpirun", "mpich"},
    {"PMI_SIZE", "PMI_RANK", "an MPI launcher (PMI)", "mpich"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "Slurm's srun", NULL},
    {NULL, "MPI_LOCALRANKID", "MPICH's mpirun", "mpich"},
    {NULL, "PMIX_RANK", "an MPI launcher (PMIx)", "openmpi"},
};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

static const char *const libraries[] = {"openmpi", "mpich"};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* The number in a variable; −1 without one. */
static int number_of(const char *variable)
{
    const char *text = variable ? getenv(variable) : NULL;
    char *end = NULL;
    const long value = text ? strtol(text, &end, 10) : -1;
    return text && end != text && value >= 0 && value <= INT_MAX ? (int)value : -1;
}

/* The value of GKVAE_MPI, or "". */
static const char *requested_mpi(void)
{
    const char *text = getenv("GKVAE_MPI");
    return text ? text : "";
}

static const launcher_row *row_found(void)
{
    for (int i = 0; i < LAUNCHERS; i++) {
        const launcher_row *row = &launchers[i];
        if (row->size ? number_of(row->size) >= 1 : number_of(row->rank) >= 0)
            return row;
    }
    return NULL;
}

gkv_dist_launch gkv_dist_launched(void)
{
    const launcher_row *row = strcmp(requested_mpi(), "off") == 0 ? NULL : row_found();
    gkv_dist_launch launch = {.size = 1};
    if (!row)
        return launch;
    launch.size = row->size ? number_of(row->size) : 0;
    launch.rank = number_of(row->rank);
    launch.rank = launch.rank < 0 ? 0 : launch.rank;
    launch.launcher = row->launcher;
    launch.variable = row->size ? row->size : row->rank;
    return launch;
}

/* --- The shared object ---------------------------------------------------- */

/* The folders to look in, from that of the program: the build, and an installation. */
static const char *const folders[] = {"", GKV_MPI_FOLDER, "../lib/gkvae/"};
enum { FOLDERS = sizeof folders / sizeof *folders };

typedef const gki_dist_table *table_function(void);

/* Loads the file. A file that is there and cannot be loaded is an error; *out is NULL if there is
 * none. */
static gkv_status load_file(const char *path, const gki_dist_table **out)
{
    table_function *function = NULL;
    *out = NULL;
    if (access(path, F_OK) != 0)
        return GKV_OK;
    if (!gki_late_load(path, 1, &(gki_late_function){GKI_DIST_FUNCTION, &function})) {
        const char *why = dlerror();
        return gki_fail(GKV_ERR_CONFIG, "%s cannot be loaded: %s", path,
                        why ? why : "it is no shared object of gkvae");
    }
    const gki_dist_table *table = function();
    if (table->version != GKI_DIST_TABLE_VERSION)
        return gki_fail(GKV_ERR_CONFIG,
                        "%s is of another version of gkvae; install both from one build", path);
    *out = table;
    return GKV_OK;
}

/* Looks for libgkvae-MPI.so in the folders. *out is NULL if there is none. */
static gkv_status find(const char *mpi, const gki_dist_table **out)
{
    char program[PATH_MAX] = "", *path = NULL;
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = length > 0 ? strrchr(program, '/') : NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    if (slash)
        slash[1] = '\0';
    for (int i = 0; i < FOLDERS && status == GKV_OK && !*out; i++) {
        GKV_TRY(gki_strf(&path, "%s%slibgkvae-%s.so", *folders[i] == '/' ? "" : program, folders[i],
                         mpi));
        status = load_file(path, out);
        free(path);
    }
    return status;
}

static gkv_status refuse(const gkv_dist_launch *launch)
{
    const char *asked = requested_mpi();
    char size[64] = "several processes";
    if (launch->size > 0)
        snprintf(size, sizeof size, "%d processes", launch->size);
    return gki_fail(
        GKV_ERR_CONFIG,
        "%s started %s (%s), and this gkvae has no support for %s: there is no libgkvae-%s.so, and "
        "each process would work as if it were alone. Build gkvae with cmake -DGKV_MPI=ON, start "
        "one process, or set GKVAE_MPI=off if each is to work alone (docs/cluster.md)",
        launch->launcher, size, launch->variable, *asked ? asked : "MPI",
        *asked ? asked : "openmpi.so or libgkvae-mpich");
}

gkv_status gki_dist_load(const gkv_dist_launch *launch, const gki_dist_table **out)
{
    const char *asked = requested_mpi(), *likely = row_found() ? row_found()->mpi : NULL;
    *out = NULL;
    if (strchr(asked, '/')) {
        GKV_TRY(load_file(asked, out));
        return *out ? GKV_OK
                    : gki_fail(GKV_ERR_CONFIG, "GKVAE_MPI=%s: there is no such file", asked);
    }
    if (*asked)
        GKV_TRY(find(asked, out));
    else if (likely)
        GKV_TRY(find(likely, out));
    for (int i = 0; i < LIBRARIES && !*out && !*asked; i++)
        GKV_TRY(find(libraries[i], out));
    return *out ? GKV_OK : refuse(launch);
}
