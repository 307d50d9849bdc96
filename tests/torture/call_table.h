/* The calls of the file system that failing_calls counts, with the numbers of Linux on x86-64. */
#ifndef GKV_TORTURE_CALL_TABLE_H
#define GKV_TORTURE_CALL_TABLE_H

#include <sys/syscall.h>

/* The kinds of calls, as in --calls. */
typedef enum kind {
    KIND_OPEN, /* of what exists */
    KIND_CREATE,
    KIND_READ,
    KIND_LIST,
    KIND_WRITE,
    KIND_TRUNCATE,
    KIND_SYNC,
    KIND_RENAME,
    KIND_LINK,
    KIND_UNLINK,
    KIND_MKDIR,
    KIND_LOCK,
    KIND_CLOSE,
    KINDS
} kind;
static const char *const kind_names[KINDS] = {"open",     "create", "read",   "list", "write",
                                              "truncate", "sync",   "rename", "link", "unlink",
                                              "mkdir",    "lock",   "close"};

/* Which arguments of a call are what, from 0; −1 for none. A path without a folder is relative to
 * the working folder. */
typedef struct call {
    long number;
    const char *name;
    kind kind;
    int descriptor, folder, path, other_folder, other;
} call;

static const call calls[] = {
    {SYS_open, "open", KIND_OPEN, -1, -1, 0, -1, -1},
    {SYS_openat, "open", KIND_OPEN, -1, 0, 1, -1, -1},
    {SYS_creat, "open", KIND_CREATE, -1, -1, 0, -1, -1},
    {SYS_read, "read", KIND_READ, 0, -1, -1, -1, -1},
    {SYS_pread64, "read", KIND_READ, 0, -1, -1, -1, -1},
    {SYS_getdents64, "list", KIND_LIST, 0, -1, -1, -1, -1},
    {SYS_write, "write", KIND_WRITE, 0, -1, -1, -1, -1},
    {SYS_pwrite64, "write", KIND_WRITE, 0, -1, -1, -1, -1},
    {SYS_ftruncate, "truncate", KIND_TRUNCATE, 0, -1, -1, -1, -1},
    {SYS_fsync, "sync", KIND_SYNC, 0, -1, -1, -1, -1},
    {SYS_fdatasync, "sync", KIND_SYNC, 0, -1, -1, -1, -1},
    {SYS_rename, "rename", KIND_RENAME, -1, -1, 0, -1, 1},
    {SYS_renameat, "rename", KIND_RENAME, -1, 0, 1, 2, 3},
    {SYS_renameat2, "rename", KIND_RENAME, -1, 0, 1, 2, 3},
    {SYS_link, "link", KIND_LINK, -1, -1, 0, -1, 1},
    {SYS_linkat, "link", KIND_LINK, -1, 0, 1, 2, 3},
    {SYS_unlink, "unlink", KIND_UNLINK, -1, -1, 0, -1, -1},
    {SYS_unlinkat, "unlink", KIND_UNLINK, -1, 0, 1, -1, -1},
    {SYS_rmdir, "unlink", KIND_UNLINK, -1, -1, 0, -1, -1},
    {SYS_mkdir, "mkdir", KIND_MKDIR, -1, -1, 0, -1, -1},
    {SYS_mkdirat, "mkdir", KIND_MKDIR, -1, 0, 1, -1, -1},
    {SYS_flock, "lock", KIND_LOCK, 0, -1, -1, -1, -1},
    {SYS_close, "close", KIND_CLOSE, 0, -1, -1, -1, -1},
};
enum { CALLS = sizeof calls / sizeof *calls };

#endif
