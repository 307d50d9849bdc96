/* The table of operations by MPI, as a shared object of its own. The build compiles it once for
 * each MPI that it finds, as libgkvae-openmpi.so or libgkvae-mpich.so; see cmake/mpi.cmake. It is
 * the only file that includes mpi.h, and it calls nothing of gkvae. */
#include <mpi.h>
#include <stdlib.h>

#include "dist/dist_table.h"

#if defined(OPEN_MPI)
#define NAME "Open MPI"
#elif defined(MPICH_VERSION)
#define NAME "MPICH"
#else
#define NAME "MPI"
#endif

static MPI_Comm everyone;             /* for operations of all ranks */
static MPI_Comm messages;             /* for messages between two */
static MPI_Win window = MPI_WIN_NULL; /* the memory that all share */

/* --- Start and end -------------------------------------------------------- */

static int copy_communicator(MPI_Comm *out)
{
    const int code = MPI_Comm_dup(MPI_COMM_WORLD, out);
    return code ? code : MPI_Comm_set_errhandler(*out, MPI_ERRORS_RETURN);
}

static int start(int *rank, int *size)
{
    int level = MPI_THREAD_SINGLE,
        code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS && level < MPI_THREAD_SERIALIZED)
        code = MPI_ERR_OTHER;
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, size);
    if (code == MPI_SUCCESS)
        code = copy_communicator(&everyone);
    if (code == MPI_SUCCESS)
        code = copy_communicator(&messages);
    return code;
}

static int free_window(void)
{
    if (window == MPI_WIN_NULL)
        return MPI_SUCCESS;
    MPI_Win_unlock_all(window);
    return MPI_Win_free(&window);
}

static void stop(void)
{
    free_window();
    MPI_Comm_free(&everyone);
    MPI_Comm_free(&messages);
    MPI_Finalize();
}

static void end_all(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
    exit(code); /* an MPI may return from it */
}

static const char *error(int code)
{
    static char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
        length = 0;
    text[length] = '\0';
    return text;
}

/* --- Operations ----------------------------------------------------------- */

/* A new request, or NULL without memory. */
static MPI_Request *new_request(void **out)
{
    MPI_Request *pending = malloc(sizeof *pending);
    if (pending)
        *pending = MPI_REQUEST_NULL;
    *out = pending;
    return pending;
}

/* The code of a call that has begun an operation. The request of a failed one is freed. */
static int begun(int code, void **request)
{
    if (code != MPI_SUCCESS) {
        free(*request);
        *request = NULL;
    }
    return code;
}

static int barrier(void **request)
{
    MPI_Request *pending = new_request(request);
    return pending ? begun(MPI_Ibarrier(everyone, pending), request) : MPI_ERR_NO_MEM;
}

static int broadcast(int root, void *data, int length, void **request)
{
    MPI_Request *pending = new_request(request);
    return pending ? begun(MPI_Ibcast(data, length, MPI_BYTE, root, everyone, pending), request)
                   : MPI_ERR_NO_MEM;
}

static int gather(void *all, const int *lengths, const int *offsets, void **request)
{
    MPI_Request *pending = new_request(request);
    return pending ? begun(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, lengths,
                                           offsets, MPI_BYTE, everyone, pending),
                           request)
                   : MPI_ERR_NO_MEM;
}

static int exchange(const void *out, const int *lengths, const int *offsets, void *in,
                    const int *in_lengths, const int *in_offsets, void **request)
{
    MPI_Request *pending = new_request(request);
    return pending ? begun(MPI_Ialltoallv(out, lengths, offsets, MPI_BYTE, in, in_lengths,
                                          in_offsets, MPI_BYTE, everyone, pending),
                           request)
                   : MPI_ERR_NO_MEM;
}

static int send(int destination, gki_dist_tag tag, const void *data, int length, void **request)
{
    MPI_Request *pending = new_request(request);
    return pending
               ? begun(MPI_Isend(data, length, MPI_BYTE, destination, (int)tag, messages, pending),
                       request)
               : MPI_ERR_NO_MEM;
}

static int expect(int from, gki_dist_tag tag, void *data, int length, void **request)
{
    MPI_Request *pending = new_request(request);
    return pending ? begun(MPI_Irecv(data, length, MPI_BYTE, from, (int)tag, messages, pending),
                           request)
                   : MPI_ERR_NO_MEM;
}

static int test(void **request, int *done)
{
    int code = MPI_SUCCESS;
    *done = 1;
    if (!*request)
        return code;
    code = MPI_Test(*request, done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS || *done) {
        free(*request);
        *request = NULL;
    }
    return code;
}

/* Allocates the window, whose memory is that of rank 0. */
static int allocate_window(MPI_Comm comm, size_t bytes, void **memory)
{
    int rank = 0, unit = 0;
    MPI_Aint size = 0;
    int code = MPI_Comm_rank(comm, &rank);
    if (code == MPI_SUCCESS)
        code = MPI_Win_allocate_shared(rank == 0 ? (MPI_Aint)bytes : 0, 1, MPI_INFO_NULL, comm,
                                       memory, &window);
    if (code == MPI_SUCCESS)
        code = MPI_Win_shared_query(window, 0, &size, &unit, memory);
    if (code == MPI_SUCCESS)
        code = MPI_Win_lock_all(MPI_MODE_NOCHECK, window);
    return code;
}

static int allocate(size_t bytes, void **memory)
{
    MPI_Comm here = MPI_COMM_NULL; /* the ranks of this machine */
    int size = 0, all = 0, code = free_window();
    *memory = NULL;
    if (code == MPI_SUCCESS)
        code = MPI_Comm_split_type(everyone, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(here, &size);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(everyone, &all);
    if (code == MPI_SUCCESS && size == all)
        code = allocate_window(here, bytes, memory);
    if (here != MPI_COMM_NULL)
        MPI_Comm_free(&here);
    return code;
}

static int receive(gki_dist_tag tag, void *data, int most, int *from, int *length)
{
    MPI_Status status;
    int there = 0, code = MPI_Iprobe(MPI_ANY_SOURCE, (int)tag, messages, &there, &status);
    *from = -1;
    if (code != MPI_SUCCESS || !there)
        return code;
    code = MPI_Get_count(&status, MPI_BYTE, length);
    if (code == MPI_SUCCESS && *length > most)
        code = MPI_ERR_TRUNCATE;
    if (code == MPI_SUCCESS)
        code = MPI_Recv(data, *length, MPI_BYTE, status.MPI_SOURCE, (int)tag, messages, &status);
    if (code == MPI_SUCCESS)
        *from = status.MPI_SOURCE;
    return code;
}

/* The function that the library looks for; no header declares it. */
const gki_dist_table *gkvae_mpi_table(void);

const gki_dist_table *gkvae_mpi_table(void)
{
    static const gki_dist_table table = {.version = GKI_DIST_TABLE_VERSION,
                                         .name = NAME,
                                         .start = start,
                                         .stop = stop,
                                         .abort = end_all,
                                         .error = error,
                                         .barrier = barrier,
                                         .broadcast = broadcast,
                                         .gather = gather,
                                         .exchange = exchange,
                                         .send = send,
                                         .expect = expect,
                                         .test = test,
                                         .allocate = allocate,
                                         .receive = receive};
    return &table;
}
