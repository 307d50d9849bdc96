/* What the shared object for an MPI gives to the library: a table of operations. It is the only
 * part that is compiled against MPI (mpi/mpi_table.c), and it calls nothing of gkvae.
 *
 * An operation begins and is then tested until it is done. All lengths are bytes. Functions return
 * 0, or a code whose text is error(). The caller lets one thread at a time call them. */
#ifndef GKV_DIST_TABLE_H
#define GKV_DIST_TABLE_H

#include <stddef.h>

/* It changes with this file; a shared object of another number is refused. */
enum { GKI_DIST_TABLE_VERSION = 5 };

typedef enum gki_dist_tag {
    GKI_DIST_BEAT,   /* from and to rank 0: the rank answers */
    GKI_DIST_ENDED,  /* to rank 0: the rank has called gkv_dist_close() */
    GKI_DIST_OVER,   /* from rank 0: all ranks have */
    GKI_DIST_ASK,    /* to rank 0: give me a ticket */
    GKI_DIST_TICKET, /* from rank 0: here it is */
    GKI_DIST_DATA,   /* what the caller sends and expects (transfer.h) */
    GKI_DIST_TELL,   /* to rank 0: a text to report */
    GKI_DIST_TAGS
} gki_dist_tag;

typedef struct gki_dist_table {
    int version;
    const char *name; /* of the MPI, as in "Open MPI" */
    int (*start)(int *rank, int *size);
    void (*stop)(void);
    void (*abort)(int code); /* does not return */
    /* the text of a code; valid until the next call */
    const char *(*error)(int code);

    /* These set *request, which the caller tests until it is done. */
    int (*barrier)(void **request);
    int (*broadcast)(int root, void *data, int length, void **request);
    /* all[offsets[r] …] = the `lengths[r]` bytes that rank r has there */
    int (*gather)(void *all, const int *lengths, const int *offsets, void **request);
    /* out[offsets[r] …] goes to rank r, whose bytes for this rank come to in[in_offsets[r] …] */
    int (*exchange)(const void *out, const int *lengths, const int *offsets, void *in,
                    const int *in_lengths, const int *in_offsets, void **request);
    int (*send)(int destination, gki_dist_tag tag, const void *data, int length, void **request);
    int (*expect)(int from, gki_dist_tag tag, void *data, int length, void **request);
    /* *done tells whether the operation is done; its request is freed then. NULL is done. */
    int (*test)(void **request, int *done);

    /* *memory receives memory that all ranks share, of so many bytes, which replaces what an
     * earlier call gave; NULL if the ranks are on several machines. All ranks call it; it waits
     * for them. stop() frees the memory. */
    int (*allocate)(size_t bytes, void **memory);

    /* Takes a message of this tag that has come: *from and *length; *from = −1 if there is none. It
     * is an error if the message is longer than `most`. */
    int (*receive)(gki_dist_tag tag, void *data, int most, int *from, int *length);
} gki_dist_table;

/* The function of the shared object that returns its table. */
#define GKI_DIST_FUNCTION "gkvae_mpi_table"

#endif
