/* Runs a program and makes one of its calls of the file system fail, or ends the program there.
 *
 *     failing_calls --folder=DIR [OPTION…] -- PROGRAM ARGUMENT…
 *
 *     --folder=DIR     counts the calls about DIR and everything below it; others pass
 *     --calls=LIST     counts these kinds of calls only, as in --calls=open,write (kinds are below)
 *     --at=N           does something at the N-th of them
 *     --on             and at all later ones
 *     --do=FAULT       EIO, ENOSPC, EINTR: the call does nothing and fails so (close does its work)
 *                      short: a read or a write of half the bytes kill-before, kill-within,
 *                      kill-after: SIGKILL; "within" is after half a write signal-N: the signal N,
 *                      before the call
 *     --log=FILE       a line for each call, and at the end "total N" and how the program ended
 *     --data=FILE      gets the bytes of all writes, in order
 *
 * A line of the log has fields with tabs between them: number, call, result (−errno if it failed),
 * path, other path or flags, offset of a write, fault. power_cut.py reads it.
 *
 * The exit code is that of the program, or 128 + N after the signal N. It is 77 if the system does
 * not permit tracing, and 78 for wrong usage.
 *
 * How it works: a seccomp filter stops the program at the calls of the table, and the parent looks
 * at the arguments by ptrace. All other calls run at full speed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_PERMITTED = 77, WRONG_USAGE = 78, PATH_SIZE = 4096 };

#ifndef __x86_64__

int main(void)
{
    fprintf(stderr, "failing_calls: only x86-64 is supported\n");
    return NOT_PERMITTED;
}

#else
#include <sys/user.h>

#include "call_table.h"

typedef struct user_regs_struct registers;

typedef enum fault {
    FAULT_NONE,
    FAULT_ERROR,
    FAULT_SHORT,
    FAULT_KILL_BEFORE,
    FAULT_KILL_WITHIN,
    FAULT_KILL_AFTER,
    FAULT_SIGNAL
} fault;

static struct {
    char folder[PATH_SIZE];
    bool counted[KINDS];
    long number;
    bool on;
    fault fault;
    int error, signal; /* of FAULT_ERROR and FAULT_SIGNAL */
    FILE *log, *data;
} options;

/* A thread of the program, and the call in which it is. */
typedef struct thread {
    pid_t id;
    const call *call; /* NULL outside calls that count */
    long number;
    fault fault;
    char path[PATH_SIZE], other[PATH_SIZE];
} thread;
enum { THREADS = 256 };
static thread threads[THREADS];
static long total;

/* --- Looking at the program ----------------------------------------------- */

static thread *find_thread(pid_t id)
{
    thread *unused = NULL;
    for (int i = 0; i < THREADS; i++) {
        if (threads[i].id == id)
            return &threads[i];
        if (threads[i].id == 0 && !unused)
            unused = &threads[i];
    }
    if (!unused) {
        fprintf(stderr, "failing_calls: more than %d threads\n", THREADS);
        exit(WRONG_USAGE);
    }
    *unused = (thread){.id = id};
    return unused;
}

static unsigned long long argument(const registers *r, int i)
{
    const unsigned long long all[] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
    return all[i];
}

/* Copies a text from the program, up to its NUL. */
static void read_text(pid_t id, unsigned long long address, char out[PATH_SIZE])
{
    size_t length = 0;
    while (length + sizeof(long) < PATH_SIZE) {
        errno = 0;
        const long word = ptrace(PTRACE_PEEKDATA, id, address + length, NULL);
        if (errno)
            break;
        memcpy(out + length, &word, sizeof word);
        if (memchr(out + length, '\0', sizeof word))
            return;
        length += sizeof word;
    }
    out[length] = '\0';
}

static void read_link(const char *link, char out[PATH_SIZE])
{
    const ssize_t length = readlink(link, out, PATH_SIZE - 1);
    out[length > 0 ? length : 0] = '\0';
}

static void path_of_descriptor(pid_t id, int descriptor, char out[PATH_SIZE])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)id, descriptor);
    read_link(link, out);
}

/* The absolute path of a path argument, without "./". */
static void path_of_argument(pid_t id, const registers *r, int folder, int path,
                             char out[PATH_SIZE])
{
    char text[PATH_SIZE], base[PATH_SIZE], whole[2 * PATH_SIZE];
    read_text(id, argument(r, path), text);
    const int descriptor = folder < 0 ? AT_FDCWD : (int)argument(r, folder);
    if (descriptor == AT_FDCWD) {
        char link[64];
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)id);
        read_link(link, base);
    } else {
        path_of_descriptor(id, descriptor, base);
    }
    snprintf(whole, sizeof whole, "%s/%s", *text == '/' ? "" : base, text);
    char *end = out;
    for (const char *c = whole; *c && end < out + PATH_SIZE - 1;) {
        if (c[0] == '/' && c[1] == '/')
            c++;
        else if (c[0] == '/' && c[1] == '.' && (c[2] == '/' || c[2] == '\0'))
            c += 2;
        else
            *end++ = *c++;
    }
    if (end > out + 1 && end[-1] == '/')
        end--;
    *end = '\0';
}

static bool is_inside(const char *path)
{
    const size_t length = strlen(options.folder);
    return strncmp(path, options.folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static unsigned long long open_flags(const call *entry, const registers *r)
{
    return entry->number == SYS_creat ? O_CREAT | O_TRUNC | O_WRONLY : argument(r, entry->path + 1);
}

/* Fills the paths of a call; true if it counts. */
static bool describe(thread *traced, const call *entry, const registers *r)
{
    kind found = entry->kind;
    traced->other[0] = '\0';
    if (entry->descriptor >= 0)
        path_of_descriptor(traced->id, (int)argument(r, entry->descriptor), traced->path);
    else
        path_of_argument(traced->id, r, entry->folder, entry->path, traced->path);
    if (entry->other >= 0)
        path_of_argument(traced->id, r, entry->other_folder, entry->other, traced->other);
    if (found == KIND_OPEN || found == KIND_CREATE) {
        const unsigned long long flags = open_flags(entry, r);
        if (flags & O_CREAT)
            found = KIND_CREATE;
        snprintf(traced->other, sizeof traced->other, "%s%s", flags & O_CREAT ? "create " : "",
                 flags & O_TRUNC ? "truncate" : "");
    }
    const bool halved = options.fault == FAULT_SHORT;
    if (halved && ((found != KIND_READ && found != KIND_WRITE) || argument(r, 2) < 2))
        return false;
    return options.counted[found] && (is_inside(traced->path) || is_inside(traced->other));
}

/* --- Acting on it --------------------------------------------------------- */

static void kill_all(int signal_number)
{
    for (int i = 0; i < THREADS; i++)
        if (threads[i].id != 0)
            kill(threads[i].id, signal_number);
}

static void halve(pid_t id, registers *r)
{
    r->rdx /= 2;
    ptrace(PTRACE_SETREGS, id, NULL, r);
}

/* At the entry of a call that counts. Returns false if the program has been killed. */
static bool enter(thread *traced, registers *r)
{
    traced->number = ++total;
    const bool now = options.number > 0 && (traced->number == options.number ||
                                            (options.on && traced->number > options.number));
    traced->fault = now ? options.fault : FAULT_NONE;
    switch (traced->fault) {
    case FAULT_NONE:
    case FAULT_KILL_AFTER: break;
    case FAULT_ERROR:
        if (traced->call->kind != KIND_CLOSE) { /* the kernel closes even if it reports a failure */
            r->orig_rax = (unsigned long long)-1;
            ptrace(PTRACE_SETREGS, traced->id, NULL, r);
        }
        break;
    case FAULT_SHORT: halve(traced->id, r); break;
    case FAULT_KILL_WITHIN:
        if (traced->call->kind == KIND_WRITE && argument(r, 2) > 1)
            halve(traced->id, r);
        break;
    case FAULT_KILL_BEFORE: kill_all(SIGKILL); return false;
    case FAULT_SIGNAL: kill(threads[0].id, options.signal); break;
    }
    return true;
}

/* The offset of a write that has been done. */
static long long offset_of_write(const thread *traced, const registers *r)
{
    if (traced->call->number == SYS_pwrite64)
        return (long long)argument(r, 3);
    char name[64];
    long long position = 0;
    snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", (int)traced->id, (int)argument(r, 0));
    FILE *info = fopen(name, "re");
    if (info) {
        if (fscanf(info, "pos: %lld", &position) != 1)
            position = 0;
        fclose(info);
    }
    return position - (long long)r->rax;
}

static void copy_data(const thread *traced, const registers *r)
{
    const size_t count = (size_t)r->rax;
    char *bytes = malloc(count ? count : 1);
    const struct iovec here = {bytes, count}, there = {(void *)(uintptr_t)argument(r, 1), count};
    if (!bytes || process_vm_readv(traced->id, &here, 1, &there, 1, 0) != (ssize_t)count ||
        fwrite(bytes, 1, count, options.data) != count) {
        fprintf(stderr, "failing_calls: cannot copy the bytes of a write\n");
        exit(WRONG_USAGE);
    }
    free(bytes);
}

/* At the end of the call. */
static void leave(thread *traced)
{
    registers r;
    ptrace(PTRACE_GETREGS, traced->id, NULL, &r);
    if (traced->fault == FAULT_ERROR) {
        r.rax = (unsigned long long)-(long long)options.error;
        ptrace(PTRACE_SETREGS, traced->id, NULL, &r);
    }
    const long long result = (long long)r.rax;
    const bool written = traced->call->kind == KIND_WRITE && result > 0;
    long long offset = written ? offset_of_write(traced, &r) : 0;
    if (traced->call->kind == KIND_TRUNCATE)
        offset = (long long)argument(&r, 1);
    if (written && options.data)
        copy_data(traced, &r);
    if (options.log)
        fprintf(options.log, "%ld\t%s\t%lld\t%s\t%s\t%lld\t%s\n", traced->number,
                traced->call->name, result, traced->path, traced->other, offset,
                traced->fault != FAULT_NONE ? "fault" : "");
    if (traced->fault == FAULT_KILL_AFTER || traced->fault == FAULT_KILL_WITHIN)
        kill_all(SIGKILL);
    traced->call = NULL;
}

/* At a call of the table: true if the end of the call is of interest too. */
static bool stop_at_call(thread *traced)
{
    registers r;
    ptrace(PTRACE_GETREGS, traced->id, NULL, &r);
    for (int i = 0; i < CALLS; i++)
        if (calls[i].number == (long)r.orig_rax) {
            if (!describe(traced, &calls[i], &r))
                return false;
            traced->call = &calls[i];
            return enter(traced, &r);
        }
    return false;
}

/* Follows the program to its end; returns its exit code. */
static int follow(pid_t program)
{
    int state = 0, code = WRONG_USAGE;
    for (pid_t id = waitpid(-1, &state, __WALL); id > 0; id = waitpid(-1, &state, __WALL)) {
        thread *traced = find_thread(id);
        if (WIFEXITED(state) || WIFSIGNALED(state)) {
            traced->id = 0;
            if (id == program) {
                code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
                if (options.log)
                    fprintf(options.log, "end\t%s\t%d\n", WIFEXITED(state) ? "exit" : "signal",
                            WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state));
            }
            continue;
        }
        const int signal_number = WSTOPSIG(state);
        enum __ptrace_request go = PTRACE_CONT;
        int passed = 0;
        if (state >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
            go = stop_at_call(traced) ? PTRACE_SYSCALL : PTRACE_CONT;
        else if (signal_number == (SIGTRAP | 0x80) && traced->call)
            leave(traced);
        else if (state >> 16 == 0 && signal_number != SIGSTOP && !(signal_number & 0x80))
            passed = signal_number;
        /* A signal between the two ends of a call must not lose the second. */
        if (traced->call)
            go = PTRACE_SYSCALL;
        ptrace(go, id, NULL, passed);
    }
    return code;
}

/* --- Starting it ---------------------------------------------------------- */

static void install_filter(void)
{
    struct sock_filter filter[CALLS + 3];
    const unsigned where = offsetof(struct seccomp_data, nr);
    unsigned short n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, where);
    for (int i = 0; i < CALLS; i++, n++)
        filter[n] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, (unsigned char)(CALLS - i), 0);
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    const struct sock_fprog program = {n, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(NOT_PERMITTED);
}

static pid_t start(char **argv)
{
    const pid_t program = fork();
    if (program == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(NOT_PERMITTED);
        raise(SIGSTOP); /* until the parent has set its options */
        install_filter();
        execvp(argv[0], argv);
        _exit(127);
    }
    int state = 0;
    if (program < 0 || waitpid(program, &state, 0) != program || !WIFSTOPPED(state) ||
        ptrace(PTRACE_SETOPTIONS, program, NULL,
               PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD |
                   PTRACE_O_EXITKILL) != 0) {
        fprintf(stderr, "failing_calls: the system does not permit ptrace\n");
        exit(NOT_PERMITTED);
    }
    find_thread(program); /* the first of the table */
    ptrace(PTRACE_CONT, program, NULL, NULL);
    return program;
}

static void wrong(const char *text)
{
    fprintf(stderr, "failing_calls: what is \"%s\"?\n", text);
    exit(WRONG_USAGE);
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file)
        wrong(path);
    return file;
}

static void choose_kinds(char *list)
{
    memset(options.counted, 0, sizeof options.counted);
    for (char *rest = NULL, *name = strtok_r(list, ",", &rest); name;
         name = strtok_r(NULL, ",", &rest)) {
        int i = 0;
        while (i < KINDS && strcmp(name, kind_names[i]) != 0)
            i++;
        if (i == KINDS)
            wrong(name);
        options.counted[i] = true;
    }
}

static void choose_fault(const char *name)
{
    static const struct {
        const char *name;
        fault fault;
        int error;
    } faults[] = {{"EIO", FAULT_ERROR, EIO},
                  {"ENOSPC", FAULT_ERROR, ENOSPC},
                  {"EINTR", FAULT_ERROR, EINTR},
                  {"short", FAULT_SHORT, 0},
                  {"kill-before", FAULT_KILL_BEFORE, 0},
                  {"kill-within", FAULT_KILL_WITHIN, 0},
                  {"kill-after", FAULT_KILL_AFTER, 0}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strcmp(name, faults[i].name) == 0) {
            options.fault = faults[i].fault;
            options.error = faults[i].error;
            return;
        }
    if (sscanf(name, "signal-%d", &options.signal) != 1)
        wrong(name);
    options.fault = FAULT_SIGNAL;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"folder", required_argument, NULL, 'f'}, {"calls", required_argument, NULL, 'c'},
        {"at", required_argument, NULL, 'a'},     {"on", no_argument, NULL, 'o'},
        {"do", required_argument, NULL, 'd'},     {"log", required_argument, NULL, 'l'},
        {"data", required_argument, NULL, 'w'},   {NULL, 0, NULL, 0}};
    for (int i = 0; i < KINDS; i++)
        options.counted[i] = true;
    for (int o = getopt_long(argc, argv, "+", known, NULL); o != -1;
         o = getopt_long(argc, argv, "+", known, NULL))
        switch (o) {
        case 'f':
            if (!realpath(optarg, options.folder))
                wrong(optarg);
            break;
        case 'c': choose_kinds(optarg); break;
        case 'a': options.number = strtol(optarg, NULL, 10); break;
        case 'o': options.on = true; break;
        case 'd': choose_fault(optarg); break;
        case 'l': options.log = create(optarg); break;
        case 'w': options.data = create(optarg); break;
        default: return WRONG_USAGE;
        }
    if (!*options.folder || optind >= argc)
        wrong(optind >= argc ? "no program" : "no --folder");
    const int code = follow(start(argv + optind));
    bool written = true;
    if (options.log) {
        fprintf(options.log, "total\t%ld\n", total);
        written = fclose(options.log) == 0;
    }
    if (options.data)
        written = fclose(options.data) == 0 && written;
    return written ? code : WRONG_USAGE;
}
#endif
