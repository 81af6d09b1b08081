/* Stands between a process and the system calls by which it changes files under one folder: counts them, lets the
 * n-th one fail, or writes them down in order. Loaded with LD_PRELOAD; everything else passes through untouched.
 *
 * watch(folder, number, code, forever, log): `number` is the 1-based call that fails with `code`; `forever` lets all
 * later ones fail too. With `log`, every call is appended to that file as
 *     "KIND INODE OFFSET LENGTH PATHLENGTH OTHERLENGTH\n" PATH OTHER DATA
 * KIND: C create, W write, T truncate, S sync, D sync of a folder, R rename, L link, U unlink, M mkdir, X rmdir.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char watched[PATH_MAX];
static size_t watched_length;
static long fail_at, calls;
static int fail_code, fail_forever, log_file = -1;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, ...)                                     \
    static type (*real)(__VA_ARGS__);                             \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t write_through(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(file, data, size);
}

void watch(const char *folder, long number, int code, int forever, const char *log) {
    calls = 0;
    fail_at = number;
    fail_code = code;
    fail_forever = forever;
    if (log_file >= 0) close(log_file);
    log_file = log && *log ? open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (!realpath(folder, watched)) watched[0] = 0;
    watched_length = strlen(watched);
}

long count_calls(void) { return calls; }

static int is_watched(const char *path) {
    size_t length = strlen(path);
    if (!watched_length || strncmp(path, watched, watched_length) || (path[watched_length] && path[watched_length] != '/'))
        return 0;
    /* Shared memory and locks are worthless after a crash, and nothing depends on them. */
    if (length > 4 && !strcmp(path + length - 4, "-shm")) return 0;
    if (length > 5 && (!strcmp(path + length - 5, ".lock") || !strcmp(path + length - 5, "/lock"))) return 0;
    return 1;
}

static int path_of(int file, char *path) {
    char link[64];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = watched_length ? readlink(link, path, PATH_MAX - 1) : -1;
    errno = saved;
    if (length < 0) return 0;
    path[length] = 0;
    char *deleted = strstr(path, " (deleted)");
    if (deleted) *deleted = 0;
    return is_watched(path);
}

static int absolute(int folder, const char *name, char *path) {
    char base[PATH_MAX];
    if (!watched_length) return 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
    }
    return is_watched(path);
}

static int fails(void) {
    long number = __sync_add_and_fetch(&calls, 1);
    if (fail_at && (number == fail_at || (fail_forever && number > fail_at))) {
        errno = fail_code;
        return 1;
    }
    return 0;
}

static void record(char kind, unsigned long inode, long offset, const char *path, const char *other, const void *data,
                   size_t size) {
    if (log_file < 0) return;
    int saved = errno;
    char head[160];
    int length = snprintf(head, sizeof head, "%c %lu %ld %zu %zu %zu\n", kind, inode, offset, size, strlen(path), strlen(other));
    pthread_mutex_lock(&guard);
    write_through(log_file, head, length);
    write_through(log_file, path, strlen(path));
    write_through(log_file, other, strlen(other));
    if (size) write_through(log_file, data, size);
    pthread_mutex_unlock(&guard);
    errno = saved;
}

static unsigned long inode_of(int file) {
    struct stat status;
    return fstat(file, &status) ? 0 : status.st_ino;
}

static int open_watched(int folder, const char *name, int flags, mode_t mode) {
    REAL(int, "openat", int, const char *, int, ...);
    char path[PATH_MAX];
    if (!(flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE || !absolute(folder, name, path)) return real(folder, name, flags, mode);
    int existed = !faccessat(folder, name, F_OK, 0);
    if (!existed && fails()) return -1;
    int file = real(folder, name, flags, mode);
    if (file >= 0 && !existed) record('C', inode_of(file), 0, path, "", NULL, 0);
    if (file >= 0 && existed && (flags & O_TRUNC)) record('T', inode_of(file), 0, path, "", NULL, 0);
    return file;
}

#define MODE_OF(flags)                              \
    mode_t mode = 0;                                \
    if ((flags) & (O_CREAT | O_TMPFILE)) {          \
        va_list rest;                               \
        va_start(rest, flags);                      \
        mode = va_arg(rest, mode_t);                \
        va_end(rest);                               \
    }

int open(const char *name, int flags, ...) { MODE_OF(flags) return open_watched(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE_OF(flags) return open_watched(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *name, int flags, ...) { MODE_OF(flags) return open_watched(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { MODE_OF(flags) return open_watched(folder, name, flags | O_LARGEFILE, mode); }

ssize_t write(int file, const void *data, size_t size) {
    char path[PATH_MAX];
    if (!path_of(file, path)) return write_through(file, data, size);
    if (fails()) return -1;
    off_t offset = (fcntl(file, F_GETFL) & O_APPEND) ? lseek(file, 0, SEEK_END) : lseek(file, 0, SEEK_CUR);
    ssize_t done = write_through(file, data, size);
    if (done > 0) record('W', inode_of(file), offset, path, "", data, done);
    return done;
}

static ssize_t pwrite_watched(int file, const void *data, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    char path[PATH_MAX];
    if (!path_of(file, path)) return real(file, data, size, offset);
    if (fails()) return -1;
    ssize_t done = real(file, data, size, offset);
    if (done > 0) record('W', inode_of(file), offset, path, "", data, done);
    return done;
}
ssize_t pwrite(int file, const void *data, size_t size, off_t offset) { return pwrite_watched(file, data, size, offset); }
ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) { return pwrite_watched(file, data, size, offset); }

static int truncate_watched(int file, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    char path[PATH_MAX];
    if (!path_of(file, path)) return real(file, size);
    if (fails()) return -1;
    int result = real(file, size);
    if (!result) record('T', inode_of(file), size, path, "", NULL, 0);
    return result;
}
int ftruncate(int file, off_t size) { return truncate_watched(file, size); }
int ftruncate64(int file, off64_t size) { return truncate_watched(file, size); }

static int sync_watched(int file, int (*real)(int)) {
    char path[PATH_MAX];
    struct stat status;
    if (!path_of(file, path)) return real(file);
    if (fails()) return -1;
    int result = real(file);
    if (!result && !fstat(file, &status)) record(S_ISDIR(status.st_mode) ? 'D' : 'S', status.st_ino, 0, path, "", NULL, 0);
    return result;
}
int fsync(int file) {
    REAL(int, "fsync", int);
    return sync_watched(file, real);
}
int fdatasync(int file) {
    REAL(int, "fdatasync", int);
    return sync_watched(file, real);
}

#define TWO_NAMES(kind, call)                                                  \
    char from[PATH_MAX], to[PATH_MAX];                                         \
    int inside = absolute(folder, name, from), target = absolute(other_folder, other, to); \
    if (!inside && !target) return call;                                       \
    if (fails()) return -1;                                                    \
    int result = call;                                                         \
    if (!result) record(kind, 0, 0, from, to, NULL, 0);                        \
    return result

static int rename_watched(int folder, const char *name, int other_folder, const char *other) {
    REAL(int, "renameat", int, const char *, int, const char *);
    TWO_NAMES('R', real(folder, name, other_folder, other));
}
int renameat(int folder, const char *name, int other_folder, const char *other) { return rename_watched(folder, name, other_folder, other); }
int rename(const char *name, const char *other) { return rename_watched(AT_FDCWD, name, AT_FDCWD, other); }

static int link_watched(int folder, const char *name, int other_folder, const char *other, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    TWO_NAMES('L', real(folder, name, other_folder, other, flags));
}
int linkat(int folder, const char *name, int other_folder, const char *other, int flags) { return link_watched(folder, name, other_folder, other, flags); }
int link(const char *name, const char *other) { return link_watched(AT_FDCWD, name, AT_FDCWD, other, 0); }

static int one_name(char kind, int folder, const char *name, int (*call)(int, const char *, int), int argument) {
    char path[PATH_MAX];
    if (!absolute(folder, name, path)) return call(folder, name, argument);
    if (fails()) return -1;
    int result = call(folder, name, argument);
    if (!result) record(kind, 0, 0, path, "", NULL, 0);
    return result;
}
static int real_unlinkat(int folder, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    return real(folder, name, flags);
}
static int real_mkdirat(int folder, const char *name, int mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    return real(folder, name, mode);
}
int unlinkat(int folder, const char *name, int flags) { return one_name(flags & AT_REMOVEDIR ? 'X' : 'U', folder, name, real_unlinkat, flags); }
int unlink(const char *name) { return one_name('U', AT_FDCWD, name, real_unlinkat, 0); }
int rmdir(const char *name) { return one_name('X', AT_FDCWD, name, real_unlinkat, AT_REMOVEDIR); }
int mkdirat(int folder, const char *name, mode_t mode) { return one_name('M', folder, name, real_mkdirat, mode); }
int mkdir(const char *name, mode_t mode) { return one_name('M', AT_FDCWD, name, real_mkdirat, mode); }
