/* The program on several processes: its start and its end; declared in ranks.h.
 *
 * Rank 0 alone prints. The streams of the other ranks lead nowhere, and what they report travels to
 * rank 0. A process ends through gkv_dist_close() however it ends, so that a rank that fails is
 * reported and the others do not wait for it. */
#define _GNU_SOURCE /* on_exit() */
#include "ranks.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data/checksum.h"
#include "cli.h"

static gkv_dist *ranks;
static pid_t owner;        /* the process that has joined them, and not a child of it */
static char failure[2048]; /* the last message of cli_error() */
/* standard error and standard output as they were at the start */
static int own_errors = STDERR_FILENO, own_output = STDOUT_FILENO;

gkv_dist *cli_ranks(void)
{
    return ranks;
}

bool cli_ranks_first(void)
{
    return gkv_dist_rank(ranks) == 0;
}

/* --- Messages ------------------------------------------------------------- */

static void on_report(void *context, const char *text)
{
    (void)context;
    if (own_errors == STDERR_FILENO)
        fprintf(stderr, "gkvae: %s\n", text);
    else
        dprintf(own_errors, "gkvae: %s\n", text);
}

bool cli_ranks_keep(const char *message)
{
    if (ranks)
        snprintf(failure, sizeof failure, "%s", message);
    return !cli_ranks_first();
}

void cli_ranks_note(bool error, const char *format, ...)
{
    va_list args;
    char text[GKV_PATH_SIZE + 2048];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (cli_ranks_first())
        fprintf(stderr, "%s%s\n", error ? "gkvae: " : "", text);
    else if (gkv_dist_tell(ranks, text) != GKV_OK)
        return; /* a lost note is no failure */
}

/* Leads standard output and standard error nowhere. */
static void be_silent(void)
{
    if (own_errors != STDERR_FILENO)
        return;
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC),
              errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3),
              output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (nowhere < 0 || errors < 0 || output < 0)
        return;
    own_errors = errors;
    own_output = output;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
}

/* Leads them to where they were. */
static void speak_again(void)
{
    if (own_errors == STDERR_FILENO)
        return;
    fflush(NULL); /* what was written in silence is lost */
    dup2(own_output, STDOUT_FILENO);
    dup2(own_errors, STDERR_FILENO);
    close(own_output);
    close(own_errors);
    own_output = STDOUT_FILENO;
    own_errors = STDERR_FILENO;
}

/* --- Equal inputs --------------------------------------------------------- */

int cli_ranks_same_sum(const char *what, const char *sum)
{
    char *name = cli_text("the SHA-256 of %s", what);
    const int code = cli_check(
        gkv_dist_same(ranks, name, sum, "copy one file to all machines, or use a shared folder"));
    free(name);
    return code;
}

int cli_ranks_same_input(const char *path)
{
    if (ranks && strcmp(path, "-") == 0)
        return cli_error(
            CLI_USAGE,
            "-: the ranks of an MPI job cannot share standard input: write it to a file");
    return cli_ranks_same_file(path);
}

int cli_ranks_same_file(const char *path)
{
    char sum[GKV_DIGEST_SIZE];
    if (!ranks)
        return CLI_OK;
    const int code = cli_check(gki_file_digest(path, sum));
    return code == CLI_OK ? cli_ranks_same_sum(path, sum) : code;
}

/* --- Start and end -------------------------------------------------------- */

/* Refuses a command that would be done by each process for itself. */
static int refuse(const char *command, const gkv_dist_launch *launch)
{
    return cli_error(CLI_USAGE,
                     "%s started several processes (%s), and each would run gkvae %s as if it were "
                     "alone: this command is for one process. Start it once, or set GKVAE_MPI=off "
                     "if each is to work alone (docs/cluster.md)",
                     launch->launcher, launch->variable, command);
}

/* Compares what must be equal on all ranks before the work begins. */
static int compare_ranks(int argc, char **argv)
{
    char sum[GKV_DIGEST_SIZE] = "";
    char *command = cli_command(argc, argv);
    /* "kernels: avx2 (best here: avx512)" */
    const char *kernels = strstr(gkv_build_description(), "kernels: ");
    kernels = kernels ? kernels + strlen("kernels: ") : "";
    char *set = cli_text("%.*s", (int)strcspn(kernels, " "), kernels);
    uint64_t size = 0;
    int code = CLI_OK;
    CLI_CHECK(gkv_dist_same(ranks, "the version of gkvae", gkv_version(), "install one version"));
    if (gki_sha256_file("/proc/self/exe", UINT64_MAX, sum, &size) != GKV_OK)
        sum[0] = '\0'; /* it has no such name here: the version must do */
    CLI_CHECK(gkv_dist_same(ranks, "the program file (SHA-256)", sum, "copy one build to all"));
    CLI_CHECK(gkv_dist_same(ranks, "the instruction set", set,
                            "last bits would depend on the ranks: set GKVAE_SIMD=avx2 for all"));
    CLI_CHECK(gkv_dist_same(ranks, "the command line", command, "start all ranks alike"));
done:
    free(command);
    free(set);
    return code;
}

/* Ends the ranks of a process that calls exit(), as argp does. */
static void on_end(int code, void *context)
{
    (void)context;
    if (getpid() == owner)
        (void)cli_ranks_end(code);
}

/* Gives rank 0 the time to say why it fails too. The launcher ends all when one has failed. */
static void wait_for_first(void)
{
    static bool has_waited;
    if (!has_waited)
        nanosleep(&(struct timespec){.tv_sec = 5}, NULL);
    has_waited = true;
}

/* A process that ends in silence before it has joined the ranks: its options are wrong. */
static void on_early_end(int code, void *context)
{
    (void)context;
    if (code != 0 && owner == 0 && own_errors != STDERR_FILENO)
        wait_for_first();
}

int cli_ranks_begin(const char *command, cli_ranks_use use, int argc, char **argv)
{
    const gkv_dist_launch launch = gkv_dist_launched();
    if (launch.size != 1 && launch.rank > 0 && use == CLI_RANKS_LATER) {
        be_silent(); /* rank 0 says what is wrong with the options */
        on_exit(on_early_end, NULL);
    }
    if (use == CLI_RANKS_EACH)
        speak_again();
    if (launch.size == 1 || use == CLI_RANKS_EACH || use == CLI_RANKS_LATER)
        return CLI_OK;
    if (use == CLI_RANKS_REFUSED) {
        if (launch.rank > 0) {
            be_silent();
            wait_for_first();
        }
        return refuse(command, &launch);
    }
    const gkv_status status = gkv_dist_open(on_report, NULL, &ranks);
    if (status != GKV_OK) {
        const bool by_all = strncmp(gkv_error_message(), "rank ", 5) == 0; /* gkv_dist_agree() */
        if (!by_all)
            speak_again(); /* it may have failed alone */
        if (launch.rank > 0)
            wait_for_first();
        return cli_check(status);
    }
    owner = getpid();
    on_exit(on_end, NULL);
    if (!cli_ranks_first())
        be_silent();
    return compare_ranks(argc, argv);
}

int cli_ranks_end(int code)
{
    gkv_dist *leaving = ranks;
    if (!leaving)
        return code;
    fflush(NULL);
    ranks = NULL;
    return gkv_dist_close(leaving, code, failure);
}
