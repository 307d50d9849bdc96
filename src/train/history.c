/* The histories and times of a run folder. */
#include "train/history.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/plain_locale.h"

enum { LINE_SIZE = 1024, NUMBER_SIZE = 32, TIMES_SIZE = 4096 };

static const char csv_header[] =
    "epoch,step,neg_elbo,reconstruction,kl,kl_weight,learning_rate,gradient_norm,validation_neg_"
    "elbo,validation_reconstruction,validation_kl,images_per_second,seconds,refit_seconds,skipped,"
    "rollbacks\n";

/* Copies the first `lines` lines after the header of the file, if it has one, line by line, because
 * the history of a long run may be larger than memory. A line that a power cut damaged has no end,
 * or zeros in it. It and all lines after it are left out. */
static gkv_status copy_lines(const char *path, const char *header, uint64_t lines,
                             gki_file_writer *writer)
{
    char line[4 * LINE_SIZE];
    FILE *file = gki_file_open(path);
    if (!file)
        return gki_fail_errno(errno, "%s: cannot read", path);
    bool whole = fgets(line, sizeof line, file) != NULL;
    if (whole && *header && strcmp(line, header) == 0)
        whole = fgets(line, sizeof line, file) != NULL;
    for (; whole && lines > 0; lines--) {
        const size_t length = strlen(line);
        if (length == 0 || line[length - 1] != '\n')
            break;
        gki_file_write(writer, line, length); /* the commit reports its failure */
        whole = fgets(line, sizeof line, file) != NULL;
    }
    const bool failed = ferror(file) != 0;
    const int error = errno;
    fclose(file);
    return failed ? gki_fail_errno(error, "%s: cannot read", path) : GKV_OK;
}

/* Truncates the file to its first `lines` lines after `header`. */
static gkv_status keep_lines(const char *folder, const char *name, const char *header,
                             uint64_t lines)
{
    char *path = NULL;
    gkv_status status = GKV_OK;
    gki_file_writer *writer = NULL;
    GKV_TRY_GOTO(gki_strf(&path, "%s/%s", folder, name));
    GKV_TRY_GOTO(gki_file_begin(path, &writer));
    gki_file_printf(writer, "%s", header);
    if (lines > 0 && gki_file_exists(path))
        GKV_TRY_GOTO(copy_lines(path, header, lines, writer));
    status = gki_file_commit(writer);
    writer = NULL;
done:
    gki_file_abandon(writer);
    free(path);
    return status;
}

static gkv_status append_line(const char *folder, const char *name, const char *line)
{
    char *path = NULL;
    GKV_TRY(gki_strf(&path, "%s/%s", folder, name));
    gkv_status status = GKV_OK;
    FILE *file = fopen(path, "a");
    if (!file || fputs(line, file) < 0 || fflush(file) != 0)
        status = gki_fail_errno(errno, "%s: cannot append a line", path);
    if (file)
        fclose(file);
    free(path);
    return status;
}

gkv_status gki_history_sync(const char *folder)
{
    static const char *const names[] = {"history.csv", "history.jsonl", "refits.jsonl"};
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == GKV_OK; i++) {
        char *path = NULL;
        GKV_TRY(gki_strf(&path, "%s/%s", folder, names[i]));
        status = gki_file_sync(path);
        free(path);
    }
    return status;
}

gkv_status gki_history_start(const char *folder, uint64_t epochs, uint64_t refits)
{
    GKV_TRY(keep_lines(folder, "history.csv", csv_header, epochs));
    GKV_TRY(keep_lines(folder, "history.jsonl", "", epochs));
    return keep_lines(folder, "refits.jsonl", "", refits);
}

/* Formats a number; `missing` stands for one that is not finite. */
static const char *number(double value, const char *missing, char buffer[NUMBER_SIZE])
{
    if (!isfinite(value))
        return missing;
    const locale_t before = gki_plain_locale_enter();
    snprintf(buffer, NUMBER_SIZE, "%.9g", value);
    uselocale(before);
    return buffer;
}

gkv_status gki_history_append_epoch(const char *folder, const gki_history_epoch *epoch)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {
        {"neg_elbo", epoch->neg_elbo},
        {"reconstruction", epoch->reconstruction},
        {"kl", epoch->kl},
        {"kl_weight", epoch->kl_weight},
        {"learning_rate", epoch->learning_rate},
        {"gradient_norm", epoch->gradient_norm},
        {"validation_neg_elbo", epoch->validation_neg_elbo},
        {"validation_reconstruction", epoch->validation_reconstruction},
        {"validation_kl", epoch->validation_kl},
        {"images_per_second", epoch->images_per_second},
        {"seconds", epoch->seconds},
        {"refit_seconds", epoch->refit_seconds},
    };
    char csv[LINE_SIZE], json[LINE_SIZE], buffer[NUMBER_SIZE];
    size_t c = (size_t)snprintf(csv, LINE_SIZE, "%" PRIu64 ",%" PRIu64, epoch->epoch, epoch->step);
    size_t j = (size_t)snprintf(json, LINE_SIZE, "{\"epoch\": %" PRIu64 ", \"step\": %" PRIu64,
                                epoch->epoch, epoch->step);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        c += (size_t)snprintf(csv + c, LINE_SIZE - c, ",%s", number(fields[i].value, "", buffer));
        j += (size_t)snprintf(json + j, LINE_SIZE - j, ", \"%s\": %s", fields[i].name,
                              number(fields[i].value, "null", buffer));
    }
    snprintf(csv + c, LINE_SIZE - c, ",%" PRIu64 ",%" PRIu64 "\n", epoch->skipped,
             epoch->rollbacks);
    snprintf(json + j, LINE_SIZE - j, ", \"skipped\": %" PRIu64 ", \"rollbacks\": %" PRIu64 "}\n",
             epoch->skipped, epoch->rollbacks);
    GKV_TRY(append_line(folder, "history.csv", csv));
    return append_line(folder, "history.jsonl", json);
}

gkv_status gki_history_append_refit(const char *folder, uint64_t epoch, uint64_t step,
                                    const gki_base_refit_report *report)
{
    const struct {
        const char *name;
        double value;
    } fields[] = {
        {"cost_before", report->cost_before},
        {"cost_after", report->cost_after},
        {"goodness_of_fit", report->goodness},
        {"step_length", report->step},
        {"held_out_before", report->held_out_before},
        {"held_out_after", report->held_out_after},
        {"g_min", report->g_min},
        {"g_max", report->g_max},
        {"k_min", report->k_min},
        {"k_max", report->k_max},
        {"em_iterations", (double)report->em_iterations},
        {"forgetting", report->forgetting},
        {"reinitialised", (double)report->reinitialised},
        {"seconds", report->seconds},
    };
    char json[LINE_SIZE], buffer[NUMBER_SIZE];
    size_t j = (size_t)snprintf(
        json, LINE_SIZE, "{\"epoch\": %" PRIu64 ", \"step\": %" PRIu64 ", \"lm_iterations\": %ld",
        epoch, step, report->iterations);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        j += (size_t)snprintf(json + j, LINE_SIZE - j, ", \"%s\": %s", fields[i].name,
                              number(fields[i].value, "null", buffer));
    snprintf(json + j, LINE_SIZE - j, "}\n");
    return append_line(folder, "refits.jsonl", json);
}

/* Reads the end of a file into a buffer, with a NUL behind it. */
static gkv_status read_end(const char *path, size_t size, char end[])
{
    FILE *file = gki_file_open(path);
    end[0] = '\0';
    if (!file) /* what is not a regular file has no lines */
        return errno == ENOENT || errno == EINVAL ? GKV_OK
                                                  : gki_fail_errno(errno, "%s: cannot read", path);
    if (fseek(file, -(long)(size - 1), SEEK_END) != 0)
        rewind(file); /* the file is shorter than the buffer */
    errno = 0;
    end[fread(end, 1, size - 1, file)] = '\0';
    const gkv_status status =
        ferror(file) ? gki_fail_errno(errno, "%s: cannot read", path) : GKV_OK;
    fclose(file);
    return status;
}

gkv_status gki_history_last(const char *folder, uint64_t *epoch, uint64_t *step)
{
    char *path = NULL, end[4 * LINE_SIZE];
    *epoch = *step = 0;
    GKV_TRY(gki_strf(&path, "%s/history.jsonl", folder));
    const gkv_status status = read_end(path, sizeof end, end);
    free(path);
    GKV_TRY(status);
    char *newline = strrchr(end, '\n');
    if (!newline)
        return GKV_OK;
    *newline = '\0';
    const char *before = strrchr(end, '\n'), *line = before ? before + 1 : end;
    if (sscanf(line, "{\"epoch\": %" SCNu64 ", \"step\": %" SCNu64, epoch, step) != 2)
        *epoch = *step = 0;
    return GKV_OK;
}

static gki_history_times parse_times(const char *text)
{
    const locale_t before = gki_plain_locale_enter();
    double train = NAN, refits = NAN;
    sscanf(text, "{\"train_seconds\": %lf, \"refit_seconds\": %lf", &train, &refits);
    uselocale(before);
    return (gki_history_times){train >= 0 ? train : NAN, train >= 0 && refits >= 0 ? refits : NAN};
}

gkv_status gki_history_read_times(const char *folder, gki_history_times *times)
{
    char *path = NULL, *text = NULL;
    size_t size = 0;
    *times = (gki_history_times){NAN, NAN};
    GKV_TRY(gki_strf(&path, "%s/times.json", folder));
    gkv_status status = GKV_OK;
    if (gki_file_exists(path)) {
        status = gki_file_read(path, TIMES_SIZE, &text, &size);
        if (status == GKV_OK)
            *times = parse_times(text);
        else if (status == GKV_ERR_DATA) /* another program's file has no such numbers */
            status = GKV_OK;
    }
    free(path);
    free(text);
    return status;
}

gkv_status gki_history_save_times(const char *folder, gki_history_times times)
{
    char *path = NULL, *text = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strf(&path, "%s/times.json", folder));
    char buffer[2][NUMBER_SIZE];
    GKV_TRY_GOTO(gki_strf(&text, "{\"train_seconds\": %s, \"refit_seconds\": %s}\n",
                          number(times.train, "0", buffer[0]),
                          number(times.refits, "0", buffer[1])));
    status = gki_file_write_atomic(path, text, strlen(text));
done:
    free(path);
    free(text);
    return status;
}

gkv_status gkv_train_times(const char *folder, double *train, double *refits)
{
    gki_history_times times;
    GKV_NEED(folder);
    GKV_NEED(train);
    GKV_NEED(refits);
    *train = *refits = NAN;
    GKV_TRY(gki_history_read_times(folder, &times));
    *train = times.train;
    *refits = times.refits;
    return GKV_OK;
}
