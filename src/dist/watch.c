/* The thread of each rank that watches the others, and the end of the job.
 *
 * Every rank tells rank 0 once a second that it answers, and rank 0 tells every rank. Rank 0 learns
 * who has ended and with what code, and hands out tickets. Messages pass between two ranks, so a
 * rank that fails can report it whatever the others do. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/dist.h"

static const double beat_seconds = 1;     /* between two beats */
static const double silence_seconds = 15; /* without a beat, a rank is lost */
static const double grace_seconds = 3;    /* for others to end after a rank has failed */
static const double leave_seconds = 10;   /* for all to leave MPI */
enum { TICK_NANOSECONDS = 10000000, LOST_CODE = 5 };

/* What a rank says at its end. */
typedef struct ending {
    int code;
    char text[GKI_DIST_TEXT];
} ending;

/* A message that is being sent; its data stay until it has been. */
typedef struct outgoing {
    void *request;
    uint64_t data;
} outgoing;

/* What a rank knows of another. */
typedef struct peer {
    double answered; /* when its last beat came */
    uint64_t count;  /* what that told: see count_of() */
    outgoing beat;   /* to it */
    outgoing ticket; /* to it */
    bool has_ended;
    ending end;
} peer;

/* Guarded by the lock of the handle, but for `stop`. */
struct gki_dist_watch {
    pthread_t thread;
    atomic_bool stop;
    peer *peers;      /* [size]; rank 0 knows all, the others use that of rank 0 alone */
    int ended;        /* the number of ranks that have */
    double failed_at; /* when the first code other than 0 came; 0: none has */
    int code;         /* that code */
    double ticked, beat;
    uint64_t counts; /* how many counts have begun */
    uint64_t count;  /* what this rank tells: see count_of() */
    bool is_over;
    int over_code;
};

/* --- The end of the job --------------------------------------------------- */

/* Whether the text begins with the name of a rank, as those of gkv_dist_agree() do. */
static bool is_named(const gkv_dist *dist, const char *text)
{
    bool named = false;
    for (int r = 0; r < dist->size && !named; r++) {
        const size_t length = strlen(dist->names[r]);
        named = strncmp(text, dist->names[r], length) == 0 && text[length] == ':';
    }
    return named;
}

static void report(const gkv_dist *dist, int rank, const char *text)
{
    char line[GKI_DIST_NAME + GKI_DIST_TEXT + 8];
    if (!dist->report || !*text)
        return;
    const bool named = is_named(dist, text);
    snprintf(line, sizeof line, "%s%s%s", named ? "" : dist->names[rank], named ? "" : ": ", text);
    dist->report(dist->context, line);
}

/* Reports each text of a failed rank once; rank 0 has printed its own. */
static void report_failures(const gkv_dist *dist)
{
    const peer *peers = dist->watch->peers;
    for (int r = 1; r < dist->size; r++) {
        bool is_new = peers[r].has_ended && peers[r].end.code != 0;
        for (int earlier = 0; earlier < r && is_new; earlier++)
            is_new = strcmp(peers[r].end.text, peers[earlier].end.text) != 0;
        if (is_new)
            report(dist, r, peers[r].end.text);
    }
}

/* Ends the job because a rank is lost. */
static void lose(const gkv_dist *dist, int rank)
{
    char text[160];
    snprintf(text, sizeof text,
             "it has not answered for %.0f seconds: it was stopped, or its machine is gone; the "
             "job ends",
             silence_seconds);
    report_failures(dist);
    report(dist, rank, text);
    dist->table->abort(LOST_CODE);
}

/* Ends the job if a rank is lost, or has failed and others do not come. */
static void end_if_lost(const gkv_dist *dist, double now)
{
    gki_dist_watch *watch = dist->watch;
    const int last = dist->rank == 0 ? dist->size - 1 : 0;
    if (now - watch->ticked > silence_seconds / 3) /* this process was stopped itself, maybe all */
        for (int r = 0; r <= last; r++)
            watch->peers[r].answered = now;
    watch->ticked = now;
    for (int r = 0; r <= last; r++)
        if (r != dist->rank && now - watch->peers[r].answered > silence_seconds)
            lose(dist, r);
    if (dist->rank == 0 && watch->failed_at > 0 && watch->ended < dist->size &&
        now - watch->failed_at > grace_seconds) {
        report_failures(dist);
        dist->table->abort(watch->code);
    }
}

/* --- Messages ------------------------------------------------------------- */

/* Sends the number unless the last message is still on its way. */
static int send_one(const gkv_dist *dist, int destination, gki_dist_tag tag, uint64_t number,
                    outgoing *out)
{
    int done = 0;
    const int code = dist->table->test(&out->request, &done);
    if (code || !done)
        return code;
    out->data = number;
    return dist->table->send(destination, tag, &out->data, sizeof out->data, &out->request);
}

static void note_end(gki_dist_watch *watch, int rank, const ending *end)
{
    watch->peers[rank].has_ended = true;
    watch->peers[rank].end = *end;
    watch->ended++;
    if (end->code != 0 && watch->failed_at == 0) {
        watch->failed_at = gki_seconds();
        watch->code = end->code;
    }
}

/* Takes all messages of a tag that have come. */
static int take(const gkv_dist *dist, gki_dist_tag tag, double now)
{
    gki_dist_watch *watch = dist->watch;
    ending end;
    uint64_t number = 0;
    for (;;) {
        int from = -1, length = 0;
        const bool is_end = tag == GKI_DIST_ENDED;
        const int code =
            dist->table->receive(tag, is_end ? (void *)&end : (void *)&number,
                                 is_end ? (int)sizeof end : (int)sizeof number, &from, &length);
        if (code || from < 0)
            return code;
        watch->peers[from].answered = now;
        if (is_end) {
            note_end(watch, from, &end);
        } else if (tag == GKI_DIST_BEAT) {
            watch->peers[from].count = number;
        } else if (tag == GKI_DIST_OVER) {
            watch->is_over = true;
            watch->over_code = (int)number;
        }
    }
}

/* Reports what ranks tell. */
static int take_texts(const gkv_dist *dist)
{
    char text[GKI_DIST_TEXT];
    for (;;) {
        int from = -1, length = 0;
        const int code = dist->table->receive(GKI_DIST_TELL, text, sizeof text, &from, &length);
        if (code || from < 0)
            return code;
        report(dist, from, text);
    }
}

/* Answers the ranks that ask for tickets. */
static int give_tickets(gkv_dist *dist)
{
    for (;;) {
        int from = -1, length = 0, done = 0;
        uint64_t asked = 0;
        int code = dist->table->receive(GKI_DIST_ASK, &asked, sizeof asked, &from, &length);
        if (code || from < 0)
            return code;
        outgoing *out = &dist->watch->peers[from].ticket;
        while (!done && !code) /* it has received its last one, so this ends */
            code = dist->table->test(&out->request, &done);
        if (!code)
            code = send_one(dist, from, GKI_DIST_TICKET, dist->tickets++, out);
        if (code)
            return code;
    }
}

static int send_beats(const gkv_dist *dist, double now)
{
    gki_dist_watch *watch = dist->watch;
    const int last = dist->rank == 0 ? dist->size - 1 : 0;
    int code = 0;
    if (now - watch->beat < beat_seconds)
        return code;
    watch->beat = now;
    for (int r = 0; r <= last && !code; r++)
        if (r != dist->rank)
            code = send_one(dist, r, GKI_DIST_BEAT, watch->count, &watch->peers[r].beat);
    return code;
}

/* What the thread does at each tick, under the lock. A failure of MPI shows as silence. Texts come
 * after ends: a rank sends no text after its end, so that none is left when all have ended. */
static void tick(gkv_dist *dist)
{
    const double now = gki_seconds();
    (void)(take(dist, GKI_DIST_BEAT, now) || send_beats(dist, now) ||
           (dist->rank == 0
                ? take(dist, GKI_DIST_ENDED, now) || take_texts(dist) || give_tickets(dist)
                : take(dist, GKI_DIST_OVER, now)));
    end_if_lost(dist, now);
}

static void *watch(void *context)
{
    gkv_dist *dist = context;
    while (!atomic_load(&dist->watch->stop)) {
        pthread_mutex_lock(&dist->lock);
        tick(dist);
        pthread_mutex_unlock(&dist->lock);
        nanosleep(&(struct timespec){.tv_nsec = TICK_NANOSECONDS}, NULL);
    }
    return NULL;
}

gkv_status gki_dist_watch_tell(gkv_dist *dist, const char *text)
{
    char copy[GKI_DIST_TEXT];
    void *request = NULL;
    const int length = snprintf(copy, sizeof copy, "%s", text),
              bytes = length < GKI_DIST_TEXT ? length + 1 : GKI_DIST_TEXT;
    pthread_mutex_lock(&dist->lock);
    return gki_dist_end_operation(dist, dist->table->send(0, GKI_DIST_TELL, copy, bytes, &request),
                                  &request, "a message");
}

gkv_status gki_dist_watch_ticket(gkv_dist *dist, uint64_t *ticket)
{
    outgoing ask = {.request = NULL};
    int from = -1, length = 0;
    unsigned calls = 0;
    pthread_mutex_lock(&dist->lock);
    gkv_status status = gki_dist_end_operation(dist, send_one(dist, 0, GKI_DIST_ASK, 0, &ask),
                                               &ask.request, "asking for work");
    while (status == GKV_OK && from < 0) {
        pthread_mutex_lock(&dist->lock);
        status = gki_dist_begun(
            dist, dist->table->receive(GKI_DIST_TICKET, ticket, sizeof *ticket, &from, &length),
            "asking for work");
        if (from < 0)
            gki_dist_pause(&calls);
    }
    return status;
}

/* --- Counts --------------------------------------------------------------- */

/* A count as a beat has it: the number of the count, and what is done, below 2⁴⁰. */
static uint64_t count_of(const gki_dist_watch *watch, uint64_t done)
{
    return (watch->counts << 40) | done;
}

void gki_dist_count_begin(gkv_dist *dist)
{
    if (gkv_dist_size(dist) == 1)
        return;
    pthread_mutex_lock(&dist->lock);
    dist->watch->counts++;
    dist->watch->count = count_of(dist->watch, 0);
    pthread_mutex_unlock(&dist->lock);
}

uint64_t gki_dist_count(gkv_dist *dist, uint64_t mine)
{
    uint64_t all = mine;
    if (gkv_dist_size(dist) == 1)
        return mine;
    pthread_mutex_lock(&dist->lock);
    gki_dist_watch *watch = dist->watch;
    watch->count = count_of(watch, mine);
    for (int r = 1; dist->rank == 0 && r < dist->size; r++) {
        const uint64_t begun = count_of(watch, 0), count = watch->peers[r].count;
        all += count >> 40 == begun >> 40 ? count - begun : 0;
    }
    pthread_mutex_unlock(&dist->lock);
    return all;
}

/* --- Start and end -------------------------------------------------------- */

gkv_status gki_dist_watch_start(gkv_dist *dist)
{
    gki_dist_watch *made = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(1, sizeof *made, &made));
    GKV_TRY_GOTO(gki_alloc((size_t)dist->size, sizeof *made->peers, &made->peers));
    made->ticked = made->beat = gki_seconds();
    for (int r = 0; r < dist->size; r++)
        made->peers[r].answered = made->ticked;
    atomic_init(&made->stop, false);
    dist->watch = made;
    const int error = pthread_create(&made->thread, NULL, watch, dist);
    if (error)
        status = gki_fail_errno(error, "the thread that watches other ranks cannot be started");
done:
    if (status != GKV_OK) {
        dist->watch = NULL;
        free(made->peers);
        free(made);
    }
    return status;
}

/* Waits until all ranks have ended. */
static void wait_for_all(gkv_dist *dist)
{
    const gki_dist_watch *watch = dist->watch;
    unsigned calls = 0;
    for (bool done = false; !done;) {
        gki_dist_pause(&calls);
        pthread_mutex_lock(&dist->lock);
        done = dist->rank == 0 ? watch->ended == dist->size : watch->is_over;
        pthread_mutex_unlock(&dist->lock);
    }
}

/* Tests until the operation is done. Ends the job if that takes too long: a rank died now. */
static void wait_or_abort(const gkv_dist *dist, int code, void **request)
{
    const double began = gki_seconds();
    unsigned calls = 0;
    for (int done = 0; !done;) {
        if (code == 0)
            code = dist->table->test(request, &done);
        if (code || gki_seconds() - began > leave_seconds)
            dist->table->abort(LOST_CODE);
        if (!done)
            gki_dist_pause(&calls);
    }
}

/* Sends or receives what is on its way still; the watching threads have stopped. */
static void complete_messages(const gkv_dist *dist)
{
    const gki_dist_table *table = dist->table;
    gki_dist_watch *watch = dist->watch;
    void *request = NULL;
    const int code = table->barrier(&request);
    wait_or_abort(dist, code, &request);
    (void)take(dist, GKI_DIST_BEAT, 0);
    for (int r = 0; r < dist->size; r++) {
        wait_or_abort(dist, 0, &watch->peers[r].beat.request);
        wait_or_abort(dist, 0, &watch->peers[r].ticket.request);
    }
}

int gki_dist_watch_end(gkv_dist *dist, int code, const char *message)
{
    gki_dist_watch *watch = dist->watch;
    ending mine = {.code = code};
    outgoing over = {.request = NULL};
    void *sent = NULL;
    int failed = 0;
    snprintf(mine.text, sizeof mine.text, "%s", message);
    pthread_mutex_lock(&dist->lock);
    if (dist->rank == 0)
        note_end(watch, 0, &mine);
    else
        failed = dist->table->send(0, GKI_DIST_ENDED, &mine, sizeof mine, &sent);
    if (failed)
        dist->table->abort(code ? code : LOST_CODE);
    pthread_mutex_unlock(&dist->lock);
    wait_for_all(dist);
    atomic_store(&watch->stop, true);
    pthread_join(watch->thread, NULL);
    wait_or_abort(dist, 0, &sent);
    if (dist->rank == 0) {
        report_failures(dist);
        watch->over_code = watch->code;
        for (int r = 1; r < dist->size; r++) {
            const int began = send_one(dist, r, GKI_DIST_OVER, (uint64_t)watch->code, &over);
            wait_or_abort(dist, began, &over.request);
        }
    }
    code = watch->over_code;
    complete_messages(dist);
    free(watch->peers);
    free(watch);
    dist->watch = NULL;
    return code;
}
